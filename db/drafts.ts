import { sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import { mayKnow, mayKnowInside, type Reader } from './visible.ts';

export type DraftFields = Record<string, string>;

export type Draft = {
  subject: string;
  userId: string;
  userName: string;
  fields: DraftFields;
  updatedAt: Instant;
};

/** One draft a person and subject: the newest wins. */
export async function upsertDraft(tx: Tx, draft: Draft): Promise<void> {
  const changes = {
    user_name: draft.userName,
    fields: JSON.stringify(draft.fields),
    updated_at: draft.updatedAt,
  };
  await tx
    .insertInto('drafts')
    .values({ subject: draft.subject, user_id: draft.userId, ...changes })
    .onConflict((oc) => oc.columns(['subject', 'user_id']).doUpdateSet(changes))
    .execute();
}

/** Everyone's drafts of the subject that this reader may know of, the newest first. */
export async function listDraftsOf(tx: Tx, subject: string, reader: Reader = null): Promise<Draft[]> {
  const rows = await tx
    .selectFrom('drafts as d')
    .leftJoin('incidents as i', 'i.id', 'd.subject')
    .selectAll('d')
    .where('d.subject', '=', subject)
    .where((eb) => eb.or([eb('i.seq', 'is', null), mayKnowInside(reader, 'i', 'd.updated_at')]))
    .orderBy('d.updated_at', 'desc')
    .orderBy('d.user_id')
    .execute();
  return rows.map((row) => ({
    subject: row.subject,
    userId: row.user_id,
    userName: row.user_name,
    fields: JSON.parse(row.fields) as DraftFields,
    updatedAt: row.updated_at,
  }));
}

/** Whether the subject is an incident that this reader may not know of. */
export async function isHiddenSubject(tx: Tx, subject: string, reader: Reader): Promise<boolean> {
  const row = await tx
    .selectFrom('incidents')
    .select('seq')
    .where('id', '=', subject)
    .where(sql<boolean>`not ${mayKnow(reader)}`)
    .executeTakeFirst();
  return row !== undefined;
}

export async function deleteDraft(tx: Tx, subject: string, userId: string): Promise<void> {
  await tx.deleteFrom('drafts').where('subject', '=', subject).where('user_id', '=', userId).execute();
}

/** What was last touched before then. @returns how many there were */
export async function deleteDraftsBefore(tx: Tx, then: Instant): Promise<number> {
  const result = await tx.deleteFrom('drafts').where('updated_at', '<', then).executeTakeFirst();
  return Number(result.numDeletedRows);
}
