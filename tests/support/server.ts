import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtEntry, ROOT } from './build.ts';

/** The real, built server in a process of its own. */
export type TestServer = {
  /** http://127.0.0.1:PORT, which is also its SITE_URL unless the environment says otherwise. */
  url: string;
  port: number;
  dataDir: string;
  pid: number;
  /** Everything it has written so far, line by line. */
  logs: string[];
  /** Resolves with the first line, past or future, that matches; rejects when the process ends without one. */
  logged: (pattern: RegExp) => Promise<string>;
  /** Asks it to end (SIGTERM) and waits. @returns its exit code */
  stop: () => Promise<number | null>;
  /** kill -9, of the worker that it has started too. */
  kill: () => Promise<void>;
  /** Resolves with the exit code; null when a signal ended it. */
  exited: Promise<number | null>;
};

export type TestServerOptions = {
  env?: Record<string, string>;
  /** Kept when given; otherwise a new one, removed at the end. */
  dataDir?: string;
  /** Options for node itself. */
  nodeArgs?: string[];
  /** A command that becomes node, with what it needs before it. */
  through?: string[];
  /** The log line to wait for before it is handed over: `ready` has its database open, `listening` may not. */
  until?: 'ready' | 'listening' | 'nothing';
};

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) killAll(child);
});

/** The server, and with it the worker that it has started: as when the machine fails. */
function killAll(child: ChildProcess): void {
  try {
    process.kill(-(child.pid as number), 'SIGKILL');
  } catch (error) {
    // All of them have ended.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const entry = await builtEntry();
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'foghorn-server-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const [command = '', ...args] = [
    ...(options.through ?? []),
    process.execPath,
    ...(options.nodeArgs ?? []),
    entry,
  ];
  const child = spawn(command, args, {
    cwd: ROOT,
    // Nothing of the developer's own settings reaches it.
    env: {
      PATH: process.env.PATH,
      TZ: 'UTC',
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      PORT: String(port),
      SITE_URL: url,
      DATA_DIR: dataDir,
      MAIL_TRANSPORT: 'file',
      ...options.env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that all of it can be killed at once.
    detached: true,
  });
  running.add(child);

  const logs: string[] = [];
  const watchers = new Set<() => void>();
  let ended = false;
  const exited = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      ended = true;
      running.delete(child);
      if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true });
      for (const watcher of watchers) watcher();
      resolve(code);
    });
  });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() as string;
      logs.push(...lines);
      for (const watcher of watchers) watcher();
    });
  }

  const server: TestServer = {
    url,
    port,
    dataDir,
    logs,
    exited,
    pid: child.pid as number,
    logged: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const line = logs.find((each) => pattern.test(each));
          if (line === undefined && !ended) return;
          watchers.delete(look);
          if (line !== undefined) resolve(line);
          else reject(new Error(`The server ended without writing ${pattern}:\n${logs.join('\n')}`));
        };
        watchers.add(look);
        look();
      }),
    stop: async () => {
      child.kill('SIGTERM');
      return exited;
    },
    kill: async () => {
      killAll(child);
      await exited;
    },
  };
  if (options.until !== 'nothing')
    await server.logged(options.until === 'listening' ? /"msg":"listening"/ : /"msg":"ready"/);
  return server;
}

/** A port that nothing listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject()));
    });
  });
}
