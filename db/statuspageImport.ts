import type { TidyClaim } from '#domain/statuspageClaims.ts';
import type { TidyComponent, TidyGroup } from '#domain/statuspageComponents.ts';
import type { TidyIncident } from '#domain/statuspageIncidents.ts';
import type { TidyUpdate } from '#domain/statuspageUpdates.ts';
import type { Instant } from '#domain/time.ts';
import { chunksOf } from './dialect.ts';
import type { Tx } from './open.ts';
import type { NewRow, Row } from './schema.ts';

/** The columns that an import decides; what is not here belongs to this installation. */
export type IncidentFields = Omit<
  NewRow<'incidents'>,
  'seq' | 'detected_at' | 'next_update_due' | 'internal_due' | 'restricted' | 'drill' | 'version'
>;
export type UpdateFields = Pick<
  NewRow<'updates'>,
  | 'source_id'
  | 'kind'
  | 'status'
  | 'severity'
  | 'body'
  | 'posted_at'
  | 'created_at'
  | 'updated_at'
  | 'edited_at'
  | 'component_changes'
>;
export type GroupFields = NewRow<'component_groups'>;
export type ComponentFields = NewRow<'components'>;

export function groupFields(group: TidyGroup): GroupFields {
  return {
    id: group.id,
    name: group.name,
    description: group.description,
    position: group.position,
    created_at: group.createdAt,
    updated_at: group.updatedAt,
  };
}

export function componentFields(component: TidyComponent): ComponentFields {
  return {
    id: component.id,
    group_id: component.groupId,
    name: component.name,
    description: component.description,
    position: component.position,
    showcase: component.showcase ? 1 : 0,
    only_show_if_degraded: component.onlyShowIfDegraded ? 1 : 0,
    start_date: component.startDate,
    created_at: component.createdAt,
    updated_at: component.updatedAt,
    archived_at: component.archivedAt,
  };
}

/** Without cadence, so that nothing is due and nobody is told until someone adopts it. */
export function incidentFields(incident: TidyIncident): IncidentFields {
  return {
    id: incident.id,
    kind: incident.kind,
    title: incident.title,
    scope: incident.scope,
    severity: incident.severity,
    status: incident.status,
    impact_override: incident.impactOverride,
    started_at: incident.startedAt,
    declared_at: incident.declaredAt,
    published_at: incident.publishedAt,
    mitigated_at: incident.mitigatedAt,
    resolved_at: incident.resolvedAt,
    scheduled_for: incident.scheduledFor,
    scheduled_until: incident.scheduledUntil,
    has_cadence: 0,
    source: 'import',
    shortlink: incident.shortlink,
    created_at: incident.createdAt,
    updated_at: incident.updatedAt,
  };
}

export function updateFields(update: TidyUpdate): UpdateFields {
  return {
    source_id: update.sourceId,
    kind: update.kind,
    status: update.status,
    severity: update.severity,
    body: update.body,
    posted_at: update.postedAt,
    created_at: update.createdAt,
    updated_at: update.updatedAt,
    edited_at: update.editedAt,
    component_changes: JSON.stringify(update.componentChanges),
  };
}

export type StoredIncident = {
  row: Row<'incidents'>;
  updates: Row<'updates'>[];
  claims: Row<'claims'>[];
};

/** What is here already of the incidents with these ids, by id. */
export async function readStoredIncidents(
  tx: Tx,
  ids: readonly string[],
): Promise<Map<string, StoredIncident>> {
  if (!ids.length) return new Map();
  const rows = await tx.selectFrom('incidents').selectAll().where('id', 'in', ids).execute();
  const bySeq = new Map(rows.map((row) => [row.seq, { row, updates: [], claims: [] } as StoredIncident]));
  if (!rows.length) return new Map();
  const seqs = [...bySeq.keys()];
  const updates = await tx
    .selectFrom('updates')
    .selectAll()
    .where('incident_seq', 'in', seqs)
    .orderBy('seq')
    .execute();
  for (const update of updates) bySeq.get(update.incident_seq)?.updates.push(update);
  const claims = await tx
    .selectFrom('claims')
    .selectAll()
    .where('source_kind', 'in', ['incident', 'maintenance'])
    .where('source_seq', 'in', seqs)
    .where('voided_at', 'is', null)
    .orderBy('seq')
    .execute();
  for (const claim of claims) bySeq.get(claim.source_seq)?.claims.push(claim);
  return new Map([...bySeq.values()].map((stored) => [stored.row.id, stored]));
}

/** Which of the subjects someone has changed here: every such change leaves an audit row of its own. */
export async function listTouched(
  tx: Tx,
  subjectKinds: readonly string[],
  ids: readonly string[],
): Promise<Set<string>> {
  const touched = new Set<string>();
  for (const chunk of chunksOf(ids, 1)) {
    const rows = await tx
      .selectFrom('audit')
      .select('subject_id')
      .distinct()
      .where('subject_kind', 'in', subjectKinds)
      .where('subject_id', 'in', chunk)
      .execute();
    for (const row of rows) touched.add(row.subject_id);
  }
  return touched;
}

export async function readAllGroups(tx: Tx): Promise<Row<'component_groups'>[]> {
  return tx.selectFrom('component_groups').selectAll().execute();
}

export async function readAllComponents(tx: Tx): Promise<Row<'components'>[]> {
  return tx.selectFrom('components').selectAll().execute();
}

