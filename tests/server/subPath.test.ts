import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cookieName, cookiePath } from '#auth/cookies.ts';
import { placed, withoutBase } from '#server/place.ts';
import { PASSWORD, routePatterns } from '../auth/fixtures.ts';
import { CHROMIUM, openBrowser } from '../support/browser.ts';
import { FURNISHED_ENV, type Furnished, furnish, pathOf } from '../support/furnished.ts';
import { type Answered, ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** The page below a path of somebody's site, behind a proxy that passes the path on, or takes it off. */
const BASE = '/team/status';
let folder: string;
let house: Furnished;
let server: TestServer;
let proxy: Server;
let site: string;

/** Everything below the base goes to Foghorn; at other addresses is somebody else. */
function startProxy(takesOff: boolean): Promise<Server> {
  const made = createServer((incoming, outgoing) => {
    const path = incoming.url as string;
    if (path !== BASE && !path.startsWith(`${BASE}/`) && !path.startsWith(`${BASE}?`)) {
      outgoing.writeHead(418).end('somebody else');
      return;
    }
    const passed = takesOff ? path.slice(BASE.length).replace(/^(?!\/)/, '/') : path;
    const through = request(
      {
        host: '127.0.0.1',
        port: server.port,
        path: passed,
        method: incoming.method,
        headers: incoming.headers,
      },
      (answer) => {
        outgoing.writeHead(answer.statusCode as number, answer.rawHeaders);
        answer.pipe(outgoing);
      },
    );
    through.on('error', () => outgoing.destroy());
    incoming.pipe(through);
  });
  return new Promise((resolve) => made.listen(0, '127.0.0.1', () => resolve(made)));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-below-'));
  house = await furnish(folder);
  proxy = await startProxy(false);
  site = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  server = await startServer({
    dataDir: folder,
    env: {
      ...FURNISHED_ENV,
      LANGUAGES: 'en, de',
      SITE_URL: `${site}${BASE}/`,
      FORMER_HOSTS: 'old.example.com, status.example.org:8080',
    },
  });
});
afterAll(async () => {
  await server?.stop();
  await new Promise((resolve) => proxy?.close(resolve));
  await house?.foghorn.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const get = (path: string, headers: Record<string, string> = {}) =>
  ask(site, path, { headers: { host: new URL(site).host, ...headers } });
const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  ask(site, path, {
    method: 'POST',
    headers: {
      host: new URL(site).host,
      origin: site,
      'content-type': 'application/x-www-form-urlencoded',
      ...headers,
    },
    body: new URLSearchParams(fields).toString(),
  });

async function signIn(): Promise<{ answer: Answered; cookie: string }> {
  const answer = await post(`${BASE}/admin/login`, { email: house.users.owner.email, password: PASSWORD });
  const cookie = [answer.headers['set-cookie'] ?? []]
    .flat()
    .map((one) => one.split(';')[0])
    .join('; ');
  return { answer, cookie };
}

/** Where a page leads and what it asks for. */
function addressesIn(html: string): string[] {
  const tags = html.replace(/<(script|style)\b[^>]*>[\s\S]*?<\/\1>/g, (whole) =>
    whole.slice(0, whole.indexOf('>') + 1),
  );
  return [...tags.matchAll(/\s(?:href|src|srcset|action|formaction|data-root|data-preview)="([^"]*)"/g)].map(
    ([, found = '']) => found.replaceAll('&amp;', '&').replaceAll('&#38;', '&'),
  );
}

describe('a page below a path', () => {
  it('writes no address of its own without it, on any page, and every one leads somewhere', async () => {
    const { cookie } = await signIn();
    const outside: string[] = [];
    const leads = new Map<string, string>();
    for (const pattern of routePatterns()) {
      if (/^\/(500|admin\/logout)$/.test(pattern)) continue;
      const path = pathOf(pattern, house.ids);
      const answer = await get(BASE + path, { cookie, accept: 'text/html' });
      expect(answer.body, path).not.toContain('somebody else');
      if (!String(answer.headers['content-type']).startsWith('text/html')) continue;
      for (const address of addressesIn(answer.body)) {
        // The preview's parts are named by an attribute that elsewhere holds an address.
        if (/^\w+$/.test(address)) continue;
        const url = URL.parse(address, `${site}${BASE}${path}`);
        if (!url || url.origin !== site) continue;
        if (url.pathname !== BASE && !url.pathname.startsWith(`${BASE}/`))
          outside.push(`${path}: ${address}`);
        else if (!/\/(logout|mail|preview)/.test(url.pathname + path))
          leads.set(url.pathname + url.search, path);
      }
    }
    expect(outside).toEqual([]);
    expect(leads.size).toBeGreaterThan(100);
    const lost: string[] = [];
    for (const [address, from] of leads) {
      const { status } = await get(address, { cookie, accept: 'text/html' });
      if (status >= 400 && !address.endsWith('/404')) lost.push(`${status} ${address} on ${from}`);
    }
    expect(lost).toEqual([]);
  });

  it('is the same whether the proxy takes the path off or not', async () => {
    const headers = { host: new URL(site).host };
    for (const path of ['/', '/history', '/de', '/api/v2/summary.json', '/history.atom', '/nothing']) {
      const whole = await ask(server.url, path === '/' ? BASE : BASE + path, { headers });
      const bare = await ask(server.url, path, { headers });
      expect([path, whole.status, whole.body === bare.body]).toEqual([path, bare.status, true]);
    }
    const html = (await get(`${BASE}/`)).body;
    expect(html).toContain(`<link rel="canonical" href="${site}${BASE}/">`);
    expect((await get(`${BASE}?x=1`)).body).toBe(html);
    expect(JSON.parse((await get(`${BASE}/api/v2/status.json`)).body).page.url).toBe(site + BASE);
  });

  it('keeps its cookies and its redirects to itself', async () => {
    const { answer, cookie } = await signIn();
    expect([answer.status, answer.headers.location]).toEqual([303, `${BASE}/admin`]);
    for (const one of [answer.headers['set-cookie'] ?? []].flat())
      expect(one).toContain(`Path=${BASE};`.replace(/;$/, ''));
    expect((await get(`${BASE}/admin`, { accept: 'text/html' })).headers.location).toBe(
      `${BASE}/admin/login?next=%2Fadmin`,
    );
    expect((await get(`${BASE}/history/`)).headers.location).toBe(`${BASE}/history`);
    expect((await get(`${BASE}/en/history`)).headers.location).toBe(`${BASE}/history`);
    const left = await post(`${BASE}/admin/logout`, {}, { cookie });
    expect([left.status, left.headers.location]).toEqual([303, `${BASE}/admin/login`]);
    expect(String(left.headers['set-cookie'])).toContain(`Path=${BASE}`);
    // A form of somebody else at the same host is not told apart by its origin, but by its cookie's path: a stranger's page cannot send it.
    expect((await post(`${BASE}/admin/logout`, {}, { origin: 'https://evil.example', cookie })).status).toBe(
      403,
    );
  });

  it('leads from where it used to be, whatever is asked there', async () => {
    for (const host of ['old.example.com', 'OLD.example.com', 'old.example.com:443'])
      expect((await ask(server.url, '/history?x=1', { headers: { host } })).headers.location).toBe(
        `${site}${BASE}/history?x=1`,
      );
    const hook = await ask(server.url, '/api/hooks/resend', {
      method: 'POST',
      headers: { host: 'old.example.com' },
      body: '{}',
    });
    expect([hook.status, hook.headers.location]).toEqual([308, `${site}${BASE}/api/hooks/resend`]);
    expect(
      (await ask(server.url, '//evil.example', { headers: { host: 'old.example.com' } })).headers.location,
    ).toBe(`${site}${BASE}//evil.example`);
    expect((await ask(server.url, '/', { headers: { host: 'other.example.com' } })).status).toBe(421);
  });

  it.skipIf(!CHROMIUM)(
    'works in a browser: the page, signing in, a draft that keeps itself, an update',
    async () => {
      const browser: Browser = await openBrowser();
      const page = await (await browser.newContext()).newPage();
      const wrong: string[] = [];
      page.on('pageerror', ({ message }) => wrong.push(message));
      page.on('response', (response) => {
        if (response.status() >= 400) wrong.push(`${response.status()} ${response.url()}`);
      });
      page.on('console', (message) => message.type() === 'error' && wrong.push(message.text()));
      await page.goto(site + BASE);
      await page.locator('.h[tabindex="0"]').focus();
      await page.locator('#tip').waitFor();
      await page.goto(`${site}${BASE}/admin`);
      await page.getByLabel('Email').fill(house.users.comms.email);
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
      await page.keyboard.press('Enter');
      await page.waitForURL(`${site}${BASE}/admin`);
      const kept = page.waitForResponse(
        (response) => response.url() === `${site}${BASE}/admin/api/drafts` && response.ok(),
      );
      await page.goto(`${site}${BASE}/admin/incidents/${house.ids['/admin/incidents/[]']}`);
      await page.locator('textarea[name=body]').first().fill('Said from below a path.');
      await kept;
      expect(wrong).toEqual([]);
      await browser.close();
    },
  );
});

it('has cookies that the rest of the host does not get, under a name that allows it', () => {
  const names = ['https://x.example', 'https://x.example/status', 'http://x.example/status'].map((url) => [
    cookieName(url, 'session'),
    cookiePath(url),
  ]);
  expect(names).toEqual([
    ['__Host-session', '/'],
    ['__Secure-session', '/status'],
    ['session', '/status'],
  ]);
});

it('is taken off and put before exactly', () => {
  for (const [target, bare] of [
    ['/status', '/'],
    ['/status/', '/'],
    ['/status?x', '/?x'],
    ['/status/history', '/history'],
    ['/status/status', '/status'],
    ['/statusy', '/statusy'],
    ['/history', '/history'],
    ['/status//x', '//x'],
    ['http://here/status/x', 'http://here/x'],
    ['http://here/status', 'http://here/'],
    ['*', '*'],
  ] as const)
    expect(withoutBase(target, '/status'), target).toBe(bare);
  const html = (body: string) => ({
    status: 200,
    headers: [['content-type', 'text/html']] as [string, string][],
    body: Buffer.from(body),
  });
  for (const [before, after] of [
    ['<a href="/x">href="/x"</a>', '<a href="/status/x">href="/x"</a>'],
    ['<a href="//x"><a href="x"><a href="#x"><a href="https://x/">', null],
    ['<a title=" href=\'/x\'" href="/y">', '<a title=" href=\'/x\'" href="/status/y">'],
    [
      '<script src="/a.js">e.href="/x"; b=` src="/y"`</script>',
      '<script src="/status/a.js">e.href="/x"; b=` src="/y"`</script>',
    ],
    ['<!-- <a href="/x"> --><textarea data-body="/x" value="/x">', null],
    [
      '<img srcset="/a.svg" src="/b.svg"><form action="/">',
      '<img srcset="/status/a.svg" src="/status/b.svg"><form action="/status/">',
    ],
  ] as const)
    expect(placed(html(before), '/status').body.toString()).toBe(after ?? before);
});
