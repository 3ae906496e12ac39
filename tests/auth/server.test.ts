import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessOf } from '#auth/routes.ts';
import { type Answered, ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { cookieHeader, OTHER_PASSWORD, PASSWORD, routePatterns } from './fixtures.ts';

/** The whole way in, through the real, built server. */
describe('the built server', () => {
  let server: TestServer;
  let setupPath: string;
  let cookie = '';

  beforeAll(async () => {
    server = await startServer();
    const line = await server.logged(/\/admin\/setup\?token=/);
    const [url] = /http\S+\/admin\/setup\?token=[\w-]+/.exec(line) as RegExpExecArray;
    setupPath = url.slice(server.url.length);
  });
  afterAll(async () => void (await server?.stop()));

  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    ask(server.url, path, {
      method: 'POST',
      headers: { origin: server.url, 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(fields).toString(),
    });
  const setCookies = (answer: Answered) => [answer.headers['set-cookie'] ?? []].flat();

  it('shows no page of the admin to a stranger, however its path is spelled', async () => {
    const closed = routePatterns().filter((pattern) => accessOf(pattern) === 'session');
    expect(closed.length).toBeGreaterThan(3);
    for (const pattern of closed) {
      const path = pattern.replace(/\[[^\]]*\]/g, 'abc123def456');
      for (const [method, headers] of [
        ['GET', {}],
        ['HEAD', {}],
        ['POST', { origin: server.url }],
      ] as const) {
        const { status, body } = await ask(server.url, path, { method, headers });
        expect([303, 401], `${method} ${path}`).toContain(status);
        expect(body).not.toContain('Sign out');
      }
    }
    for (const path of [
      '/%61dmin',
      '/%61dmin/users',
      '//admin/users',
      '/x/../admin/users',
      '/admin//users',
      '/ADMIN/users',
      '/admin/users/',
      '/admin%2fusers',
      '/admin;x/users',
    ]) {
      const { status, body } = await ask(server.url, path);
      expect([303, 307, 308, 400, 401, 404], path).toContain(status);
      expect(body).not.toContain('Sign out');
    }
  });

  it('makes one owner of fifty who send the set-up form at once', async () => {
    expect((await ask(server.url, setupPath)).body).toContain('Make the first account');
    expect((await ask(server.url, '/admin/setup?token=guess')).status).toBe(410);
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        post(setupPath, { name: `Person ${n}`, email: `person${n}@example.com`, password: PASSWORD }),
      ),
    );
    const statuses = answers.map((answer) => answer.status);
    expect(statuses.filter((status) => status === 303)).toHaveLength(1);
    expect(statuses.filter((status) => status === 410)).toHaveLength(49);
    const winner = answers.find((answer) => answer.status === 303) as Answered;
    cookie = cookieHeader(setCookies(winner));
    expect((await ask(server.url, setupPath)).status).toBe(410);
  });

  it('knows who is signed in, and tells no cache', async () => {
    const { status, headers, body } = await ask(server.url, '/admin/account', { headers: { cookie } });
    expect(status).toBe(200);
    expect(body).toMatch(/person\d+@example\.com/);
    expect(headers['cache-control']).toBe('no-store');
  });

  it('acts on no form from elsewhere, whatever cookie comes with it', async () => {
    const fields = { do: 'everywhere' };
    for (const headers of [
      { cookie, origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      { cookie, origin: 'null' },
      { cookie, 'sec-fetch-site': 'same-site' },
    ] as Record<string, string>[])
      expect((await post('/admin/account', fields, headers)).status).toBe(403);
    const bare = await ask(server.url, '/admin/account', {
      method: 'POST',
      headers: { cookie, 'content-type': 'application/x-www-form-urlencoded' },
      body: 'do=everywhere',
    });
    expect(bare.status).toBe(403);
    expect((await ask(server.url, '/admin/account', { headers: { cookie } })).status).toBe(200);
  });

  it('signs every other browser out when the password changes', async () => {
    const old = cookie;
    const email = /person\d+@example\.com/.exec(
      (await ask(server.url, '/admin/account', { headers: { cookie } })).body,
    )?.[0] as string;
    const changed = await post(
      '/admin/account',
      { do: 'password', current: PASSWORD, password: OTHER_PASSWORD },
      { cookie: old },
    );
    expect(changed.status).toBe(303);
    cookie = cookieHeader(setCookies(changed));
    expect((await ask(server.url, '/admin/account', { headers: { cookie: old } })).status).toBe(303);
    expect((await ask(server.url, '/admin/account', { headers: { cookie } })).status).toBe(200);
    expect((await post('/admin/login', { email, password: PASSWORD })).status).toBe(401);
    const entered = await post('/admin/login', { email, password: OTHER_PASSWORD, next: '//evil.example' });
    expect([entered.status, entered.headers.location]).toEqual([303, '/admin']);
  });

  it('tells who tries too often when to come back', async () => {
    let answer: Answered;
    let tries = 0;
    do answer = await post('/admin/login', { email: 'nobody@example.com', password: 'wrong' });
    while (answer.status === 401 && ++tries < 50);
    expect(answer.status).toBe(429);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(answer.body).toContain('Too many wrong passwords');
  });

  it('writes no address, token or password into its log', () => {
    const lines = server.logs.filter((line) => line.startsWith('{')).join('\n');
    for (const secret of ['@example.com', 'token=', PASSWORD, OTHER_PASSWORD])
      expect(lines).not.toContain(secret);
  });

  it('signs out by a form alone', async () => {
    expect((await ask(server.url, '/admin/logout', { headers: { cookie } })).status).toBe(405);
    const out = await post('/admin/logout', {}, { cookie });
    expect([out.status, out.headers.location]).toEqual([303, '/admin/login']);
    expect(setCookies(out)[0]).toMatch(/^session=; HttpOnly; Max-Age=0/);
    expect((await ask(server.url, '/admin/account', { headers: { cookie } })).status).toBe(303);
  });
});

it('gives cookies the __Host- prefix where SITE_URL is https', async () => {
  const site = 'https://status.example.com';
  const server = await startServer({ env: { SITE_URL: site } });
  const line = await server.logged(/\/admin\/setup\?token=/);
  const path = (/https\S+/.exec(line) as RegExpExecArray)[0].slice(site.length);
  const answer = await ask(server.url, path, {
    method: 'POST',
    headers: {
      host: 'status.example.com',
      origin: site,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ name: 'Ada', email: 'ada@example.com', password: PASSWORD }).toString(),
  });
  expect(answer.status).toBe(303);
  for (const cookie of [answer.headers['set-cookie'] ?? []].flat()) {
    expect(cookie).toMatch(/^__Host-(session|device)=/);
    expect(cookie.split('; ')).toEqual(
      expect.arrayContaining(['HttpOnly', 'Secure', 'SameSite=Lax', 'Path=/']),
    );
  }
  await server.stop();
});
