import type { Role } from '#domain/permissions.ts';
import type { Runbook, Step } from '#domain/runbooks.ts';
import type { Severity } from '#domain/severity.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

/** A runbook as it is written down. */
export type WrittenRunbook = {
  id: string;
  title: string;
  severities: readonly Severity[];
  componentId: string | null;
  steps: readonly Step[];
  ownerId: string | null;
};

/** By title. */
export async function listRunbooks(tx: Tx): Promise<Runbook[]> {
  const rows = await selectRunbooks(tx).execute();
  return rows.map(toRunbook).sort(byTitle);
}

export async function findRunbook(tx: Tx, id: string): Promise<Runbook | null> {
  const row = await selectRunbooks(tx).where('r.id', '=', id).executeTakeFirst();
  return row ? toRunbook(row) : null;
}

/** @param reviewed who says with its writing that it is right; null when nobody has read it yet */
export async function insertRunbook(
  tx: Tx,
  runbook: WrittenRunbook,
  { now, reviewed }: { now: Instant; reviewed: Runbook['reviewed'] },
): Promise<void> {
  await tx
    .insertInto('runbooks')
    .values({
      id: runbook.id,
      ...toColumns(runbook),
      reviewed_at: reviewed?.at ?? null,
      reviewed_by: reviewed?.by ?? null,
      created_at: now,
      version: 1,
      told_at: null,
    })
    .execute();
}

/** False when there is no such runbook of this version. */
export async function updateRunbook(tx: Tx, runbook: WrittenRunbook, version: number): Promise<boolean> {
  const result = await tx
    .updateTable('runbooks')
    .set((eb) => ({
      ...toColumns(runbook),
      version: version + 1,
      // Whoever takes it over has not been told of it.
      told_at: eb
        .case()
        .when(eb.fn.coalesce('owner_id', eb.val('')), '=', runbook.ownerId ?? '')
        .then(eb.ref('told_at'))
        .else(null)
        .end(),
    }))
    .where('id', '=', runbook.id)
    .where('version', '=', version)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Someone says that it is right as it stands in this version. @returns whether it stands so */
export async function reviewRunbook(
  tx: Tx,
  { id, version }: { id: string; version: number },
  by: { at: Instant; label: string },
): Promise<boolean> {
  const result = await tx
    .updateTable('runbooks')
    .set({ reviewed_at: by.at, reviewed_by: by.label, told_at: null })
    .where('id', '=', id)
    .where('version', '=', version)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Whoever a runbook names as its owner, who may have left or may not change it any more. */
export type Keeper = { id: string; name: string; email: string; role: Role; disabledAt: Instant | null };

/** All of them, whom each names, and when somebody was last mailed that it is overdue. */
export async function listForReview(
  tx: Tx,
): Promise<{ runbook: Runbook; keeper: Keeper | null; toldAt: Instant | null }[]> {
  const rows = await selectRunbooks(tx).select(['u.email as owner_email', 'u.role as owner_role']).execute();
  return rows
    .map((row) => ({
      runbook: toRunbook(row),
      keeper:
        row.owner_id && row.owner_name && row.owner_email && row.owner_role
          ? {
              id: row.owner_id,
              name: row.owner_name,
              email: row.owner_email,
              role: row.owner_role,
              disabledAt: row.owner_disabled_at,
            }
          : null,
      toldAt: row.told_at,
    }))
    .sort((a, b) => byTitle(a.runbook, b.runbook));
}

/** Whoever they are for was mailed that they are overdue. */
export async function markTold(tx: Tx, ids: readonly string[], now: Instant): Promise<void> {
  await tx
    .updateTable('runbooks')
    .set({ told_at: now })
    .where('id', 'in', [...ids])
    .execute();
}

/** What incidents were given from it stays with them. False when there was no such runbook. */
export async function deleteRunbook(tx: Tx, id: string): Promise<boolean> {
  const result = await tx.deleteFrom('runbooks').where('id', '=', id).executeTakeFirst();
  return result.numDeletedRows > 0n;
}

function selectRunbooks(tx: Tx) {
  return tx
    .selectFrom('runbooks as r')
    .leftJoin('components as c', 'c.id', 'r.component_id')
    .leftJoin('users as u', 'u.id', 'r.owner_id')
    .selectAll('r')
    .select(['c.name as component_name', 'u.name as owner_name', 'u.disabled_at as owner_disabled_at']);
}

function toColumns({ title, severities, componentId, steps, ownerId }: WrittenRunbook) {
  return {
    title,
    severities: JSON.stringify(severities),
    component_id: componentId,
    steps: JSON.stringify(steps),
    owner_id: ownerId,
  };
}

function toRunbook(
  row: Awaited<ReturnType<ReturnType<typeof selectRunbooks>['executeTakeFirstOrThrow']>>,
): Runbook {
  return {
    id: row.id,
    title: row.title,
    severities: JSON.parse(row.severities),
    component: row.component_id === null ? null : { id: row.component_id, name: row.component_name ?? '' },
    steps: JSON.parse(row.steps),
    owner:
      row.owner_id === null
        ? null
        : { id: row.owner_id, name: row.owner_name ?? '', canSignIn: row.owner_disabled_at === null },
    reviewed: row.reviewed_at === null ? null : { at: row.reviewed_at, by: row.reviewed_by ?? '' },
    createdAt: row.created_at,
    version: row.version,
  };
}

/** The same on both databases, whatever their collations. */
function byTitle(a: Runbook, b: Runbook): number {
  return a.title.localeCompare(b.title, 'en') || (a.id < b.id ? -1 : 1);
}
