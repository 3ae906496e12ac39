import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

export type HandoverAsk = { incidentSeq: number; due: Instant; userId: string; at: Instant };

/** Who was asked to take these incidents over, in the order in which they were. */
export async function listHandoverAsks(tx: Tx, incidentSeqs: readonly number[]): Promise<HandoverAsk[]> {
  if (!incidentSeqs.length) return [];
  const rows = await tx
    .selectFrom('handover_asks')
    .select(['incident_seq', 'due_at', 'user_id', 'asked_at'])
    .where('incident_seq', 'in', incidentSeqs)
    .orderBy('seq')
    .execute();
  return rows.map((row) => ({
    incidentSeq: row.incident_seq,
    due: row.due_at,
    userId: row.user_id,
    at: row.asked_at,
  }));
}

/** Whoever was asked about it by a clock that had leapt ahead counts as asked now. */
export async function insertHandoverAsks(
  tx: Tx,
  asks: readonly HandoverAsk[],
  noticeSeq: number | null,
): Promise<void> {
  await tx
    .insertInto('handover_asks')
    .values(
      asks.map((ask) => ({
        incident_seq: ask.incidentSeq,
        due_at: ask.due,
        user_id: ask.userId,
        asked_at: ask.at,
        notice_seq: noticeSeq,
      })),
    )
    .onConflict((conflict) =>
      conflict.columns(['incident_seq', 'due_at', 'user_id']).doUpdateSet((eb) => ({
        asked_at: eb.ref('excluded.asked_at'),
        notice_seq: eb.ref('excluded.notice_seq'),
      })),
    )
    .execute();
}
