import type { Access } from './routes.ts';

/**
 * Whether an unsafe request may pass (DESIGN, promise 6): null when it may, else why not, in words. It is refused when
 * `Sec-Fetch-Site` says that another site caused it, or `Origin` is not ours; and, on routes where a session cookie could
 * authorise, when a browser's usual headers are both absent. Machines' routes, and those that ask for a token, need neither header,
 * because no cookie counts there.
 */
export function unsafeMethodProblem(request: {
  method: string;
  headers: Headers;
  siteUrl: string;
  access: Access;
}): string | null {
  const { method, headers, siteUrl, access } = request;
  if (/^(GET|HEAD|OPTIONS)$/.test(method) || access === 'machine' || access === 'bearer') return null;
  const site = headers.get('sec-fetch-site');
  const origin = headers.get('origin');
  if (site !== null && site !== 'same-origin' && site !== 'none')
    return 'This form was sent from another site, so it was not acted on.';
  if (origin !== null && !isOwnOrigin(origin, siteUrl, headers.get('host')))
    return `This form was sent from another address than ${siteUrl}, so it was not acted on.`;
  if (site === null && origin === null && access !== 'public')
    return 'The request does not say where it comes from (it has neither an Origin nor a Sec-Fetch-Site header), so it was not acted on.';
  return null;
}

/**
 * SITE_URL's origin; and, where that is itself a loopback name, the loopback name under which this request really came
 * (http://127.0.0.1:4321 beside http://localhost:4321), which no other machine can have.
 */
function isOwnOrigin(origin: string, siteUrl: string, host: string | null): boolean {
  const ours = new URL(siteUrl);
  if (origin === ours.origin) return true;
  const theirs = URL.parse(origin);
  return (
    theirs !== null &&
    theirs.origin === origin &&
    LOOPBACK.test(ours.hostname) &&
    LOOPBACK.test(theirs.hostname) &&
    theirs.protocol === ours.protocol &&
    theirs.port === ours.port &&
    theirs.host === host
  );
}

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;
