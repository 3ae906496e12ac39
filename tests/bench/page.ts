import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import { makeHarbour } from '../support/harbour.ts';
import { ask } from '../support/http.ts';
import { startServer } from '../support/server.ts';

/**
 * Requests a second of the public page (40 components, 90 days, 3 open incidents) from the real built server, beside a bare
 * node:http server in its own process that sends the same bytes. They take short turns, so that what else the machine does falls on
 * both, and the middle round counts.
 */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 21);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 1);
const CONNECTIONS = 50;
/** Of a bare server's rate: below it the run fails. */
const WANTED = 0.85;
const ACCEPTS = 'br';

const folder = mkdtempSync(join(tmpdir(), 'foghorn-bench-'));
const children: ChildProcess[] = [];
const server = await startServer({ env: { LOG_LEVEL: 'info' } });
try {
  await fill(join(server.dataDir, 'foghorn.db'));
  await untilCompressed();
  const bare = await startBare();
  pin(server.pid, 0);
  pin(bare.pid, 0);

  const [ours, theirs] = await Promise.all([fetchPage(server.url), fetchPage(bare.url)]);
  if (!ours.bytes.equals(theirs.bytes)) throw new Error('The two servers do not send the same bytes.');
  const identity = await ask(server.url, '/');
  console.log(
    `/ : ${ours.bytes.length.toLocaleString('en')} bytes with ${ACCEPTS}, ${identity.bytes.length.toLocaleString('en')} plain; the limit is 10,000`,
  );
  console.log(`${ROUNDS} rounds of ${SECONDS} s each, ${CONNECTIONS} connections, ${generatorName()}\n`);

  const pids = { ours: server.pid, theirs: bare.pid };
  const urls = { ours: server.url, theirs: bare.url };
  const results: Record<'ours' | 'theirs', Measured>[] = [];
  await Promise.all([load(server.url, 1), load(bare.url, 1)]);
  for (let round = 1; round <= ROUNDS; round++) {
    // Who goes first changes, so that neither always has the warmer or the cooler machine.
    const turns = round % 2 ? (['ours', 'theirs'] as const) : (['theirs', 'ours'] as const);
    const result: Partial<Record<'ours' | 'theirs', Measured>> = {};
    for (const turn of turns) result[turn] = await measure(urls[turn], pids[turn]);
    const both = result as Record<'ours' | 'theirs', Measured>;
    results.push(both);
    const { ours, theirs } = both;
    console.log(
      `${String(round).padStart(2)}  foghorn ${rate(ours.rate)}  node:http ${rate(theirs.rate)}  ratio ${(ours.rate / theirs.rate).toFixed(3)}`,
    );
  }
  const middle = (pick: (each: (typeof results)[number]) => number) => median(results.map(pick));
  const ratio = middle((each) => each.ours.rate / each.theirs.rate);
  console.log(
    `\nmedian: foghorn ${rate(middle((each) => each.ours.rate))}, node:http ${rate(middle((each) => each.theirs.rate))}`,
  );
  console.log(
    `processor time a request, which other work on the machine disturbs less: foghorn ${middle((each) => each.ours.cpu).toFixed(1)} us, node:http ${middle((each) => each.theirs.cpu).toFixed(1)} us, ratio ${middle((each) => each.theirs.cpu / each.ours.cpu).toFixed(3)}`,
  );
  const metrics = (await ask(server.url, '/metrics')).body;
  const count = (name: string) => new RegExp(`^${name} (\\d+)`, 'm').exec(metrics)?.[1];
  console.log(
    `cache: ${count('foghorn_cache_hits_total')} hits, ${count('foghorn_cache_misses_total')} misses, ${count('foghorn_cache_renders_total')} renders`,
  );
  const enough = ratio >= WANTED;
  console.log(`\n${enough ? 'PASSED' : 'FAILED'}: ratio ${ratio.toFixed(3)}, wanted ${WANTED} or more`);
  if (!enough) process.exitCode = 1;
} finally {
  for (const child of children) child.kill('SIGKILL');
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** A believable shop, and a page that shows it. */
async function fill(file: string): Promise<void> {
  const db = await openDatabase(`sqlite:${file}`);
  const now = new Date().toISOString();
  await makeHarbour(db, { now, open: 3 });
  await db.write((tx) => bumpPageVersion(tx, now));
  await db.close();
  while (!(await ask(server.url)).body.includes('Checkout'));
}

/** The smallest copy of the page is made beside, after the first: the bare server is to have the same one. */
async function untilCompressed(): Promise<void> {
  while (!/-bb"$/.test(String((await fetchPage(server.url)).headers.etag)));
}

function fetchPage(url: string) {
  return ask(url, '/', { headers: { host: new URL(url).host, 'accept-encoding': ACCEPTS } });
}

/** The least that Node can do: the same status, headers and body, written as one block. */
async function startBare(): Promise<{ url: string; pid: number }> {
  const { headers, bytes } = await fetchPage(server.url);
  const bodyFile = join(folder, 'body');
  const headFile = join(folder, 'head.json');
  const sent = Object.entries(headers).filter(
    ([name]) => !['date', 'connection', 'keep-alive'].includes(name),
  );
  writeFileSync(bodyFile, bytes);
  writeFileSync(headFile, JSON.stringify(sent.flat()));
  const program = `
    import { createServer } from 'node:http';
    import { readFileSync } from 'node:fs';
    const body = readFileSync(${JSON.stringify(bodyFile)});
    const head = JSON.parse(readFileSync(${JSON.stringify(headFile)}, 'utf8'));
    const server = createServer({ keepAliveTimeout: 65000 }, (request, response) => {
      response.writeHead(200, head);
      response.end(body);
    });
    server.listen(0, '127.0.0.1', () => console.log(server.address().port));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const port = await new Promise<string>((resolve) =>
    child.stdout?.once('data', (text) => resolve(String(text).trim())),
  );
  return { url: `http://127.0.0.1:${port}`, pid: child.pid as number };
}

type Measured = { rate: number; cpu: number };

async function measure(url: string, pid: number): Promise<Measured> {
  const before = processorTime(pid);
  const requests = await load(url, SECONDS);
  return { rate: requests, cpu: (processorTime(pid) - before) / (requests * SECONDS) };
}

/** Microseconds that the process has used so far (proc_pid_stat(5): utime and stime in ticks of 10 ms); NaN elsewhere than on Linux. */
function processorTime(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return Number.NaN;
  }
}

/** @returns requests a second */
async function load(url: string, seconds: number): Promise<number> {
  const output = await run(...generator(url, seconds));
  const found = /Requests\/sec:\s+([\d.]+)/.exec(output);
  if (!found || /Non-2xx/.test(output)) throw new Error(`The load failed:\n${output}`);
  return Number(found[1]);
}

function generator(url: string, seconds: number): [string, string[]] {
  const own = fileURLToPath(new URL('./load.ts', import.meta.url));
  const [command, args] = has('wrk')
    ? ['wrk', ['-t1', `-c${CONNECTIONS}`, `-d${seconds}`, '-H', `Accept-Encoding: ${ACCEPTS}`, `${url}/`]]
    : [process.execPath, [own, `${url}/`, String(seconds), String(CONNECTIONS), ACCEPTS]];
  return has('taskset') ? ['taskset', ['-c', '1', command, ...args]] : [command, args];
}

function generatorName(): string {
  const pinned = has('taskset') ? 'servers on one core, load on the other' : 'not pinned to cores';
  return `${has('wrk') ? 'wrk' : 'a load generator in Node, which is slower than wrk'}, ${pinned}`;
}

function pin(pid: number, core: number): void {
  if (has('taskset'))
    execFileSync('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' });
}

function has(command: string): boolean {
  try {
    execFileSync('which', [command], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function run(command: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (text: Buffer) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}

function rate(value: number): string {
  return `${Math.round(value).toLocaleString('en').padStart(7)}/s`;
}
