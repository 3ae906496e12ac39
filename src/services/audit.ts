import { type AuditRow, listAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { listUsers } from '#db/users.ts';
import { requirePermission } from '#domain/permissions.ts';

/** `subjectName`: what a user who was the subject is called; null for every other subject. */
export type NamedAuditRow = AuditRow & { subjectName: string | null };

const PAGE = 100;

/**
 * A page of who did what, the newest first. Keyset by `seq`, so that rows that come in meanwhile shift nothing.
 * @param before the `older` of the page before; null for the top
 * @returns `older` is null on the last page
 */
export async function readAudit(
  ctx: Ctx,
  before: number | null,
): Promise<{ rows: NamedAuditRow[]; older: number | null }> {
  requirePermission(ctx.actor, 'audit.read');
  const { rows, users } = await ctx.db.read(async (tx) => ({
    rows: await listAudit(tx, before, PAGE + 1, ctx.actor),
    users: await listUsers(tx),
  }));
  const names = new Map(users.map((user) => [user.id, user.name]));
  const page = rows.slice(0, PAGE).map((row) => ({
    ...row,
    subjectName: row.subjectKind === 'user' ? (names.get(row.subjectId) ?? null) : null,
  }));
  return { rows: page, older: rows.length > PAGE ? (page.at(-1)?.seq ?? null) : null };
}
