import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Answered, ask } from '../support/http.ts';

/** A server that is loaded beside others, by turns. */
export type Contender = { name: string; url: string; pids: number[] };
export type Measured = { rate: number; cpu: number };

const children: ChildProcess[] = [];

export function fetchAs(url: string, path: string, encoding: string): Promise<Answered> {
  return ask(url, path, { headers: { host: new URL(url).host, 'accept-encoding': encoding } });
}

/** The least that Node can do: the same status, headers and body, written as one block, for each of these paths. */
export async function startBare(
  folder: string,
  url: string,
  paths: readonly string[],
  encoding: string,
): Promise<Contender> {
  const kept: Record<string, { head: string[]; body: string }> = {};
  for (const path of paths) {
    const { headers, bytes } = await fetchAs(url, path, encoding);
    const sent = Object.entries(headers).filter(
      ([name]) => !['date', 'connection', 'keep-alive'].includes(name),
    );
    kept[path] = { head: sent.flat() as string[], body: bytes.toString('base64') };
  }
  const file = join(folder, 'kept.json');
  writeFileSync(file, JSON.stringify(kept));
  const program = `
    import { createServer } from 'node:http';
    import { readFileSync } from 'node:fs';
    const kept = new Map(Object.entries(JSON.parse(readFileSync(${JSON.stringify(file)}, 'utf8')))
      .map(([path, { head, body }]) => [path, { head, body: Buffer.from(body, 'base64') }]));
    const server = createServer({ keepAliveTimeout: 65000 }, (request, response) => {
      const { head, body } = kept.get(request.url);
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
  return { name: 'node:http', url: `http://127.0.0.1:${port}`, pids: [child.pid as number] };
}

export function endBare(): void {
  for (const child of children) child.kill('SIGKILL');
}

/** A second or so of load on one path. */
export async function measure(
  { url, pids }: Contender,
  path: string,
  load: { seconds: number; connections: number; encoding: string },
): Promise<Measured> {
  const before = processorTime(pids);
  const rate = await requestsPerSecond(`${url}${path}`, load);
  return { rate, cpu: (processorTime(pids) - before) / (rate * load.seconds) };
}

/** Microseconds that the processes have used so far (proc_pid_stat(5): utime and stime in ticks of 10 ms); NaN elsewhere than on Linux. */
function processorTime(pids: readonly number[]): number {
  try {
    return pids.reduce((sum, pid) => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
      return sum + (Number(fields[11]) + Number(fields[12])) * 10_000;
    }, 0);
  } catch {
    return Number.NaN;
  }
}

async function requestsPerSecond(
  address: string,
  load: { seconds: number; connections: number; encoding: string },
): Promise<number> {
  const output = await run(...generator(address, load));
  const found = /Requests\/sec:\s+([\d.]+)/.exec(output);
  if (!found || /Non-2xx/.test(output)) throw new Error(`The load failed:\n${output}`);
  return Number(found[1]);
}

function generator(
  address: string,
  { seconds, connections, encoding }: { seconds: number; connections: number; encoding: string },
): [string, string[]] {
  const own = fileURLToPath(new URL('./load.ts', import.meta.url));
  const [command, args] = has('wrk')
    ? ['wrk', ['-t1', `-c${connections}`, `-d${seconds}`, '-H', `Accept-Encoding: ${encoding}`, address]]
    : [process.execPath, [own, address, String(seconds), String(connections), encoding]];
  return has('taskset') ? ['taskset', ['-c', '1', command, ...args]] : [command, args];
}

export function generatorName(): string {
  const pinned = has('taskset') ? 'servers on one core, load on the other' : 'not pinned to cores';
  return `${has('wrk') ? 'wrk' : 'a load generator in Node, which is slower than wrk'}, ${pinned}`;
}

export function pin(pids: readonly number[], core: number): void {
  if (!has('taskset')) return;
  for (const pid of pids)
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

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}
