import { TEMPLATE_KINDS, type Template } from '#domain/templates.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';

/** All of them, by kind as an incident goes, then in their own order. */
export async function listTemplates(tx: Tx): Promise<Template[]> {
  const rows = await tx.selectFrom('templates').selectAll().orderBy('position').orderBy('id').execute();
  return rows.map(toTemplate).sort((a, b) => TEMPLATE_KINDS.indexOf(a.kind) - TEMPLATE_KINDS.indexOf(b.kind));
}

export async function findTemplate(tx: Tx, id: string): Promise<Template | null> {
  const row = await tx.selectFrom('templates').selectAll().where('id', '=', id).executeTakeFirst();
  return row ? toTemplate(row) : null;
}

export async function countTemplates(tx: Tx): Promise<number> {
  const row = await tx
    .selectFrom('templates')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

/** A template as it is written; that it may be posted automatically is said apart. */
type Written = Omit<Template, 'approved'>;

/** Adds them at the end, in the order given. */
export async function insertTemplates(tx: Tx, templates: readonly Written[], now: Instant): Promise<void> {
  const last = await tx
    .selectFrom('templates')
    .select((eb) => eb.fn.max('position').as('position'))
    .executeTakeFirst();
  const from = Number(last?.position ?? 0) + 1;
  await tx
    .insertInto('templates')
    .values(
      templates.map((template, index) => ({
        ...template,
        position: from + index,
        created_at: now,
        updated_at: now,
      })),
    )
    .execute();
}

/** What was approved was the old wording, so the approval ends. False when there is no such template. */
export async function updateTemplate(tx: Tx, { id, ...changes }: Written, now: Instant): Promise<boolean> {
  const result = await tx
    .updateTable('templates')
    .set({ ...changes, updated_at: now, approved_at: null, approved_by: null })
    .where('id', '=', id)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Lets it be posted automatically, or no longer. Its wording must still be that of `body`. @returns whether it was */
export async function approveTemplate(
  tx: Tx,
  { id, body }: Pick<Template, 'id' | 'body'>,
  approved: Template['approved'],
): Promise<boolean> {
  const result = await tx
    .updateTable('templates')
    .set({ approved_at: approved?.at ?? null, approved_by: approved?.by ?? null })
    .where('id', '=', id)
    .where('body', '=', body)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** False when there was no such template. */
export async function deleteTemplate(tx: Tx, id: string): Promise<boolean> {
  const result = await tx.deleteFrom('templates').where('id', '=', id).executeTakeFirst();
  return result.numDeletedRows > 0n;
}

function toTemplate(row: Row<'templates'>): Template {
  const { id, kind, variant, name, title, body, status } = row;
  const approved = row.approved_at ? { at: row.approved_at, by: row.approved_by ?? '' } : null;
  return { id, kind, variant, name, title, body, status, approved };
}
