import type { Role } from '#domain/permissions.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';

export type User = {
  id: string;
  email: string;
  name: string;
  role: Role;
  /** '' until an invited user has chosen a password. */
  passwordHash: string;
  createdAt: Instant;
  disabledAt: Instant | null;
  /** May publish what is restricted and what waits for a second pair of eyes. */
  approver: boolean;
};

export type ListedUser = Omit<User, 'passwordHash'> & {
  hasPassword: boolean;
  /** When the link that was last made for this user stops working; null when none is open. */
  invitedUntil: Instant | null;
};

export async function getUser(tx: Tx, id: string): Promise<User | null> {
  const row = await tx.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
  return row ? toUser(row) : null;
}

/** @param email in lower case, as every address is stored */
export async function getUserByEmail(tx: Tx, email: string): Promise<User | null> {
  const row = await tx.selectFrom('users').selectAll().where('email', '=', email).executeTakeFirst();
  return row ? toUser(row) : null;
}

export async function hasUsers(tx: Tx): Promise<boolean> {
  return (await tx.selectFrom('users').select('id').limit(1).executeTakeFirst()) !== undefined;
}

export async function listUsers(tx: Tx): Promise<ListedUser[]> {
  const rows = await tx
    .selectFrom('users')
    .leftJoin('invitations', 'invitations.user_id', 'users.id')
    .selectAll('users')
    .select('invitations.expires_at as invited_until')
    .orderBy('users.created_at')
    .orderBy('users.id')
    .execute();
  return rows.map(({ invited_until, ...row }) => {
    const { passwordHash, ...user } = toUser(row);
    return { ...user, hasPassword: passwordHash !== '', invitedUntil: invited_until };
  });
}

/** Owners who can sign in: the house must never be left without one. */
export async function countActiveOwners(tx: Tx): Promise<number> {
  const row = await tx
    .selectFrom('users')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('role', '=', 'owner')
    .where('disabled_at', 'is', null)
    .where('password_hash', '<>', '')
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

export async function insertUser(tx: Tx, user: Omit<User, 'disabledAt' | 'approver'>): Promise<void> {
  await tx
    .insertInto('users')
    .values({
      id: user.id,
      email: user.email,
      name: user.name,
      role: user.role,
      password_hash: user.passwordHash,
      created_at: user.createdAt,
    })
    .execute();
}

export async function setUserRole(tx: Tx, id: string, role: Role): Promise<void> {
  await tx.updateTable('users').set({ role }).where('id', '=', id).execute();
}

export async function setUserApprover(tx: Tx, id: string, approver: boolean): Promise<void> {
  await tx
    .updateTable('users')
    .set({ approver: approver ? 1 : 0 })
    .where('id', '=', id)
    .execute();
}

export async function setUserPassword(tx: Tx, id: string, passwordHash: string): Promise<void> {
  await tx.updateTable('users').set({ password_hash: passwordHash }).where('id', '=', id).execute();
}

export async function setUserDisabled(tx: Tx, id: string, disabledAt: Instant | null): Promise<void> {
  await tx.updateTable('users').set({ disabled_at: disabledAt }).where('id', '=', id).execute();
}

function toUser(row: Row<'users'>): User {
  return {
    id: row.id,
    email: row.email,
    name: row.name,
    role: row.role,
    passwordHash: row.password_hash,
    createdAt: row.created_at,
    disabledAt: row.disabled_at,
    approver: row.approver === 1,
  };
}
