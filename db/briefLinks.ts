import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';

/** A link that shows one incident's brief to whoever has it. */
export type BriefLink = {
  seq: number;
  incidentSeq: number;
  /** Its reader sees what is known inside, too. */
  inside: boolean;
  createdBy: string;
  createdAt: Instant;
  expiresAt: Instant;
  endedAt: Instant | null;
};

export async function insertBriefLink(
  tx: Tx,
  link: Omit<BriefLink, 'seq' | 'endedAt'> & { tokenHash: string },
): Promise<void> {
  await tx
    .insertInto('brief_links')
    .values({
      token_hash: link.tokenHash,
      incident_seq: link.incidentSeq,
      inside: link.inside ? 1 : 0,
      created_by: link.createdBy,
      created_at: link.createdAt,
      expires_at: link.expiresAt,
      ended_at: null,
    })
    .execute();
}

/** Those of an incident that still work, the latest first. Uses brief_links_incident. */
export async function listBriefLinks(tx: Tx, incidentSeq: number, now: Instant): Promise<BriefLink[]> {
  const rows = await tx
    .selectFrom('brief_links')
    .selectAll()
    .where('incident_seq', '=', incidentSeq)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', now)
    .orderBy('seq', 'desc')
    .execute();
  return rows.map(toLink);
}

export async function findBriefLink(tx: Tx, tokenHash: string): Promise<BriefLink | null> {
  const row = await tx
    .selectFrom('brief_links')
    .selectAll()
    .where('token_hash', '=', tokenHash)
    .executeTakeFirst();
  return row ? toLink(row) : null;
}

/** @returns whether there was one that still worked */
export async function endBriefLink(
  tx: Tx,
  { incidentSeq, seq }: { incidentSeq: number; seq: number },
  now: Instant,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('brief_links')
    .set({ ended_at: now })
    .where('seq', '=', seq)
    .where('incident_seq', '=', incidentSeq)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

function toLink(row: Row<'brief_links'>): BriefLink {
  return {
    seq: row.seq,
    incidentSeq: row.incident_seq,
    inside: row.inside === 1,
    createdBy: row.created_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at,
  };
}
