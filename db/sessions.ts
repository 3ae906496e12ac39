import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';
import type { User } from './users.ts';

/** A session as it is stored: by the hash of its id, never by the id. */
export type StoredSession = {
  idHash: string;
  userId: string;
  expiresAt: Instant;
  createdAt: Instant;
  device: string;
};

export async function insertSession(tx: Tx, session: StoredSession): Promise<void> {
  await tx
    .insertInto('sessions')
    .values({
      id_hash: session.idHash,
      user_id: session.userId,
      expires_at: session.expiresAt,
      created_at: session.createdAt,
      device: session.device,
    })
    .execute();
}

export async function getSession(tx: Tx, idHash: string): Promise<StoredSession | null> {
  const row = await tx.selectFrom('sessions').selectAll().where('id_hash', '=', idHash).executeTakeFirst();
  return row ? toSession(row) : null;
}

/** The session and whose it is; a disabled user's session is no one's. */
export async function getSessionAndUser(
  tx: Tx,
  idHash: string,
): Promise<{ session: StoredSession; user: Pick<User, 'id' | 'email' | 'name' | 'role'> | null } | null> {
  const row = await tx
    .selectFrom('sessions')
    .leftJoin('users', (join) =>
      join.onRef('users.id', '=', 'sessions.user_id').on('users.disabled_at', 'is', null),
    )
    .selectAll('sessions')
    .select(['users.email', 'users.name', 'users.role'])
    .where('sessions.id_hash', '=', idHash)
    .executeTakeFirst();
  if (!row) return null;
  const { email, name, role } = row;
  const user = email && name && role ? { id: row.user_id, email, name, role } : null;
  return { session: toSession(row), user };
}

/** The newest first. */
export async function listSessionsOf(tx: Tx, userId: string): Promise<StoredSession[]> {
  const rows = await tx
    .selectFrom('sessions')
    .selectAll()
    .where('user_id', '=', userId)
    .orderBy('created_at', 'desc')
    .orderBy('id_hash')
    .execute();
  return rows.map(toSession);
}

export async function setSessionExpiry(tx: Tx, idHash: string, expiresAt: Instant): Promise<void> {
  await tx.updateTable('sessions').set({ expires_at: expiresAt }).where('id_hash', '=', idHash).execute();
}

export async function deleteSession(tx: Tx, idHash: string): Promise<void> {
  await tx.deleteFrom('sessions').where('id_hash', '=', idHash).execute();
}

export async function deleteSessionsOf(tx: Tx, userId: string): Promise<void> {
  await tx.deleteFrom('sessions').where('user_id', '=', userId).execute();
}

/** @returns how many there were */
export async function deleteExpiredSessions(tx: Tx, now: Instant): Promise<number> {
  const result = await tx.deleteFrom('sessions').where('expires_at', '<=', now).executeTakeFirst();
  return Number(result.numDeletedRows);
}

function toSession(row: Row<'sessions'>): StoredSession {
  return {
    idHash: row.id_hash,
    userId: row.user_id,
    expiresAt: row.expires_at,
    createdAt: row.created_at,
    device: row.device,
  };
}
