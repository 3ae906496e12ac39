import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import type { Wait } from '#domain/subscriberPace.ts';
import { addMs, type Instant, MINUTE } from '#domain/time.ts';
import { wholeNumbers } from './dialect.ts';
import { listTextsBefore } from './digestTexts.ts';
import type { FanoutFilter } from './fanouts.ts';
import type { Tx } from './open.ts';
import { lastBack } from './providers.ts';
import type { Schema } from './schema.ts';

/** An earlier notice of the same incident. Where it `yields`, the newer one takes the place of what is unsent. */
export type Follow = { noticeSeq: number; yields: boolean };

/** Who gets a correction: whoever was handed one of the `contents` under one of the `bases` (all of them seqs of notices). */
export type Mends = { bases: readonly number[]; contents: readonly number[] };

export type To = 'subscribers' | 'stakeholders';

/** A fan-out some of whose deliveries may still be waiting. */
export type Unfinished = {
  seq: number;
  noticeSeq: number;
  incidentSeq: number | null;
  updateSeq: number | null;
  priority: number;
  expanding: boolean;
  cursorSeq: number;
  boundSeq: number;
  confirmedBy: Instant;
  filter: FanoutFilter;
  /** Subscribers and stakeholders are told apart: neither's mail waits for, or takes the place of, the other's. */
  to: To;
  createdAt: Instant;
  releaseAt: Instant;
  stoppedAt: Instant | null;
  stoppedBy: string | null;
  /** Who ended it for those who have not got it; null when it is not ended. */
  droppedBy: string | null;
  /**
   * It is stopped, or comes after one of its incident that is and whose place it does not take: it would only wait for that. What is dropped
   * is not: it is ended, and nothing waits for it for long.
   */
  heldBack: boolean;
  /** How many people the screen said it would reach. */
  expected: number;
  follows: Follow[];
  mends: Mends | null;
  parked: 0 | 1 | 2;
  /** Why it leaves later than at once; null when it does not. */
  wait: Wait | null;
  /** It tells everyone of a change to an update whose mail had left already. */
  corrects: boolean;
  /** How often in a row it could not be turned into deliveries, and when that was last so. */
  failures: number;
  failedAt: Instant | null;
};

/** How `stoppedBy` begins where a message was stopped because the same was wrong with it for everyone; the provider's words follow. */
export const STOPPED_BY_FAULT = 'Foghorn, because everyone was refused in the same words:';

/** Every fan-out that may still have deliveries waiting, the oldest first: never many. Uses fanouts_unfinished. */
export async function listUnfinished(tx: Tx, incidentSeq?: number, to?: To): Promise<Unfinished[]> {
  let query = fanouts(tx).where('f.finished_at', 'is', null);
  if (incidentSeq !== undefined) query = query.where('n.incident_seq', '=', incidentSeq);
  const known = await read(query);
  return to === undefined ? known : known.filter((one) => one.to === to);
}

/**
 * And those of an incident that were still being made into deliveries at `since` or later, be they through by now; `besides` (seqs of notices)
 * whenever that was. Uses notices_incident.
 */
export async function listMadeSince(
  tx: Tx,
  incidentSeq: number,
  since: Instant,
  besides: readonly number[],
): Promise<Unfinished[]> {
  const known = await read(
    fanouts(tx)
      .where('n.incident_seq', '=', incidentSeq)
      .where((eb) =>
        eb.or([
          eb('f.done_at', 'is', null),
          eb('f.done_at', '>=', since),
          sql<boolean>`f.notice_seq in (${wholeNumbers(besides)})`,
        ]),
      ),
  );
  return known.filter(({ to }) => to === 'subscribers');
}

function fanouts(tx: Tx) {
  return tx
    .selectFrom('fanouts as f')
    .innerJoin('notices as n', 'n.seq', 'f.notice_seq')
    .select([
      'f.seq',
      'f.notice_seq',
      'n.incident_seq',
      'n.update_seq',
      'n.kind',
      'n.priority',
      'f.state',
      'f.cursor_seq',
      'f.bound_seq',
      'f.confirmed_by',
      'f.filter',
      'f.created_at',
      'f.release_at',
      'n.stopped_at',
      'n.stopped_by',
      'n.dropped_by',
      'f.expected',
      'f.follows',
      'f.mends',
      'f.parked',
      'f.wait_for',
      'f.wait_since',
      'f.corrects',
      'f.failures',
      'f.failed_at',
    ])
    .orderBy('f.seq');
}

