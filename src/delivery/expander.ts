import { endOfChunk, expandTo, nextOpenFanout, nextRelease } from '#db/fanouts.ts';
import type { Db, Tx } from '#db/open.ts';
import { finishFanouts, listThrough, nextToPark, parkChunk } from '#db/parking.ts';
import type { Instant } from '#domain/time.ts';

/** The first chunk is small, so that the first mail leaves at once. */
const FIRST_CHUNK = 500;
const CHUNK = 10_000;
/** Each row is looked at several times where a newer notice takes the place of older ones. */
const CAREFUL_CHUNK = 2_000;
/** Between two chunks others may write. */
export const REST_MS = 10;

/**
 * Turns the next chunk of the most urgent open fan-out into deliveries. The chunk and the cursor commit together: after a crash, or
 * with several processes, each recipient is expanded exactly once. Where there is none, what was stopped is moved out of the queue's
 * front or back, and what is through is noted.
 * @returns whether there was anything to do
 */
export function expandNextChunk({ db, now }: { db: Db; now: () => Instant }): Promise<boolean> {
  return db.write(async (tx) => {
    const fanout = await nextOpenFanout(tx, now());
    if (!fanout) return tidy(tx, now());
    const usual = fanout.follows.length || fanout.mends ? CAREFUL_CHUNK : CHUNK;
    const size = fanout.cursorSeq === 0 ? FIRST_CHUNK : usual;
    const to = await endOfChunk(tx, fanout.cursorSeq, fanout.boundSeq, size);
    await expandTo(tx, fanout, to, now());
    return true;
  });
}

/** Whether expandNextChunk would find work, asked without taking a writer's turn; else when the next fan-out is released. */
export async function awaitsExpanding(
  tx: Tx,
  now: Instant,
): Promise<{ work: boolean; next: Instant | null }> {
  const work =
    (await nextOpenFanout(tx, now)) !== null ||
    (await nextToPark(tx)) !== null ||
    (await listThrough(tx)).length > 0;
  return { work, next: work ? null : await nextRelease(tx, now) };
}

async function tidy(tx: Tx, now: Instant): Promise<boolean> {
  const stopped = await nextToPark(tx);
  if (stopped) await parkChunk(tx, stopped, CHUNK);
  const through = await listThrough(tx);
  await finishFanouts(tx, through, now);
  return stopped !== null || through.length > 0;
}
