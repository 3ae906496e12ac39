import { endOfChunk, expandTo, nextOpenFanout } from '#db/fanouts.ts';
import type { Db } from '#db/open.ts';
import type { Instant } from '#domain/time.ts';

/** The first chunk is small, so that the first mail leaves at once. */
const FIRST_CHUNK = 500;
const CHUNK = 10_000;
/** Between two chunks others may write. */
export const REST_MS = 10;

/**
 * Turns the next chunk of the most urgent open fan-out into deliveries. The chunk and the cursor commit together: after a crash, or
 * with several processes, each recipient is expanded exactly once.
 * @returns whether there was a chunk
 */
export function expandNextChunk({ db, now }: { db: Db; now: () => Instant }): Promise<boolean> {
  return db.write(async (tx) => {
    const fanout = await nextOpenFanout(tx);
    if (!fanout) return false;
    const size = fanout.cursorSeq === 0 ? FIRST_CHUNK : CHUNK;
    const to = await endOfChunk(tx, fanout.cursorSeq, fanout.boundSeq, size);
    await expandTo(tx, fanout, to, now());
    return true;
  });
}
