import type { OwnPace } from '#domain/cadence.ts';
import type { CallKind } from '#domain/calls.ts';
import type { Severity } from '#domain/severity.ts';
import type { AnyStatus, Impact } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

/** What a report of kept words needs of an incident. */
export type RecordedIncident = {
  seq: number;
  id: string;
  title: string;
  severity: Severity;
  impactOverride: Impact | null;
  declaredAt: Instant;
  publishedAt: Instant | null;
  resolvedAt: Instant | null;
  nextUpdateDue: Instant | null;
  drill: boolean;
  source: 'own' | 'import' | 'backfill';
  policySeq: number | null;
  paceZone: string | null;
  ownPace: OwnPace | null;
};

/** Declared from `from` on and before `to`; null for no bound. */
export type Declared = { from: Instant | null; to: Instant | null };

/** What is restricted is in no report. The latest first. Uses incidents_declared. */
export async function listDeclared(tx: Tx, declared: Declared): Promise<RecordedIncident[]> {
  const rows = await recorded(tx, declared)
    .select([
      'i.seq',
      'i.id',
      'i.title',
      'i.severity',
      'i.impact_override',
      'i.declared_at',
      'i.published_at',
      'i.resolved_at',
      'i.next_update_due',
      'i.drill',
      'i.source',
      'i.policy_seq',
      'i.pace_zone',
      'i.own_pace',
    ])
    .orderBy('i.declared_at', 'desc')
    .orderBy('i.seq', 'desc')
    .execute();
  return rows.map((row) => ({
    seq: row.seq,
    id: row.id,
    title: row.title,
    severity: row.severity,
    impactOverride: row.impact_override,
    declaredAt: row.declared_at,
    publishedAt: row.published_at,
    resolvedAt: row.resolved_at,
    nextUpdateDue: row.next_update_due,
    drill: row.drill === 1,
    source: row.source,
    policySeq: row.policy_seq,
    paceZone: row.pace_zone,
    ownPace: row.own_pace === null ? null : JSON.parse(row.own_pace),
  }));
}

/** The public updates of those incidents, each incident's in the order in which they were posted. Uses updates_incident. */
export async function listSaid(
  tx: Tx,
  declared: Declared,
): Promise<
  {
    incidentSeq: number;
    id: string;
    postedAt: Instant;
    wasDueAt: Instant | null;
    status: AnyStatus;
    automatic: boolean;
  }[]
> {
  const rows = await recorded(tx, declared)
    .innerJoin('updates as u', 'u.incident_seq', 'i.seq')
    .select(['u.incident_seq', 'u.id', 'u.posted_at', 'u.was_due_at', 'u.status', 'u.automatic'])
    .where('u.audience', '=', 'public')
    .orderBy('u.incident_seq')
    .orderBy('u.posted_at')
    .orderBy('u.seq')
    .execute();
  return rows.map((row) => ({
    incidentSeq: row.incident_seq,
    id: row.id,
    postedAt: row.posted_at,
    wasDueAt: row.was_due_at,
    status: row.status,
    automatic: row.automatic === 1,
  }));
}

/** The calls that were made about those incidents' public clocks. */
export async function listPublicCalls(
  tx: Tx,
  declared: Declared,
): Promise<{ incidentSeq: number; due: Instant; at: Instant; kind: CallKind }[]> {
  const rows = await recorded(tx, declared)
    .innerJoin('calls as c', 'c.incident_seq', 'i.seq')
    .select(['c.incident_seq', 'c.due_at', 'c.at', 'c.kind'])
    .where('c.clock', '=', 'public')
    .orderBy('c.seq')
    .execute();
  return rows.map((row) => ({
    incidentSeq: row.incident_seq,
    due: row.due_at,
    at: row.at,
    kind: row.kind,
  }));
}

/** When the first and the last imported incident were declared; null when none was imported. */
export async function getImportedSpan(
  tx: Tx,
): Promise<{ first: Instant; last: Instant; incidents: number } | null> {
  const row = await tx
    .selectFrom('incidents')
    .select((eb) => [
      eb.fn.min('declared_at').as('first'),
      eb.fn.max('declared_at').as('last'),
      eb.fn.countAll<number>().as('incidents'),
    ])
    .where('kind', '=', 'incident')
    .where('source', '=', 'import')
    .where('restricted', '=', 0)
    .executeTakeFirstOrThrow();
  return row.first && row.last ? { first: row.first, last: row.last, incidents: row.incidents } : null;
}

function recorded(tx: Tx, { from, to }: Declared) {
  let query = tx.selectFrom('incidents as i').where('i.kind', '=', 'incident').where('i.restricted', '=', 0);
  if (from !== null) query = query.where('i.declared_at', '>=', from);
  if (to !== null) query = query.where('i.declared_at', '<', to);
  return query;
}
