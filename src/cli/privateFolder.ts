import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { lstat, mkdir, open, readdir, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, sep } from 'node:path';
import { AppError } from '#domain/errors.ts';

/** What lies in a folder that is ours to replace, with the list of what was written there. */
export const MARKER = '.foghorn-private-export';

type File = { path: string; text: string };

/**
 * Puts these files in the place of the folder: written beside it first, then swapped in by renaming, so that whoever reads there finds the
 * old ones or the new ones. Folders are for their owner alone (0700), as are files (0600). Whatever goes wrong, what was there stays.
 * @returns where it is
 * @throws AppError not_found without a parent folder, conflict when the folder holds anything else
 */
export async function replaceFolder(folder: string, files: readonly File[]): Promise<string> {
  const target = await placeOf(folder);
  const [parent, name] = [dirname(target), basename(target)];
  await clearUp(parent, name);
  const standing = existsSync(target);
  if (standing) await refuseForeign(target);
  const own = `${process.pid}-${randomBytes(4).toString('hex')}`;
  const fresh = join(parent, `.${name}.new-${own}`);
  const old = join(parent, `.${name}.old-${own}`);
  try {
    await writeAll(fresh, files);
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

async function refuseForeign(target: string): Promise<void> {
  const fix = 'Name a folder that is not there yet, or one that an earlier export wrote.';
  if (!(await stat(target)).isDirectory())
    throw new AppError('conflict', `${target} is a file, so it is left alone.`, { fix });
  const written = await readMarker(target);
  if (!written) {
    if (!(await readdir(target)).length) return;
    throw new AppError('conflict', `${target} is no such export, so it is left alone.`, { fix });
  }
  const foreign = (await filesIn(target)).filter((path) => path !== MARKER && !written.includes(path));
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
async function readMarker(folder: string): Promise<string[] | null> {
  try {
    const { files } = JSON.parse(await readFile(join(folder, MARKER), 'utf8'));
    return Array.isArray(files) ? files : null;
  } catch {
    return null;
  }
}

async function writeAll(fresh: string, files: readonly File[]): Promise<void> {
  await mkdir(fresh, { mode: 0o700 });
  const marker = { path: MARKER, text: `${JSON.stringify({ files: files.map(({ path }) => path) })}\n` };
  // The marker first, so that what a crash leaves behind is known for ours.
  for (const { path, text } of [marker, ...files]) {
    const file = join(fresh, ...path.split('/'));
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

/**
 * Clears up what an export left behind that was killed: what it was writing goes, what it had just set aside comes back when nothing stands in
 * its place.
 */
async function clearUp(parent: string, name: string): Promise<void> {
  for (const entry of (await readdir(parent)).sort()) {
    if (!entry.startsWith(`.${name}.`)) continue;
    const [, which, pid] = /^(new|old)-(\d+)-[0-9a-f]{8}$/.exec(entry.slice(name.length + 2)) ?? [];
    const left = join(parent, entry);
    if (!which || isAtWork(Number(pid)) || !(await readMarker(left))) continue;
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
