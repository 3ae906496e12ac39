/**
 * What a route asks of who calls it.
 * - `public`: nothing. Cookies are not read: what it answers may be kept and shown to anyone.
 * - `machine`: nothing that a browser has. Neither cookies nor Origin count: the link's own token, or a signature, authorises.
 * - `signIn`: no session, but one that is there is read.
 * - `bearer`: a token of the management API. No cookie counts.
 * - `session`: a signed-in user. Everything that is not listed here.
 */
export type Access = 'public' | 'machine' | 'signIn' | 'bearer' | 'session';

/**
 * Every route that answers without a session (DESIGN, section 5), by its pattern with parameters as `[]`. What is not here needs a
 * session: a new page is closed until someone opens it here on purpose.
 */
export const OPEN_ROUTES: Readonly<Record<string, Exclude<Access, 'session'>>> = {
  '/': 'public',
  '/history': 'public',
  '/history/[]': 'public',
  '/history.atom': 'public',
  '/history.rss': 'public',
  '/calendar.ics': 'public',
  '/incidents/[]': 'public',
  '/incidents/[].json': 'public',
  '/maintenance/[]': 'public',
  '/components/[]': 'public',
  '/components/[].atom': 'public',
  '/components/[].rss': 'public',
  '/on-time': 'public',
  '/logo/[]': 'public',
  '/sitemap.xml': 'public',
  '/robots.txt': 'public',
  '/enter': 'public',
  '/brief/[]': 'public',
  '/duty/[].ics': 'public',
  '/subscribe': 'public',
  '/subscribe/webhook': 'public',
  '/webhook/[]': 'public',
  '/subscription/[]': 'public',
  '/confirm/[]': 'public',
  '/unsubscribe/[]': 'machine',
  '/marks.js': 'public',
  '/embed/status.js': 'public',
  '/embed/frame': 'public',
  '/embed/frame/[]': 'public',
  '/embed/status.json': 'public',
  '/embed/[].json': 'public',
  '/badge.svg': 'public',
  '/badge/[].svg': 'public',
  '/api/v2/summary.json': 'public',
  '/api/v2/status.json': 'public',
  '/api/v2/components.json': 'public',
  '/api/v2/incidents.json': 'public',
  '/api/v2/incidents/unresolved.json': 'public',
  '/api/v2/scheduled-maintenances.json': 'public',
  '/api/v2/scheduled-maintenances/active.json': 'public',
  '/api/v2/scheduled-maintenances/upcoming.json': 'public',
  // Whatever else is asked of the public API: a 404 in its own shape.
  '/api/v2/[...]': 'public',
  '/api/v1/openapi.json': 'public',
  '/api/hooks/resend': 'machine',
  '/api/hooks/alertmanager': 'machine',
  '/api/hooks/pagerduty': 'machine',
  '/api/hooks/grafana': 'machine',
  '/api/hooks/generic': 'machine',
  '/healthz': 'public',
  '/readyz': 'public',
  '/metrics': 'public',
  '/admin/login': 'signIn',
  '/admin/setup': 'signIn',
  '/admin/join': 'signIn',
  '/admin/logout': 'signIn',
  // What Astro shows for a path that matches nothing, and for a fault.
  '/404': 'public',
  '/500': 'public',
};

/** @param routePattern as Astro matched it (`context.routePattern`), never the raw URL: `/%61dmin` is `/admin` there */
export function accessOf(routePattern: string): Access {
  const pattern = withoutNames(routePattern);
  return OPEN_ROUTES[pattern] ?? (pattern.startsWith('/api/v1/') ? 'bearer' : 'session');
}

/**
 * Public routes that stay open where the page itself is private: the way in, what shows nothing of how things are, and links whose token
 * opens what they lead to.
 */
const NOT_BEHIND_DOOR: ReadonlySet<string> = new Set([
  '/enter',
  '/robots.txt',
  '/logo/[]',
  '/api/v1/openapi.json',
  '/marks.js',
  '/embed/status.js',
  '/healthz',
  '/readyz',
  '/metrics',
  '/brief/[]',
  '/duty/[].ics',
  '/confirm/[]',
  '/subscription/[]',
  '/webhook/[]',
]);

/**
 * Whether a private page's door stands before a route. What asks for a session, a signature or a token of its own needs no second one; everything
 * else has one unless it is named above, and so has what leads nowhere.
 * @param routePattern as Astro matched it; null when it matched nothing
 */
export function isBehindDoor(routePattern: string | null): boolean {
  if (routePattern === null) return true;
  return accessOf(routePattern) === 'public' && !NOT_BEHIND_DOOR.has(withoutNames(routePattern));
}

/** `/incidents/[id]` as `/incidents/[]`; a rest parameter, which would match any depth, stays apart as `[...]`. */
export function withoutNames(routePattern: string): string {
  return routePattern.replace(/\[(\.\.\.)?[^\]]*\]/g, '[$1]').replace(/(.)\/$/, '$1');
}