async function read(query: ReturnType<typeof fanouts>): Promise<Unfinished[]> {
  const rows = await query.execute();
  const all = rows.map((row) => ({
    seq: row.seq,
    noticeSeq: row.notice_seq,
    incidentSeq: row.incident_seq,
    updateSeq: row.update_seq,
    priority: row.priority,
    expanding: row.state === 'expanding',
    cursorSeq: row.cursor_seq,
    boundSeq: row.bound_seq,
    confirmedBy: row.confirmed_by,
    filter: JSON.parse(row.filter),
    to: row.kind === 'stakeholder' ? ('stakeholders' as const) : ('subscribers' as const),
    createdAt: row.created_at,
    releaseAt: row.release_at,
    stoppedAt: row.stopped_at,
    stoppedBy: row.stopped_by,
    droppedBy: row.dropped_by,
    expected: row.expected,
    follows: JSON.parse(row.follows),
    mends: row.mends === null ? null : JSON.parse(row.mends),
    parked: row.parked,
    wait: row.wait_for && row.wait_since ? { for: row.wait_for, since: row.wait_since } : null,
    corrects: row.corrects === 1,
    failures: row.failures,
    failedAt: row.failed_at,
  }));
  return withHeldBack(all);
}

/** From the oldest on: what waits for one that waits is held back too. */
function withHeldBack(all: readonly Omit<Unfinished, 'heldBack'>[]): Unfinished[] {
  const known: Unfinished[] = [];
  for (const one of all) {
    const waits =
      one.mends === null &&
      known.some(
        (other) =>
          other.heldBack &&
          other.mends === null &&
          !other.corrects &&
          other.incidentSeq !== null &&
          other.incidentSeq === one.incidentSeq &&
          other.to === one.to &&
          !one.follows.some(({ noticeSeq, yields }) => yields && noticeSeq === other.noticeSeq),
      );
    known.push({ ...one, heldBack: one.droppedBy === null && (one.stoppedAt !== null || waits) });
  }
  return known;
}

/** What may not leave now, over all that waits. Almost always it is empty, and then the queue is asked as though it did not exist. */
export type Holds = {
  /** Notices that are stopped, dropped, behind a stopped one, or not released yet. */
  held: number[];
  /** Notices that must not overtake earlier ones of their incident. */
  order: { noticeSeq: number; earlier: number[] }[];
  corrections: ({ noticeSeq: number } & Mends)[];
  /** Notices that tell of a change, and the texts of digests that told it as it was before. */
  changes: { noticeSeq: number; texts: number[] }[];
  /** What was handed over before this and has had no answer since holds up no later word; null when all of it does. */
  deafSince: Instant | null;
};

const DEAF_MS = 10 * MINUTE;

export async function readHolds(tx: Tx, now: Instant): Promise<Holds> {
  const all = await listUnfinished(tx);
  const updates = all.filter(({ mends, incidentSeq }) => mends === null && incidentSeq !== null);
  const order = updates
    .map(({ noticeSeq, incidentSeq }) => ({
      noticeSeq,
      earlier: updates
        .filter((other) => other.incidentSeq === incidentSeq && other.noticeSeq < noticeSeq)
        // News does not wait for what tells of a change and is stopped.
        .filter((other) => !(other.corrects && other.heldBack))
        .map((other) => other.noticeSeq),
    }))
    .filter(({ earlier }) => earlier.length > 0);
  const changes: Holds['changes'] = [];
  for (const { corrects, updateSeq, noticeSeq, createdAt } of all)
    if (corrects && updateSeq !== null) {
      const texts = await listTextsBefore(tx, { updateSeq, changedAt: createdAt });
      if (texts.length) changes.push({ noticeSeq, texts });
    }
  return {
    changes,
    held: all
      .filter((one) => one.heldBack || one.droppedBy !== null || one.releaseAt > now)
      .map((one) => one.noticeSeq),
    order,
    corrections: all.flatMap(({ noticeSeq, mends }) => (mends ? [{ noticeSeq, ...mends }] : [])),
    deafSince: order.length ? await deafSince(tx, now) : null,
  };
}

