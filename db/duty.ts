import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

/** Someone who can be called. */
export type Person = { userId: string; name: string; email: string };

export type OnDuty = { primary: Person | null; second: Person | null; manager: Person | null };

/** Who is on duty at an instant; where shifts overlap, those of the one that began last. Whoever can no longer sign in is on no duty. */
export async function getOnDuty(tx: Tx, at: Instant): Promise<OnDuty> {
  const shift = await tx
    .selectFrom('duty_shifts')
    .selectAll()
    .where('starts_at', '<=', at)
    .where('ends_at', '>', at)
    .orderBy('starts_at', 'desc')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (!shift) return { primary: null, second: null, manager: null };
  const ids = [shift.primary_id, shift.second_id, shift.manager_id].filter((id) => id !== null);
  const people = new Map((await listActive(tx, ids)).map((person) => [person.userId, person]));
  const personOf = (id: string | null) => (id === null ? null : (people.get(id) ?? null));
  return {
    primary: personOf(shift.primary_id),
    second: personOf(shift.second_id),
    manager: personOf(shift.manager_id),
  };
}

/** Those of the users who can sign in. */
async function listActive(tx: Tx, ids: readonly string[]): Promise<Person[]> {
  if (!ids.length) return [];
  const rows = await activePeople(tx).where('id', 'in', ids).execute();
  return rows.map(toPerson);
}

/** Everyone of these roles who can sign in. */
export async function listPeopleOfRole(tx: Tx, role: 'owner' | 'comms'): Promise<Person[]> {
  const rows = await activePeople(tx).where('role', '=', role).orderBy('id').execute();
  return rows.map(toPerson);
}

/** Who holds a role on an incident and can sign in. */
export async function listTeam(
  tx: Tx,
  incidentSeq: number,
): Promise<(Person & { role: 'incident_commander' | 'technical_lead' | 'comms_lead' | 'scribe' })[]> {
  const rows = await tx
    .selectFrom('incident_roles as r')
    .innerJoin('users as u', 'u.id', 'r.user_id')
    .select(['r.role', 'u.id', 'u.name', 'u.email'])
    .where('r.incident_seq', '=', incidentSeq)
    .where('r.ended_at', 'is', null)
    .where('u.disabled_at', 'is', null)
    .execute();
  return rows.map(({ role, ...row }) => ({ role, ...toPerson(row) }));
}

function activePeople(tx: Tx) {
  return tx.selectFrom('users').select(['id', 'name', 'email']).where('disabled_at', 'is', null);
}

function toPerson(row: { id: string; name: string; email: string }): Person {
  return { userId: row.id, name: row.name, email: row.email };
}
