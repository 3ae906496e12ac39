import { sql } from 'kysely';
import type { DeliveryState, StateCounts } from '#domain/deliveries.ts';
import type { Instant } from '#domain/time.ts';
import type { NoticeKind } from './notices.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';
import { mayKnowNotice, type Reader } from './visible.ts';

/** A message to many, with what was promised at the post. */
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
  /** Not before this: until then it can be stopped without a trace. */
  releaseAt: Instant;
  /** Since when none of it leaves until someone lets it go on, and who said so. */
  stopped: { at: Instant; by: string } | null;
  /** Since when it is over for those who have not got it, and who said so. */
  dropped: { at: Instant; by: string } | null;
  /** It tells those who got a wrong text what was wrong. */
  isCorrection: boolean;
  /** null while some of it may still be waiting. */
  finishedAt: Instant | null;
};

/** The newest first, older than the fan-out with seq `before` (null for the top). */
export async function listFanouts(
  tx: Tx,
  { before, limit }: { before: number | null; limit: number },
  reader: Reader = null,
): Promise<FanoutRow[]> {
  let query = fanoutsWithNotice(tx, reader).orderBy('f.seq', 'desc').limit(limit);
  if (before !== null) query = query.where('f.seq', '<', before);
  return (await query.execute()).map(toFanout);
}

/** The fan-outs of one incident or maintenance, by its public id, the newest first. */
export async function listFanoutsOf(tx: Tx, incidentId: string, reader: Reader = null): Promise<FanoutRow[]> {
  const rows = await fanoutsWithNotice(tx, reader)
    .where('i.id', '=', incidentId)
    .orderBy('f.seq', 'desc')
    .execute();
  return rows.map(toFanout);
}

/** Those of which some may still be waiting, the oldest first. Uses fanouts_unfinished. */
export async function listUnfinishedFanouts(tx: Tx): Promise<FanoutRow[]> {
  const rows = await fanoutsWithNotice(tx).where('f.finished_at', 'is', null).orderBy('f.seq').execute();
  return rows.map(toFanout);
}

/**
 * Those that are not through, and those of which the post is no older than `since`, but for what is said in drills. The newest that is older
 * bounds the others by seq.
 */
export async function listFanoutsSince(tx: Tx, since: Instant): Promise<FanoutRow[]> {
  const older = await tx
    .selectFrom('fanouts')
    .select('seq')
    .where('created_at', '<', since)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const rows = await fanoutsWithNotice(tx)
    .where((eb) => eb.or([eb('f.finished_at', 'is', null), eb('f.seq', '>', older?.seq ?? 0)]))
    .where('n.kind', '<>', 'drill')
    .orderBy('f.seq')
    .execute();
  return rows.map(toFanout);
}

export async function findFanout(tx: Tx, noticeId: string, reader: Reader = null): Promise<FanoutRow | null> {
  const row = await fanoutsWithNotice(tx, reader).where('n.id', '=', noticeId).executeTakeFirst();
  return row ? toFanout(row) : null;
}

/** Other texts that some people get in place of the message's own. Uses notices_variant. */
export async function listVariants(
  tx: Tx,
  noticeSeq: number,
): Promise<{ subject: string; createdAt: Instant; missedSince: Instant | null }[]> {
  const rows = await tx
    .selectFrom('notices as v')
    .leftJoin('updates as u', 'u.seq', 'v.since_update_seq')
    .select(['v.subject', 'v.created_at', 'u.posted_at'])
    .where('v.variant_of', '=', noticeSeq)
    .orderBy('v.seq')
    .execute();
  return rows.map((row) => ({
    subject: row.subject,
    createdAt: row.created_at,
    missedSince: row.posted_at,
  }));
}

/** How many deliveries of each notice are in each state. Served by deliveries_notice_state alone: 1,000,000 take some 50 ms. */
export async function countStates(tx: Tx, noticeSeqs: readonly number[]): Promise<Map<number, StateCounts>> {
  const counts = new Map<number, StateCounts>(noticeSeqs.map((seq) => [seq, {}]));
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
  /** Where it goes: `channel` is email also for word to whoever looks after a webhook or chat. */
  channel: Row<'recipients'>['channel'];
  address: string;
  state: DeliveryState;
  reason: string | null;
  attempts: number;
  /** What the provider calls it; with the file transport, where the mail lies below DATA_DIR/mail. */
  providerId: string | null;
  updatedAt: Instant;
  /** The person gets a text of their own: what they missed, or the mended one. */
  ownText: boolean;
};

/**
 * One notice's deliveries in these states, in order of seq, past the seq `after`. A question a state, because each is then read from
 * deliveries_notice_state in order: among a million of them the first hundred cost as little as the last.
 */
