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

/** Adds them at the end, in the order given. */
export async function insertTemplates(tx: Tx, templates: readonly Template[], now: Instant): Promise<void> {
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

/** False when there is no such template. */
export async function updateTemplate(tx: Tx, { id, ...changes }: Template, now: Instant): Promise<boolean> {
  const result = await tx
    .updateTable('templates')
    .set({ ...changes, updated_at: now })
    .where('id', '=', id)
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
  return { id, kind, variant, name, title, body, status };
}
