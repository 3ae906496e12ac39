import { dropChunk, nextToDrop } from '#db/dropped.ts';
import { countExpandFailure, endOfChunk, expandTo, nextOpenFanout, nextRelease } from '#db/fanouts.ts';
import type { Db, Tx } from '#db/open.ts';
import { finishFanouts, listThrough, nextToPark, parkChunk } from '#db/parking.ts';
import type { Instant } from '#domain/time.ts';

/** The first chunk is small, so that the first mail leaves at once. */
const FIRST_CHUNK = 500;
const CHUNK = 10_000;
const LEAST_CHUNK = 500;
/** Each row is looked at several times where a newer notice takes the place of older ones. */
const CAREFUL_CHUNK = 2_000;
/** A chunk is made as large as takes so long: whoever wants to post waits for one. */
const CHUNK_MS = 20;
/** Between two chunks others may write. */
const REST_MS = 10;

/** What one process has learned of how quick its database is. */
export type Stride = {
  /** Rows in a usual chunk. */
  rows: number;
  /** How long the last one kept others from writing, in ms. */
  tookMs: number;
};

export function newStride(): Stride {
  return { rows: CHUNK, tookMs: 0 };
}

/** How long to rest after a chunk: as long as it took, so that others have as much of the database and of the machine. */
export function restAfter({ tookMs }: Stride): number {
  return Math.max(REST_MS, tookMs);
}

/**
 * Turns the next chunk of the most urgent open fan-out into deliveries. The chunk and the cursor commit together: after a crash, or
 * with several processes, each recipient is expanded exactly once. Where there is none, what was dropped ends, what was stopped is moved
 * out of the queue's front or back, and what is through is noted.
 * @param stride kept from chunk to chunk
 * @param stopwatch counts milliseconds, whatever the clock does: a leap in the middle of a chunk is no reason to rest for a day
 * @returns whether there was anything to do
 * @throws ExpandFailure
 */
export async function expandNextChunk({
  db,
  now,
  stride = newStride(),
  stopwatch = () => performance.now(),
}: {
  db: Db;
  now: () => Instant;
  stride?: Stride;
  stopwatch?: () => number;
}): Promise<boolean> {
  let began = 0;
  let rows = 0;
  let turnOf: number | null = null;
  const writing = db.write(async (tx) => {
    const time = now();
    began = stopwatch();
    const fanout = await nextOpenFanout(tx, time);
    if (!fanout) return tidy(tx, stride.rows, time);
    turnOf = fanout.seq;
    const usual = fanout.follows.length || fanout.mends ? Math.min(CAREFUL_CHUNK, stride.rows) : stride.rows;
    rows = fanout.cursorSeq === 0 ? FIRST_CHUNK : usual;
    const to = await endOfChunk(tx, fanout, rows);
    await expandTo(tx, fanout, to, time);
    return true;
  });
  const worked = await writing.catch(async (error) => {
    // Where even that cannot be written it is the database that fails, and not what was to be expanded.
    if (turnOf === null || !(await noteFailure(db, turnOf, now()))) throw error;
    throw new ExpandFailure(turnOf, error);
  });
  if (!worked) return false;
  stride.tookMs = stopwatch() - began;
  if (rows === stride.rows) adapt(stride);
  return true;
}

/** One fan-out could not be turned into deliveries. That is noted, and the others have their turns. */
export class ExpandFailure extends Error {
  override name = 'ExpandFailure';
  readonly fanout: number;
  constructor(fanout: number, cause: Error) {
    super(cause.message, { cause });
    this.fanout = fanout;
  }
}

async function noteFailure(db: Db, fanout: number, now: Instant): Promise<boolean> {
  return db
    .write((tx) => countExpandFailure(tx, fanout, now))
    .then(
      () => true,
      () => false,
    );
}

/** Halfway towards what would have taken the time that a chunk may take. */
function adapt(stride: Stride): void {
  const fits = (stride.rows * CHUNK_MS) / Math.max(1, stride.tookMs);
  stride.rows = Math.round(Math.min(CHUNK, Math.max(LEAST_CHUNK, (stride.rows + fits) / 2)));
}

/** Whether expandNextChunk would find work, asked without taking a writer's turn; else when the next fan-out is released. */
export async function awaitsExpanding(
  tx: Tx,
  now: Instant,
): Promise<{ work: boolean; next: Instant | null }> {
  const work =
    (await nextOpenFanout(tx, now)) !== null ||
    (await nextToDrop(tx)) !== null ||
    (await nextToPark(tx)) !== null ||
    (await listThrough(tx)).length > 0;
  return { work, next: work ? null : await nextRelease(tx, now) };
}

async function tidy(tx: Tx, rows: number, now: Instant): Promise<boolean> {
  const dropped = await nextToDrop(tx);
  if (dropped) await dropChunk(tx, dropped, Math.min(CAREFUL_CHUNK, rows), now);
  const stopped = dropped ? null : await nextToPark(tx);
  if (stopped) await parkChunk(tx, stopped, rows);
  const through = await listThrough(tx);
  await finishFanouts(tx, through, now);
  return dropped !== null || stopped !== null || through.length > 0;
}
