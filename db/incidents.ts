import type { OwnPace } from '#domain/cadence.ts';
import type { Severity } from '#domain/severity.ts';
import type { AnyStatus, Impact, IncidentKind } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';
import { type Reader, visibleIncidents } from './visible.ts';

/** An incident or maintenance as the people inside see it. */
export type Incident = {
  seq: number;
  id: string;
  kind: IncidentKind;
  title: string;
  severity: Severity;
  status: AnyStatus;
  impactOverride: Impact | null;
  scope: string | null;
  startedAt: Instant;
  detectedAt: Instant | null;
  declaredAt: Instant;
  publishedAt: Instant | null;
  mitigatedAt: Instant | null;
  resolvedAt: Instant | null;
  scheduledFor: Instant | null;
  scheduledUntil: Instant | null;
  nextUpdateDue: Instant | null;
  internalDue: Instant | null;
  hasCadence: boolean;
  /** Only its viewers know of it (db/visible.ts). */
  restricted: boolean;
  /** When what was restricted was published; null when it never was either. */
  unsealedAt: Instant | null;
  drill: boolean;
  source: 'own' | 'import' | 'backfill';
  /** The policies that it goes by; null: the product's own. */
  policySeq: number | null;
  /** The zone of their business hours; null: the page's. */
  paceZone: string | null;
  /** In the place of what its policy says. */
  ownPace: OwnPace | null;
  /** When that pace was agreed; null when none was. */
  pacedAt: Instant | null;
  version: number;
  createdAt: Instant;
  updatedAt: Instant;
};

export type NewIncident = Omit<
  Incident,
  | 'seq'
  | 'version'
  | 'impactOverride'
  | 'updatedAt'
  | 'policySeq'
  | 'paceZone'
  | 'ownPace'
  | 'pacedAt'
  | 'unsealedAt'
> &
  Partial<Pick<Incident, 'policySeq' | 'paceZone'>>;

/** @returns its seq */
export async function insertIncident(tx: Tx, incident: NewIncident): Promise<number> {
  const { seq } = await tx
    .insertInto('incidents')
    .values({
      id: incident.id,
      kind: incident.kind,
      title: incident.title,
      severity: incident.severity,
      status: incident.status,
      scope: incident.scope,
      started_at: incident.startedAt,
      detected_at: incident.detectedAt,
      declared_at: incident.declaredAt,
      published_at: incident.publishedAt,
      mitigated_at: incident.mitigatedAt,
      resolved_at: incident.resolvedAt,
      scheduled_for: incident.scheduledFor,
      scheduled_until: incident.scheduledUntil,
      next_update_due: incident.nextUpdateDue,
      internal_due: incident.internalDue,
      has_cadence: incident.hasCadence ? 1 : 0,
      restricted: incident.restricted ? 1 : 0,
      drill: incident.drill ? 1 : 0,
      source: incident.source,
      policy_seq: incident.policySeq ?? null,
      pace_zone: incident.paceZone ?? null,
      version: 1,
      created_at: incident.createdAt,
      updated_at: incident.createdAt,
    })
    .returning('seq')
    .executeTakeFirstOrThrow();
  return seq;
}

/** null also when it is there and this reader may not know of it; so is every other question here. */
export async function findIncident(tx: Tx, id: string, reader: Reader = null): Promise<Incident | null> {
  const row = await visibleIncidents(tx, reader).selectAll().where('id', '=', id).executeTakeFirst();
  return row ? toIncident(row) : null;
}

export async function findIncidentBySeq(
  tx: Tx,
  seq: number,
  reader: Reader = null,
): Promise<Incident | null> {
  const row = await visibleIncidents(tx, reader).selectAll().where('seq', '=', seq).executeTakeFirst();
  return row ? toIncident(row) : null;
}

export type IncidentChanges = Partial<
  Pick<
    Incident,
    | 'title'
    | 'severity'
    | 'status'
    | 'scope'
    | 'startedAt'
    | 'detectedAt'
    | 'publishedAt'
    | 'mitigatedAt'
    | 'resolvedAt'
    | 'scheduledFor'
    | 'scheduledUntil'
    | 'nextUpdateDue'
    | 'internalDue'
    | 'hasCadence'
    | 'policySeq'
    | 'paceZone'
    | 'ownPace'
    | 'pacedAt'
    | 'restricted'
    | 'unsealedAt'
  >
