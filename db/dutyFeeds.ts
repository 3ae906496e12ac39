import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

/** A person's own shifts, or the whole rota. */
export type FeedShows = 'own' | 'all';

export type DutyFeed = { userId: string; shows: FeedShows; createdAt: Instant };

/** Those of one person that work. */
export async function listDutyFeeds(tx: Tx, userId: string): Promise<DutyFeed[]> {
  const rows = await tx.selectFrom('duty_feeds').selectAll().where('user_id', '=', userId).execute();
  return rows.map((row) => ({ userId: row.user_id, shows: row.shows, createdAt: row.created_at }));
}

/** null also when its owner can no longer sign in. */
export async function findDutyFeed(tx: Tx, tokenHash: string): Promise<(DutyFeed & { name: string }) | null> {
  const row = await tx
    .selectFrom('duty_feeds as f')
    .innerJoin('users as u', 'u.id', 'f.user_id')
    .select(['f.user_id', 'f.shows', 'f.created_at', 'u.name'])
    .where('f.token_hash', '=', tokenHash)
    .where('u.disabled_at', 'is', null)
    .executeTakeFirst();
  return row ? { userId: row.user_id, shows: row.shows, createdAt: row.created_at, name: row.name } : null;
}

/** One a person and kind: an earlier address shows nothing any more. */
export async function putDutyFeed(tx: Tx, feed: DutyFeed & { tokenHash: string }): Promise<void> {
  await tx
    .insertInto('duty_feeds')
    .values({
      user_id: feed.userId,
      shows: feed.shows,
      token_hash: feed.tokenHash,
      created_at: feed.createdAt,
    })
    .onConflict((conflict) =>
      conflict
        .columns(['user_id', 'shows'])
        .doUpdateSet({ token_hash: feed.tokenHash, created_at: feed.createdAt }),
    )
    .execute();
}

/** @returns whether there was one */
export async function deleteDutyFeed(tx: Tx, userId: string, shows: FeedShows): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom('duty_feeds')
    .where('user_id', '=', userId)
    .where('shows', '=', shows)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}
