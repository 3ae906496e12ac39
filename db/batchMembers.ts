import { sql } from 'kysely';
import type { DeliveryState } from '#domain/deliveries.ts';
import type { Instant } from '#domain/time.ts';
import { yieldToNewer } from './coalesce.ts';
import { ADDRESS, COUNTS, TO_SUBSCRIBED } from './deliveries.ts';
import { entriesOf, wholeNumbers } from './dialect.ts';
import type { Tx } from './open.ts';
import { returnEnded } from './toldElsewhere.ts';

/** Makes queued deliveries members of a batch, and notes which text each of them gets. */
export async function assignToBatch(
  tx: Tx,
  members: readonly { seq: number; contentSeq: number }[],
  batchSeq: number,
  now: Instant,
): Promise<void> {
  for (const [contentSeq, alike] of Map.groupBy(members, (member) => member.contentSeq))
    await tx
      .updateTable('deliveries')
      .set((eb) => ({
        state: 'in_batch' as const,
        batch_seq: batchSeq,
        content_seq: eb.case().when('notice_seq', '=', contentSeq).then(null).else(contentSeq).end(),
        reason: null,
        updated_at: now,
      }))
      .where('seq', 'in', sql<number>`(${wholeNumbers(alike.map((member) => member.seq))})`)
      .execute();
}

/** One of a batch: who is told what, and how that has gone. */
export type BatchMember = {
  seq: number;
  noticeId: string;
  recipientId: string;
  attempts: number;
  unanswered: number;
};

/** The batch's deliveries in the order of its bytes. */
export async function listMembers(
  tx: Tx,
  batchSeq: number,
): Promise<(BatchMember & { state: DeliveryState })[]> {
  return tx
    .selectFrom('deliveries as d')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
    .select(['d.seq', 'd.state', 'd.attempts', 'd.unanswered', 'n.id as noticeId', 'r.id as recipientId'])
    .where('d.batch_seq', '=', batchSeq)
    .orderBy('d.seq')
    .execute();
}

/** Who in the batch must not be told any more, and why: suppressed, or gone from what they were subscribed to, since it was frozen. */
export async function listAgainst(
  tx: Tx,
  batchSeq: number,
): Promise<{ seq: number; unanswered: number; why: 'suppressed' | 'unsubscribed' | 'quarantined' }[]> {
  const rows = await tx
    .selectFrom('deliveries as d')
    .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .leftJoin('suppressions as s', (join) =>
      join.on('s.address', '=', ADDRESS).on('s.lifted_at', 'is', null).on(COUNTS),
    )
    .select(['d.seq', 'd.unanswered', 's.address as suppressed', 'r.state'])
    .where('d.batch_seq', '=', batchSeq)
    .where('d.state', '=', 'in_batch')
    .where((eb) =>
      eb.or([
        eb('s.address', 'is not', null),
        eb.and([
          eb('n.kind', 'in', TO_SUBSCRIBED),
          eb.or([eb('r.state', '<>', 'confirmed'), eb('r.quarantined_at', 'is not', null)]),
        ]),
      ]),
    )
    .orderBy('d.seq')
    .execute();
  return rows.map(({ suppressed, state, ...row }) => ({
    ...row,
    why: suppressed !== null ? 'suppressed' : state !== 'confirmed' ? 'unsubscribed' : 'quarantined',
  }));
}

/**
 * The provider took these; `providerIds` has an entry for each of `seqs`. Who is further already (a receipt overtook the answer)
 * keeps that state.
 */
export async function acceptDeliveries(
  tx: Tx,
  accepted: { seqs: readonly number[]; providerIds: readonly (string | null)[]; now: Instant },
): Promise<void> {
  if (!accepted.seqs.length) return;
  const ids = Object.fromEntries(
    accepted.seqs.map((seq, index) => [seq, accepted.providerIds[index] ?? null]),
  );
  await tx
    .updateTable('deliveries as d')
    .from(entriesOf(tx.dialect, ids).as('taken'))
    .set((eb) => ({
      provider_id: eb.ref('taken.value'),
      state: eb
        .case()
        .when('d.state', '=', 'in_batch')
        .then(sql.lit<DeliveryState>('accepted'))
        .else(eb.ref('d.state'))
        .end(),
      // What a receipt said before belongs to the state that it led to.
      reason: eb.case().when('d.state', '=', 'in_batch').then(null).else(eb.ref('d.reason')).end(),
      updated_at: accepted.now,
    }))
    .where('d.seq', '=', sql<number>`cast(taken.key as bigint)`)
    .execute();
}

