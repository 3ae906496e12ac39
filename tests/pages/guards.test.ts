import type { APIContext, MiddlewareNext } from 'astro';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { accessOf, OPEN_ROUTES, withoutNames } from '#auth/routes.ts';
import { beginSession } from '#auth/sessions.ts';
import { readConfig } from '#config';
import type { Db } from '#db/open.ts';
import { DAY } from '#domain/time.ts';
import type { Foghorn } from '../../src/foghorn.ts';
import { onRequest } from '../../src/middleware.ts';
import { addUser, cookieHeader, routePatterns, sessionIdOf, visitorContext } from '../auth/fixtures.ts';
import type { TestCtx } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';

const SITE = 'https://status.example.com';

/** DESIGN section 5, the public routes, and what they need besides, each with the reason; nothing more. */
const PUBLIC_IN_DESIGN = [
  /^\/$/,
  /^\/history(\/\[\]|\.atom|\.rss)?$/,
  /^\/calendar\.ics$/,
  /^\/(incidents|maintenance|components)\/\[\]$/,
  // One incident in Statuspage's shape, and the feeds of one component.
  /^\/incidents\/\[\]\.json$/,
  /^\/components\/\[\]\.(atom|rss)$/,
  /^\/subscribe$/,
  /^\/(subscription|confirm|unsubscribe)\/\[\]$/,
  // How many updates came on time and how that is counted: a figure is printed with its formula.
  /^\/on-time$/,
  // What is found, and what is not to be looked for: crawlers ask for these by their names.
  /^\/(sitemap\.xml|robots\.txt)$/,
  // Where a private page is opened with its password.
  /^\/enter$/,
  // What a page asks for when someone comes to its marks.
  /^\/marks\.js$/,
  // The owner's logo.
  /^\/logo\/\[\]$/,
  // An incident's brief, for whoever was given a link that expires.
  /^\/brief\/\[\]$/,
  // The rota for a calendar, which cannot sign in: for whoever has the address.
  /^\/duty\/\[\]\.ics$/,
  // Webhooks are subscribed, confirmed and looked after here; the design names the ways of mail alone.
  /^\/subscribe\/webhook$/,
  /^\/webhook\/\[\]$/,
  // The design names those of the whole page; those of a component or group, and what the element reads, stand beside them.
  /^\/embed\/(status\.js|status\.json|\[\]\.json|frame(\/\[\])?)$/,
  /^\/badge(\/\[\])?\.svg$/,
  /^\/api\/v2\/([a-z/-]+\.json|\[\.\.\.\])$/,
  /^\/(healthz|readyz|metrics)$/,
  /^\/api\/v1\/openapi\.json$/,
  /^\/api\/hooks\/(resend|alertmanager|pagerduty|grafana|generic)$/,
  /^\/admin\/(login|logout|setup|join)$/,
  /^\/(404|500)$/,
];

const holder = globalThis as { [key: symbol]: unknown };
const KEY = Symbol.for('foghorn');

afterEach(() => {
  delete holder[KEY];
  vi.useRealTimers();
});

/** Gives the middleware this database as the process's installation. */
function install(ctx: TestCtx, db: Db = ctx.db): void {
  const config = { ...readConfig({ SECRET_KEY: 'x'.repeat(32) }), siteUrl: SITE };
  const foghorn: Partial<Foghorn> = { config, contextFor: (actor) => ({ ...ctx, db, actor }) };
  holder[KEY] = Promise.resolve(foghorn);
}

type Options = { method?: string; headers?: Record<string, string>; path?: string; answer?: () => Response };

/** Sends a request through the guard. `passed` says whether it reached the page. */
async function ask(routePattern: string, options: Options = {}) {
  const {
    method = 'GET',
    headers = {},
    path = routePattern,
    answer = () => new Response('the page'),
  } = options;
  const request = new Request(new URL(path, SITE), { method, headers });
  const locals = {} as App.Locals;
  let passed = false;
  const next: MiddlewareNext = async () => {
    passed = true;
    return answer();
  };
  const context = { request, locals, routePattern, url: new URL(request.url), clientAddress: '192.0.2.10' };
  const response = (await onRequest(context as unknown as APIContext, next)) as Response;
  return { response, passed, locals };
}

