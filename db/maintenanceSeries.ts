import type { RecurrenceRule } from '#domain/recurrence.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';

/** Planned work that comes again and again. */
export type Series = {
  seq: number;
  id: string;
  title: string;
  body: string;
  scope: string | null;
  components: string[];
  rule: RecurrenceRule;
  /** HH:MM on the wall clock of the page's zone. */
  clock: string;
  minutes: number;
  firstDay: string;
  lastDay: string | null;
  byItself: boolean;
  tells: boolean;
  ownerId: string | null;
  createdAt: Instant;
  endedAt: Instant | null;
};

/** @returns its seq */
export async function insertSeries(tx: Tx, series: Omit<Series, 'seq' | 'endedAt'>): Promise<number> {
  const { seq } = await tx
    .insertInto('maintenance_series')
    .values({
      id: series.id,
      title: series.title,
      body: series.body,
      scope: series.scope,
      components: JSON.stringify(series.components),
      rule: JSON.stringify(series.rule),
      starts_at_clock: series.clock,
      minutes: series.minutes,
      first_day: series.firstDay,
      last_day: series.lastDay,
      by_itself: series.byItself ? 1 : 0,
      tells: series.tells ? 1 : 0,
      owner_id: series.ownerId,
      created_at: series.createdAt,
      ended_at: null,
    })
    .returning('seq')
    .executeTakeFirstOrThrow();
  return seq;
}

export async function findSeries(tx: Tx, id: string): Promise<Series | null> {
  const row = await tx.selectFrom('maintenance_series').selectAll().where('id', '=', id).executeTakeFirst();
  return row ? toSeries(row) : null;
}

export async function findSeriesBySeq(tx: Tx, seq: number): Promise<Series | null> {
  const row = await tx.selectFrom('maintenance_series').selectAll().where('seq', '=', seq).executeTakeFirst();
  return row ? toSeries(row) : null;
}

/** Those that have not ended, the oldest first. Uses maintenance_series_open. */
export async function listOpenSeries(tx: Tx): Promise<Series[]> {
  const rows = await tx
    .selectFrom('maintenance_series')
    .selectAll()
    .where('ended_at', 'is', null)
    .orderBy('seq')
    .execute();
  return rows.map(toSeries);
}

/** @returns whether it had not ended yet */
export async function endSeries(tx: Tx, seq: number, now: Instant): Promise<boolean> {
  const result = await tx
    .updateTable('maintenance_series')
    .set({ ended_at: now })
    .where('seq', '=', seq)
    .where('ended_at', 'is', null)
    .executeTakeFirst();
  return Number(result.numUpdatedRows) === 1;
}

/** The days for which a series made its windows, whatever became of those. Uses maintenance_plans_slot. */
export async function listSlots(tx: Tx, seriesSeq: number): Promise<string[]> {
  const rows = await tx
    .selectFrom('maintenance_plans')
    .select('slot')
    .where('series_seq', '=', seriesSeq)
    .orderBy('slot')
    .execute();
  return rows.flatMap(({ slot }) => (slot === null ? [] : [slot]));
}

function toSeries(row: Row<'maintenance_series'>): Series {
  return {
    seq: row.seq,
    id: row.id,
    title: row.title,
    body: row.body,
    scope: row.scope,
    components: JSON.parse(row.components),
    rule: JSON.parse(row.rule),
    clock: row.starts_at_clock,
    minutes: row.minutes,
    firstDay: row.first_day,
    lastDay: row.last_day,
    byItself: row.by_itself === 1,
    tells: row.tells === 1,
    ownerId: row.owner_id,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  };
}
