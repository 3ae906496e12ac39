import type { Instant } from '#domain/time.ts';
import { isToCome } from './fanouts.ts';
import type { Tx } from './open.ts';
import { listUnfinished } from './unfinished.ts';
import { mayKnowNotice, type Reader } from './visible.ts';

/**
 * Messages that are still being turned into one row a person, and that one of these recipients is to get, be it that it waits for its turn; but
 * for what is dropped. Uses fanouts_unfinished.
 */
export async function listComing(
  tx: Tx,
  recipientSeqs: readonly number[],
  now: Instant,
  reader: Reader = null,
): Promise<{ subject: string; postedAt: Instant; stopped: boolean }[]> {
  if (!recipientSeqs.length) return [];
  const coming = [];
  for (const fanout of await listUnfinished(tx)) {
    if (!fanout.expanding || fanout.droppedBy !== null) continue;
    if (!(await isToCome(tx, fanout, recipientSeqs, now))) continue;
    const notice = await tx
      .selectFrom('notices')
      .select('subject')
      .where('seq', '=', fanout.noticeSeq)
      .where(mayKnowNotice(reader, 'notices.seq'))
      .executeTakeFirst();
    if (notice) coming.push({ ...notice, postedAt: fanout.createdAt, stopped: fanout.stoppedAt !== null });
  }
  return coming;
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
