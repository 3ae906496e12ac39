import { type ExpressionBuilder, type Nullable, type SqlBool, sql } from 'kysely';
import { PRIORITIES } from '#domain/priority.ts';
import type { Instant } from '#domain/time.ts';
import { wholeNumbers } from './dialect.ts';
import type { NoticeKind } from './notices.ts';
import type { Tx } from './open.ts';
import type { Row, Schema } from './schema.ts';
import { type Holds, isNeedless, mayLeave, readHolds } from './unfinished.ts';

/** A delivery that could go now, with what its mail needs to know of the person. */
export type QueuedDelivery = {
  seq: number;
  /** What it tells, whichever text that is in. */
  noticeId: string;
  /** The notice whose text this person gets: its own, a variant of it, or what was put in its place when it was mended. */
  contentSeq: number;
  notBefore: Instant;
  attempts: number;
  recipientSeq: number;
  recipientId: string;
  /** Where it goes: of mail the mailbox (of a webhook's or chat's owner, too), of a call the URL. */
  address: string;
  channel: Row<'recipients'>['channel'];
  /** The zone that this person reads times in; null: the page's. */
  zone: string | null;
  /** The language that this person asked for. */
  locale: string;
  /** Why this person must not be told after all; null when nothing stands against it. */
  against: 'suppressed' | 'unsubscribed' | 'quarantined' | 'needless' | 'emptied' | null;
};

export type Lane = 'mail' | 'hook';

/** Kinds of notice that only go to people who are subscribed, or in an audience, when the mail leaves. */
export const TO_SUBSCRIBED: readonly NoticeKind[] = [
  'update',
  'maintenance',
  'stakeholder',
  'digest',
  'spared',
];

/**
 * One notice to one person, outside a fan-out: a confirmation. A second one of the same notice to the same person is the same one.
 * @returns its seq
 */
export async function insertDelivery(
  tx: Tx,
  delivery: { noticeSeq: number; recipientSeq: number; priority: number; lane?: Lane; now: Instant },
): Promise<number> {
  const { seq } = await tx
    .insertInto('deliveries')
    .values({
      notice_seq: delivery.noticeSeq,
      recipient_seq: delivery.recipientSeq,
      state: 'queued',
      priority: delivery.priority,
      not_before: delivery.now,
      attempts: 0,
      unanswered: 0,
      batch_seq: null,
      provider_id: null,
      reason: null,
      updated_at: delivery.now,
      lane: delivery.lane ?? 'mail',
    })
    .onConflict((conflict) =>
      // Nothing changes; the update is there so that the row comes back.
      conflict
        .columns(['notice_seq', 'recipient_seq'])
        .doUpdateSet((eb) => ({ priority: eb.ref('deliveries.priority') })),
    )
    .returning('seq')
    .executeTakeFirstOrThrow();
  return seq;
}

/**
 * What is due in one lane and priority and may leave, in the order in which it became due. Served by deliveries_queue, whatever else is
 * waiting.
 */
export async function listQueued(tx: Tx, queue: Queue): Promise<QueuedDelivery[]> {
  return queuedNow(tx, await readHolds(tx, queue.now), queue).execute();
}

/**
 * Which of these notices (ids) tell of what not everyone inside may know: each with its incident (a seq). Uses the UNIQUE id and the key of
 * incidents.
 */
export async function listSealed(tx: Tx, noticeIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await tx
    .selectFrom('notices as n')
    .innerJoin('incidents as i', 'i.seq', 'n.incident_seq')
    .select(['n.id', 'i.seq'])
    .where('n.id', 'in', noticeIds)
    .where((eb) => eb.or([eb('i.restricted', '=', 1), eb('i.unsealed_at', '>', eb.ref('n.created_at'))]))
    .execute();
  return new Map(rows.map((row) => [row.id, row.seq]));
}

/** Where a delivery stands in the queue of its priority. */
export type Place = { notBefore: Instant; seq: number };

/** One queue, past a place in it; from its front when that is left out. */
type Queue = { lane: Lane; priority: number; now: Instant; limit: number; after?: Place | null };

