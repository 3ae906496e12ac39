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
export function foghorn(dataDir: string, args: string[], stdin = ''): Promise<Ran> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    cwd: dataDir,
    env: { PATH: process.env.PATH, HOME: dataDir, DATA_DIR: dataDir, MAIL_TRANSPORT: 'file' },
  });
  let out = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (piece) => {
    out += piece;
  });
  child.stderr.setEncoding('utf8').on('data', (piece) => {
    said += piece;
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  return new Promise((resolve, reject) =>
    child.on('error', reject).on('close', (code) => resolve({ code, out, said })),
  );
}
