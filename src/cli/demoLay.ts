import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDatabaseInUse } from '#db/restore.ts';
import { addMs, MINUTE, toInstant } from '#domain/time.ts';
import { demoConfig, fillDemo, lastDeed } from './demoFill.ts';

/** When the demo was filled and for which address, what was then the last deed in its audit, and when its server last ran. */
type Stamp = { filledAt: string; siteUrl: string; lastDeed: number; usedAt: string };

const STALE_MS = 10 * MINUTE;
const BEAT_MS = MINUTE;

/**
 * Fills the demo when it is not there, or its times are more than ten minutes old. What someone changed in it is kept while it is
 * being used: it is filled anew once its server has been away for ten minutes, or at once for another address, since the links in
 * its mails lead to the old one.
 * @returns false when it is in use by another process; that has been said
 */
export async function layDemo(folder: string, say: (line: string) => void): Promise<boolean> {
  const file = join(folder, 'foghorn.db');
  if (await isDatabaseInUse(file)) {
    say(`The demo in ${folder} is running already, in another process. Stop that one first.`);
    return false;
  }
  const now = toInstant(Date.now());
  const { siteUrl } = demoConfig(folder);
  if (!(await isStale(folder, now, siteUrl))) return true;
  say('Filling the demo ...');
  mkdirSync(folder, { recursive: true });
  // Only what a fill makes: whatever else is in the folder is not ours to remove.
  for (const name of ['foghorn.db', 'foghorn.db-wal', 'foghorn.db-shm', 'mail', 'last-good', 'demo.json'])
    rmSync(join(folder, name), { recursive: true, force: true });
  await fillDemo(folder, now);
  writeStamp(folder, { filledAt: now, siteUrl, lastDeed: await lastDeed(folder), usedAt: now });
  return true;
}

/** Notes every minute that the demo is in use, as long as the process runs. */
export function keepInUse(folder: string): void {
  const beat = () => {
    const stamp = readStamp(folder);
    if (stamp) writeStamp(folder, { ...stamp, usedAt: toInstant(Date.now()) });
  };
  beat();
  setInterval(beat, BEAT_MS).unref();
}

async function isStale(folder: string, now: string, siteUrl: string): Promise<boolean> {
  const stamp = readStamp(folder);
  if (stamp?.siteUrl !== siteUrl || !existsSync(join(folder, 'foghorn.db'))) return true;
  const limit = addMs(now, -STALE_MS);
  if (stamp.filledAt > limit) return false;
  return stamp.usedAt < limit || (await lastDeed(folder)) === stamp.lastDeed;
}

function readStamp(folder: string): Stamp | null {
  try {
    return JSON.parse(readFileSync(join(folder, 'demo.json'), 'utf8')) as Stamp;
  } catch {
    return null;
  }
}

function writeStamp(folder: string, stamp: Stamp): void {
  writeFileSync(join(folder, 'demo.json'), `${JSON.stringify(stamp)}\n`);
}