/** The priorities of which something is due in the lane, with since when. Served by deliveries_queue, one look at it for each. */
export async function listHeads(
  tx: Tx,
  { lane, now }: { lane: Lane; now: Instant },
): Promise<Map<number, Instant>> {
  const head = (priority: number) =>
    tx
      .selectFrom('deliveries')
      .select('not_before')
      // A literal, so that the partial index serves.
      .where('state', '=', sql.lit('queued'))
      .where('lane', '=', lane)
      .where('priority', '=', priority)
      .where('not_before', '<=', now)
      .orderBy('not_before')
      .limit(1);
  const row = await tx
    .selectNoFrom(PRIORITIES.map((priority) => head(priority).as(String(priority))))
    .executeTakeFirstOrThrow();
  const due = Object.entries(row).filter((entry): entry is [string, Instant] => entry[1] !== null);
  return new Map(due.map(([priority, since]) => [Number(priority), since]));
}

/** The statement of listQueued, for its plan to be looked at. */
export function queuedNow(tx: Tx, holds: Holds, { lane, priority, now, limit, after }: Queue) {
  const query = queuedWithPerson(tx, holds)
    .where('d.lane', '=', lane)
    .where('d.priority', '=', priority)
    .where('d.not_before', '<=', now)
    .orderBy('d.not_before')
    .orderBy('d.seq')
    .limit(limit)
    .$if(lane === 'hook', (hooks) => hooks.where((eb) => eb.not(waitsForAnother(eb))));
  if (!after) return query;
  // Said twice, so that the index serves for the first and the second tells equals apart.
  return query
    .where('d.not_before', '>=', after.notBefore)
    .where((eb) => eb.or([eb('d.not_before', '>', after.notBefore), eb('d.seq', '>', after.seq)]));
}

/** Whether something that a place was told before it, of the same clock, has not come to its end: a pager hears in order. Uses the keys of both. */
function waitsForAnother(eb: ExpressionBuilder<Schema & { d: Schema['deliveries'] }, 'd'>) {
  return eb.exists(
    eb
      .selectFrom('paging_words as own')
      .innerJoin('paging_words as earlier', (join) =>
        join
          .onRef('earlier.recipient_seq', '=', 'own.recipient_seq')
          .onRef('earlier.incident_seq', '=', 'own.incident_seq')
          .onRef('earlier.clock', '=', 'own.clock')
          .onRef('earlier.delivery_seq', '<', 'own.delivery_seq'),
      )
      .innerJoin('deliveries as before', 'before.seq', 'earlier.delivery_seq')
      .select(sql.lit(1).as('one'))
      .whereRef('own.delivery_seq', '=', 'd.seq')
      .where('before.state', 'in', ['queued', 'in_batch']),
  );
}

/**
 * Whether all of these may still go with the text that was written for them, asked in the transaction that freezes them: nobody has been
 * quicker, unsubscribed, stopped the notice or mended it since.
 */
export async function areSendable(
  tx: Tx,
  picked: readonly { seq: number; contentSeq: number; attempts: number }[],
  now: Instant,
): Promise<boolean> {
  const seqs = wholeNumbers(picked.map(({ seq }) => seq));
  const rows = await tx
    .selectFrom(
      queuedWithPerson(tx, await readHolds(tx, now))
        .where(sql<boolean>`d.seq in (${seqs})`)
        .as('q'),
    )
    .select((eb) => ['q.contentSeq', eb.fn.countAll().as('count'), eb.fn.sum('q.attempts').as('attempts')])
    .where('q.against', 'is', null)
    .groupBy('q.contentSeq')
    .execute();
  // Nobody is twice in `picked`, so equal sums for each text say that all are as they were.
  const sums = Map.groupBy(picked, ({ contentSeq }) => contentSeq);
  return (
    rows.length === sums.size &&
    rows.every((row) => {
      const alike = sums.get(row.contentSeq) ?? [];
      const attempts = alike.reduce((sum, one) => sum + one.attempts, 0);
      return Number(row.count) === alike.length && Number(row.attempts) === attempts;
    })
  );
}

/** What is said about a webhook or chat, beside what is said to it, goes to its owner's mailbox. */
export const ADDRESS = sql<string>`case when d.lane = 'mail' and r.channel <> 'email' then r.owner_address else r.address end`;

