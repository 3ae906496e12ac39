import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
/** Inside the checkout, because the bundle finds its packages upwards; ignored by git. */
const BUILDS = join(ROOT, '.tmp-builds');
const SOURCES = ['src', 'db', 'emails', 'public', 'astro.config.mjs', 'package.json', 'tsconfig.json'];
const KEPT = 3;

let built: Promise<string> | undefined;

/**
 * The entry of a server built from the sources as they are: built once a run, whoever asks first, and kept for the next run. Each
 * state of the sources has a folder of its own, so that a server that runs never loses its files.
 */
export function builtEntry(): Promise<string> {
  built ??= buildOnce();
  return built;
}

async function buildOnce(): Promise<string> {
  const print = fingerprint();
  const folder = join(BUILDS, print);
  const entry = join(folder, 'dist/server/entry.mjs');
  const done = join(folder, 'done');
  const lock = join(BUILDS, `${print}.lock`);
  mkdirSync(BUILDS, { recursive: true });
  while (!existsSync(done)) {
    if (!takeLock(lock)) {
      // Another test file builds the same.
      await wait(100);
      continue;
    }
    try {
      if (existsSync(done)) break;
      rmSync(folder, { recursive: true, force: true });
      await build(join(folder, 'dist'));
      writeFileSync(done, '');
      dropOld(print);
    } finally {
      rmSync(lock, { recursive: true, force: true });
    }
  }
  return entry;
}

function build(outDir: string): Promise<void> {
  const command = join(
    dirname(createRequire(import.meta.url).resolve('astro/package.json')),
    'bin/astro.mjs',
  );
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [command, 'build', '--outDir', outDir], {
      cwd: ROOT,
      env: { ...process.env, NODE_ENV: 'production', ASTRO_TELEMETRY_DISABLED: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const keep = (chunk: Buffer) => {
      output += chunk;
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`astro build failed:\n${output}`)),
    );
  });
}

/** False while a living process holds it. */
function takeLock(lock: string): boolean {
  try {
    mkdirSync(lock);
    writeFileSync(join(lock, 'pid'), String(process.pid));
    return true;
  } catch {
    if (isAbandoned(lock)) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

function isAbandoned(lock: string): boolean {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function dropOld(current: string): void {
  const builds = readdirSync(BUILDS)
    .filter((name) => name !== current && existsSync(join(BUILDS, name, 'done')))
    .sort((a, b) => statSync(join(BUILDS, b)).mtimeMs - statSync(join(BUILDS, a)).mtimeMs);
  for (const name of builds.slice(KEPT)) rmSync(join(BUILDS, name), { recursive: true, force: true });
}

function fingerprint(): string {
  const hash = createHash('sha256');
  for (const file of SOURCES.flatMap((name) => filesUnder(join(ROOT, name))).sort())
    hash
      .update(`${relative(ROOT, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  return hash.digest('hex').slice(0, 16);
}

function filesUnder(path: string): string[] {
  if (!existsSync(path) || path === join(ROOT, 'src/cli')) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesUnder(join(path, name)));
}
