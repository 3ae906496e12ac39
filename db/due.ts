import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

/**
 * Whether something that visitors see became due after `after` and up to `now`: an update's time, a maintenance's start or end.
 * The first is answered by the index incidents_due, the second by incidents_open.
 */
export async function didSomethingFallDue(tx: Tx, after: Instant, now: Instant): Promise<boolean> {
  const row = await tx
    .selectFrom('incidents')
    .select('seq')
    .where('published_at', 'is not', null)
    .where('drill', '=', 0)
    .where((eb) =>
      eb.or([
        eb.and([eb('next_update_due', '>', after), eb('next_update_due', '<=', now)]),
        eb.and([
          eb('kind', '=', 'maintenance'),
          eb('resolved_at', 'is', null),
          eb.or([
            eb.and([eb('scheduled_for', '>', after), eb('scheduled_for', '<=', now)]),
            eb.and([eb('scheduled_until', '>', after), eb('scheduled_until', '<=', now)]),
          ]),
        ]),
      ]),
    )
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Up to when the clock has bumped the page's version, and in which zone its days begin; null before there is a page. */
export async function getBumpedUntil(tx: Tx): Promise<{ bumpedUntil: Instant; timeZone: string } | null> {
  const row = await tx
    .selectFrom('page')
    .select(['bumped_until', 'time_zone'])
    .where('id', '=', 1)
    .executeTakeFirst();
  return row ? { bumpedUntil: row.bumped_until, timeZone: row.time_zone } : null;
}

/** Claims the time up to `now`: false when another process has done so since `before` was read. */
export async function claimBumpedUntil(tx: Tx, before: Instant, now: Instant): Promise<boolean> {
  const result = await tx
    .updateTable('page')
    .set({ bumped_until: now })
    .where('id', '=', 1)
    .where('bumped_until', '=', before)
    .executeTakeFirst();
  return Number(result.numUpdatedRows) === 1;
}
