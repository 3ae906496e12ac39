import { addMs, type Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import { FAR } from './parking.ts';

/** What is as near as this needs no help; and what the clock writes once it is right is that near. */
const SOON_MS = 30_000;

/** The latest that these workers, and whoever wrote what is known of the provider, have seen of the clock; null when there is no trace. */
export async function latestSeen(
  tx: Tx,
  { workers, provider }: { workers: readonly string[]; provider: string },
): Promise<Instant | null> {
  const { beat } = await tx
    .selectFrom('workers')
    .select((eb) => eb.fn.max('beat_at').as('beat'))
    .where('id', 'in', [...workers, ''])
    .executeTakeFirstOrThrow();
  const known = await tx
    .selectFrom('providers')
    .select('updated_at')
    .where('id', '=', provider)
    .executeTakeFirst();
  return (
    [beat, known?.updated_at]
      .filter((each) => typeof each === 'string')
      .sort()
      .at(-1) ?? null
  );
}

/**
 * After the clock was set back: what was due by the old one is due now, in place of in a day. What waited for a little longer goes with it.
 * @returns how many deliveries there were; when it is `limit`, call again
 */
export async function hastenQueued(tx: Tx, now: Instant, limit: number): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable('deliveries')
    .set({ not_before: now })
    .where('seq', 'in', (eb) =>
      eb
        .selectFrom('deliveries as q')
        .select('q.seq')
        .where('q.state', '=', 'queued')
        .where('q.not_before', '>', addMs(now, SOON_MS))
        .where('q.not_before', '<', FAR)
        .limit(limit),
    )
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

/**
 * After the clock was set back: whoever has confirmed is confirmed. Done for `limit` people after `after` (by seq).
 * @returns the last of them; null when there were no more
 */
export async function confirmNow(
  tx: Tx,
  { now, after, limit }: { now: Instant; after: number; limit: number },
): Promise<number | null> {
  const { last } = await tx
    .selectFrom((eb) =>
      eb.selectFrom('recipients').select('seq').where('seq', '>', after).orderBy('seq').limit(limit).as('r'),
    )
    .select((eb) => eb.fn.max('r.seq').as('last'))
    .executeTakeFirstOrThrow();
  if (last === null) return null;
  await tx
    .updateTable('recipients')
    .set({ confirmed_at: now })
    .where('seq', '>', after)
    .where('seq', '<=', last)
    .where('confirmed_at', '>', addMs(now, SOON_MS))
    .execute();
  return last;
}

/**
 * After the clock leapt: batches, releases and the provider wait for as long as they had to and no longer, and a batch is as old as it was.
 * Done twice it does no harm: some wait a little less. Every worker whose last beat is still to
 * come by this clock has its beat set back too, and so learns that others have moved these times.
 * @param wait what becomes of a time to come that is not near
 * @param unknownSince what becomes of the time since when a batch's outcome is unknown
 */
export async function followClock(
  tx: Tx,
  {
    now,
    wait,
    unknownSince,
  }: { now: Instant; wait: (at: Instant) => Instant; unknownSince: (seq: number, at: Instant) => Instant },
): Promise<void> {
  const soon = addMs(now, SOON_MS);
  const right = <T extends Instant | null>(at: T): T =>
    (at !== null && at > soon && at !== FAR ? wait(at) : at) as T;

  const batches = await tx
    .selectFrom('batches')
    .select(['seq', 'not_before', 'lease_until', 'first_attempt_at'])
    .where('settled_at', 'is', null)
    .execute();
  for (const { seq, first_attempt_at: first, ...at } of batches)
    await tx
      .updateTable('batches')
      .set({
        not_before: right(at.not_before),
        lease_until: right(at.lease_until),
        first_attempt_at: first === null ? null : unknownSince(seq, first),
      })
      .where('seq', '=', seq)
      .execute();

  const fanouts = await tx
    .selectFrom('fanouts')
    .select(['seq', 'release_at', 'confirmed_by'])
    .where('finished_at', 'is', null)
    .execute();
  for (const { seq, ...at } of fanouts)
    await tx
      .updateTable('fanouts')
      .set({ release_at: right(at.release_at), confirmed_by: right(at.confirmed_by) })
      .where('seq', '=', seq)
      .execute();

  const providers = await tx
    .selectFrom('providers')
    .select(['id', 'blocked_until', 'back_at', 'updated_at'])
    .execute();
  for (const { id, ...at } of providers)
    await tx
      .updateTable('providers')
      .set({
        blocked_until: right(at.blocked_until),
        back_at: right(at.back_at),
        updated_at: right(at.updated_at),
      })
      .where('id', '=', id)
      .execute();

  await tx.updateTable('workers').set({ beat_at: now }).where('beat_at', '>', now).execute();
}
