import { sql } from 'kysely';
import type { DrillAnswers } from '#domain/drills.ts';
import type { Instant } from '#domain/time.ts';
import type { Person } from './duty.ts';
import { type Incident, toIncident } from './incidents.ts';
import type { IncidentRole } from './incidentTeam.ts';
import type { Tx } from './open.ts';
import { type Reader, visibleIncidents } from './visible.ts';

export type Participant = Person & { canSignIn: boolean };

/** Who takes part in a drill, by name: those too who can no longer sign in. */
export async function listDrillPeople(tx: Tx, incidentSeq: number): Promise<Participant[]> {
  const rows = await tx
    .selectFrom('drill_people as p')
    .innerJoin('users as u', 'u.id', 'p.user_id')
    .select(['u.id', 'u.name', 'u.email', 'u.disabled_at'])
    .where('p.incident_seq', '=', incidentSeq)
    .orderBy('u.name')
    .orderBy('u.id')
    .execute();
  return rows.map((row) => ({
    userId: row.id,
    name: row.name,
    email: row.email,
    canSignIn: row.disabled_at === null,
  }));
}

/** The drills that this reader may know of, the latest first. Uses incidents_drills. */
export async function listDrills(tx: Tx, limit: number, reader: Reader): Promise<Incident[]> {
  const rows = await visibleIncidents(tx, reader)
    .selectAll()
    .where('drill', '=', sql.lit(1))
    .orderBy('declared_at', 'desc')
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute();
  return rows.map(toIncident);
}

export async function isParticipant(tx: Tx, incidentSeq: number, userId: string): Promise<boolean> {
  const row = await tx
    .selectFrom('drill_people')
    .select('user_id')
    .where('incident_seq', '=', incidentSeq)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return row !== undefined;
}

export async function insertDrillPeople(
  tx: Tx,
  incidentSeq: number,
  userIds: readonly string[],
  by: { at: Instant; label: string },
): Promise<void> {
  await tx
    .insertInto('drill_people')
    .values(
      userIds.map((userId) => ({
        incident_seq: incidentSeq,
        user_id: userId,
        added_at: by.at,
        added_label: by.label,
      })),
    )
    .execute();
}

/** Who had which role in drills, and when they were given it last; those before `since` are left out. */
export async function listDrillRoles(
  tx: Tx,
  since: Instant,
): Promise<{ role: IncidentRole; userId: string; at: Instant }[]> {
  const rows = await tx
    .selectFrom('drill_people as p')
    .innerJoin('incident_roles as r', (join) =>
      join.onRef('r.incident_seq', '=', 'p.incident_seq').onRef('r.user_id', '=', 'p.user_id'),
    )
    .select((eb) => ['r.role', 'r.user_id', eb.fn.max('r.assigned_at').as('at')])
    .where('r.assigned_at', '>=', since)
    .groupBy(['r.role', 'r.user_id'])
    .execute();
  return rows.map((row) => ({ role: row.role, userId: row.user_id, at: row.at }));
}

/** Notes that a drill was broken off. Once is enough. */
export async function insertDrillEnd(
  tx: Tx,
  incidentSeq: number,
  by: { at: Instant; label: string },
): Promise<void> {
  await tx
    .insertInto('drill_ends')
    .values({ incident_seq: incidentSeq, at: by.at, by_label: by.label })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** When each of these was broken off, by whom: by seq; those that were not are left out. */
export async function listDrillEnds(
  tx: Tx,
  incidentSeqs: readonly number[],
): Promise<Map<number, { at: Instant; by: string }>> {
  if (!incidentSeqs.length) return new Map();
  const rows = await tx
    .selectFrom('drill_ends')
    .selectAll()
    .where('incident_seq', 'in', incidentSeqs)
    .execute();
  return new Map(rows.map((row) => [row.incident_seq, { at: row.at, by: row.by_label }]));
}

export type DrillReview = { answers: DrillAnswers; at: Instant; by: string };

/** What was learned from these, by seq; those of which nothing is written yet are left out. */
export async function listDrillReviews(
  tx: Tx,
  incidentSeqs: readonly number[],
): Promise<Map<number, DrillReview>> {
  if (!incidentSeqs.length) return new Map();
  const rows = await tx
    .selectFrom('drill_reviews')
    .selectAll()
    .where('incident_seq', 'in', incidentSeqs)
    .execute();
  return new Map(
    rows.map((row) => [
      row.incident_seq,
      { answers: JSON.parse(row.answers) as DrillAnswers, at: row.at, by: row.by_label },
    ]),
  );
}

/** In place of what was written before. */
export async function saveDrillReview(tx: Tx, incidentSeq: number, review: DrillReview): Promise<void> {
  const row = { answers: JSON.stringify(review.answers), at: review.at, by_label: review.by };
  await tx
    .insertInto('drill_reviews')
    .values({ incident_seq: incidentSeq, ...row })
    .onConflict((conflict) => conflict.column('incident_seq').doUpdateSet(row))
    .execute();
}
