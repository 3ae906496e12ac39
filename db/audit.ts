import { type Actor, actorLabel } from '#domain/permissions.ts';
import type { Ctx } from './context.ts';
import type { Tx } from './open.ts';
import { mayKnowInside, type Reader } from './visible.ts';

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
      actor_label: auditLabel(ctx.actor),
      action: entry.action,
      subject_kind: entry.subjectKind,
      subject_id: entry.subjectId,
      detail: JSON.stringify(entry.detail ?? {}),
    })
    .execute();
}

/** With how they came, where they did not sign in. */
function auditLabel(actor: Actor): string {
  const via = actor.kind === 'user' && actor.via;
  return via ? `${actorLabel(actor)} (${via})` : actorLabel(actor);
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

/** The newest first, older than `before` (a seq; null for the top): those that this reader may know of. */
export async function listAudit(
  tx: Tx,
  before: number | null,
  limit: number,
  reader: Reader = null,
): Promise<AuditRow[]> {
  let query = knownAudit(tx, reader).orderBy('a.seq', 'desc').limit(limit);
  if (before !== null) query = query.where('a.seq', '<', before);
  return (await query.execute()).map(toAudit);
}

export async function listAuditOf(
  tx: Tx,
  subjectKind: string,
  subjectId: string,
  reader: Reader = null,
): Promise<AuditRow[]> {
  const rows = await knownAudit(tx, reader)
    .where('a.subject_kind', '=', subjectKind)
    .where('a.subject_id', '=', subjectId)
    .orderBy('a.seq')
    .execute();
  return rows.map(toAudit);
}

/** What was done to an incident is known to those who may know of it, from the time on from which they may. */
function knownAudit(tx: Tx, reader: Reader) {
  return tx
    .selectFrom('audit as a')
    .leftJoin('incidents as i', (join) =>
      join.onRef('i.id', '=', 'a.subject_id').on('a.subject_kind', 'in', ['incident', 'maintenance']),
    )
    .selectAll('a')
    .where((eb) => eb.or([eb('i.seq', 'is', null), mayKnowInside(reader, 'i', 'a.at')]));
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
