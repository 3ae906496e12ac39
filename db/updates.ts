import type { Severity } from '#domain/severity.ts';
import type { AnyStatus, ComponentStatus } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Row, UpdatesTable } from './schema.ts';
import { mayKnow, mayKnowInside, type Reader } from './visible.ts';

/** What an update did to one component, in the words of the Statuspage v2 API. */
export type ComponentChange = {
  code: string;
  name: string;
  old_status: ComponentStatus;
  new_status: ComponentStatus;
};

export type UpdateText = {
  body: string;
  scope: string | null;
  affected: string | null;
  workaround: string | null;
  estimate: string | null;
};

export type Update = UpdateText & {
  seq: number;
  id: string;
  incidentSeq: number;
  audience: UpdatesTable['audience'];
  kind: UpdatesTable['kind'];
  status: AnyStatus;
  severity: Severity;
  nextUpdateBy: Instant | null;
  /** What was promised before it came; null when nothing was. */
  wasDueAt: Instant | null;
  postedAt: Instant;
  editedAt: Instant | null;
  author: string;
  changes: ComponentChange[];
  notified: boolean;
  /** Nobody wrote it: the policy had it posted. */
  automatic: boolean;
};

export type UpdateEdit = { updateSeq: number; before: UpdateText; at: Instant; by: string };

/** @returns its seq */
export async function insertUpdate(
  tx: Tx,
  update: Omit<Update, 'seq' | 'editedAt' | 'automatic'> & { createdAt: Instant; automatic?: boolean },
): Promise<number> {
  const { seq } = await tx
    .insertInto('updates')
    .values({
      id: update.id,
      incident_seq: update.incidentSeq,
      audience: update.audience,
      kind: update.kind,
      status: update.status,
      severity: update.severity,
      body: update.body,
      scope: update.scope,
      affected: update.affected,
      workaround: update.workaround,
      estimate: update.estimate,
      next_update_by: update.nextUpdateBy,
      was_due_at: update.wasDueAt,
      posted_at: update.postedAt,
      created_at: update.createdAt,
      updated_at: update.createdAt,
      author_label: update.author,
      component_changes: JSON.stringify(update.changes),
      notified: update.notified ? 1 : 0,
      automatic: update.automatic ? 1 : 0,
    })
    .returning('seq')
    .executeTakeFirstOrThrow();
  return seq;
}

/** Of one incident, the newest first: those that this reader may know of. Uses updates_incident. */
export async function listUpdates(tx: Tx, incidentSeq: number, reader: Reader = null): Promise<Update[]> {
  const rows = await knownUpdates(tx, reader)
    .where('u.incident_seq', '=', incidentSeq)
    .orderBy('u.posted_at', 'desc')
    .orderBy('u.seq', 'desc')
    .execute();
  return rows.map(toUpdate);
}

/** The public id of the update with this seq. */
export async function updateId(tx: Tx, seq: number): Promise<string> {
  return (await tx.selectFrom('updates').select('id').where('seq', '=', seq).executeTakeFirstOrThrow()).id;
}

export async function findUpdate(tx: Tx, id: string, reader: Reader = null): Promise<Update | null> {
  const row = await knownUpdates(tx, reader).where('u.id', '=', id).executeTakeFirst();
  return row ? toUpdate(row) : null;
}

function knownUpdates(tx: Tx, reader: Reader) {
  return tx
    .selectFrom('updates as u')
    .innerJoin('incidents as i', 'i.seq', 'u.incident_seq')
    .selectAll('u')
    .where(mayKnow(reader, 'i'))
    .where((eb) => eb.or([eb('u.audience', '=', 'public'), mayKnowInside(reader, 'i', 'u.posted_at')]));
}

/** Puts new words in place of the old, which are kept beside it. */
export async function changeUpdateText(
  tx: Tx,
  update: Update,
  text: UpdateText,
  by: { at: Instant; label: string },
): Promise<void> {
  const { body, scope, affected, workaround, estimate } = update;
  await tx
    .insertInto('update_edits')
    .values({
      update_seq: update.seq,
      before: JSON.stringify({ body, scope, affected, workaround, estimate } satisfies UpdateText),
      edited_at: by.at,
      edited_by: by.label,
    })
    .execute();
  await tx
    .updateTable('updates')
    .set({ ...text, edited_at: by.at, updated_at: by.at })
    .where('seq', '=', update.seq)
    .execute();
}

/** Of all updates of one incident, the newest edit first. */
export async function listEdits(tx: Tx, incidentSeq: number): Promise<UpdateEdit[]> {
  const rows = await tx
    .selectFrom('update_edits as e')
    .innerJoin('updates as u', 'u.seq', 'e.update_seq')
    .select(['e.update_seq', 'e.before', 'e.edited_at', 'e.edited_by'])
    .where('u.incident_seq', '=', incidentSeq)
    .orderBy('e.seq', 'desc')
    .execute();
  return rows.map((row) => ({
    updateSeq: row.update_seq,
    before: JSON.parse(row.before),
    at: row.edited_at,
    by: row.edited_by,
  }));
}

function toUpdate(row: Row<'updates'>): Update {
  return {
    seq: row.seq,
    id: row.id,
    incidentSeq: row.incident_seq,
    audience: row.audience,
    kind: row.kind,
    status: row.status,
    severity: row.severity,
    body: row.body,
    scope: row.scope,
    affected: row.affected,
    workaround: row.workaround,
    estimate: row.estimate,
    nextUpdateBy: row.next_update_by,
    wasDueAt: row.was_due_at,
    postedAt: row.posted_at,
    editedAt: row.edited_at,
    author: row.author_label,
    changes: JSON.parse(row.component_changes),
    notified: row.notified === 1,
    automatic: row.automatic === 1,
  };
}