describe('the list of open routes', () => {
  it('holds nothing that the design does not name', () => {
    for (const pattern of Object.keys(OPEN_ROUTES))
      expect(
        PUBLIC_IN_DESIGN.some((known) => known.test(pattern)),
        pattern,
      ).toBe(true);
  });

  it('opens nothing under /admin but the way in and the way out', () => {
    const open = routePatterns().filter(
      (pattern) => /^\/admin(\/|$)/.test(pattern) && accessOf(pattern) !== 'session',
    );
    expect(open.sort()).toEqual(['/admin/join', '/admin/login', '/admin/logout', '/admin/setup']);
  });

  it('lets cookies count nowhere but in the admin', () => {
    for (const [pattern, access] of Object.entries(OPEN_ROUTES))
      if (!pattern.startsWith('/admin/')) expect(access, pattern).toMatch(/^(public|machine)$/);
  });

  it('knows a parameter whatever it is called, and keeps a rest parameter apart', () => {
    expect(withoutNames('/incidents/[code]')).toBe('/incidents/[]');
    expect(withoutNames('/history/[...month]')).toBe('/history/[...]');
    expect(accessOf('/incidents/[...path]')).toBe('session');
    expect(accessOf('/api/v1/incidents/[id]')).toBe('bearer');
    expect(accessOf('/_server-islands/[name]')).toBe('session');
    expect(accessOf('/_image')).toBe('session');
    expect(accessOf('/anything/new')).toBe('session');
  });
});