/**
 * Whether a suppression `s` stands against a notice `n`: calls to staff stop for a mailbox that is not there, and for nothing else. Whoever
 * once marked news as spam is on duty all the same.
 */
export const COUNTS = sql<SqlBool>`(n.kind <> 'call' or s.reason = 'bounce')`;

/** The columns are few: handing rows over costs more than finding them. */
function queuedWithPerson(tx: Tx, holds: Holds) {
  return (
    tx
      .selectFrom('deliveries as d')
      .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
      .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
      .innerJoin('notices as c', (join) =>
        join.on('c.seq', '=', sql<number>`coalesce(d.content_seq, d.notice_seq)`),
      )
      .leftJoin('suppressions as s', (join) =>
        join.on('s.address', '=', ADDRESS).on('s.lifted_at', 'is', null).on(COUNTS),
      )
      .select([
        'd.seq',
        'd.not_before as notBefore',
        'd.attempts',
        'n.id as noticeId',
        'd.recipient_seq as recipientSeq',
        'r.id as recipientId',
        ADDRESS.as('address'),
        'r.channel',
        'r.time_zone as zone',
        'r.locale',
      ])
      .select([sql<number>`coalesce(c.replaced_by, d.content_seq, d.notice_seq)`.as('contentSeq')])
      .select((eb) => against(eb, holds).as('against'))
      // A literal, so that the partial index deliveries_queue serves.
      .where('d.state', '=', sql.lit('queued'))
      .where((eb) => mayLeave(eb, holds))
  );
}

type Person = ExpressionBuilder<
  Schema & {
    d: Schema['deliveries'];
    r: Schema['recipients'];
    n: Schema['notices'];
    s: Nullable<Schema['suppressions']>;
  },
  'd' | 'r' | 'n' | 's'
>;

/** Why this person must not be told after all; null when nothing stands against it. */
function against(eb: Person, holds: Holds) {
  return (
    eb
      .case()
      .when(isNeedless(eb, holds))
      .then(sql.lit('needless' as const))
      // What was dropped of an incident is held, and the expander ends it.
      .when(eb.and([eb('n.kind', '=', 'digest'), eb('n.dropped_at', 'is not', null)]))
      .then(sql.lit('emptied' as const))
      .when('s.address', 'is not', null)
      .then(sql.lit('suppressed' as const))
      .when('n.kind', 'not in', TO_SUBSCRIBED)
      .then(null)
      .when('r.state', '<>', 'confirmed')
      .then(sql.lit('unsubscribed' as const))
      .when('r.quarantined_at', 'is not', null)
      .then(sql.lit('quarantined' as const))
      .end()
  );
}

/** Ends deliveries that were still queued, without a call. */
export async function endQueued(
  tx: Tx,
  seqs: readonly number[],
  end: { state: 'suppressed' | 'refused' | 'superseded'; reason: string; now: Instant },
): Promise<void> {
  if (!seqs.length) return;
  await tx
    .updateTable('deliveries')
    .set({ state: end.state, reason: end.reason, updated_at: end.now })
    .where('seq', 'in', seqs)
    .where('state', '=', 'queued')
    .execute();
}

/** Whom a delivery is to (seq), and of which message it is; `incidentSeq` is null of one that nobody could stop. Null when it is gone. */
export async function findTold(
  tx: Tx,
  deliverySeq: number,
): Promise<{
  to: number;
  notice: number;
  noticeId: string;
  incidentSeq: number | null;
  updateSeq: number | null;
} | null> {
  const row = await tx
    .selectFrom('deliveries as d')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .select(['d.recipient_seq', 'd.notice_seq', 'n.id', 'n.incident_seq', 'n.update_seq', 'n.kind'])
    .where('d.seq', '=', deliverySeq)
    .executeTakeFirst();
  return row
    ? {
        to: row.recipient_seq,
        notice: row.notice_seq,
        noticeId: row.id,
        incidentSeq: row.kind === 'call' ? null : row.incident_seq,
        updateSeq: row.update_seq,
      }
    : null;
}
