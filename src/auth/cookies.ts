/**
 * Cookies here are HttpOnly, SameSite=Lax (mails link into the admin) and Path=/. Where SITE_URL is https they are Secure and carry
 * the `__Host-` prefix, so that no other host of the domain can plant one; on plain http browsers would refuse that prefix.
 */
export type CookieKind = 'session' | 'device' | 'door';

export function cookieName(siteUrl: string, kind: CookieKind): string {
  return siteUrl.startsWith('https:') ? `__Host-${kind}` : kind;
}

/** A cookie's value as the request carries it; null when absent. The last wins, as with Lucia. Never throws on bad encodings. */
export function readCookie(header: string | null, name: string): string | null {
  let value: string | null = null;
  for (const pair of (header ?? '').split(';')) {
    const [key, ...rest] = pair.trim().split('=');
    if (key === name) value = rest.join('=');
  }
  return value;
}

/** A redirect after a POST (RFC 9110, 303), with cookies set. */
export function seeOther(location: string, cookies: readonly string[] = []): Response {
  const headers = new Headers({ Location: location });
  for (const cookie of cookies) headers.append('Set-Cookie', cookie);
  return new Response(null, { status: 303, headers });
}
