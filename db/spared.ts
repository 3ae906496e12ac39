import type { Instant } from '#domain/time.ts';
import { endExpansion } from './fanouts.ts';
import { listWaitingMail } from './narrow.ts';
import type { Tx } from './open.ts';

/** Messages (seqs of notices) that told subscribers that an incident is not theirs after all. Uses notices_incident. */
export async function listSpared(tx: Tx, incidentSeq: number): Promise<number[]> {
  const rows = await tx
    .selectFrom('notices')
    .select('seq')
    .where('incident_seq', '=', incidentSeq)
    .where('kind', '=', 'spared')
    .execute();
  return rows.map(({ seq }) => seq);
}

/** None of them that has not begun to leave does: whom it would be for is to be seen anew. */
export async function endWaitingSpared(tx: Tx, incidentSeq: number, now: Instant): Promise<void> {
  const waiting = await listWaitingMail(tx, incidentSeq, 'subscribers', now);
  await endExpansion(
    tx,
    waiting.filter(({ filter }) => filter.noLonger).map(({ noticeSeq }) => noticeSeq),
    now,
  );
}