/**
 * A word that was handed over and has no answer holds up later words of its incident to that person for ten minutes. Minutes in which
 * nobody was answered do not count: when the provider is back, its ten minutes begin anew.
 */
async function deafSince(tx: Tx, now: Instant): Promise<Instant | null> {
  const since = addMs(now, -DEAF_MS);
  const back = await lastBack(tx, now);
  return back !== null && back > since ? null : since;
}

type Delivery = ExpressionBuilder<Schema & { d: Schema['deliveries'] }, 'd'>;

/**
 * Whether the delivery `d` may leave: its notice is not held; nothing earlier of the incident is still on its way to the person; and a
 * correction waits for what became of the wrong mail, however long that takes; a digest may be that mail.
 */
export function mayLeave(
  eb: Delivery,
  { held, order, corrections, changes, deafSince }: Holds,
): Expression<SqlBool> {
  return eb.and([
    ...(held.length ? [eb('d.notice_seq', 'not in', held)] : []),
    ...order.map(({ noticeSeq, earlier }) =>
      eb.or([
        eb('d.notice_seq', '<>', noticeSeq),
        eb.not(
          eb.exists(
            eb
              .selectFrom('deliveries as o')
              .select(sql.lit(1).as('one'))
              .whereRef('o.recipient_seq', '=', 'd.recipient_seq')
              .where('o.notice_seq', 'in', earlier)
              .where((on) =>
                on.or([
                  on('o.state', '=', 'queued'),
                  on.and([
                    on('o.state', '=', 'in_batch'),
                    ...(deafSince === null ? [] : [on('o.updated_at', '>', deafSince)]),
                  ]),
                ]),
              ),
          ),
        ),
      ]),
    ),
    ...corrections.map((correction) =>
      eb.or([
        eb('d.notice_seq', '<>', correction.noticeSeq),
        eb.exists(wrongMails(eb, correction, HANDED)),
        eb.not(eb.exists(wrongMails(eb, correction, ['in_batch']))),
      ]),
    ),
    ...changes.map(({ noticeSeq, texts }) =>
      eb.or([
        eb('d.notice_seq', '<>', noticeSeq),
        eb.not(
          eb.exists(
            eb
              .selectFrom('deliveries as o')
              .select(sql.lit(1).as('one'))
              .whereRef('o.recipient_seq', '=', 'd.recipient_seq')
              .where(sql<SqlBool>`coalesce(o.content_seq, o.notice_seq) in (${wholeNumbers(texts)})`)
              .where('o.state', '=', 'in_batch'),
          ),
        ),
      ]),
    ),
  ]);
}

/** Whether `d` is a correction for someone whom, as it turned out, the wrong mail never reached. */
export function isNeedless(eb: Delivery, { corrections }: Holds): Expression<SqlBool> {
  return eb.or([
    sql<SqlBool>`1 = 0`,
    ...corrections.map((correction) =>
      eb.and([
        eb('d.notice_seq', '=', correction.noticeSeq),
        eb.not(eb.exists(wrongMails(eb, correction, HANDED))),
      ]),
    ),
  ]);
}

/** It arrived, or it may have. */
const HANDED = ['accepted', 'delivered', 'complained', 'uncertain'] as const;
/** And what is on its way. */
export const MAY_HAVE_IT = [...HANDED, 'in_batch'] as const;

function wrongMails(
  eb: Delivery,
  { bases, contents }: Mends,
  states: readonly (typeof MAY_HAVE_IT)[number][],
) {
  return eb
    .selectFrom('deliveries as o')
    .select(sql.lit(1).as('one'))
    .whereRef('o.recipient_seq', '=', 'd.recipient_seq')
    .where('o.notice_seq', 'in', bases)
    .where(sql<number>`coalesce(o.content_seq, o.notice_seq)`, 'in', contents)
    .where('o.state', 'in', states);
}
