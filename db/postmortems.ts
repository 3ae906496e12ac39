import type { Instant } from '#domain/time.ts';
import { type Incident, toIncident } from './incidents.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';
import { mayKnow, type Reader } from './visible.ts';

export type Postmortem = {
  due: Instant;
  /** When somebody was last asked for it; null: nobody was. */
  askedAt: Instant | null;
  postedAt: Instant | null;
  /** There will be none; null while that is not decided. */
  waived: { at: Instant; by: string; reason: string } | null;
};

/** Owes it, unless it is owed already. */
export async function owePostmortem(tx: Tx, incidentSeq: number, due: Instant): Promise<void> {
  await tx
    .insertInto('postmortems')
    .values({
      incident_seq: incidentSeq,
      due_at: due,
      asked_at: null,
      posted_at: null,
      waived_at: null,
      waived_by: null,
      reason: null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The incident is open again: what was owed of it is not owed any more, nor is what was decided. */
export async function dropPostmortem(tx: Tx, incidentSeq: number): Promise<void> {
  await tx.deleteFrom('postmortems').where('incident_seq', '=', incidentSeq).execute();
}

/** What happened with it; what is not given stays. */
export async function changePostmortem(
  tx: Tx,
  incidentSeq: number,
  changes: { askedAt?: Instant; postedAt?: Instant; waived?: NonNullable<Postmortem['waived']> },
): Promise<void> {
  const { askedAt, postedAt, waived } = changes;
  await tx
    .updateTable('postmortems')
    .set({
      ...(askedAt && { asked_at: askedAt }),
      ...(postedAt && { posted_at: postedAt }),
      ...(waived && { waived_at: waived.at, waived_by: waived.by, reason: waived.reason }),
    })
    .where('incident_seq', '=', incidentSeq)
    .execute();
}

/** null: none is asked for. */
export async function findPostmortem(tx: Tx, incidentSeq: number): Promise<Postmortem | null> {
  const row = await tx
    .selectFrom('postmortems')
    .selectAll()
    .where('incident_seq', '=', incidentSeq)
    .executeTakeFirst();
  return row ? toPostmortem(row) : null;
}

/** Those that are neither posted nor waived, the first due first. Uses postmortems_owed. */
export async function listOwedPostmortems(
  tx: Tx,
  reader: Reader = null,
): Promise<{ incident: Incident; postmortem: Postmortem }[]> {
  const rows = await tx
    .selectFrom('postmortems as p')
    .innerJoin('incidents as i', 'i.seq', 'p.incident_seq')
    .selectAll('i')
    .select(['p.due_at', 'p.asked_at'])
    .where('p.posted_at', 'is', null)
    .where('p.waived_at', 'is', null)
    .where(mayKnow(reader, 'i'))
    .orderBy('p.due_at')
    .execute();
  return rows.map(({ due_at, asked_at, ...row }) => ({
    incident: toIncident(row),
    postmortem: { due: due_at, askedAt: asked_at, postedAt: null, waived: null },
  }));
}

function toPostmortem(row: Row<'postmortems'>): Postmortem {
  const { waived_at: at, waived_by: by, reason } = row;
  return {
    due: row.due_at,
    askedAt: row.asked_at,
    postedAt: row.posted_at,
    waived: at && by !== null && reason !== null ? { at, by, reason } : null,
  };
}
