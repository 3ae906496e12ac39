import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { takeLock } from '#db/lockFile.ts';
import { OWN_FOLDER, type Site } from './site.ts';
import { LISTING, readTree, syncFolder, type Tree } from './tree.ts';

/**
 * EXPORT_DIR: each export is a whole tree of its own below `generations`, and the link `current` leads to the last one that was finished. The link
 * is replaced by renaming, so whoever opens a file through it is in one whole tree, whatever is killed when. The tree before stays for those who
 * were just looking into it.
 */
export type Generations = {
  current: () => Promise<Tree | null>;
  /** A folder that is not there yet, for the next tree. */
  next: (at: string) => string;
  /** Makes a finished tree the current one, and takes away all but it and the one before. */
  publish: (tree: Tree) => Promise<void>;
  /** Takes away all that says anything: what is left is what nginx needs to start, and pages that say no more than that nothing is there. */
  withdraw: (left: Left) => Promise<void>;
  /** Takes away what was begun and not finished. */
  discard: (folder: string) => Promise<void>;
};

type Left = Awaited<ReturnType<Site['left']>>;

const CURRENT = 'current';
const NAME = /^\d{8}T\d{6}Z-[0-9a-f]{8}$/;

/**
 * @returns null while another process keeps this folder
 * @throws when `current` is something else than such a link, which is left alone
 */
export async function openGenerations(folder: string): Promise<Generations | null> {
  const all = join(folder, 'generations');
  const link = join(folder, CURRENT);
  await mkdir(all, { recursive: true });
  const stands = await lstat(link).catch(() => null);
  if (stands && !stands.isSymbolicLink())
    throw new Error(`${link} is no link of ours, so it is left alone. Move it, or name another EXPORT_DIR.`);
  // Held until this process ends.
  if (!(await takeLock(join(folder, '.lock')))) return null;

  const led = async () => basename(await readlink(link).catch(() => ''));
  async function keepOnly(names: readonly string[]): Promise<void> {
    for (const name of await readdir(all))
      if (NAME.test(name) && !names.includes(name))
        await rm(join(all, name), { recursive: true, force: true });
    for (const name of await readdir(folder))
      if (name.startsWith(`.${CURRENT}-`)) await rm(join(folder, name), { force: true });
  }

  const before = await led();
  // What a killed process had begun. All that stood at its time stays, whichever of it is being read.
  await keepOnly(await finished(all, before));
  return {
    current: async () => {
      const name = await led();
      return NAME.test(name) ? readTree(join(all, name)) : null;
    },
    next: (at) =>
      join(all, `${at.replace(/[-:]/g, '').replace(/\.\d+/, '')}-${randomBytes(4).toString('hex')}`),
    publish: async (tree) => {
      const last = await led();
      const name = basename(tree.folder);
      await syncFolder(all);
      const beside = join(folder, `.${CURRENT}-${randomBytes(4).toString('hex')}`);
      await symlink(join('generations', name), beside);
      await rename(beside, link);
      await syncFolder(folder);
      await keepOnly([name, last]);
    },
    withdraw: async (left) => {
      const name = await led();
      if (NAME.test(name)) await emptyTree(join(all, name), left);
      await keepOnly([name]);
      await syncFolder(all);
    },
    discard: (unfinished) => rm(unfinished, { recursive: true, force: true }),
  };
}

/** Its listing goes first: it is no whole tree any more. */
async function emptyTree(tree: string, left: Left): Promise<void> {
  await rm(join(tree, LISTING), { force: true });
  for (const name of await readdir(tree).catch(() => []))
    if (name !== OWN_FOLDER) await rm(join(tree, name), { recursive: true, force: true });
  for (const name of await readdir(join(tree, OWN_FOLDER)).catch(() => []))
    if (!name.endsWith('.conf')) await rm(join(tree, OWN_FOLDER, name), { force: true });
  for (const { file, body } of left) {
    const place = join(tree, file);
    await mkdir(dirname(place), { recursive: true })
      .then(() => writeFile(place, body))
      .catch(() => undefined);
  }
}

/** The trees that were whole: a listing is written last. */
async function finished(all: string, current: string): Promise<string[]> {
  const names: string[] = [current];
  for (const name of await readdir(all))
    if (NAME.test(name) && (await readTree(join(all, name)))) names.push(name);
  return names;
}
