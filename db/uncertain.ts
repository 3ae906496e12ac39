import { type ExpressionBuilder, sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import { yieldToNewer } from './coalesce.ts';
import { chunksOf } from './dialect.ts';
import type { Tx } from './open.ts';
import { endOvertaken, reopenFanouts } from './refused.ts';
import type { Row, Schema } from './schema.ts';
import { mayKnowNotice, type Reader } from './visible.ts';

/** A delivery of which nobody knows whether it arrived, and about which nobody has decided yet. */
export type UncertainDelivery = {
  seq: number;
  noticeId: string;
  subject: string;
  /** Where it went: email also of word to whoever looks after a webhook or chat. */
  channel: Row<'recipients'>['channel'];
  address: string;
  /** Why it is not known, in words. */
  reason: string | null;
  /** Since when it is called uncertain. */
  since: Instant;
};

/** What waits for an operator's decision, in order of seq, past the seq `after`. Served by deliveries_uncertain. */
export async function listUncertain(
  tx: Tx,
  { after, limit, noticeId }: { after: number; limit: number; noticeId: string | null },
  reader: Reader = null,
): Promise<UncertainDelivery[]> {
  let query = tx
    .selectFrom('deliveries as d')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
    .select(['d.seq', 'n.id as noticeId', 'n.subject', 'd.reason', 'd.updated_at as since'])
    .select(['r.channel', 'r.address', 'r.owner_address', 'd.lane'])
    // A literal, so that the partial index serves.
    .where('d.state', '=', sql.lit('uncertain'))
    .where('d.decided_at', 'is', null)
    .where('d.seq', '>', after)
    .where(mayKnowNotice(reader, 'd.notice_seq'))
    .orderBy('d.seq')
    .limit(limit);
  if (noticeId !== null) query = query.where('n.id', '=', noticeId);
  return (await query.execute()).map(({ owner_address, lane, ...row }) =>
    lane === 'mail' && row.channel !== 'email'
      ? { ...row, channel: 'email', address: owner_address ?? '' }
      : row,
  );
}

/** How many wait for a decision. */
export async function countUncertain(tx: Tx, reader: Reader = null): Promise<number> {
  const { count } = await tx
    .selectFrom('deliveries')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('state', '=', sql.lit('uncertain'))
    .where('decided_at', 'is', null)
    .where(mayKnowNotice(reader, 'deliveries.notice_seq'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

/**
 * Puts uncertain deliveries back in the queue, for a new batch under a new key: whoever asks for it accepts that some may come twice.
 * Those that are not uncertain (any more), or of which the rest was dropped, are left alone. Old news does not follow newer: where that went out, the old ends as superseded.
 * @returns how many will go again
 */
export async function requeueUncertain(
  tx: Tx,
  seqs: readonly number[],
  now: Instant,
  reader: Reader = null,
): Promise<number> {
  let count = 0;
  for (const chunk of chunksOf(seqs, 1)) {
    await endOvertaken(tx, chunk, { state: 'uncertain', reason: OVERTAKEN, now }, reader);
    const back = await tx
      .updateTable('deliveries')
      .set((eb) => ({
        state: 'queued' as const,
        batch_seq: null,
        attempts: eb('attempts', '+', 1),
        unanswered: 0,
        not_before: now,
        reason: null,
        decided_at: null,
        updated_at: now,
      }))
      .where('seq', 'in', chunk)
      .where('state', '=', 'uncertain')
      .where(mayKnowNotice(reader, 'deliveries.notice_seq'))
      .where((eb) => eb.not(eb.exists(isOfDropped(eb))))
      .returning(['seq', 'notice_seq'])
      .execute();
    count += back.length;
    await reopenFanouts(tx, [...new Set(back.map((row) => row.notice_seq))]);
    await yieldToNewer(
      tx,
      back.map((row) => row.seq),
      now,
    );
  }
  return count;
}

const OVERTAKEN = 'It may have arrived. A newer message has gone out since, so this one is not sent again.';

function isOfDropped(eb: ExpressionBuilder<Schema, 'deliveries'>) {
  return eb
    .selectFrom('notices')
    .select(sql.lit(1).as('one'))
    .whereRef('notices.seq', '=', 'deliveries.notice_seq')
    .where('notices.dropped_at', 'is not', null);
}

/** Notes that these stay as they are, so that nobody is asked about them again. @returns how many were still open */
export async function decideUncertain(
  tx: Tx,
  seqs: readonly number[],
  now: Instant,
  reader: Reader = null,
): Promise<number> {
  let count = 0;
  for (const chunk of chunksOf(seqs, 1)) {
    const { numUpdatedRows } = await tx
      .updateTable('deliveries')
      .set({ decided_at: now })
      .where('seq', 'in', chunk)
      .where('state', '=', 'uncertain')
      .where('decided_at', 'is', null)
      .where(mayKnowNotice(reader, 'deliveries.notice_seq'))
      .executeTakeFirstOrThrow();
    count += Number(numUpdatedRows);
  }
  return count;
}
