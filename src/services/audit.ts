import { type AuditRow, listAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { requirePermission } from '#domain/permissions.ts';

const PAGE = 100;

/**
 * A page of who did what, the newest first. Keyset by `seq`, so that rows that come in meanwhile shift nothing.
 * @param before the `older` of the page before; null for the top
 * @returns `older` is null on the last page
 */
export async function readAudit(
  ctx: Ctx,
  before: number | null,
): Promise<{ rows: AuditRow[]; older: number | null }> {
  requirePermission(ctx.actor, 'audit.read');
  const rows = await ctx.db.read((tx) => listAudit(tx, before, PAGE + 1));
  const page = rows.slice(0, PAGE);
  return { rows: page, older: rows.length > PAGE ? (page.at(-1)?.seq ?? null) : null };
}
