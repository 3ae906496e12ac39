import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Db, openDatabase } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import { exportedVersion } from '../support/exported.ts';
import { makeHarbour } from '../support/harbour.ts';
import { ask } from '../support/http.ts';
import { NGINX, startNginx } from '../support/nginx.ts';
import { startServer, type TestServer } from '../support/server.ts';
import {
  type Contender,
  endBare,
  fetchAs,
  generatorName,
  type Measured,
  measure,
  median,
  pin,
  startBare,
} from './beside.ts';
import { flood, stampede } from './stampede.ts';

/**
 * Requests a second from the real built server (40 components, 90 days, 3 open incidents), beside a bare node:http server in its own process that
 * sends the same bytes, and beside nginx with the export (gzip_static). They take short turns on one core, so that what else the machine does
 * falls on all, and the middle round counts. Then a crowd at the moment of a change, and a flood of made-up addresses.
 */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 11);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 1);
const CONNECTIONS = 50;
const ENCODING = 'gzip';
const PATHS = ['/', '/api/v2/summary.json', '/history'];
/** Of a bare server's rate: below it the run fails. */
const WANTED = 0.9;
const CROWD = Number(process.env.BENCH_CROWD ?? 2_000);
const FLOOD = Number(process.env.BENCH_FLOOD ?? 100_000);
/** What the second half of a flood may add to the server's memory: what the collector has not come to yet. */
const FLAT_MB = 16;

const folder = mkdtempSync(join(tmpdir(), 'foghorn-bench-'));
const exportDir = join(folder, 'export');
const failures: string[] = [];
const server = await startServer({ env: { LOG_LEVEL: 'info', FOGHORN_ROLE: 'web', EXPORT_DIR: exportDir } });
let db: Db | null = null;
const stops: (() => Promise<void>)[] = [];
try {
  db = await openDatabase(`sqlite:${join(server.dataDir, 'foghorn.db')}`);
  const version = await fill(db, server);
  await exportedVersion(exportDir, version);
  const contenders = await startAll(server);
  for (const { pids } of contenders) pin(pids, 0);
  console.log(
    `${ROUNDS} rounds of ${SECONDS} s each, ${CONNECTIONS} connections, ${ENCODING}, ${generatorName()}`,
  );
  console.log(`load average of the machine at the start: ${loadavg()[0]?.toFixed(2)}`);
  for (const path of PATHS) await race(path, contenders);
  await crowd(db);
  await madeUp();
} finally {
  endBare();
  for (const stop of stops) await stop();
  await db?.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
console.log(failures.length ? `\nFAILED: ${failures.join('; ')}` : '\nPASSED');
if (failures.length) process.exitCode = 1;

/** A believable shop, and a page that shows it. @returns the page version */
async function fill(open: Db, { url }: TestServer): Promise<number> {
  const now = new Date().toISOString();
  await makeHarbour(open, { now, open: 3 });
  await open.write((tx) => bumpPageVersion(tx, now));
  while (!(await ask(url)).body.includes('Checkout'));
  for (const path of PATHS) await ask(url, path);
  return open.read(
    async (tx) => (await tx.selectFrom('page').select('version').executeTakeFirstOrThrow()).version,
  );
}

async function startAll({ url, pid, port }: TestServer): Promise<Contender[]> {
  const ours = { name: 'foghorn', url, pids: [pid] };
  const bare = await startBare(folder, url, PATHS, ENCODING);
  if (!NGINX) return [ours, bare];
  const nginx = await startNginx(join(folder, 'nginx'), { exportDir, foghornPort: port });
  stops.push(nginx.stop);
  return [ours, bare, { name: 'nginx', url: nginx.copy, pids: [nginx.pid, ...childrenOf(nginx.pid)] }];
}

async function race(path: string, contenders: readonly Contender[]): Promise<void> {
  const answers = await Promise.all(contenders.map(({ url }) => fetchAs(url, path, ENCODING)));
  const [first] = answers;
  if (!first || answers.some(({ bytes }) => !bytes.equals(first.bytes)))
    throw new Error(`The servers do not send the same bytes at ${path}.`);
  const load = { seconds: SECONDS, connections: CONNECTIONS, encoding: ENCODING };
  for (const contender of contenders) await measure(contender, path, { ...load, seconds: 1 });
  const results: Map<string, Measured>[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const result = new Map<string, Measured>();
    // Who goes first changes, so that none always has the warmer or the cooler machine.
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(round + turn) % contenders.length] as Contender;
      result.set(contender.name, await measure(contender, path, load));
    }
    results.push(result);
  }
  console.log(`\n${path}: ${first.bytes.length.toLocaleString('en')} bytes`);
  for (const { name } of contenders) {
    const middle = (pick: (of: Measured) => number) =>
      median(results.map((each) => pick(each.get(name) as Measured)));
    const ratio = median(
      results.map((each) => (each.get('foghorn') as Measured).rate / (each.get(name) as Measured).rate),
    );
    const beside = name === 'foghorn' ? '' : `  foghorn / ${name} = ${ratio.toFixed(3)}`;
    console.log(
      `  ${name.padEnd(10)}${Math.round(middle(({ rate }) => rate))
        .toLocaleString('en')
        .padStart(8)}/s  ${middle(({ cpu }) => cpu)
        .toFixed(1)
        .padStart(6)} us of processor each${beside}`,
    );
    if (name === 'node:http' && ratio < WANTED)
      failures.push(`${path} at ${ratio.toFixed(3)} of node:http, wanted ${WANTED}`);
  }
}

async function crowd(open: Db): Promise<void> {
  const { requests, errors, renders, slowestMs } = await stampede(server, open, CROWD);
  console.log(
    `\n${CROWD.toLocaleString('en')} connections that ask for / at the moment of a change, until all have the new page: ${requests.toLocaleString('en')} requests, ${renders} render, ${errors} errors, the slowest ${Math.round(slowestMs)} ms`,
  );
  if (renders !== 1 || errors) failures.push(`the crowd took ${renders} renders and met ${errors} errors`);
}

async function madeUp(): Promise<void> {
  const { asked, errors, rss } = await flood(server, FLOOD);
  const grown = Math.max(...rss.slice(5)) - Math.max(...rss.slice(0, 5));
  console.log(
    `${asked.toLocaleString('en')} made-up query strings and paths: ${errors} errors; memory in MB after each tenth: ${rss.map(Math.round).join(' ')}`,
  );
  if (errors || grown > FLAT_MB)
    failures.push(
      `the flood met ${errors} errors, and memory grew by ${Math.round(grown)} MB in its second half`,
    );
}

/** nginx answers by a process that its master has started. */
function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(parent);
      } catch {
        return false;
      }
    })
    .map(Number);
}
