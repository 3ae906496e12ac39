/**
 * Cookies here are HttpOnly, SameSite=Lax (mails link into the admin) and for the path of SITE_URL. Where that is https they are Secure and carry
 * the `__Host-` prefix, so that no other host of the domain can plant one; `__Secure-` where the page shares its host, since the former asks
 * for the whole of it. On plain http browsers would refuse both.
 */
export type CookieKind = 'session' | 'device' | 'door';

export function cookieName(siteUrl: string, kind: CookieKind): string {
  if (!siteUrl.startsWith('https:')) return kind;
  return cookiePath(siteUrl) === '/' ? `__Host-${kind}` : `__Secure-${kind}`;
}

/** What others at the same host do not get to see. */
export function cookiePath(siteUrl: string): string {
  return new URL(siteUrl).pathname;
}

/** Our own cookie as the request carries it; null when absent. Below a path the first of its name is ours: browsers send longer paths first. */
export function readOwnCookie(siteUrl: string, kind: CookieKind, header: string | null): string | null {
  return readCookie(header, cookieName(siteUrl, kind), cookiePath(siteUrl) === '/' ? 'last' : 'first');
}

/** A cookie's value as the request carries it; null when absent. Of several the last, as with Lucia, unless told otherwise. Never throws on bad encodings. */
export function readCookie(
  header: string | null,
  name: string,
  which: 'first' | 'last' = 'last',
): string | null {
  let value: string | null = null;
  for (const pair of (header ?? '').split(';')) {
    const [key, ...rest] = pair.trim().split('=');
    if (key === name && (which === 'last' || value === null)) value = rest.join('=');
  }
  return value;
}

/** A redirect after a POST (RFC 9110, 303), with cookies set. */
export function seeOther(location: string, cookies: readonly string[] = []): Response {
  const headers = new Headers({ Location: location });
  for (const cookie of cookies) headers.append('Set-Cookie', cookie);
  return new Response(null, { status: 303, headers });
}