export async function listDeliveries(
  tx: Tx,
  query: { noticeSeq: number; states: readonly DeliveryState[]; after: number; limit: number },
): Promise<DeliveryRow[]> {
  const rows: DeliveryRow[] = [];
  for (const state of query.states) {
    const found = await deliveriesWithPerson(tx)
      .where('d.notice_seq', '=', query.noticeSeq)
      .where('d.state', '=', state)
      .where('d.seq', '>', query.after)
      .orderBy('d.seq')
      .limit(query.limit)
      .execute();
    rows.push(...found.map(toDelivery));
  }
  return rows.sort((a, b) => a.seq - b.seq).slice(0, query.limit);
}

/** One delivery with whom it is for, and the notice whose text the person got or would get now. */
export async function findDelivery(
  tx: Tx,
  seq: number,
  reader: Reader = null,
): Promise<
  | (DeliveryRow & {
      noticeSeq: number;
      contentSeq: number;
      recipientId: string;
      zone: string | null;
      locale: string;
    })
  | null
> {
  const row = await deliveriesWithPerson(tx)
    .innerJoin('notices as c', (join) =>
      join.on('c.seq', '=', sql<number>`coalesce(d.content_seq, d.notice_seq)`),
    )
    .select(['r.id as recipient_id', 'r.time_zone', 'r.locale', 'c.seq as content', 'c.replaced_by'])
    .where('d.seq', '=', seq)
    .where(mayKnowNotice(reader, 'd.notice_seq'))
    .executeTakeFirst();
  if (!row) return null;
  const mended = row.state === 'queued' ? row.replaced_by : null;
  return {
    ...toDelivery(row),
    noticeSeq: row.notice_seq,
    contentSeq: mended ?? row.content,
    recipientId: row.recipient_id,
    zone: row.time_zone,
    locale: row.locale,
  };
}

/** Rows of one state that are looked through for their reasons: more of them would tell the same. */
const REASONS_OF = 10_000;

/** Why deliveries of a notice are in this state, the most common reason first; of the first 10,000. Uses deliveries_notice_state. */
export async function countReasons(
  tx: Tx,
  query: { noticeSeq: number; state: DeliveryState; limit: number },
): Promise<{ reason: string | null; count: number }[]> {
  const some = tx
    .selectFrom('deliveries')
    .select('reason')
    .where('notice_seq', '=', query.noticeSeq)
    .where('state', '=', query.state)
    .orderBy('seq')
    .limit(REASONS_OF);
  const rows = await tx
    .selectFrom(some.as('some'))
    .select((eb) => ['reason', eb.fn.countAll<number>().as('count')])
    .groupBy('reason')
    .orderBy('count', 'desc')
    .orderBy('reason')
    .limit(query.limit)
    .execute();
  return rows.map(({ reason, count }) => ({ reason, count: Number(count) }));
}

function deliveriesWithPerson(tx: Tx) {
  return tx
    .selectFrom('deliveries as d')
    .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
    .select(['d.seq', 'd.notice_seq', 'd.content_seq', 'd.state', 'd.reason', 'd.attempts'])
    .select(['d.provider_id', 'd.updated_at', 'd.lane', 'r.channel', 'r.address', 'r.owner_address']);
}

type DeliverySelected = Awaited<ReturnType<ReturnType<typeof deliveriesWithPerson>['execute']>>[number];

function toDelivery(row: DeliverySelected): DeliveryRow {
  const isToOwner = row.lane === 'mail' && row.channel !== 'email';
  return {
    seq: row.seq,
    channel: isToOwner ? 'email' : row.channel,
    address: isToOwner ? (row.owner_address ?? '') : row.address,
    state: row.state,
    reason: row.reason,
    attempts: row.attempts,
    providerId: row.provider_id,
    updatedAt: row.updated_at,
    ownText: row.content_seq !== null,
  };
}

function fanoutsWithNotice(tx: Tx, reader: Reader = null) {
  return tx
    .selectFrom('fanouts as f')
    .innerJoin('notices as n', 'n.seq', 'f.notice_seq')
    .leftJoin('incidents as i', 'i.seq', 'n.incident_seq')
    .leftJoin('updates as u', 'u.seq', 'n.update_seq')
    .select(['f.seq', 'f.notice_seq', 'n.id as notice_id', 'n.kind', 'n.subject', 'n.priority'])
    .select(['i.id as incident_id', 'i.title as incident_title', 'u.id as update_id'])
    .select(['f.expected', 'f.state', 'f.created_at', 'f.release_at', 'f.mends', 'f.finished_at'])
    .select(['n.stopped_at', 'n.stopped_by', 'n.dropped_at', 'n.dropped_by'])
    .where(mayKnowNotice(reader, 'n.seq'));
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
    releaseAt: row.release_at || row.created_at,
    stopped:
      row.stopped_at && !row.dropped_at ? { at: row.stopped_at, by: row.stopped_by ?? 'someone' } : null,
    dropped: row.dropped_at ? { at: row.dropped_at, by: row.dropped_by ?? 'someone' } : null,
    isCorrection: row.mends !== null,
    finishedAt: row.finished_at,
  };
}
