import type { MaintenanceWord } from '#domain/maintenance.ts';
import type { Instant } from '#domain/time.ts';
import type { Person } from './duty.ts';
import { type Incident, toIncident } from './incidents.ts';
import type { Tx } from './open.ts';
import { visibleIncidents } from './visible.ts';

/** How a maintenance is kept by the clock. */
export type MaintenancePlan = {
  ownerId: string | null;
  byItself: boolean;
  tells: boolean;
  seriesSeq: number | null;
  /** The day for which a series made it. */
  slot: string | null;
};

export async function insertPlan(tx: Tx, incidentSeq: number, plan: MaintenancePlan): Promise<void> {
  await tx
    .insertInto('maintenance_plans')
    .values({
      incident_seq: incidentSeq,
      owner_id: plan.ownerId,
      by_itself: plan.byItself ? 1 : 0,
      tells: plan.tells ? 1 : 0,
      series_seq: plan.seriesSeq,
      slot: plan.slot,
    })
    .execute();
}

/** null of what was imported: it is minded elsewhere. */
export async function findPlan(tx: Tx, incidentSeq: number): Promise<MaintenancePlan | null> {
  const row = await tx
    .selectFrom('maintenance_plans')
    .selectAll()
    .where('incident_seq', '=', incidentSeq)
    .executeTakeFirst();
  if (!row) return null;
  return {
    ownerId: row.owner_id,
    byItself: row.by_itself === 1,
    tells: row.tells === 1,
    seriesSeq: row.series_seq,
    slot: row.slot,
  };
}

export type Kept = { incident: Incident; plan: MaintenancePlan };

/** Everything planned or running that the clock keeps, the next start first. Uses incidents_open. */
export async function listKeptMaintenance(tx: Tx): Promise<Kept[]> {
  const rows = await visibleIncidents(tx, null)
    .innerJoin('maintenance_plans as p', 'p.incident_seq', 'incidents.seq')
    .selectAll('incidents')
    .select(['p.owner_id', 'p.by_itself', 'p.tells', 'p.series_seq', 'p.slot'])
    .where('incidents.resolved_at', 'is', null)
    .where('incidents.kind', '=', 'maintenance')
    .where('incidents.drill', '=', 0)
    .orderBy('incidents.scheduled_for')
    .orderBy('incidents.seq')
    .execute();
  return rows.map(({ owner_id, by_itself, tells, series_seq, slot, ...row }) => ({
    incident: toIncident(row),
    plan: {
      ownerId: owner_id,
      byItself: by_itself === 1,
      tells: tells === 1,
      seriesSeq: series_seq,
      slot,
    },
  }));
}

/** What was said of these already, or need not be. */
export async function listWords(
  tx: Tx,
  incidentSeqs: readonly number[],
): Promise<
  { incidentSeq: number; kind: MaintenanceWord; about: Instant; saidAt: Instant; noticeSeq: number | null }[]
> {
  if (!incidentSeqs.length) return [];
  const rows = await tx
    .selectFrom('maintenance_words')
    .selectAll()
    .where('incident_seq', 'in', incidentSeqs)
    .execute();
  return rows.map((row) => ({
    incidentSeq: row.incident_seq,
    kind: row.kind,
    about: row.about,
    saidAt: row.said_at,
    noticeSeq: row.notice_seq,
  }));
}

/** @throws when it was said already: whoever looked in this transaction would have seen it */
export async function insertWord(
  tx: Tx,
  incidentSeq: number,
  word: { kind: MaintenanceWord; about: Instant; saidAt: Instant; noticeSeq: number | null },
): Promise<void> {
  await tx
    .insertInto('maintenance_words')
    .values({
      incident_seq: incidentSeq,
      kind: word.kind,
      about: word.about,
      said_at: word.saidAt,
      notice_seq: word.noticeSeq,
    })
    .execute();
}

