import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const ENTRY = join(ROOT, 'dist/server/entry.mjs');
const STAMP = join(ROOT, 'dist/.built-from');
/** Everything that the bundle is made of. The command line runs unbundled. */
const SOURCES = ['src', 'db', 'emails', 'public', 'astro.config.mjs', 'package-lock.json', 'tsconfig.json'];

/**
 * Builds when the sources are not those of the last build, and only then.
 * @returns false when the build failed; what went wrong has been printed
 */
export function ensureBuilt(say: (line: string) => void): boolean {
  const files = sourceFiles();
  const print = fingerprint(files);
  if (isCurrent(files, print)) return true;
  say('Building, which takes a few seconds ...');
  const astro = join(ROOT, 'node_modules/astro/bin/astro.mjs');
  const result = spawnSync(process.execPath, [astro, 'build'], { cwd: ROOT, encoding: 'utf8' });
  if (result.status !== 0 || !existsSync(ENTRY)) {
    say(`${result.stdout}${result.stderr}`);
    say('The build failed: the reason stands above. Mend it and try again.');
    return false;
  }
  writeFileSync(STAMP, print);
  return true;
}

function isCurrent(files: readonly string[], print: string): boolean {
  if (!existsSync(ENTRY)) return false;
  if (existsSync(STAMP)) return readFileSync(STAMP, 'utf8') === print;
  // Built by `npm run build`, which leaves no stamp: current when nothing is newer.
  const built = statSync(ENTRY).mtimeMs;
  if (files.some((file) => statSync(file).mtimeMs > built)) return false;
  writeFileSync(STAMP, print);
  return true;
}

function sourceFiles(): string[] {
  return SOURCES.flatMap((name) => filesUnder(join(ROOT, name))).sort();
}

function filesUnder(path: string): string[] {
  if (!existsSync(path) || path === join(ROOT, 'src/cli')) return [];
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path).flatMap((name) => filesUnder(join(path, name)));
}

function fingerprint(files: readonly string[]): string {
  const hash = createHash('sha256');
  for (const file of files)
    hash
      .update(`${relative(ROOT, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  return hash.digest('hex');
}
