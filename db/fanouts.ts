import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import type { Lane } from './deliveries.ts';
import type { Tx } from './open.ts';
import type { Schema } from './schema.ts';

/** Whom an update concerns beside those who follow the whole page: what it touches, and the groups that those are in. */
export type FanoutFilter = { components: readonly string[]; groups: readonly string[] };

export type OpenFanout = {
  seq: number;
  noticeSeq: number;
  priority: number;
  filter: FanoutFilter;
  /** Recipients up to here have been dealt with. */
  cursorSeq: number;
  boundSeq: number;
  confirmedBy: Instant;
  createdAt: Instant;
};

/**
 * Promises the notice to everyone who is confirmed now; whoever comes later is not told of the past. The expander turns it into
 * deliveries.
 * @returns its seq
 */
export async function insertFanout(
  tx: Tx,
  fanout: { noticeSeq: number; filter: FanoutFilter; expected: number; now: Instant },
): Promise<number> {
  const { last } = await tx
    .selectFrom('recipients')
    .select((eb) => eb.fn.max('seq').as('last'))
    .executeTakeFirstOrThrow();
  const { seq } = await tx
    .insertInto('fanouts')
    .values({
      notice_seq: fanout.noticeSeq,
      filter: JSON.stringify({ components: fanout.filter.components, groups: fanout.filter.groups }),
      cursor_seq: 0,
      bound_seq: last ?? 0,
      confirmed_by: fanout.now,
      state: 'expanding',
      expected: fanout.expected,
      created_at: fanout.now,
      done_at: null,
    })
    .returning('seq')
    .executeTakeFirstOrThrow();
  return seq;
}

/** How many people a fan-out with this filter would be expanded to now. */
export async function countReach(tx: Tx, filter: FanoutFilter): Promise<number> {
  const row = await tx
    .selectFrom('recipients as r')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where((eb) => isConcerned(eb, filter))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** The most urgent fan-out that is not done, the oldest of equals. */
export async function nextOpenFanout(tx: Tx): Promise<OpenFanout | null> {
  const row = await tx
    .selectFrom('fanouts as f')
    .innerJoin('notices as n', 'n.seq', 'f.notice_seq')
    .select([
      'f.seq',
      'f.notice_seq',
      'n.priority',
      'f.filter',
      'f.cursor_seq',
      'f.bound_seq',
      'f.confirmed_by',
      'f.created_at',
    ])
    // A literal, so that the partial index fanouts_open serves.
    .where('f.state', '=', sql.lit('expanding'))
    .orderBy('n.priority')
    .orderBy('f.seq')
    .limit(1)
    .executeTakeFirst();
  if (!row) return null;
  return {
    seq: row.seq,
    noticeSeq: row.notice_seq,
    priority: row.priority,
    filter: JSON.parse(row.filter),
    cursorSeq: row.cursor_seq,
    boundSeq: row.bound_seq,
    confirmedBy: row.confirmed_by,
    createdAt: row.created_at,
  };
}

/** The seq that ends a chunk of `size` recipients after `from`; the bound when fewer are left. */
export async function endOfChunk(tx: Tx, from: number, bound: number, size: number): Promise<number> {
  const row = await tx
    .selectFrom('recipients')
    .select('seq')
    .where('seq', '>', from)
    .where('seq', '<=', bound)
    .orderBy('seq')
    .offset(size - 1)
    .limit(1)
    .executeTakeFirst();
  return row?.seq ?? bound;
}

/**
 * Writes the deliveries for recipients past the cursor up to `to` and moves the cursor there: both in the caller's transaction, so
 * no one is skipped and no one comes twice. Whoever must not be mailed becomes a delivery too, as `suppressed`, so that it shows.
 * @returns how many deliveries came into being
 */
export async function expandTo(tx: Tx, fanout: OpenFanout, to: number, now: Instant): Promise<number> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('deliveries')
    .columns([
      'notice_seq',
      'recipient_seq',
      'state',
      'priority',
      'not_before',
      'attempts',
      'unanswered',
      'reason',
      'updated_at',
      'lane',
    ])
    .expression((eb) =>
      eb
        .selectFrom('recipients as r')
        .leftJoin('suppressions as s', (join) =>
          join.onRef('s.address', '=', 'r.address').on('s.lifted_at', 'is', null),
        )
        .select([
          sql<number>`cast(${fanout.noticeSeq} as bigint)`.as('notice_seq'),
          'r.seq',
          sql<'queued'>`case when s.address is null then 'queued' else 'suppressed' end`.as('state'),
          sql<number>`cast(${fanout.priority} as integer)`.as('priority'),
          sql<string>`cast(${fanout.createdAt} as text)`.as('not_before'),
          sql.lit(0).as('attempts'),
          sql.lit(0).as('unanswered'),
          sql<string | null>`case when s.address is null then null else ${SUPPRESSED} end`.as('reason'),
          sql<string>`cast(${now} as text)`.as('updated_at'),
          sql<Lane>`case when r.channel = 'email' then 'mail' else 'hook' end`.as('lane'),
        ])
        .where('r.seq', '>', fanout.cursorSeq)
        .where('r.seq', '<=', to)
        .where('r.confirmed_at', '<=', fanout.confirmedBy)
        .where((eb) => isConcerned(eb, fanout.filter))
        .orderBy('r.seq'),
    )
    .onConflict((conflict) => conflict.columns(['notice_seq', 'recipient_seq']).doNothing())
    .executeTakeFirstOrThrow();
  const done = to >= fanout.boundSeq;
  await tx
    .updateTable('fanouts')
    .set({ cursor_seq: to, ...(done && { state: 'done' as const, done_at: now }) })
    .where('seq', '=', fanout.seq)
    .execute();
  return Number(numInsertedOrUpdatedRows ?? 0);
}

const SUPPRESSED = sql.lit('The address is on the suppression list.');

function isConcerned(
  eb: ExpressionBuilder<Schema & { r: Schema['recipients'] }, 'r'>,
  filter: FanoutFilter,
): Expression<SqlBool> {
  const named = (kind: 'component' | 'group', ids: readonly string[]) =>
    ids.length
      ? [
          eb.exists(
            eb
              .selectFrom('recipient_scopes as scope')
              .select(sql.lit(1).as('one'))
              .whereRef('scope.recipient_seq', '=', 'r.seq')
              .where('scope.kind', '=', kind)
              .where('scope.ref_id', 'in', ids),
          ),
        ]
      : [];
  return eb.and([
    eb('r.kind', '=', 'subscriber'),
    eb('r.state', '=', 'confirmed'),
    eb.or([
      eb('r.whole_page', '=', 1),
      ...named('component', filter.components),
      ...named('group', filter.groups),
    ]),
  ]);
}