/** Which of these are the ids of updates here. */
export async function listTakenUpdateIds(tx: Tx, ids: readonly string[]): Promise<Set<string>> {
  const taken = new Set<string>();
  for (const chunk of chunksOf(ids, 1)) {
    const rows = await tx.selectFrom('updates').select('id').where('id', 'in', chunk).execute();
    for (const row of rows) taken.add(row.id);
  }
  return taken;
}

/** One that is here keeps its place on the page. */
export async function upsertGroups(tx: Tx, rows: readonly GroupFields[]): Promise<void> {
  for (const chunk of chunksOf(rows, 6))
    await tx
      .insertInto('component_groups')
      .values([...chunk])
      .onConflict((oc) =>
        oc.column('id').doUpdateSet((eb) => ({
          name: eb.ref('excluded.name'),
          description: eb.ref('excluded.description'),
          created_at: eb.ref('excluded.created_at'),
          updated_at: eb.ref('excluded.updated_at'),
        })),
      )
      .execute();
}

/** One that is here keeps its place on the page. */
export async function upsertComponents(tx: Tx, rows: readonly ComponentFields[]): Promise<void> {
  for (const chunk of chunksOf(rows, 11))
    await tx
      .insertInto('components')
      .values([...chunk])
      .onConflict((oc) =>
        oc.column('id').doUpdateSet((eb) => ({
          group_id: eb.ref('excluded.group_id'),
          name: eb.ref('excluded.name'),
          description: eb.ref('excluded.description'),
          showcase: eb.ref('excluded.showcase'),
          only_show_if_degraded: eb.ref('excluded.only_show_if_degraded'),
          start_date: eb.ref('excluded.start_date'),
          created_at: eb.ref('excluded.created_at'),
          updated_at: eb.ref('excluded.updated_at'),
          archived_at: eb.ref('excluded.archived_at'),
        })),
      )
      .execute();
}

/** New ones get version 1, changed ones the next version. @returns seq by id */
export async function upsertIncidents(tx: Tx, rows: readonly IncidentFields[]): Promise<Map<string, number>> {
  const seqs = new Map<string, number>();
  for (const chunk of chunksOf(rows, 22)) {
    const written = await tx
      .insertInto('incidents')
      .values(chunk.map((row) => ({ ...row, restricted: 0, drill: 0, version: 1 })))
      .onConflict((oc) =>
        oc.column('id').doUpdateSet((eb) => ({
          kind: eb.ref('excluded.kind'),
          title: eb.ref('excluded.title'),
          scope: eb.ref('excluded.scope'),
          severity: eb.ref('excluded.severity'),
          status: eb.ref('excluded.status'),
          impact_override: eb.ref('excluded.impact_override'),
          started_at: eb.ref('excluded.started_at'),
          declared_at: eb.ref('excluded.declared_at'),
          published_at: eb.ref('excluded.published_at'),
          mitigated_at: eb.ref('excluded.mitigated_at'),
          resolved_at: eb.ref('excluded.resolved_at'),
          scheduled_for: eb.ref('excluded.scheduled_for'),
          scheduled_until: eb.ref('excluded.scheduled_until'),
          shortlink: eb.ref('excluded.shortlink'),
          created_at: eb.ref('excluded.created_at'),
          updated_at: eb.ref('excluded.updated_at'),
          version: eb('incidents.version', '+', 1),
        })),
      )
      .returning(['id', 'seq'])
      .execute();
    for (const row of written) seqs.set(row.id, row.seq);
  }
  return seqs;
}

/** `id` counts only for new ones: one that is here keeps its own. */
export async function upsertUpdates(
  tx: Tx,
  rows: readonly (UpdateFields & { id: string; incident_seq: number })[],
): Promise<void> {
  for (const chunk of chunksOf(rows, 15))
    await tx
      .insertInto('updates')
      .values(
        chunk.map((row) => ({ ...row, audience: 'public' as const, author_label: 'import', notified: 0 })),
      )
      .onConflict((oc) =>
        oc.columns(['incident_seq', 'source_id']).doUpdateSet((eb) => ({
          kind: eb.ref('excluded.kind'),
          status: eb.ref('excluded.status'),
          severity: eb.ref('excluded.severity'),
          body: eb.ref('excluded.body'),
          posted_at: eb.ref('excluded.posted_at'),
          created_at: eb.ref('excluded.created_at'),
          updated_at: eb.ref('excluded.updated_at'),
          edited_at: eb.ref('excluded.edited_at'),
          component_changes: eb.ref('excluded.component_changes'),
        })),
      )
      .execute();
}

/** Replaces what the incidents claim: the versions that stood are voided, never removed. */
export async function replaceClaims(
  tx: Tx,
  incidents: readonly { seq: number; kind: 'incident' | 'maintenance'; claims: readonly TidyClaim[] }[],
  by: { now: Instant; label: string },
): Promise<void> {
  if (!incidents.length) return;
  await tx
    .updateTable('claims')
    .set({ voided_at: by.now })
    .where('source_kind', 'in', ['incident', 'maintenance'])
    .where(
      'source_seq',
      'in',
      incidents.map((incident) => incident.seq),
    )
    .where('voided_at', 'is', null)
    .execute();
  const rows = incidents.flatMap(({ seq, kind, claims }) =>
    claims.map((claim) => ({
      component_id: claim.componentId,
      source_kind: kind,
      source_seq: seq,
      status: claim.status,
      starts_at: claim.startsAt,
      ends_at: claim.endsAt,
      recorded_at: by.now,
      recorded_by: by.label,
    })),
  );
  for (const chunk of chunksOf(rows, 8))
    await tx
      .insertInto('claims')
      .values([...chunk])
      .execute();
}
