import type { Ctx } from '#db/context.ts';
import { cookieName, cookiePath, readOwnCookie } from './cookies.ts';
import { newSecret, sameSecret } from './tokens.ts';

const PURPOSE = 'device';
const DAYS = 180;

/**
 * The device cookie (OWASP, "Slow down online guessing attacks with device cookies"): it says that someone has signed in to this
 * account from this browser before. It signs no one in; it only lets their attempts be counted apart from strangers'.
 */
export function deviceCookie(ctx: Pick<Ctx, 'sign' | 'site'>, email: string): string {
  const nonce = newSecret();
  const value = `${nonce}.${ctx.sign(PURPOSE, `${email}\n${nonce}`)}`;
  const secure = ctx.site.url.startsWith('https:') ? '; Secure' : '';
  return `${cookieName(ctx.site.url, 'device')}=${value}; HttpOnly; Max-Age=${DAYS * 86_400}; Path=${cookiePath(ctx.site.url)}; SameSite=Lax${secure}`;
}

/** The nonce of a device on which this account was signed in to before; null for a stranger's, or one that is made up. */
export function knownDevice(
  ctx: Pick<Ctx, 'sign' | 'site'>,
  email: string,
  cookieHeader: string | null,
): string | null {
  const [nonce, signature] = (readOwnCookie(ctx.site.url, 'device', cookieHeader) ?? '').split('.');
  if (!nonce || !signature) return null;
  return sameSecret(signature, ctx.sign(PURPOSE, `${email}\n${nonce}`)) ? nonce : null;
}

const BROWSERS = [
  ['Edg', 'Edge'],
  ['OPR', 'Opera'],
  ['Firefox', 'Firefox'],
  ['FxiOS', 'Firefox'],
  ['CriOS', 'Chrome'],
  ['Chrome', 'Chrome'],
  ['Safari', 'Safari'],
] as const;

const SYSTEMS = [
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Android', 'Android'],
  ['Windows', 'Windows'],
  ['Mac OS X', 'Mac'],
  ['CrOS', 'ChromeOS'],
  ['Linux', 'Linux'],
] as const;

/** "Firefox on Linux", from a User-Agent: enough for its owner to recognise it. It proves nothing. */
export function deviceName(userAgent: string | null): string {
  const find = (names: readonly (readonly [string, string])[]) =>
    names.find(([mark]) => userAgent?.includes(mark))?.[1];
  const browser = find(BROWSERS) ?? 'A browser';
  const system = find(SYSTEMS);
  return system ? `${browser} on ${system}` : browser;
}