>;

const COLUMNS = {
  title: 'title',
  severity: 'severity',
  status: 'status',
  scope: 'scope',
  startedAt: 'started_at',
  detectedAt: 'detected_at',
  publishedAt: 'published_at',
  mitigatedAt: 'mitigated_at',
  resolvedAt: 'resolved_at',
  scheduledFor: 'scheduled_for',
  scheduledUntil: 'scheduled_until',
  nextUpdateDue: 'next_update_due',
  internalDue: 'internal_due',
  hasCadence: 'has_cadence',
  policySeq: 'policy_seq',
  paceZone: 'pace_zone',
  ownPace: 'own_pace',
  pacedAt: 'paced_at',
  restricted: 'restricted',
  unsealedAt: 'unsealed_at',
} as const satisfies Record<keyof IncidentChanges, keyof Row<'incidents'>>;

/** Changes what is given and raises the version, so that a form opened before is known to be stale. */
export async function updateIncident(
  tx: Tx,
  seq: number,
  changes: IncidentChanges,
  now: Instant,
): Promise<void> {
  const set: Record<string, unknown> = { updated_at: now };
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) continue;
    set[COLUMNS[name as keyof IncidentChanges]] = stored(value);
  }
  await tx
    .updateTable('incidents')
    .set((eb) => ({ ...set, version: eb('version', '+', 1) }))
    .where('seq', '=', seq)
    .execute();
}

/** What visitors read of it has changed by something else than an update. */
export async function markCorrected(tx: Tx, seq: number, now: Instant): Promise<void> {
  await tx.updateTable('incidents').set({ corrected_at: now }).where('seq', '=', seq).execute();
}

/** Everything that is not over, newest first. Uses incidents_open. */
export async function listOpen(tx: Tx, reader: Reader = null): Promise<Incident[]> {
  const rows = await visibleIncidents(tx, reader)
    .selectAll()
    .where('resolved_at', 'is', null)
    .orderBy('seq', 'desc')
    .execute();
  return rows.map(toIncident);
}

/** What is over, the latest start first, from `after` on (null: from the top). Uses incidents_started. */
export async function listOver(
  tx: Tx,
  kind: IncidentKind,
  after: { startedAt: Instant; seq: number } | null,
  limit: number,
  reader: Reader = null,
): Promise<Incident[]> {
  let query = visibleIncidents(tx, reader)
    .selectAll()
    .where('kind', '=', kind)
    .where('resolved_at', 'is not', null)
    .orderBy('started_at', 'desc')
    .orderBy('seq', 'desc')
    .limit(limit);
  if (after)
    query = query.where((eb) =>
      eb.or([
        eb('started_at', '<', after.startedAt),
        eb.and([eb('started_at', '=', after.startedAt), eb('seq', '<', after.seq)]),
      ]),
    );
  return (await query.execute()).map(toIncident);
}

function stored(value: IncidentChanges[keyof IncidentChanges]): string | number | null | undefined {
  if (typeof value === 'boolean') return Number(value);
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value;
}

export function toIncident(row: Row<'incidents'>): Incident {
  return {
    seq: row.seq,
    id: row.id,
    kind: row.kind,
    title: row.title,
    severity: row.severity,
    status: row.status,
    impactOverride: row.impact_override,
    scope: row.scope,
    startedAt: row.started_at,
    detectedAt: row.detected_at,
    declaredAt: row.declared_at,
    publishedAt: row.published_at,
    mitigatedAt: row.mitigated_at,
    resolvedAt: row.resolved_at,
    scheduledFor: row.scheduled_for,
    scheduledUntil: row.scheduled_until,
    nextUpdateDue: row.next_update_due,
    internalDue: row.internal_due,
    hasCadence: row.has_cadence === 1,
    restricted: row.restricted === 1,
    unsealedAt: row.unsealed_at,
    drill: row.drill === 1,
    source: row.source,
    policySeq: row.policy_seq,
    paceZone: row.pace_zone,
    ownPace: row.own_pace === null ? null : JSON.parse(row.own_pace),
    pacedAt: row.paced_at,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
