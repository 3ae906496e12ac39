import { Lucia, TimeSpan } from 'lucia';
import type { Ctx } from '#db/context.ts';
import type { Db, Tx } from '#db/open.ts';
import { deleteExpiredSessions } from '#db/sessions.ts';
import type { Actor, Role } from '#domain/permissions.ts';
import type { Instant } from '#domain/time.ts';
import { listedId, type SessionStore, sessionAdapter, within } from './adapter.ts';
import { cookieName, cookiePath, readOwnCookie } from './cookies.ts';

declare module 'lucia' {
  interface Register {
    Lucia: ReturnType<typeof luciaOver>;
    DatabaseSessionAttributes: { device: string; createdAt?: Instant };
    DatabaseUserAttributes: { email: string; name: string; role: Role };
  }
}

export type UserActor = Extract<Actor, { kind: 'user' }>;

export type OwnSession = {
  /** Good for ending the session, and for nothing else. */
  id: string;
  device: string;
  createdAt: Instant;
  expiresAt: Instant;
  current: boolean;
};

/** Unused for this long, a session ends; each use past the half renews it, up to the absolute lifetime. */
const IDLE_DAYS = 7;

/** Lucia's ids: 25 random bytes in base32. What does not look like one is not asked of the database. */
const SESSION_ID = /^[a-z2-7]{40}$/;

type Where = Pick<Ctx, 'site' | 'now'>;

/** The session id that a request presents, valid or not; null when it presents none. */
export function presentedSession(siteUrl: string, cookieHeader: string | null): string | null {
  const id = readOwnCookie(siteUrl, 'session', cookieHeader);
  return id && SESSION_ID.test(id) ? id : null;
}

/** Who a session id signs in. `cookie` is to be sent back when it was renewed, or names no session any more. */
export async function readSession(
  ctx: Where & Pick<Ctx, 'db'>,
  sessionId: string,
): Promise<{ user: UserActor | null; cookie: string | null }> {
  const lucia = luciaOver(ctx, ctx.db);
  const { session, user } = await lucia.validateSession(sessionId);
  if (!session) return { user: null, cookie: blankSessionCookie(ctx.site.url) };
  const { id, email, name, role } = user;
  return {
    user: { kind: 'user', id, email, name, role },
    cookie: session.fresh ? lucia.createSessionCookie(session.id).serialize() : null,
  };
}

/** Whether a session id signs anyone in. Looking does not renew it, so nothing is to be sent back. */
export async function isSignedIn(ctx: Where & Pick<Ctx, 'db'>, sessionId: string): Promise<boolean> {
  const [session, user] = await sessionAdapter(ctx.db, ctx.now).getSessionAndUser(sessionId);
  return session !== null && user !== null && session.expiresAt.toISOString() > ctx.now();
}

/** Begins a session with a new id, inside the transaction of the sign-in. @returns the Set-Cookie value */
export async function beginSession(ctx: Where, tx: Tx, userId: string, device: string): Promise<string> {
  const lucia = luciaOver(ctx, within(tx));
  const session = await lucia.createSession(userId, { device });
  return lucia.createSessionCookie(session.id).serialize();
}

/** @param sessionId as it was presented, or as `listOwnSessions` gives it */
export async function endSession(ctx: Where, tx: Tx, sessionId: string): Promise<void> {
  await luciaOver(ctx, within(tx)).invalidateSession(sessionId);
}

export async function endSessionsOf(ctx: Where, tx: Tx, userId: string): Promise<void> {
  await luciaOver(ctx, within(tx)).invalidateUserSessions(userId);
}

/** The sessions that are still good, the newest first. */
export async function listSessions(
  ctx: Where,
  store: SessionStore,
  userId: string,
  current: string | null,
): Promise<OwnSession[]> {
  const sessions = await luciaOver(ctx, store).getUserSessions(userId);
  return sessions.map((session) => ({
    id: session.id,
    device: session.device,
    createdAt: session.createdAt,
    expiresAt: session.expiresAt.toISOString(),
    current: current !== null && session.id === listedId(current),
  }));
}

/** Removes what can sign no one in any more. @returns how many rows */
export async function purgeExpiredSessions(db: Db, now: Instant): Promise<number> {
  return db.write((tx) => deleteExpiredSessions(tx, now));
}

export function blankSessionCookie(siteUrl: string): string {
  return `${cookieName(siteUrl, 'session')}=; HttpOnly; Max-Age=0; Path=${cookiePath(siteUrl)}; SameSite=Lax${siteUrl.startsWith('https:') ? '; Secure' : ''}`;
}

function luciaOver(ctx: Where, store: SessionStore) {
  return new Lucia(sessionAdapter(store, ctx.now), {
    sessionExpiresIn: new TimeSpan(IDLE_DAYS, 'd'),
    sessionCookie: {
      name: cookieName(ctx.site.url, 'session'),
      attributes: {
        sameSite: 'lax',
        path: cookiePath(ctx.site.url),
        secure: ctx.site.url.startsWith('https:'),
      },
    },
    getSessionAttributes: ({ device, createdAt }) => ({ device, createdAt: createdAt ?? ctx.now() }),
    getUserAttributes: ({ email, name, role }) => ({ email, name, role }),
  });
}
