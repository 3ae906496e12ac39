import { sql } from 'kysely';
import type { DeliveryState } from '#domain/deliveries.ts';
import type { Instant } from '#domain/time.ts';
import type { NoticeKind } from './notices.ts';
import type { Tx } from './open.ts';

/** A notice that went to many, with what was promised at the post. */
export type FanoutRow = {
  seq: number;
  noticeSeq: number;
  noticeId: string;
  kind: NoticeKind;
  subject: string;
  priority: number;
  incidentId: string | null;
  incidentTitle: string | null;
  /** The update that it tells of; null when it tells of none. */
  updateId: string | null;
  expected: number;
  expanding: boolean;
  createdAt: Instant;
};

/** The newest first, older than the fan-out with seq `before` (null for the top). */
export async function listFanouts(
  tx: Tx,
  { before, limit }: { before: number | null; limit: number },
): Promise<FanoutRow[]> {
  let query = fanoutsWithNotice(tx).orderBy('f.seq', 'desc').limit(limit);
  if (before !== null) query = query.where('f.seq', '<', before);
  return (await query.execute()).map(toFanout);
}

/** The fan-outs of one incident or maintenance, by its public id, the newest first. */
export async function listFanoutsOf(tx: Tx, incidentId: string): Promise<FanoutRow[]> {
  const rows = await fanoutsWithNotice(tx).where('i.id', '=', incidentId).orderBy('f.seq', 'desc').execute();
  return rows.map(toFanout);
}

export async function findFanout(tx: Tx, noticeId: string): Promise<FanoutRow | null> {
  const row = await fanoutsWithNotice(tx).where('n.id', '=', noticeId).executeTakeFirst();
  return row ? toFanout(row) : null;
}

/** How many deliveries of each notice are in each state. Served by deliveries_notice_state alone. */
export async function countStates(
  tx: Tx,
  noticeSeqs: readonly number[],
): Promise<Map<number, Partial<Record<DeliveryState, number>>>> {
  const counts = new Map<number, Partial<Record<DeliveryState, number>>>(noticeSeqs.map((seq) => [seq, {}]));
  if (!noticeSeqs.length) return counts;
  const rows = await tx
    .selectFrom('deliveries')
    .select((eb) => ['notice_seq', 'state', eb.fn.countAll<number>().as('count')])
    .where('notice_seq', 'in', noticeSeqs)
    .groupBy(['notice_seq', 'state'])
    .execute();
  for (const row of rows) (counts.get(row.notice_seq) ?? {})[row.state] = Number(row.count);
  return counts;
}

export type DeliveryRow = {
  seq: number;
  address: string;
  state: DeliveryState;
  reason: string | null;
  attempts: number;
  /** What the provider calls it; with the file transport, where the mail lies below DATA_DIR/mail. */
  providerId: string | null;
  updatedAt: Instant;
};

/** One notice's deliveries in these states, in order of seq, past the seq `after`. */
export async function listDeliveries(
  tx: Tx,
  {
    noticeSeq,
    states,
    after,
    limit,
  }: { noticeSeq: number; states: readonly DeliveryState[]; after: number; limit: number },
): Promise<DeliveryRow[]> {
  const rows = await tx
    .selectFrom('deliveries as d')
    .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
    .select(['d.seq', 'r.address', 'd.state', 'd.reason', 'd.attempts', 'd.provider_id', 'd.updated_at'])
    .where('d.notice_seq', '=', noticeSeq)
    .where('d.state', 'in', states)
    .where('d.seq', '>', after)
    .orderBy('d.seq')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    seq: row.seq,
    address: row.address,
    state: row.state,
    reason: row.reason,
    attempts: row.attempts,
    providerId: row.provider_id,
    updatedAt: row.updated_at,
  }));
}

