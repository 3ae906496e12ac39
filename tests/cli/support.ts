import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

export type Ran = { code: number | null; out: string; said: string };

/** An empty folder that is gone after the test. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'foghorn-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs the real command line, in a process of its own, on the installation in `dataDir`. */
export function foghorn(
  dataDir: string,
  args: string[],
  stdin = '',
  env: Record<string, string> = {},
): Promise<Ran> {
  return startFoghorn(dataDir, args, stdin, env).ended;
}

/** The same, for a command that runs until it is told to stop. `says` resolves when standard output holds the words. */
export function startFoghorn(dataDir: string, args: string[], stdin = '', env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: dataDir,
    env: { PATH: process.env.PATH, HOME: dataDir, DATA_DIR: dataDir, MAIL_TRANSPORT: 'file', ...env },
  });
  let out = '';
  let said = '';
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (piece) => {
    out += piece;
    for (const listener of listeners) listener();
  });
  child.stderr.setEncoding('utf8').on('data', (piece) => {
    said += piece;
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const ended = new Promise<Ran>((resolve, reject) =>
    child.on('error', reject).on('close', (code) => resolve({ code, out, said })),
  );
  return {
    ended,
    signal: (signal: NodeJS.Signals) => child.kill(signal),
    says: (words: string) =>
      new Promise<void>((resolve, reject) => {
        const look = () => out.includes(words) && resolve();
        listeners.add(look);
        look();
        void ended.then((ran) =>
          reject(new Error(`It ended before it said "${words}": ${JSON.stringify(ran)}`)),
        );
      }),
  };
}
