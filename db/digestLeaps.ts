import { sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

/** Whether digests tell of what happened later than that. Uses digest_runs_to. */
export async function hasDigestsAfter(tx: Tx, at: Instant): Promise<boolean> {
  const row = await tx
    .selectFrom('digest_runs')
    .select('day')
    .where('window_to', '>', at)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/**
 * The digests that tell of what happened later than that are the last ones of no zone any more, and come to nobody else. Whoever had them is
 * told nothing of it again.
 */
export async function setDigestsAside(tx: Tx, at: Instant, now: Instant): Promise<void> {
  const zone = sql<string>`zone || ${` ahead of ${now}`}`;
  await tx
    .updateTable('digest_texts as t')
    .set({ zone })
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('digest_runs as r')
          .select('r.day')
          .whereRef('r.zone', '=', 't.zone')
          .whereRef('r.day', '=', 't.day')
          .where('r.window_to', '>', at),
      ),
    )
    .execute();
  await tx
    .updateTable('digest_runs')
    .set((eb) => ({ zone, window_to: now, page_from: null, done_at: eb.fn.coalesce('done_at', eb.val(now)) }))
    .where('window_to', '>', at)
    .execute();
}
