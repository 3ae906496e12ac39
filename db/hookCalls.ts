import { sql } from 'kysely';
import type { DeliveryState } from '#domain/deliveries.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';
import { MAY_HAVE_IT } from './unfinished.ts';

/** Why a delivery to a quarantined endpoint was left out: by these words resuming finds it again. */
export const QUARANTINED = 'Calls there failed, so nothing is sent until someone lets them go on.';

/** What follows those words on a delivery that had been tried. */
export const LAST_CALL = ' The last call: ';

/** When mails about their webhooks and chats were written to someone since then, the newest first. Uses recipients_owner. */
export async function listHookMails(
  tx: Tx,
  owner: string,
  since: Instant,
): Promise<{ recipientSeq: number; at: Instant }[]> {
  return tx
    .selectFrom('recipients as r')
    .innerJoin('deliveries as d', 'd.recipient_seq', 'r.seq')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .select(['r.seq as recipientSeq', 'n.created_at as at'])
    .where('r.owner_address', '=', owner)
    .where('n.kind', 'in', ['confirm', 'already'])
    .where('n.created_at', '>', since)
    .orderBy('n.created_at', 'desc')
    .execute();
}

/** A delivery of the hook lane with what a failed call of it depends on. */
export type CalledHook = {
  recipientSeq: number;
  /** Calls so far that failed. */
  attempts: number;
  noticeKind: Row<'notices'>['kind'];
  /** Calls of the endpoint in a row that failed, whatever they were of. */
  failures: number;
  /** When the last calls failed, the oldest first, whatever was taken in between. */
  failedAt: Instant[];
};

export async function hookOfDelivery(tx: Tx, deliverySeq: number): Promise<CalledHook | null> {
  const row = await tx
    .selectFrom('deliveries as d')
    .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .select(['r.seq', 'd.attempts', 'n.kind', 'r.failures', 'r.failed_at'])
    .where('d.seq', '=', deliverySeq)
    .executeTakeFirst();
  if (!row) return null;
  return {
    recipientSeq: row.seq,
    attempts: row.attempts,
    noticeKind: row.kind,
    failures: row.failures,
    failedAt: JSON.parse(row.failed_at) as Instant[],
  };
}

export async function setFailures(
  tx: Tx,
  recipientSeq: number,
  { failures, failedAt }: { failures: number; failedAt: readonly Instant[] },
): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({ failures, failed_at: JSON.stringify(failedAt) })
    .where('seq', '=', recipientSeq)
    .execute();
}

/** Puts a call back in the queue; `tried` says whether it was made. Membership of its batch ends. */
export async function requeueCall(
  tx: Tx,
  deliverySeq: number,
  again: { tried: boolean; notBefore: Instant; reason: string | null; now: Instant },
): Promise<void> {
  await tx
    .updateTable('deliveries')
    .set((eb) => ({
      state: 'queued' as const,
      batch_seq: null,
      attempts: again.tried ? eb('attempts', '+', 1) : eb.ref('attempts'),
      not_before: again.notBefore,
      reason: again.reason,
      updated_at: again.now,
    }))
    .where('seq', '=', deliverySeq)
    .where('state', '=', 'in_batch')
    .execute();
}

/** What failed there and waits to be tried again is tried now. Uses deliveries_recipient. */
export async function hastenCalls(tx: Tx, recipientSeq: number, now: Instant): Promise<void> {
  await tx
    .updateTable('deliveries')
    .set({ not_before: now })
    .where('recipient_seq', '=', recipientSeq)
    .where('lane', '=', 'hook')
    .where('state', '=', 'queued')
    .where('attempts', '>', 0)
    .where('not_before', '>', now)
    .execute();
}

/** From now on nothing is sent there, what waits included. @returns false when it was so already */
export async function quarantineHook(tx: Tx, recipientSeq: number, now: Instant): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('recipients')
    .set({ quarantined_at: now })
    .where('seq', '=', recipientSeq)
    .where('quarantined_at', 'is', null)
    .executeTakeFirstOrThrow();
  if (!numUpdatedRows) return false;
  await tx
    .updateTable('deliveries')
    .set({
      state: 'suppressed',
      reason: sql<string>`cast(${QUARANTINED} as text) || coalesce(cast(${LAST_CALL} as text) || reason, '')`,
      updated_at: now,
    })
    .where('recipient_seq', '=', recipientSeq)
    .where('lane', '=', 'hook')
    .where('state', '=', 'queued')
    .execute();
  return true;
}

/**
 * Sends there again. Of what the quarantine kept back since `since`, the newest of each incident goes out now: it says how things are.
 * Not what was dropped meanwhile.
 * @returns how many those are
 */
export async function resumeHook(
  tx: Tx,
  recipientSeq: number,
  { since, now }: { since: Instant; now: Instant },
): Promise<number> {
  await tx
    .updateTable('recipients')
    .set({ quarantined_at: null, failures: 0, failed_at: '[]' })
    .where('seq', '=', recipientSeq)
    .execute();
  const { numUpdatedRows } = await tx
    .updateTable('deliveries as d')
    .set((eb) => ({
      state: 'queued' as const,
      not_before: now,
      reason: null,
      attempts: sql.lit(0),
      batch_seq: null,
      updated_at: now,
      unanswered: eb.ref('d.unanswered'),
    }))
    .where('d.recipient_seq', '=', recipientSeq)
    .where('d.lane', '=', 'hook')
    .where('d.state', '=', 'suppressed')
    .where(sql<string>`substr(d.reason, 1, ${sql.lit(QUARANTINED.length)})`, '=', QUARANTINED)
    .where('d.updated_at', '>=', since)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('notices as of')
            .select(sql.lit(1).as('one'))
            .whereRef('of.seq', '=', 'd.notice_seq')
            .where('of.dropped_at', 'is not', null),
        ),
      ),
    )
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('deliveries as newer')
            .innerJoin('notices as nn', 'nn.seq', 'newer.notice_seq')
            .innerJoin('notices as dn', (join) => join.onRef('dn.seq', '=', 'd.notice_seq'))
            .select(sql.lit(1).as('one'))
            .whereRef('newer.recipient_seq', '=', 'd.recipient_seq')
            .whereRef('newer.seq', '>', 'd.seq')
            .whereRef('nn.incident_seq', '=', 'dn.incident_seq')
            // What was dropped before it came there stands in no other's way.
            .where((of) => of.or([of('nn.dropped_at', 'is', null), of('newer.state', 'in', MAY_HAVE_IT)])),
        ),
      ),
    )
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

/** The last calls, the newest first: what was said and what came of it. Uses deliveries_recipient. */
export async function listCalls(
  tx: Tx,
  recipientSeq: number,
  limit: number,
): Promise<
  {
    seq: number;
    kind: Row<'notices'>['kind'];
    subject: string;
    state: DeliveryState;
    reason: string | null;
    /** What the endpoint answered. */
    answer: string | null;
    notBefore: Instant;
    createdAt: Instant;
    updatedAt: Instant;
  }[]
> {
  return tx
    .selectFrom('deliveries as d')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .select([
      'd.seq',
      'n.kind',
      'n.subject',
      'd.state',
      'd.reason',
      'd.provider_id as answer',
      'd.not_before as notBefore',
      'n.created_at as createdAt',
      'd.updated_at as updatedAt',
    ])
    .where('d.recipient_seq', '=', recipientSeq)
    .where('d.lane', '=', 'hook')
    .orderBy('d.seq', 'desc')
    .limit(limit)
    .execute();
}
