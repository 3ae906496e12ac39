import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { IncidentRolesTable } from './schema.ts';
import { mayKnowInside, type Reader } from './visible.ts';

export type IncidentRole = IncidentRolesTable['role'];
export type RoleHolder = { role: IncidentRole; userId: string; name: string; since: Instant };
export type LogEntry = { id: string; at: Instant; writtenAt: Instant; author: string; body: string };

/** Who has which role now. */
export async function listRoleHolders(tx: Tx, incidentSeq: number): Promise<RoleHolder[]> {
  const rows = await tx
    .selectFrom('incident_roles as r')
    .innerJoin('users as u', 'u.id', 'r.user_id')
    .select(['r.role', 'r.user_id', 'u.name', 'r.assigned_at'])
    .where('r.incident_seq', '=', incidentSeq)
    .where('r.ended_at', 'is', null)
    .execute();
  return rows.map((row) => ({
    role: row.role,
    userId: row.user_id,
    name: row.name,
    since: row.assigned_at,
  }));
}

export async function insertRole(
  tx: Tx,
  incidentSeq: number,
  role: IncidentRole,
  userId: string,
  now: Instant,
): Promise<void> {
  await tx
    .insertInto('incident_roles')
    .values({ incident_seq: incidentSeq, role, user_id: userId, assigned_at: now })
    .execute();
}

export async function endRole(tx: Tx, incidentSeq: number, role: IncidentRole, now: Instant): Promise<void> {
  await tx
    .updateTable('incident_roles')
    .set({ ended_at: now })
    .where('incident_seq', '=', incidentSeq)
    .where('role', '=', role)
    .where('ended_at', 'is', null)
    .execute();
}

export async function insertLogEntry(tx: Tx, incidentSeq: number, entry: LogEntry): Promise<void> {
  await tx
    .insertInto('log_entries')
    .values({
      id: entry.id,
      incident_seq: incidentSeq,
      at: entry.at,
      created_at: entry.writtenAt,
      author_label: entry.author,
      body: entry.body,
    })
    .execute();
}

/** The latest first, by when it happened: those that this reader may know of, by when they were written. */
export async function listLogEntries(
  tx: Tx,
  incidentSeq: number,
  reader: Reader = null,
): Promise<LogEntry[]> {
  const rows = await tx
    .selectFrom('log_entries as l')
    .innerJoin('incidents as i', 'i.seq', 'l.incident_seq')
    .selectAll('l')
    .where('l.incident_seq', '=', incidentSeq)
    .where(mayKnowInside(reader, 'i', 'l.created_at'))
    .orderBy('l.at', 'desc')
    .orderBy('l.seq', 'desc')
    .execute();
  return rows.map((row) => ({
    id: row.id,
    at: row.at,
    writtenAt: row.created_at,
    author: row.author_label,
    body: row.body,
  }));
}
