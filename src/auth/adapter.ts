import type { Adapter } from 'lucia';
import type { Db, Tx } from '#db/open.ts';
import {
  deleteExpiredSessions,
  deleteSession,
  deleteSessionsOf,
  getSession,
  getSessionAndUser,
  insertSession,
  listSessionsOf,
  type StoredSession,
  setSessionExpiry,
} from '#db/sessions.ts';
import { addMs, DAY, type Instant, toInstant } from '#domain/time.ts';
import { hashSecret } from './tokens.ts';

/** However often it is used, a session ends this long after sign-in. */
export const ABSOLUTE_LIFETIME = 30 * DAY;

/** What a listing gives in place of ids that are not stored: the hash, marked so that it can never be taken for an id. */
const HASH_MARK = 'h:';

/** Where the adapter's queries run: the database, or a transaction that is already open. */
export type SessionStore = Pick<Db, 'read' | 'write'>;

/**
 * Lucia's adapter over our tables. Lucia would store session ids as they are; here only their sha256 is, so that a stolen
 * database signs no one in. The id that was presented is what Lucia gets back. Listings carry `h:` + hash, which `deleteSession`
 * accepts and nothing else does. `updateSessionExpiration` never passes 30 days from sign-in.
 */
export function sessionAdapter(store: SessionStore, now: () => Instant): Adapter {
  const endOf = (session: StoredSession) => addMs(session.createdAt, ABSOLUTE_LIFETIME);
  return {
    getSessionAndUser: async (id) => {
      const found = await store.read((tx) => getSessionAndUser(tx, hashSecret(id)));
      if (!found || endOf(found.session) <= now()) return [null, null];
      const { session, user } = found;
      return [
        toLucia(id, session),
        user && { id: user.id, attributes: { email: user.email, name: user.name, role: user.role } },
      ];
    },
    getUserSessions: async (userId) => {
      const sessions = await store.read((tx) => listSessionsOf(tx, userId));
      return sessions
        .filter((session) => endOf(session) > now())
        .map((session) => toLucia(HASH_MARK + session.idHash, session));
    },
    setSession: (session) =>
      store.write((tx) =>
        insertSession(tx, {
          idHash: hashSecret(session.id),
          userId: session.userId,
          expiresAt: toInstant(session.expiresAt),
          createdAt: now(),
          device: session.attributes.device,
        }),
      ),
    updateSessionExpiration: async (id, expiresAt) => {
      const idHash = hashSecret(id);
      const session = await store.read((tx) => getSession(tx, idHash));
      if (!session) return;
      const capped = toInstant(Math.min(expiresAt.getTime(), Date.parse(endOf(session))));
      // In its last days a session stays "fresh" to Lucia on every request: nothing is written when nothing can move.
      if (capped > session.expiresAt) await store.write((tx) => setSessionExpiry(tx, idHash, capped));
    },
    deleteSession: (id) =>
      store.write((tx) =>
        deleteSession(tx, id.startsWith(HASH_MARK) ? id.slice(HASH_MARK.length) : hashSecret(id)),
      ),
    deleteUserSessions: (userId) => store.write((tx) => deleteSessionsOf(tx, userId)),
    deleteExpiredSessions: async () => {
      await store.write((tx) => deleteExpiredSessions(tx, now()));
    },
  };
}

/** Lets the adapter take part in a transaction, so that a session begins or ends with the deed that causes it. */
export function within(tx: Tx): SessionStore {
  return { read: (work) => work(tx), write: (work) => work(tx) };
}

/** The listing's name for the session that has this id. */
export function listedId(sessionId: string): string {
  return HASH_MARK + hashSecret(sessionId);
}

function toLucia(id: string, session: StoredSession) {
  return {
    id,
    userId: session.userId,
    expiresAt: new Date(session.expiresAt),
    attributes: { device: session.device, createdAt: session.createdAt },
  };
}
