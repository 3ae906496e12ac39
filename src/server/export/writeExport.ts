import { getPageAccess, getPageVersion } from '#db/page.ts';
import { readSnapshot } from '#db/snapshot.ts';
import { AppError } from '#domain/errors.ts';
import type { Foghorn } from '../../foghorn.ts';
import { standIn } from '../context.ts';
import type { Site } from './site.ts';
import { createTree, type Tree } from './tree.ts';

/** `tree` is null when all is as it was in `before`. */
export type Written = { version: number; tree: Tree | null };

/** Files have no door: whoever serves them serves them to everyone. */
export class PageIsPrivate extends AppError {
  readonly version: number;

  /** @param version of the page that nobody but those who may is to see */
  constructor(version: number) {
    super(
      'conflict',
      'The status page is private, so it is not written down as files that anyone could read.',
      {
        fix: 'Let everyone see it first: /admin/settings/access.',
      },
    );
    this.version = version;
  }
}

/**
 * Writes all of the public site, as one snapshot of the database has it, into a folder that is not there yet. Everything is asked of the pages
 * themselves, by a visitor without cookies.
 * @throws PageIsPrivate
 */
export async function writeExport(
  foghorn: Foghorn,
  site: Site,
  folder: string,
  before: Tree | null,
): Promise<Written> {
  const writer = createTree(folder, before);
  const version = await readSnapshot(foghorn.db, async (db) => {
    if ((await db.read(getPageAccess)).mode !== 'everyone')
      throw new PageIsPrivate(await db.read(getPageVersion));
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
