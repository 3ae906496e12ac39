import { sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

/** Messages that are still being turned into one row a person, but for what is dropped. Uses fanouts_open. */
export async function listOpenFanouts(tx: Tx): Promise<
  {
    subject: string;
    postedAt: Instant;
    filter: { components: string[]; groups: string[]; people?: number[] };
    cursorSeq: number;
    boundSeq: number;
    confirmedBy: Instant;
    stopped: boolean;
  }[]
> {
  const rows = await tx
    .selectFrom('fanouts as f')
    .innerJoin('notices as n', 'n.seq', 'f.notice_seq')
    .select(['n.subject', 'f.created_at', 'f.filter', 'f.cursor_seq', 'f.bound_seq', 'f.confirmed_by'])
    .select('n.stopped_at')
    // A literal, so that the partial index fanouts_open serves.
    .where('f.state', '=', sql.lit('expanding'))
    .where('n.dropped_at', 'is', null)
    .orderBy('f.seq')
    .execute();
  return rows.map((row) => ({
    subject: row.subject,
    postedAt: row.created_at,
    filter: JSON.parse(row.filter),
    cursorSeq: row.cursor_seq,
    boundSeq: row.bound_seq,
    confirmedBy: row.confirmed_by,
    stopped: row.stopped_at !== null,
  }));
}

/** What open incidents touch now. Uses claims_source. */
export async function listTouched(
  tx: Tx,
  incidentSeqs: readonly number[],
): Promise<{ incidentSeq: number; componentId: string; groupId: string | null }[]> {
  if (!incidentSeqs.length) return [];
  const rows = await tx
    .selectFrom('claims as c')
    .innerJoin('components as k', 'k.id', 'c.component_id')
    .select(['c.source_seq', 'c.component_id', 'k.group_id'])
    .where('c.source_kind', 'in', ['incident', 'maintenance'])
    .where('c.source_seq', 'in', incidentSeqs)
    .where('c.voided_at', 'is', null)
    .execute();
  return rows.map((row) => ({
    incidentSeq: row.source_seq,
    componentId: row.component_id,
    groupId: row.group_id,
  }));
}
