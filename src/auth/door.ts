import type { Ctx } from '#db/context.ts';
import { getPageAccess } from '#db/page.ts';
import { AppError } from '#domain/errors.ts';
import type { PageAccess } from '#domain/pageAccess.ts';
import { addMs, DAY } from '#domain/time.ts';
import { cookieName, cookiePath, readOwnCookie } from './cookies.ts';
import { createDoorLimits, type DoorLimits, networkOf } from './limits.ts';
import { PASSWORD_MAX, verifyPassword } from './passwords.ts';
import { isSignedIn, presentedSession } from './sessions.ts';
import { hashSecret, sameSecret } from './tokens.ts';

const PURPOSE = 'door';
const DAYS = 30;
const NOT_IT = 'This is not the password.';
const CHECK = 'Check it and try again. It may have been changed.';

/** What a request shows at the door of a private page. */
export type Knock = { cookies: string | null; authorization: string | null; address: string };

type Where = Pick<Ctx, 'sign' | 'site' | 'now'>;

const KEY = Symbol.for('foghorn.door');
type Door = {
  limits: DoorLimits;
  /**
   * What was last tried from a network, hashed with the password that it was tried against, and whether it was right: feed readers and monitors
   * send the same each time, argon2 is slow on purpose, and to say the same again is no guess.
   */
  tried: Map<string, { right: string | null; wrong: string | null }>;
};
const MOST_NETWORKS = 10_000;
const holder = globalThis as { [KEY]?: Door };

/** This process's counts; on globalThis because pages and server may each load this module. */
function door(): Door {
  holder[KEY] ??= { limits: createDoorLimits(), tried: new Map() };
  return holder[KEY];
}

/**
 * Whether whoever knocks may see a private page: by the cookie of who has given the password, by the password itself (HTTP Basic,
 * RFC 7617, whatever the user name), or signed in.
 * @throws AppError `too_many` or `unavailable`, or what the database throws when it is asked for the session
 */
export async function mayEnter(ctx: Ctx, access: PageAccess, knock: Knock): Promise<boolean> {
  if (access.mode === 'everyone') return true;
  const hash = access.mode === 'password' ? access.passwordHash : null;
  if (hash && hasCookie(ctx, hash, knock.cookies)) return true;
  const session = presentedSession(ctx.site.url, knock.cookies);
  if (session !== null && (await isSignedIn(ctx, session))) return true;
  const password = hash ? basicPassword(knock.authorization) : null;
  return hash !== null && password !== null && isPassword(hash, password, knock.address);
}

/**
 * Opens the door by the page's password.
 * @returns the Set-Cookie value; null when the page asks for no password
 * @throws AppError `unauthenticated`, `too_many` or `unavailable`
 */
export async function enter(
  ctx: Ctx,
  { password, address }: { password: string; address: string },
): Promise<string | null> {
  const { mode, passwordHash } = await ctx.db.read(getPageAccess);
  if (mode !== 'password' || !passwordHash) return null;
  if (!(await isPassword(passwordHash, password, address)))
    throw new AppError('unauthenticated', NOT_IT, {
      fix: CHECK,
      problems: [{ field: 'password', message: `${NOT_IT} ${CHECK}` }],
    });
  return doorCookie(ctx, passwordHash);
}

/** How the page is closed, for whoever stands before it. */
export async function readMode(ctx: Pick<Ctx, 'db'>): Promise<PageAccess['mode']> {
  return (await ctx.db.read(getPageAccess)).mode;
}

function doorCookie(ctx: Where, passwordHash: string): string {
  const until = addMs(ctx.now(), DAYS * DAY);
  const value = `${Date.parse(until).toString(36)}.${signature(ctx, passwordHash, until)}`;
  const secure = ctx.site.url.startsWith('https:') ? '; Secure' : '';
  return `${cookieName(ctx.site.url, 'door')}=${value}; HttpOnly; Max-Age=${DAYS * 86_400}; Path=${cookiePath(ctx.site.url)}; SameSite=Lax${secure}`;
}

/** It is signed over the stored hash, so it ends with the password. */
function hasCookie(ctx: Where, passwordHash: string, cookies: string | null): boolean {
  const [time = '', signed] = (readOwnCookie(ctx.site.url, 'door', cookies) ?? '').split('.');
  const until = new Date(Number.parseInt(time, 36));
  if (!signed || Number.isNaN(until.getTime()) || until.toISOString() <= ctx.now()) return false;
  return sameSecret(signed, signature(ctx, passwordHash, until.toISOString()));
}

function signature(ctx: Where, passwordHash: string, until: string): string {
  return ctx.sign(PURPOSE, `${until}\n${passwordHash}`);
}

async function isPassword(passwordHash: string, password: string, address: string): Promise<boolean> {
  const { limits, tried } = door();
  const network = networkOf(address);
  const hash = hashSecret(`${passwordHash}\n${password}`);
  const last = tried.get(network) ?? { right: null, wrong: null };
  if (last.right !== null && sameSecret(last.right, hash)) return true;
  if (last.wrong !== null && sameSecret(last.wrong, hash)) return false;
  await limits.admit(address);
  const right = await verifyPassword(passwordHash, password);
  if (right) await limits.succeeded(address);
  tried.delete(network);
  if (tried.size >= MOST_NETWORKS) tried.delete(tried.keys().next().value as string);
  tried.set(network, { ...last, [right ? 'right' : 'wrong']: hash });
  return right;
}

function basicPassword(authorization: string | null): string | null {
  const encoded = /^Basic ([A-Za-z0-9+/]+={0,2})$/i.exec(authorization ?? '')?.[1];
  if (!encoded || encoded.length > PASSWORD_MAX * 4) return null;
  const pair = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  return colon < 0 ? null : pair.slice(colon + 1);
}