/** One delivery with whom and what it is for. */
export async function findDelivery(
  tx: Tx,
  seq: number,
): Promise<(DeliveryRow & { noticeSeq: number; recipientId: string }) | null> {
  const row = await tx
    .selectFrom('deliveries as d')
    .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
    .select([
      'd.seq',
      'r.address',
      'r.id as recipient_id',
      'd.notice_seq',
      'd.state',
      'd.reason',
      'd.attempts',
      'd.provider_id',
      'd.updated_at',
    ])
    .where('d.seq', '=', seq)
    .executeTakeFirst();
  if (!row) return null;
  return {
    seq: row.seq,
    noticeSeq: row.notice_seq,
    recipientId: row.recipient_id,
    address: row.address,
    state: row.state,
    reason: row.reason,
    attempts: row.attempts,
    providerId: row.provider_id,
    updatedAt: row.updated_at,
  };
}

/** Puts a notice's refused deliveries back in the queue; they were definitely not taken. @returns how many */
export async function requeueRefused(tx: Tx, noticeSeq: number, now: Instant): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable('deliveries')
    .set((eb) => ({
      state: 'queued' as const,
      batch_seq: null,
      attempts: eb('attempts', '+', 1),
      not_before: now,
      reason: null,
      updated_at: now,
    }))
    .where('notice_seq', '=', noticeSeq)
    .where('state', '=', 'refused')
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

/** What waits, over all notices. */
export type Backlog = {
  queued: number;
  /** Mails in batches that are not settled. */
  inBatch: number;
  /** Since when the longest waiting delivery that is due has been so; null when nothing is due. */
  oldestDue: Instant | null;
  /** Batches that were stopped because the provider said that we contradict ourselves. */
  held: number;
  /** Fan-outs not yet expanded. */
  expanding: number;
};

export async function getBacklog(tx: Tx, now: Instant): Promise<Backlog> {
  // Literals, so that the partial indexes serve.
  const queued = await tx
    .selectFrom('deliveries')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('state', '=', sql.lit('queued'))
    .executeTakeFirstOrThrow();
  const oldest: string[] = [];
  for (const priority of [0, 1, 2, 3]) {
    const row = await tx
      .selectFrom('deliveries')
      .select('not_before')
      .where('state', '=', sql.lit('queued'))
      .where('priority', '=', priority)
      .where('not_before', '<=', now)
      .orderBy('not_before')
      .limit(1)
      .executeTakeFirst();
    if (row) oldest.push(row.not_before);
  }
  const batches = await tx
    .selectFrom('batches')
    .select((eb) => [
      'state',
      eb.fn.countAll<number>().as('count'),
      eb.fn.sum<number>('size').as('mails'),
      eb.fn.min('created_at').as('since'),
    ])
    .where('settled_at', 'is', null)
    .groupBy('state')
    .execute();
  const expanding = await tx
    .selectFrom('fanouts')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('state', '=', sql.lit('expanding'))
    .executeTakeFirstOrThrow();
  for (const row of batches) if (row.since) oldest.push(row.since);
  return {
    queued: Number(queued.count),
    inBatch: batches.reduce((sum, row) => sum + Number(row.mails ?? 0), 0),
    oldestDue: oldest.sort()[0] ?? null,
    held: Number(batches.find((row) => row.state === 'held')?.count ?? 0),
    expanding: Number(expanding.count),
  };
}

function fanoutsWithNotice(tx: Tx) {
  return tx
    .selectFrom('fanouts as f')
    .innerJoin('notices as n', 'n.seq', 'f.notice_seq')
    .leftJoin('incidents as i', 'i.seq', 'n.incident_seq')
    .leftJoin('updates as u', 'u.seq', 'n.update_seq')
    .select([
      'f.seq',
      'f.notice_seq',
      'n.id as notice_id',
      'n.kind',
      'n.subject',
      'n.priority',
      'i.id as incident_id',
      'i.title as incident_title',
      'u.id as update_id',
      'f.expected',
      'f.state',
      'f.created_at',
    ]);
}

type FanoutSelected = Awaited<ReturnType<ReturnType<typeof fanoutsWithNotice>['execute']>>[number];

function toFanout(row: FanoutSelected): FanoutRow {
  return {
    seq: row.seq,
    noticeSeq: row.notice_seq,
    noticeId: row.notice_id,
    kind: row.kind,
    subject: row.subject,
    priority: row.priority,
    incidentId: row.incident_id,
    incidentTitle: row.incident_title,
    updateId: row.update_id,
    expected: row.expected,
    expanding: row.state === 'expanding',
    createdAt: row.created_at,
  };
}
