import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export type WorkerOptions = {
  databaseUrl: string;
  transport: 'resend' | 'smtp';
  /** The provider's address. */
  provider: string;
  /** How far its clock is ahead. */
  clockAheadMs?: number;
};

export type Process = {
  pid: number;
  /** What it has written, line by line. */
  lines: string[];
  /** Resolves with the first line, past or future, that matches; rejects when it ends without one. */
  says: (pattern: RegExp) => Promise<string>;
  /** Writes a line to its standard input. */
  tell: (line: string) => void;
  signal: (signal: NodeJS.Signals) => void;
  /** Resolves with its exit code once it has ended; null when a signal ended it. */
  ended: Promise<number | null>;
  /** SIGKILL, and waits until it is dead. */
  kill: () => Promise<void>;
};

export type Worker = Process & {
  /** Lets it begin; resolves when it has. */
  begin: () => Promise<void>;
};

const running = new Set<ChildProcess>();
// Workers are loaded hundreds of times: compiled once is enough.
const compiled = mkdtempSync(join(tmpdir(), 'foghorn-compiled-'));
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(compiled, { recursive: true, force: true });
});

/** Ends what a test has left. */
export async function endAll(): Promise<void> {
  await Promise.all(
    [...running].map((child) => {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      return ended;
    }),
  );
}

/** A worker that is loaded and waits to begin, so that its life is not spent on loading. */
async function loadWorker(options: WorkerOptions): Promise<Worker> {
  const worker = startProcess(process.execPath, [
    join(import.meta.dirname, 'worker.ts'),
    JSON.stringify(options),
  ]);
  await worker.says(/^loaded$/);
  return {
    ...worker,
    begin: async () => {
      worker.tell('begin');
      await worker.says(/^begun$/);
    },
  };
}

/** One that is loaded ahead of its need: that it is ended before anyone needed it is no fault. */
export function loadAhead(options: WorkerOptions): Promise<Worker> {
  const loading = loadWorker(options);
  loading.catch(() => undefined);
  return loading;
}

/** A worker that has begun. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const worker = await loadWorker(options);
  await worker.begin();
  return worker;
}

export function startProcess(
  command: string,
  args: readonly string[],
  { env, ...options }: Pick<SpawnOptions, 'env' | 'cwd'> = {},
): Process {
  const child = spawn(command, [...args], {
    ...options,
    env: { ...(env ?? process.env), NODE_COMPILE_CACHE: compiled },
    stdio: 'pipe',
  });
  running.add(child);
  const lines: string[] = [];
  const watchers = new Set<() => void>();
  let over = false;
  const look = () => {
    for (const watcher of watchers) watcher();
  };
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      const whole = (rest + text).split('\n');
      rest = whole.pop() as string;
      lines.push(...whole);
      look();
    });
  }
  // It may die in the middle of a line to it.
  child.stdin.on('error', () => undefined);
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      over = true;
      running.delete(child);
      look();
      resolve(code);
    });
  });
  return {
    pid: child.pid as number,
    lines,
    ended,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const watcher = () => {
          const line = lines.find((each) => pattern.test(each));
          if (line === undefined && !over) return;
          watchers.delete(watcher);
          if (line !== undefined) resolve(line);
          else reject(new Error(`It ended before it said ${pattern}:\n${lines.join('\n')}`));
        };
        watchers.add(watcher);
        watcher();
      }),
    tell: (line) => child.stdin.write(`${line}\n`),
    signal: (signal) => child.kill(signal),
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Waits for a sign, however long it takes; only a runaway is stopped, by the runner. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await wait(10);
}
