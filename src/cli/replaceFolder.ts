import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { AppError } from '#domain/errors.ts';

/** What is written in the place of a folder. */
export type Contents = {
  /** The file, by its path in the folder, that says whose it is: JSON with all other `files` in it, by their paths. */
  marker: string;
  /** Makes the folder, which is not there yet, and everything in it. What a crash leaves behind is known for ours by its marker. */
  write: (fresh: string) => Promise<void>;
};

/**
 * Puts something new in the place of the folder: written beside it first, then swapped in by renaming, so that whoever reads there finds the
 * old files or the new ones. Whatever goes wrong, what was there stays.
 * @returns where it is
 * @throws AppError not_found without a parent folder, conflict when the folder holds anything else
 */
export async function replaceFolder(folder: string, { marker, write }: Contents): Promise<string> {
  const target = await placeOf(folder);
  const [parent, name] = [dirname(target), basename(target)];
  await clearUp(parent, name, marker);
  const standing = existsSync(target);
  if (standing) await refuseForeign(target, marker);
  const own = `${process.pid}-${randomBytes(4).toString('hex')}`;
  const fresh = join(parent, `.${name}.new-${own}`);
  const old = join(parent, `.${name}.old-${own}`);
  try {
    await write(fresh);
    if (standing) await rename(target, old);
    try {
      await rename(fresh, target);
    } catch (error) {
      if (standing) await rename(old, target);
      throw error;
    }
    await syncFolder(parent);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  await rm(old, { recursive: true, force: true });
  return target;
}

/** Where the folder really is: a link stays, and what it leads to is replaced. */
async function placeOf(folder: string): Promise<string> {
  const parent = await realpath(dirname(folder)).catch(() => null);
  if (parent === null || !(await stat(parent)).isDirectory())
    throw new AppError('not_found', `There is no folder ${dirname(folder)} to write into.`, {
      fix: 'Make it first, or name another.',
    });
  const path = join(parent, basename(folder));
  const found = await lstat(path).catch(() => null);
  if (!found?.isSymbolicLink()) return path;
  const led = await realpath(path).catch(() => null);
  if (led) return led;
  throw new AppError('conflict', `${folder} is a link that leads nowhere.`, {
    fix: 'Take it away, or name another.',
  });
}

async function refuseForeign(target: string, marker: string): Promise<void> {
  const fix = 'Name a folder that is not there yet, or one that an earlier export wrote.';
  if (!(await stat(target)).isDirectory())
    throw new AppError('conflict', `${target} is a file, so it is left alone.`, { fix });
  const written = await readMarker(target, marker);
  if (!written) {
    if (!(await readdir(target)).length) return;
    throw new AppError('conflict', `${target} is no such export, so it is left alone.`, { fix });
  }
  const foreign = (await filesIn(target)).filter((path) => path !== marker && !written.includes(path));
  if (!foreign.length) return;
  const named = foreign.slice(0, 3).map((path) => JSON.stringify(path));
  throw new AppError(
    'conflict',
    `${target} holds what no export wrote, so it is left alone: ${named.join(', ')}${foreign.length > 3 ? ' and more' : ''}.`,
    { fix: 'Move that elsewhere, then export again.' },
  );
}

/** Everything below the folder that is no folder, by its path in it. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

/** What an export wrote here; null when none did. */
async function readMarker(folder: string, marker: string): Promise<string[] | null> {
  try {
    const { files } = JSON.parse(await readFile(join(folder, marker), 'utf8'));
    return Array.isArray(files) ? files : null;
  } catch {
    return null;
  }
}

/**
 * Clears up what an export left behind that was killed: what it was writing goes, what it had just set aside comes back when nothing stands in
 * its place.
 */
async function clearUp(parent: string, name: string, marker: string): Promise<void> {
  for (const entry of (await readdir(parent)).sort()) {
    if (!entry.startsWith(`.${name}.`)) continue;
    const [, which, pid] = /^(new|old)-(\d+)-[0-9a-f]{8}$/.exec(entry.slice(name.length + 2)) ?? [];
    const left = join(parent, entry);
    if (!which || isAtWork(Number(pid)) || !(await readMarker(left, marker))) continue;
    if (which === 'old' && !existsSync(join(parent, name))) await rename(left, join(parent, name));
    else await rm(left, { recursive: true, force: true });
  }
}

/** Whether another process of that number runs: one of our own number was before us. */
function isAtWork(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** So that a power cut does not undo the renaming. Not every system lets a folder be opened. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
