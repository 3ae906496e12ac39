import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { saveAccess } from '#auth/pageAccess.ts';
import { accessOf, isBehindDoor, OPEN_ROUTES, withoutNames } from '#auth/routes.ts';
import type { AccessMode } from '#domain/pageAccess.ts';
import type { Role } from '#domain/permissions.ts';
import { routePatterns } from '../auth/fixtures.ts';
import { FURNISHED_ENV, type Furnished, furnish, pathOf, signInAs } from '../support/furnished.ts';
import { type Answered, ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** A page that its owner has closed: by a password of its own, or to whoever is not signed in. */
const PASSWORD = 'three quiet piers';
const FORM = { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' };
const PERSON = { accept: 'text/html,application/xhtml+xml,*/*', 'sec-fetch-mode': 'navigate' };

let folder: string;
let house: Furnished;
let server: TestServer;
let paths: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-private-'));
  house = await furnish(folder);
  server = await startServer({ dataDir: folder, env: { ...FURNISHED_ENV, LANGUAGES: 'en, de' } });
  paths = Object.keys(OPEN_ROUTES)
    .filter((pattern) => isBehindDoor(pattern) && !/^\/(404|500)$/.test(pattern))
    .map((pattern) => pathOf(pattern, house.ids));
});
afterAll(async () => {
  await server?.stop();
  await house?.foghorn.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string> = {}) => ask(server.url, path, { headers });
const basic = (password: string) => ({
  authorization: `Basic ${Buffer.from(`anyone:${password}`).toString('base64')}`,
});
const knock = (password: string, next = '/', path = '/enter') =>
  ask(server.url, path, {
    method: 'POST',
    headers: FORM,
    body: new URLSearchParams({ password, next }).toString(),
  });
const cookieOf = ({ headers }: Answered) =>
  ([headers['set-cookie'] ?? []].flat()[0] ?? '').split(';')[0] as string;
const signedIn = (role: Role) => signInAs(server.url, house.users[role].email);

/** Through the form, as the owner does it. */
async function close(mode: AccessMode, password = ''): Promise<void> {
  const answer = await ask(server.url, '/admin/settings/access', {
    method: 'POST',
    headers: { ...FORM, cookie: await signedIn('owner') },
    body: new URLSearchParams({ mode, password }).toString(),
  });
  expect([answer.status, answer.headers.location]).toEqual([303, `/admin/settings/access?done=${mode}`]);
}

/** Nothing but where the door is. */
function expectShut(answer: Answered, what: string): void {
  expect([303, 401], what).toContain(answer.status);
  expect(answer.headers['cache-control'], what).toBe('no-store');
  expect(answer.headers.etag, what).toBeUndefined();
  expect(answer.body.length, what).toBeLessThan(400);
  for (const word of ['Checkout', 'perational', 'outage', 'resolved'])
    expect(answer.body.includes(word), `${what} says ${word}`).toBe(false);
}

describe('a page with a password', () => {
  it('is closed on the very next request, by every address, in every way of asking', async () => {
    // Kept by the server, and by a visitor who asks whether it has changed.
    const tags = new Map<string, string>();
    for (const path of paths)
      tags.set(path, String((await get(path, { 'accept-encoding': 'br' })).headers.etag));
    expect((await get('/')).body).toContain('Checkout');
    await close('password', PASSWORD);
    expectShut(await get('/'), 'the next request');

    expect(paths.length).toBeGreaterThan(25);
    for (const path of paths) {
      for (const headers of [
        {},
        PERSON,
        { 'sec-fetch-mode': 'cors' },
        { 'if-none-match': tags.get(path) ?? '*' },
      ])
        expectShut(await get(path, headers as Record<string, string>), path);
      expectShut(await ask(server.url, path, { method: 'HEAD' }), `HEAD ${path}`);
      expectShut(await ask(server.url, path, { method: 'POST', headers: FORM, body: 'a=b' }), `POST ${path}`);
      const [first = ''] = path.match(/[a-z]/) ?? [];
      const hex = first.charCodeAt(0).toString(16);
      const others = [
        `${path}?x=1`,
        `/${path}`,
        `/x/..${path}`,
        `${path}/`,
        `${path}.html`,
        `/de${path === '/' ? '/' : path}`,
      ];
      if (first) others.push(path.replace(first, `%${hex}`), path.replace(first, `%25${hex}`));
      for (const other of others) {
        expectShut(await get(other), other);
        const asked = await ask(server.url, other, { method: 'OPTIONS' });
        expect([asked.status, asked.body], `OPTIONS ${other}`).toEqual([204, '']);
      }
    }
    for (const path of [
      '/de',
      '/de/history',
      '/nothing-here',
      '/404',
      '/500',
      '/api/v2/nothing.json',
      '/_astro/x',
      '/_image',
    ])
      expectShut(await get(path), path);
  });

  it('stands before every public route, but for those whose token opens them and those that tell nothing', () => {
    const open = routePatterns().filter(
      (pattern) => accessOf(pattern) === 'public' && !isBehindDoor(pattern),
    );
    expect(open.map(withoutNames).sort()).toEqual(
      [
        '/api/v1/openapi.json',
        '/brief/[]',
        '/confirm/[]',
        '/duty/[].ics',
        '/embed/status.js',
        '/enter',
        '/healthz',
        '/logo/[]',
        '/marks.js',
        '/metrics',
        '/readyz',
        '/robots.txt',
        '/subscription/[]',
        '/webhook/[]',
      ].filter((pattern) => routePatterns().map(withoutNames).includes(pattern)),
    );
    expect(isBehindDoor(null)).toBe(true);
    expect(isBehindDoor('/something/new')).toBe(false);
    expect(accessOf('/something/new')).toBe('session');
  });

  it('leads people to its door in their language, and tells programs how to come in', async () => {
    for (const [path, door] of [
      ['/', '/enter?next=%2F'],
      ['/history?x=1', '/enter?next=%2Fhistory%3Fx%3D1'],
      ['/de/history', '/de/enter?next=%2Fde%2Fhistory'],
    ] as const) {
      const { status, headers } = await get(path, PERSON);
      expect([status, headers.location]).toEqual([303, door]);
    }
    const json = await get('/api/v2/summary.json');
    expect([json.status, json.headers['www-authenticate']]).toEqual([
      401,
      'Basic realm="Status page", charset="UTF-8"',
    ]);
    expect(json.headers['access-control-allow-origin']).toBe('*');
    expect(JSON.parse(json.body).error).toContain('HTTP Basic');
    // A browser's own window for passwords would come up over whatever page asked for it.
    const fetched = await get('/embed/status.json', { 'sec-fetch-mode': 'cors' });
    expect(fetched.headers['www-authenticate']).toBe('Session realm="Status page"');
    const framed = await get('/embed/frame', { ...PERSON, 'sec-fetch-dest': 'iframe' });
    expect([framed.status, framed.headers['www-authenticate']]).toEqual([401, 'Session realm="Status page"']);
    expect((await get('/robots.txt')).body).toBe('User-agent: *\nDisallow: /\n');
  });

  it('opens to whoever knows the password, where they wanted to go, and is kept by no cache between', async () => {
    const door = await get('/de/enter?next=%2Fde%2Fhistory', PERSON);
    expect(door.status).toBe(200);
    expect(door.body).toContain('Diese Seite ist nicht öffentlich.');
    expect(door.body).toContain('value="/de/history"');
    expect(door.body).not.toMatch(/href="\/(history|subscribe|api)|href="\/de\/(history|subscribe)"/);

    const wrong = await knock('not it at all', '/history', '/de/enter');
    expect([wrong.status, wrong.headers['set-cookie']]).toEqual([401, undefined]);
    expect(wrong.body).toContain('Das ist nicht das Passwort.');
    const opened = await knock(PASSWORD, '/history?month=1');
    expect([opened.status, opened.headers.location]).toEqual([303, '/history?month=1']);
    expect(String(opened.headers['set-cookie'])).toMatch(
      /^door=[^;]+; HttpOnly; Max-Age=2592000; Path=\/; SameSite=Lax$/,
    );
    for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example'])
      expect((await knock(PASSWORD, next)).headers.location, next).toBe('/');

    const cookie = cookieOf(opened);
    for (const path of paths.filter((each) => each !== '/subscribe/webhook')) {
      const { status, headers } = await get(path, { cookie, 'accept-encoding': 'br' });
      expect([200, 404], path).toContain(status);
      expect(String(headers['cache-control']), path).toMatch(
        /^(private, no-cache|no-store|private, no-store)$/,
      );
      expect(headers['cdn-cache-control'], path).toBe('no-store');
      expect(headers['x-robots-tag'], path).toBe('noindex');
    }
    // Not even what never changes, though it stands before the door.
    const logo = await get(pathOf('/logo/[file]', house.ids));
    expect([logo.status, logo.headers['cache-control']]).toEqual([200, 'private, no-cache']);
    // The page for what is not there can be reached from in front of the door, too.
    const missing = await get('/nothing-here', { cookie });
    expect([
      missing.status,
      missing.body.includes('href="/"'),
      /perational|utage/.test(missing.body),
    ]).toEqual([404, true, false]);
    const { headers, body } = await get('/', { cookie, 'accept-encoding': 'br' });
    expect(body).toContain('Checkout');
    const again = await get('/', { cookie, 'accept-encoding': 'br', 'if-none-match': String(headers.etag) });
    expect([again.status, again.headers['cache-control']]).toEqual([304, 'private, no-cache']);
  });

  it('takes the password by HTTP Basic, and a signed-in account of any role', async () => {
    for (const path of ['/history.atom', '/api/v2/summary.json', '/calendar.ics', '/badge.svg']) {
      expect((await get(path, basic(PASSWORD))).status, path).toBe(200);
      expectShut(await get(path, basic('wrong')), path);
    }
    for (const authorization of [
      'Basic',
      'Basic !!',
      `Basic ${btoa('no colon')}`,
      `Bearer ${btoa(`a:${PASSWORD}`)}`,
    ])
      expectShut(await get('/', { authorization }), authorization);
    expect((await get('/', { cookie: await signedIn('viewer') })).status).toBe(200);
  });

  it('takes the same wrong password for one guess, however often a program sends it, and holds up nobody for it', async () => {
    const statuses = new Set<number>();
    for (let i = 0; i < 40; i++)
      statuses.add((await get('/history.atom', basic('that of last month'))).status);
    expect([...statuses]).toEqual([401]);
    expect((await knock(PASSWORD)).status).toBe(303);
    expect((await get('/', { cookie: await signedIn('viewer'), ...basic('wrong') })).status).toBe(200);
  });

  it('believes no cookie that it did not give, and none after the password was changed', async () => {
    const cookie = cookieOf(await knock(PASSWORD));
    const [, until, signature] = /^door=([^.]+)\.(.+)$/.exec(cookie) as unknown as [string, string, string];
    for (const made of [
      'door=',
      `door=${until}`,
      `door=${until}.`,
      `door=.${signature}`,
      `door=${(Number.parseInt(until, 36) + 1).toString(36)}.${signature}`,
      `door=${until}.${signature.slice(0, -1)}x`,
      `door=zzzzzzzzzzzzzzzz.${signature}`,
      'session=abc',
    ])
      expectShut(await get('/', { cookie: made }), made);
    expect((await get('/', { cookie })).status).toBe(200);
    await close('password', 'four other loud piers');
    expectShut(await get('/', { cookie }), 'the old cookie');
    expectShut(await get('/', basic(PASSWORD)), 'the old password');
    expect((await knock(PASSWORD)).status).toBe(401);
    await close('password', PASSWORD);
    // A saved form without a password keeps the one that there is.
    await close('password');
    expect((await get('/', { cookie: cookieOf(await knock(PASSWORD)) })).status).toBe(200);
  });

  it('still takes links that are one person’s own, health, hooks and the admin', async () => {
    for (const [path, status] of [
      [house.ids['/brief/[]'] && `/brief/${house.ids['/brief/[]']}`, 200],
      [`/subscription/${house.ids['/subscription/[]']}`, 200],
      [`/unsubscribe/${house.ids['/unsubscribe/[]']}`, 200],
      [`/webhook/${house.ids['/webhook/[]']}`, 200],
      [`/duty/${house.ids['/duty/[]']}.ics`, 200],
      [`/logo/${house.ids['/logo/[]']}`, 200],
      ['/healthz', 200],
      ['/readyz', 200],
      ['/favicon.svg', 200],
      ['/admin/login', 200],
      ['/embed/status.js', 200],
      ['/marks.js', 200],
    ] as const)
      expect([(await get(path as string)).status, path]).toEqual([status, path]);
    const preflight = await ask(server.url, '/api/v2/summary.json', { method: 'OPTIONS' });
    expect(preflight.status).toBe(204);
    const hook = await ask(server.url, '/api/hooks/resend', { method: 'POST', body: '{}' });
    expect(hook.status).not.toBe(303);
    expect(hook.body).not.toContain('private');
  });

  it('says nothing of how things are where such a link is wrong, or a page of the admin is not there', async () => {
    const answers = ['/admin/nothing', '/admin', '/admin/logo'];
    for (const pattern of routePatterns().filter(
      (each) => !isBehindDoor(each) && each !== '/embed/status.js',
    ))
      answers.push(withoutNames(pattern).replace(/\[(\.\.\.)?\]/g, '0123456789abcdef.svg'));
    expect(answers.length).toBeGreaterThan(60);
    for (const path of answers) {
      const body = (await get(path, PERSON)).body.replace(/<style>[\s\S]*?<\/style>/g, '');
      for (const word of ['Checkout', 'perational', 'outage', 'Component'])
        expect(body.includes(word), `${path} says ${word}`).toBe(false);
    }
  });

  it('is tried twenty times from one place at most, while who is in stays in', async () => {
    const cookie = cookieOf(await knock(PASSWORD));
    const tried: number[] = [];
    for (let i = 0; i < 25; i++) tried.push((await knock(`guess number ${i}`)).status);
    expect(tried.slice(0, 5)).toEqual([401, 401, 401, 401, 401]);
    expect(tried.slice(-2)).toEqual([429, 429]);
    const held = await knock('another guess');
    expect([held.status, Number(held.headers['retry-after']) > 0]).toEqual([429, true]);
    const program = await get('/api/v2/summary.json', basic('another guess'));
    expect([program.status, Number(program.headers['retry-after']) > 0]).toEqual([429, true]);
    expect((await get('/', { cookie })).status).toBe(200);
    expect((await get('/', { cookie: await signedIn('comms') })).status).toBe(200);
  });
});

describe('a page for whoever is signed in', () => {
  it('leads people to sign in and back, takes every role, and ends with the session', async () => {
    await close('signIn');
    const opened = await get('/history', PERSON);
    expect([opened.status, opened.headers.location]).toEqual([303, '/admin/login?next=%2Fhistory']);
    expect((await get('/enter?next=%2Fhistory', PERSON)).headers.location).toBe(
      '/admin/login?next=%2Fhistory',
    );
    for (const path of paths) expectShut(await get(path, basic(PASSWORD)), path);
    const cookie = await signedIn('viewer');
    expect((await get('/', { cookie })).body).toContain('Checkout');
    expect((await get('/admin/login?next=%2Fhistory')).body).toContain('To see the status page of');
    const left = await ask(server.url, '/admin/logout', {
      method: 'POST',
      headers: { ...FORM, cookie },
      body: '',
    });
    expect(left.status).toBe(303);
    expectShut(await get('/', { cookie }), 'after leaving');
  });
});

describe('what is kept of a private page', () => {
  it('is nothing on disk, so that a start without a database shows nobody what was there', async () => {
    await close('password', PASSWORD);
    await expect.poll(() => readdirSync(join(folder, 'last-good'))).toEqual(['cleared']);
    const cookie = cookieOf(await knock(PASSWORD)) || (await signedIn('owner'));
    await get('/', { cookie });
    await get('/history', { cookie });
    expect(readdirSync(join(folder, 'last-good'))).toEqual(['cleared']);
  });

  it('is known to every process soon, and to a new one before it answers anyone', async () => {
    const other = await startServer({ dataDir: folder, env: { ...FURNISHED_ENV, FOGHORN_ROLE: 'web' } });
    onTestFinished(async () => void (await other.stop()));
    expectShut(await ask(other.url), 'a new process');
    await close('everyone');
    await expect.poll(async () => (await ask(other.url)).status).toBe(200);
    await close('password');
    await expect.poll(async () => (await ask(other.url)).status).toBe(401);
  });

  it('is everyone’s again when it is opened, on the next request', async () => {
    await close('everyone');
    const { status, headers, body } = await get('/');
    expect([status, body.includes('Checkout')]).toEqual([200, true]);
    expect(headers['cache-control']).toContain('public');
    expect(headers['x-robots-tag']).toBeUndefined();
    expect((await get('/enter?next=%2Fhistory')).headers.location).toBe('/history');
    await expect.poll(() => readdirSync(join(folder, 'last-good')).length).toBeGreaterThan(1);
    expect((await get('/robots.txt')).body).toContain('Sitemap:');
  });
});

describe('the form', () => {
  it('asks for a password that is not guessed early, and changes nothing without', async () => {
    const owner = { ...FORM, cookie: await signedIn('owner') };
    const save = (fields: Record<string, string>) =>
      ask(server.url, '/admin/settings/access', {
        method: 'POST',
        headers: owner,
        body: new URLSearchParams(fields).toString(),
      });
    for (const [fields, words] of [
      [{ mode: 'password', password: 'short' }, 'Use at least 12'],
      [{ mode: 'password', password: 'password1234' }, 'guessed early'],
      [{ mode: 'nobody' }, 'Choose who may see the page.'],
    ] as const) {
      const { status, body } = await save(fields);
      expect([status, body.includes(words)], words).toEqual([422, true]);
      expect(body).not.toContain('value="password1234"');
    }
    expect((await get('/')).status).toBe(200);
  });

  it('wants a password before it closes a page that never had one', async () => {
    const ctx = house.foghorn.contextFor({ kind: 'system', name: 'test' });
    await ctx.db.write(async (tx) => void (await tx.updateTable('page').set({ settings: '{}' }).execute()));
    await expect(saveAccess(ctx, { mode: 'password', password: '' })).rejects.toThrow(
      'Choose a password for the page.',
    );
  });
});
