import { getPageVersion } from '#db/page.ts';
import { readSnapshot } from '#db/snapshot.ts';
import type { Foghorn } from '../../foghorn.ts';
import { standIn } from '../context.ts';
import type { Site } from './site.ts';
import { createTree, type Tree } from './tree.ts';

/** `tree` is null when all is as it was in `before`. */
export type Written = { version: number; tree: Tree | null };

/**
 * Writes all of the public site, as one snapshot of the database has it, into a folder that is not there yet. Everything is asked of the pages
 * themselves, by a visitor without cookies.
 */
export async function writeExport(
  foghorn: Foghorn,
  site: Site,
  folder: string,
  before: Tree | null,
): Promise<Written> {
  const writer = createTree(folder, before);
  const version = await readSnapshot(foghorn.db, (db) => {
    const still: Foghorn = {
      ...foghorn,
      db,
      contextFor: (actor) => ({ ...foghorn.contextFor(actor), db }),
    };
    return standIn(still, async () => {
      for await (const each of site.answers(still)) await writer.add(each);
      return db.read(getPageVersion);
    });
  });
  return { version, tree: await writer.finish(version) };
}
