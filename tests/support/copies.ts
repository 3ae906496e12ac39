import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bumpPageVersion, getPageVersion } from '#db/page.ts';
import { addMs, MINUTE } from '#domain/time.ts';
import { builtEntry } from './build.ts';
import { readCopy } from './doors.ts';
import { exportedVersion } from './exported.ts';
import { FURNISHED_ENV, type Furnished } from './furnished.ts';
import { startServer, type TestServer } from './server.ts';

/** A server over a furnished house, and the static copy that it keeps, as the page is now. */
export type Copy = { server: TestServer; files: ReturnType<typeof readCopy> };

/** @param env what the house was furnished with */
export async function serveCopy(
  { foghorn }: Furnished,
  env: Record<string, string>,
  onEnd: (end: () => Promise<void>) => void,
): Promise<Copy> {
  const EXPORT_DIR = mkdtempSync(join(tmpdir(), 'foghorn-copy-'));
  const server = await startServer({
    dataDir: foghorn.config.dataDir,
    env: { ...FURNISHED_ENV, ...env, EXPORT_DIR },
  });
  onEnd(async () => {
    await server.stop();
    rmSync(EXPORT_DIR, { recursive: true, force: true });
  });
  return {
    server,
    files: readCopy(await exportedVersion(EXPORT_DIR, await foghorn.db.read(getPageVersion))),
  };
}

/**
 * A page shows how things were when its version began. This one begins in a moment, so that whatever is done until then would be seen
 * in it, if it counted.
 */
export async function beginVersionSoon({ foghorn }: Furnished): Promise<number> {
  // Whoever builds the server is not to take that time.
  await builtEntry();
  const soon = addMs(new Date().toISOString(), MINUTE - 5_000);
  return foghorn.db.write(async (tx) => {
    await bumpPageVersion(tx, soon);
    return getPageVersion(tx);
  });
}

/** What stands in the second copy and not in the first, but for where their servers were and the list of their bytes. */
export function differing(one: Copy, other: Copy): string[] {
  const texts = ({ server, files }: Copy) =>
    files
      .filter(({ door }) => !door.includes('.foghorn-export'))
      .map(({ door, text }) => `${door} ${text.replace(/\r\n /g, '').replaceAll(server.url, '')}`);
  const known = new Set(texts(one));
  return texts(other).filter((text) => !known.has(text));
}
