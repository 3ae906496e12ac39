import type { Logger } from 'pino';
import { getPageAccess, getPageVersion } from '#db/page.ts';
import type { Foghorn } from '../../foghorn.ts';
import { type Generations, openGenerations } from './generations.ts';
import type { Site } from './site.ts';
import { PageIsPrivate, writeExport } from './writeExport.ts';

export type KeepOptions = {
  foghorn: Foghorn;
  site: Site;
  log: Logger;
  folder: string;
  wait: (ms: number) => Promise<void>;
};

/** How often a change is looked for. */
const LOOK_MS = 400;
/** While another process keeps the folder. */
const TURN_MS = 5_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Keeps EXPORT_DIR as the page is: an export at the start, for the site may have been built anew, and one after every change. A change during an
 * export is seen after it. Where the page has become private, all that is there is taken away. Whatever fails (a full disk, no database), the last good tree stays, and it is tried again. Does not end: its process
 * may be ended at any moment.
 */
export async function keepExport(options: KeepOptions): Promise<never> {
  const { foghorn, log, wait } = options;
  let kept: Generations | null = null;
  let exported: number | null = null;
  let pause = FIRST_PAUSE_MS;
  for (;;) {
    try {
      kept ??= await takeTurn(options);
      const version = await foghorn.db.read(getPageVersion);
      if (version !== exported) exported = await exportOnce(options, kept);
      pause = FIRST_PAUSE_MS;
      await wait(LOOK_MS);
    } catch (error) {
      log.error({ err: error, againInMs: pause }, 'The export could not be written. The last one stays.');
      await wait(pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }
}

async function takeTurn({ folder, log, wait }: KeepOptions): Promise<Generations> {
  for (let told = false; ; told = true) {
    const kept = await openGenerations(folder);
    if (kept) return kept;
    if (!told) log.info({ folder }, 'Another process keeps the export. This one waits for its turn.');
    await wait(TURN_MS);
  }
}

/** @returns the page version that now stands there, or of which nothing may */
async function exportOnce({ foghorn, site, log }: KeepOptions, kept: Generations): Promise<number> {
  const began = performance.now();
  const before = await kept.current();
  const folder = kept.next(new Date().toISOString());
  try {
    const { version, tree } = await writeExport(foghorn, site, folder, before);
    // It may have been closed while it was written.
    if (tree && (await foghorn.db.read(getPageAccess)).mode !== 'everyone') throw new PageIsPrivate(version);
    if (tree) await kept.publish(tree);
    else await kept.discard(folder);
    const ms = Math.round(performance.now() - began);
    const files = tree?.listing.files.length ?? 0;
    log.info({ pid: process.pid, version, changed: tree !== null, files, ms }, 'exported');
    return version;
  } catch (error) {
    await kept.discard(folder).catch(() => undefined);
    if (!(error instanceof PageIsPrivate)) throw error;
    await kept.withdraw(await site.left());
    log.warn({ version: error.version }, 'The page is private: the exported files were taken away.');
    return error.version;
  }
}