/** What need not be said; what was said stays as it is. */
export async function coverWords(
  tx: Tx,
  incidentSeq: number,
  words: readonly { kind: MaintenanceWord; about: Instant }[],
  now: Instant,
): Promise<void> {
  if (!words.length) return;
  await tx
    .insertInto('maintenance_words')
    .values(
      words.map(({ kind, about }) => ({
        incident_seq: incidentSeq,
        kind,
        about,
        said_at: now,
        notice_seq: null,
      })),
    )
    .onConflict((conflict) => conflict.columns(['incident_seq', 'kind', 'about']).doNothing())
    .execute();
}

/**
 * Open incidents that claim something of these components now, by the seq of the maintenance that touches them. What is restricted is not
 * among them, and no drill: that the end of some work waits would give away that there is something. Uses claims_source and claims_open.
 */
export async function listHolding(
  tx: Tx,
  maintenanceSeqs: readonly number[],
): Promise<Map<number, { id: string; title: string }[]>> {
  if (!maintenanceSeqs.length) return new Map();
  const rows = await tx
    .selectFrom('claims as m')
    .innerJoin('claims as c', 'c.component_id', 'm.component_id')
    .innerJoin('incidents as i', 'i.seq', 'c.source_seq')
    .select(['m.source_seq', 'i.id', 'i.title'])
    .distinct()
    .where('m.source_kind', '=', 'maintenance')
    .where('m.source_seq', 'in', maintenanceSeqs)
    .where('m.ends_at', 'is', null)
    .where('m.voided_at', 'is', null)
    .where('c.source_kind', '=', 'incident')
    .where('c.ends_at', 'is', null)
    .where('c.voided_at', 'is', null)
    .where('i.kind', '=', 'incident')
    .where('i.resolved_at', 'is', null)
    .where('i.restricted', '=', 0)
    .where('i.drill', '=', 0)
    .orderBy('i.id')
    .execute();
  const groups = Map.groupBy(rows, (row) => row.source_seq);
  return new Map([...groups].map(([seq, own]) => [seq, own.map(({ id, title }) => ({ id, title }))]));
}

/** Whoever planned it, as long as they can sign in. */
export async function findOwner(tx: Tx, ownerId: string | null): Promise<Person | null> {
  if (ownerId === null) return null;
  const row = await tx
    .selectFrom('users')
    .select(['id', 'name', 'email'])
    .where('id', '=', ownerId)
    .where('disabled_at', 'is', null)
    .executeTakeFirst();
  return row ? { userId: row.id, name: row.name, email: row.email } : null;
}

/** Open maintenance with its window and components, imported or own, the next start first. Uses incidents_open and claims_source. */
export async function listPlannedFor(
  tx: Tx,
): Promise<
  { id: string; title: string; from: Instant; until: Instant; components: { id: string; name: string }[] }[]
> {
  const rows = await visibleIncidents(tx, null)
    .select(['seq', 'id', 'title', 'scheduled_for', 'scheduled_until'])
    .where('kind', '=', 'maintenance')
    .where('resolved_at', 'is', null)
    .where('drill', '=', 0)
    .orderBy('scheduled_for')
    .orderBy('seq')
    .execute();
  if (!rows.length) return [];
  const claims = await tx
    .selectFrom('claims as c')
    .innerJoin('components as k', 'k.id', 'c.component_id')
    .select(['c.source_seq', 'k.id', 'k.name'])
    .distinct()
    .where('c.source_kind', '=', 'maintenance')
    .where(
      'c.source_seq',
      'in',
      rows.map(({ seq }) => seq),
    )
    .where('c.ends_at', 'is', null)
    .where('c.voided_at', 'is', null)
    .orderBy('k.name')
    .execute();
  const bySeq = Map.groupBy(claims, (claim) => claim.source_seq);
  return rows.flatMap(({ seq, id, title, scheduled_for: from, scheduled_until: until }) =>
    from && until
      ? [{ id, title, from, until, components: (bySeq.get(seq) ?? []).map(({ id, name }) => ({ id, name })) }]
      : [],
  );
}
