import type { Instant } from '#domain/time.ts';
import type { Person } from './duty.ts';
import { type Incident, toIncident } from './incidents.ts';
import type { Tx } from './open.ts';

export type Viewer = Person & { addedAt: Instant; addedBy: string; canSignIn: boolean };

/** Who sees the incident, in the order in which they were added. */
export async function listViewers(tx: Tx, incidentSeq: number): Promise<Viewer[]> {
  const rows = await tx
    .selectFrom('incident_viewers as v')
    .innerJoin('users as u', 'u.id', 'v.user_id')
    .select(['u.id', 'u.name', 'u.email', 'u.disabled_at', 'v.added_at', 'v.added_label'])
    .where('v.incident_seq', '=', incidentSeq)
    .orderBy('v.added_at')
    .orderBy('u.name')
    .execute();
  return rows.map((row) => ({
    userId: row.id,
    name: row.name,
    email: row.email,
    addedAt: row.added_at,
    addedBy: row.added_label,
    canSignIn: row.disabled_at === null,
  }));
}

/** The restricted incidents that this person sees and nobody else who can sign in does. */
export async function listSeenByAlone(tx: Tx, userId: string): Promise<Incident[]> {
  const rows = await tx
    .selectFrom('incidents as i')
    .innerJoin('incident_viewers as v', 'v.incident_seq', 'i.seq')
    .selectAll('i')
    .where('v.user_id', '=', userId)
    .where('i.restricted', '=', 1)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('incident_viewers as other')
            .innerJoin('users as u', 'u.id', 'other.user_id')
            .select('other.user_id')
            .whereRef('other.incident_seq', '=', 'i.seq')
            .where('other.user_id', '<>', userId)
            .where('u.disabled_at', 'is', null),
        ),
      ),
    )
    .orderBy('i.seq')
    .execute();
  return rows.map(toIncident);
}

/** @param userId null: nobody who could be one */
export async function isViewer(tx: Tx, incidentSeq: number, userId: string | null): Promise<boolean> {
  if (userId === null) return false;
  const row = await tx
    .selectFrom('incident_viewers')
    .select('user_id')
    .where('incident_seq', '=', incidentSeq)
    .where('user_id', '=', userId)
    .executeTakeFirst();
  return row !== undefined;
}

/** Those who are viewers already stay as they were added. */
export async function insertViewers(
  tx: Tx,
  incidentSeq: number,
  userIds: readonly string[],
  by: { at: Instant; label: string },
): Promise<void> {
  await tx
    .insertInto('incident_viewers')
    .values(
      userIds.map((userId) => ({
        incident_seq: incidentSeq,
        user_id: userId,
        added_at: by.at,
        added_label: by.label,
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function deleteViewer(tx: Tx, incidentSeq: number, userId: string): Promise<void> {
  await tx
    .deleteFrom('incident_viewers')
    .where('incident_seq', '=', incidentSeq)
    .where('user_id', '=', userId)
    .execute();
}

/**
 * Every restricted incident, whoever asks: for the clock, which calls viewers alone, and for owners, who see that there is one and no more.
 */
export async function listRestricted(tx: Tx): Promise<Incident[]> {
  const rows = await tx
    .selectFrom('incidents')
    .selectAll()
    .where('restricted', '=', 1)
    .orderBy('seq', 'desc')
    .execute();
  return rows.map(toIncident);
}
