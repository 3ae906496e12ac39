import { actorLabel } from '#domain/permissions.ts';
import type { Ctx } from './context.ts';
import type { Tx } from './open.ts';

export type AuditEntry = {
  action: string;
  subjectKind: string;
  subjectId: string;
  detail?: Record<string, unknown>;
};

/** Who did what, in the transaction of the deed itself. Never put a secret or a whole text into `detail`. */
export async function insertAudit(tx: Tx, ctx: Pick<Ctx, 'actor' | 'now'>, entry: AuditEntry): Promise<void> {
  await tx
    .insertInto('audit')
    .values({
      at: ctx.now(),
      actor_id: ctx.actor.kind === 'user' ? ctx.actor.id : null,
      actor_label: actorLabel(ctx.actor),
      action: entry.action,
      subject_kind: entry.subjectKind,
      subject_id: entry.subjectId,
      detail: JSON.stringify(entry.detail ?? {}),
    })
    .execute();
}

export type AuditRow = {
  seq: number;
  at: string;
  actor: string;
  action: string;
  subjectKind: string;
  subjectId: string;
  detail: Record<string, unknown>;
};

/** The newest first, older than `before` (a seq; null for the top). */
export async function listAudit(tx: Tx, before: number | null, limit: number): Promise<AuditRow[]> {
  let query = tx.selectFrom('audit').selectAll().orderBy('seq', 'desc').limit(limit);
  if (before !== null) query = query.where('seq', '<', before);
  return (await query.execute()).map(toAudit);
}

export async function listAuditOf(tx: Tx, subjectKind: string, subjectId: string): Promise<AuditRow[]> {
  const rows = await tx
    .selectFrom('audit')
    .selectAll()
    .where('subject_kind', '=', subjectKind)
    .where('subject_id', '=', subjectId)
    .orderBy('seq')
    .execute();
  return rows.map(toAudit);
}

function toAudit(row: {
  seq: number;
  at: string;
  actor_label: string;
  action: string;
  subject_kind: string;
  subject_id: string;
  detail: string;
}): AuditRow {
  return {
    seq: row.seq,
    at: row.at,
    actor: row.actor_label,
    action: row.action,
    subjectKind: row.subject_kind,
    subjectId: row.subject_id,
    detail: JSON.parse(row.detail),
  };
}