/**
 * Ends members of a batch that no one will take.
 * @param end with `decided` nobody is asked about what is uncertain: it could not be repeated
 */
export async function endMembers(
  tx: Tx,
  seqs: readonly number[],
  end: {
    state: 'refused' | 'bounced' | 'uncertain' | 'suppressed';
    reason: string;
    decided?: boolean;
    now: Instant;
  },
): Promise<void> {
  if (!seqs.length) return;
  await tx
    .updateTable('deliveries')
    .set({ state: end.state, reason: end.reason, updated_at: end.now })
    .$if(end.decided === true, (query) => query.set({ decided_at: end.now }))
    .where('seq', 'in', seqs)
    .where('state', '=', 'in_batch')
    .execute();
  if (end.state !== 'uncertain') await returnEnded(tx, seqs, end.now);
}

/** Ends every member of which nothing is known yet. */
export async function endBatchMembers(
  tx: Tx,
  batchSeq: number,
  end: { state: 'refused' | 'uncertain'; reason: string; now: Instant },
): Promise<void> {
  const ended = await tx
    .updateTable('deliveries')
    .set({ state: end.state, reason: end.reason, updated_at: end.now })
    .where('batch_seq', '=', batchSeq)
    .where('state', '=', 'in_batch')
    .returning('seq')
    .execute();
  const seqs = ended.map(({ seq }) => seq);
  if (end.state === 'refused') await returnEnded(tx, seqs, end.now);
}

/**
 * Puts members back in the queue. Only for those that were definitely not taken: they will go in a new batch, under a new key.
 * @param again `counts`: it was a try, or a provider has seen their key. Otherwise it is as though they had never been in the batch.
 */
export async function requeueMembers(
  tx: Tx,
  members: { batchSeq: number; seqs?: readonly number[] },
  again: { counts: boolean; notBefore: Instant; reason: string | null; now: Instant },
): Promise<void> {
  let query = tx
    .updateTable('deliveries')
    .set((eb) => ({
      state: 'queued' as const,
      batch_seq: null,
      attempts: eb('attempts', '+', again.counts ? 1 : 0),
      not_before: again.notBefore,
      reason: again.reason,
      updated_at: again.now,
    }))
    .where('batch_seq', '=', members.batchSeq)
    .where('state', '=', 'in_batch');
  if (members.seqs) query = query.where('seq', 'in', members.seqs);
  const back = await query.returning('seq').execute();
  await yieldToNewer(
    tx,
    back.map((row) => row.seq),
    again.now,
  );
}

/**
 * Moves members to another batch after theirs was definitely refused as a whole. They take over its generation, so that the same people
 * are never frozen twice under one key.
 */
export async function moveMembers(
  tx: Tx,
  seqs: readonly number[],
  to: { batchSeq: number; generation: number; now: Instant },
): Promise<void> {
  await tx
    .updateTable('deliveries')
    .set({ batch_seq: to.batchSeq, attempts: to.generation, updated_at: to.now })
    .where('seq', 'in', seqs)
    .where('state', '=', 'in_batch')
    .execute();
}

/** Notes that these were handed over and nobody answered. */
export async function countUnanswered(
  tx: Tx,
  seqs: readonly number[],
  { reason, now }: { reason: string; now: Instant },
): Promise<void> {
  if (!seqs.length) return;
  await tx
    .updateTable('deliveries')
    .set((eb) => ({ unanswered: eb('unanswered', '+', 1), reason, updated_at: now }))
    .where('seq', 'in', seqs)
    .where('state', '=', 'in_batch')
    .execute();
}

/**
 * Notes what may have been handed over in a batch whose mails go one by one, in order, and which was cut off: the first of which nothing
 * was written down. A batch of calls holds one.
 */
export async function countCutOff(tx: Tx, batchSeq: number, now: Instant): Promise<void> {
  const first = await tx
    .selectFrom('deliveries')
    .select('seq')
    .where('batch_seq', '=', batchSeq)
    .where('state', '=', 'in_batch')
    .where('unanswered', '=', 0)
    .orderBy('seq')
    .limit(1)
    .executeTakeFirst();
  if (first) await countUnanswered(tx, [first.seq], { reason: CUT_OFF, now });
}

const CUT_OFF = 'Foghorn ended while this was being handed over.';
