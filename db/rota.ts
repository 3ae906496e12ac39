import type { DutyPerson, PlannedShift, Shift } from '#domain/duty.ts';
import type { Instant } from '#domain/time.ts';
import { chunksOf } from './dialect.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';

/** A shift as the rota shows it. */
export type ListedShift = Shift & {
  note: string | null;
  noteBy: string | null;
  noteAt: Instant | null;
  revision: number;
  createdAt: Instant;
  updatedAt: Instant;
};

/** Those that cover any of the time from `from` until `to` (null: for ever), the earliest first. Uses duty_shifts_ends. */
export async function listShifts(
  tx: Tx,
  { from, to = null }: { from: Instant; to?: Instant | null },
): Promise<ListedShift[]> {
  let query = tx.selectFrom('duty_shifts').selectAll().where('ends_at', '>', from);
  if (to !== null) query = query.where('starts_at', '<', to);
  return withPeople(tx, await query.orderBy('starts_at').orderBy('seq').execute());
}

/** What is over, the latest first. Uses duty_shifts_ends. */
export async function listPastShifts(tx: Tx, now: Instant, limit: number): Promise<ListedShift[]> {
  const rows = await tx
    .selectFrom('duty_shifts')
    .selectAll()
    .where('ends_at', '<=', now)
    .orderBy('ends_at', 'desc')
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute();
  return withPeople(tx, rows);
}

export async function findShift(tx: Tx, id: string): Promise<ListedShift | null> {
  const rows = await tx.selectFrom('duty_shifts').selectAll().where('id', '=', id).execute();
  return (await withPeople(tx, rows))[0] ?? null;
}

/** Whether there has ever been a shift. */
export async function hasRota(tx: Tx): Promise<boolean> {
  return (await tx.selectFrom('duty_shifts').select('seq').limit(1).executeTakeFirst()) !== undefined;
}

export type NewShift = PlannedShift & {
  id: string;
  managerId: string | null;
  note: string | null;
  noteBy: string | null;
};

export async function insertShifts(tx: Tx, shifts: readonly NewShift[], now: Instant): Promise<void> {
  for (const chunk of chunksOf(shifts, 11))
    await tx
      .insertInto('duty_shifts')
      .values(
        chunk.map((shift) => ({
          id: shift.id,
          starts_at: shift.startsAt,
          ends_at: shift.endsAt,
          primary_id: shift.primaryId,
          second_id: shift.secondId,
          manager_id: shift.managerId,
          note: shift.note,
          note_by: shift.note === null ? null : shift.noteBy,
          note_at: shift.note === null ? null : now,
          created_at: now,
          updated_at: now,
        })),
      )
      .execute();
}

/** Changes what calendars show of a shift. */
export async function updateShift(
  tx: Tx,
  seq: number,
  shift: PlannedShift & { managerId: string | null },
  now: Instant,
): Promise<void> {
  await tx
    .updateTable('duty_shifts')
    .set((eb) => ({
      starts_at: shift.startsAt,
      ends_at: shift.endsAt,
      primary_id: shift.primaryId,
      second_id: shift.secondId,
      manager_id: shift.managerId,
      revision: eb('revision', '+', 1),
      updated_at: now,
    }))
    .where('seq', '=', seq)
    .execute();
}

export async function setShiftNote(
  tx: Tx,
  seq: number,
  { note, by, at }: { note: string | null; by: string; at: Instant },
): Promise<void> {
  await tx
    .updateTable('duty_shifts')
    .set({ note, note_by: by, note_at: at })
    .where('seq', '=', seq)
    .execute();
}

export async function deleteShift(tx: Tx, seq: number): Promise<void> {
  await tx.deleteFrom('duty_shifts').where('seq', '=', seq).execute();
}

/** Everyone who can sign in, by name. */
export async function listDutyPeople(tx: Tx): Promise<DutyPerson[]> {
  const rows = await people(tx).where('disabled_at', 'is', null).where('password_hash', '<>', '').execute();
  return rows.map(toPerson).sort((a, b) => a.name.localeCompare(b.name));
}

async function withPeople(tx: Tx, rows: readonly Row<'duty_shifts'>[]): Promise<ListedShift[]> {
  if (!rows.length) return [];
  const ids = rows.flatMap((row) =>
    [row.primary_id, row.second_id, row.manager_id].filter((id) => id !== null),
  );
  const found = await people(tx)
    .where('id', 'in', [...new Set(ids)])
    .execute();
  const byId = new Map(found.map((row) => [row.id, toPerson(row)]));
  const personOf = (id: string | null) => (id === null ? null : (byId.get(id) ?? null));
  return rows.map((row) => ({
    seq: row.seq,
    id: row.id,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
    primary: personOf(row.primary_id) as DutyPerson,
    second: personOf(row.second_id),
    manager: personOf(row.manager_id),
    note: row.note,
    noteBy: row.note_by,
    noteAt: row.note_at,
    revision: row.revision,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }));
}

function people(tx: Tx) {
  return tx.selectFrom('users').select(['id', 'name', 'email', 'role', 'disabled_at']);
}

function toPerson(row: Pick<Row<'users'>, 'id' | 'name' | 'email' | 'role' | 'disabled_at'>): DutyPerson {
  return {
    userId: row.id,
    name: row.name,
    email: row.email,
    role: row.role,
    canSignIn: row.disabled_at === null,
  };
}
