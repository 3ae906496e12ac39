import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

export type ComingShift = {
  startsAt: Instant;
  endsAt: Instant;
  /** Ids of users. */
  primaryId: string;
  secondId: string | null;
  managerId: string | null;
};

/** The shifts that run or are still to come, in their order. */
export async function listComingShifts(tx: Tx, now: Instant): Promise<ComingShift[]> {
  const rows = await tx
    .selectFrom('duty_shifts')
    .select(['starts_at', 'ends_at', 'primary_id', 'second_id', 'manager_id'])
    .where('ends_at', '>', now)
    .orderBy('starts_at')
    .orderBy('seq')
    .execute();
  return rows.map((row) => ({
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    primaryId: row.primary_id,
    secondId: row.second_id,
    managerId: row.manager_id,
  }));
}
