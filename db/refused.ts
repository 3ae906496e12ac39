import { sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import { mayKnowNotice, type Reader } from './visible.ts';

/** What may have reached a person, or is about to. */
const OUT = ['in_batch', 'accepted', 'delivered', 'complained', 'uncertain'] as const;

/**
 * Puts refused deliveries of a notice back in the queue, for a new batch under a new key: they were definitely not taken. Left as they
 * are: those whose person has newer news of the same incident already, since old news must not follow it. At most `limit`, past the seq
 * `after`; with `seqs` only of these.
 * @returns how many went back, how many were passed over, and the seq that the next turn starts after (null when this was the last)
 */
export async function requeueRefused(
  tx: Tx,
  query: { noticeSeq: number; seqs: readonly number[] | null; after: number; limit: number; now: Instant },
): Promise<{ requeued: number; passedOver: number; next: number | null }> {
  let select = tx
    .selectFrom('deliveries')
    .select(['seq', 'recipient_seq'])
    .where('notice_seq', '=', query.noticeSeq)
    .where('state', '=', 'refused')
    .where('seq', '>', query.after)
    .orderBy('seq')
    .limit(query.limit);
  if (query.seqs) select = select.where('seq', 'in', query.seqs);
  const rows = await select.execute();
  const last = rows.at(-1);
  if (!last) return { requeued: 0, passedOver: 0, next: null };
  const { numUpdatedRows } = await tx
    .updateTable('deliveries')
    .set((eb) => ({
      state: 'queued' as const,
      batch_seq: null,
      attempts: eb('attempts', '+', 1),
      not_before: query.now,
      reason: null,
      updated_at: query.now,
    }))
    .where(
      'seq',
      'in',
      rows.map((row) => row.seq),
    )
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('deliveries as o')
            .select(sql.lit(1).as('one'))
            .whereRef('o.recipient_seq', '=', 'deliveries.recipient_seq')
            .where('o.notice_seq', 'in', newerOf(tx).where('this.seq', '=', query.noticeSeq))
            .where('o.state', 'in', OUT),
        ),
      ),
    )
    .executeTakeFirstOrThrow();
  const requeued = Number(numUpdatedRows);
  return {
    requeued,
    passedOver: rows.length - requeued,
    next: rows.length === query.limit ? last.seq : null,
  };
}

/** Puts deliveries that were refused for what was no fault of theirs back in the queue, as `requeueRefused` does, whatever they are of. */
export async function takeBackRefused(tx: Tx, seqs: readonly number[], now: Instant): Promise<void> {
  const rows = await tx
    .selectFrom('deliveries')
    .select('notice_seq')
    .distinct()
    .where('seq', 'in', seqs)
    .where('state', '=', 'refused')
    .execute();
  const noticeSeqs = rows.map((row) => row.notice_seq);
  if (!noticeSeqs.length) return;
  for (const noticeSeq of noticeSeqs)
    await requeueRefused(tx, { noticeSeq, seqs, after: 0, limit: seqs.length, now });
  await reopenFanouts(tx, noticeSeqs);
  await stopLikeTheRest(tx, noticeSeqs);
}

/**
 * Ends deliveries in this state to people who have newer news of the same incident already, since old news must not follow it.
 * @param reader whose decision it is; `anyone` where it is nobody's
 */
export async function endOvertaken(
  tx: Tx,
  seqs: readonly number[],
  { state, reason, now }: { state: 'uncertain' | 'in_batch'; reason: string; now: Instant },
  reader: Reader | 'anyone',
): Promise<void> {
  await tx
    .updateTable('deliveries')
    .set({ state: 'superseded', reason, updated_at: now })
    .where('seq', 'in', seqs)
    .where('state', '=', state)
    .$if(reader !== 'anyone', (query) =>
      query.where(mayKnowNotice(reader as Reader, 'deliveries.notice_seq')),
    )
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('deliveries as o')
          .select(sql.lit(1).as('one'))
          .whereRef('o.recipient_seq', '=', 'deliveries.recipient_seq')
          .where(
            'o.notice_seq',
            'in',
            newerOf(tx).where('this.seq', '=', sql.ref<number>('deliveries.notice_seq')),
          )
          .where('o.state', 'in', OUT),
      ),
    )
    .execute();
}

/** Newer messages of the incident of `this`. Uses notices_incident. */
function newerOf(tx: Tx) {
  return tx
    .selectFrom('notices as newer')
    .innerJoin('notices as this', 'this.incident_seq', 'newer.incident_seq')
    .select('newer.seq')
    .whereRef('newer.seq', '>', 'this.seq');
}

/** Messages some of whose deliveries wait again take part in the order of their incident once more. */
export async function reopenFanouts(tx: Tx, noticeSeqs: readonly number[]): Promise<void> {
  if (!noticeSeqs.length) return;
  await tx.updateTable('fanouts').set({ finished_at: null }).where('notice_seq', 'in', noticeSeqs).execute();
}

/** What waits again of an update whose mail was stopped meanwhile is stopped with it. */
export async function stopLikeTheRest(tx: Tx, noticeSeqs: readonly number[]): Promise<void> {
  const stopped = await tx
    .selectFrom('notices as n')
    .innerJoin('notices as o', (join) =>
      join.onRef('o.incident_seq', '=', 'n.incident_seq').onRef('o.update_seq', '=', 'n.update_seq'),
    )
    .select(['n.seq', 'o.stopped_at', 'o.stopped_by'])
    .where('n.seq', 'in', noticeSeqs)
    .where('n.stopped_at', 'is', null)
    .where('o.stopped_at', 'is not', null)
    .where(sql<boolean>`(n.kind = 'stakeholder') = (o.kind = 'stakeholder')`)
    .execute();
  for (const row of stopped)
    await tx
      .updateTable('notices')
      .set({ stopped_at: row.stopped_at, stopped_by: row.stopped_by })
      .where('seq', '=', row.seq)
      .execute();
}