eachDatabase('the guard', (fresh) => {
  async function house() {
    const ctx = visitorContext(await fresh());
    install(ctx);
    const owner = await addUser(ctx, 'owner');
    const setCookie = await ctx.db.write((tx) => beginSession(ctx, tx, owner.id, 'Firefox on Linux'));
    return { ctx, owner, setCookie, cookie: cookieHeader([setCookie]) };
  }
  const own = { origin: SITE, 'sec-fetch-site': 'same-origin' };

  it('lets no page be reached without a session, unless the list opens it', async () => {
    await house();
    const patterns = routePatterns();
    expect(patterns.length).toBeGreaterThan(5);
    for (const pattern of patterns) {
      const open = !['session', 'bearer'].includes(accessOf(pattern));
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']) {
        const { response, passed, locals } = await ask(pattern, { method, headers: own });
        expect(passed, `${method} ${pattern}`).toBe(open);
        expect(locals.user).toBeNull();
        if (!open) expect([303, 401], `${method} ${pattern}`).toContain(response.status);
      }
    }
  });

  it('takes people who open a page to sign in and back, and tells forms and scripts', async () => {
    await house();
    const opened = await ask('/admin/incidents/[id]', { path: '/admin/incidents/abc?tab=mail' });
    expect(opened.response.status).toBe(303);
    expect(opened.response.headers.get('location')).toBe(
      '/admin/login?next=%2Fadmin%2Fincidents%2Fabc%3Ftab%3Dmail',
    );

    // /%61dmin and //admin match the admin's page too: the pattern is guarded, and the way back must not leave this host.
    const odd = await ask('/admin', { path: 'https://status.example.com//evil.example/admin' });
    expect(odd.response.headers.get('location')).toBe('/admin/login');

    for (const options of [
      { method: 'POST', headers: own },
      { method: 'GET', headers: { 'sec-fetch-mode': 'cors' } },
      { method: 'DELETE', headers: own },
    ]) {
      const { response } = await ask('/admin/incidents/new', options);
      expect(response.status).toBe(401);
      expect(await response.text()).toContain('You are not signed in');
    }
    const page = await ask('/admin/incidents/new', {
      method: 'POST',
      headers: { ...own, accept: 'text/html' },
    });
    expect(page.response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await page.response.text()).toContain('href="/admin/login"');
  });

  it('gives a signed-in person their context, and keeps the answer out of every cache', async () => {
    const { owner, cookie } = await house();
    const { response, passed, locals } = await ask('/admin', { headers: { cookie } });
    expect(passed).toBe(true);
    expect(locals.user?.id).toBe(owner.id);
    expect(locals.ctx.actor).toEqual(locals.user);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('set-cookie')).toBeNull();
  });

  it('reads no cookie on a public route, nor for machines, nor for the management API', async () => {
    const { cookie } = await house();
    for (const pattern of ['/', '/subscribe', '/unsubscribe/[token]', '/api/hooks/resend']) {
      const { passed, locals, response } = await ask(pattern, { headers: { cookie } });
      expect(passed).toBe(true);
      expect(locals.user).toBeNull();
      expect(locals.ctx.actor).toEqual({ kind: 'visitor' });
      expect(response.headers.get('cache-control')).toBeNull();
    }
    const { passed, response } = await ask('/api/v1/incidents', { headers: { cookie } });
    expect(passed).toBe(false);
    expect(response.status).toBe(401);
  });

  it('asks the database nothing for a public page, even with a cookie, nor in the admin without one', async () => {
    const { ctx, cookie } = await house();
    const refuse = () => Promise.reject(new Error('the database was asked'));
    install(ctx, { ...ctx.db, read: refuse, write: refuse });
    for (const [pattern, headers] of [
      ['/', {}],
      ['/', { cookie }],
      ['/incidents/[id]', { cookie }],
      ['/404', { cookie }],
      ['/admin', {}],
      ['/admin', { cookie: '__Host-session=nonsense' }],
    ] as const)
      expect((await ask(pattern, { headers })).response.status, pattern).toBeLessThan(400);
    await expect(ask('/admin', { headers: { cookie } })).rejects.toThrow('the database was asked');
  });

  it('passes the failure of the installation on to the server', async () => {
    holder[KEY] = Promise.reject(new Error('DATABASE_URL names nothing'));
    await expect(ask('/')).rejects.toThrow('DATABASE_URL names nothing');
  });

  it('acts on no form from elsewhere, and says so', async () => {
    const { cookie } = await house();
    for (const headers of [
      { cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      { cookie, origin: 'https://evil.example' },
      { cookie },
    ] as Record<string, string>[])
      for (const pattern of ['/admin/incidents/new', '/admin/login', '/admin/logout']) {
        const { passed, response } = await ask(pattern, { method: 'POST', headers });
        expect(passed).toBe(false);
        expect(response.status).toBe(403);
        expect(await response.text()).toMatch(/not acted on/);
      }
    expect((await ask('/admin/incidents/new', { method: 'POST', headers: { ...own, cookie } })).passed).toBe(
      true,
    );
    const foreign = { origin: 'https://mail.example', 'sec-fetch-site': 'cross-site' };
    expect((await ask('/subscribe', { method: 'POST', headers: foreign })).response.status).toBe(403);
    expect((await ask('/unsubscribe/[token]', { method: 'POST', headers: foreign })).passed).toBe(true);
    expect((await ask('/unsubscribe/[token]', { method: 'POST' })).passed).toBe(true);
    expect((await ask('/api/hooks/resend', { method: 'POST' })).passed).toBe(true);
  });

  it('renews a session that is used past its half, and removes the cookie of one that is over', async () => {
    const { ctx, cookie, setCookie } = await house();
    ctx.clock.advance(4 * DAY);
    const renewed = await ask('/admin', {
      headers: { cookie },
      answer: () => Response.redirect(`${SITE}/admin`, 303),
    });
    expect(renewed.response.headers.getSetCookie()).toEqual([
      expect.stringContaining(sessionIdOf([setCookie])),
    ]);

    ctx.clock.advance(7 * DAY);
    const over = await ask('/admin', { headers: { cookie } });
    expect(over.response.status).toBe(303);
    expect(over.response.headers.get('set-cookie')).toMatch(/^__Host-session=; .*Max-Age=0/);
  });

  it('leaves a cookie alone that the page itself set', async () => {
    const { ctx, cookie } = await house();
    ctx.clock.advance(4 * DAY);
    const { response } = await ask('/admin/account', {
      method: 'POST',
      headers: { ...own, cookie },
      answer: () =>
        new Response(null, { status: 303, headers: { 'Set-Cookie': '__Host-session=newer; Path=/' } }),
    });
    expect(response.headers.getSetCookie()).toEqual(['__Host-session=newer; Path=/']);
  });
});
