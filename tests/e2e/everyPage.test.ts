import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFaults } from '#server/fallback.ts';
import { declareIncident } from '#services/incidents.ts';
import { routePatterns } from '../auth/fixtures.ts';
import { axeViolations, CHROMIUM, openBrowser } from '../support/browser.ts';
import { FURNISHED_ENV, type Furnished, furnish, pathOf, signInAs } from '../support/furnished.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** Routes without a page of their own, each with the reason. A new route is looked at unless it is named here. */
const NO_PAGE: Record<string, string> = {
  '/500': 'has no address: what Astro cannot make is answered by server/fallback.ts, looked at below',
  '/admin/api/drafts': 'JSON, for the posting form',
  '/admin/approvals/[id]/mail': 'a mail as it will be, in a frame without scripts',
  '/admin/deliveries/[id]/mend/correction': 'a mail as it will be, in a frame without scripts',
  '/admin/deliveries/[id]/mend/mail': 'a mail as it will be, in a frame without scripts',
  '/admin/deliveries/[id]/progress.json': 'JSON, for the bar',
  '/admin/deliveries/health':
    'a part of the screen of deliveries, which takes its place there while that is open',
  '/admin/deliveries/mail/[seq]/html':
    'a mail as it was sent, in a frame without scripts; tests/emails reads it',
  '/admin/due': 'a part of every screen, which takes its place there while that is open',
  '/admin/incidents/[id]/preview': 'a mail as it will be, in a frame without scripts',
  '/admin/incidents/[id]/preview.json': 'JSON, for the posting form',
  '/admin/logout': 'takes a POST alone and leads to the page',
  '/admin/maintenance/[id]/preview': 'a mail as it will be, in a frame without scripts',
  '/admin/maintenance/[id]/preview.json': 'JSON, for the posting form',
  '/admin/reports/kept.csv': 'a file to take away',
  '/admin/reports/kept.json': 'a file to take away',
  '/admin/subscribers/[id].json': 'a file to take away',
  '/badge.svg': 'an image',
  '/badge/[id].svg': 'an image',
  '/calendar.ics': 'a calendar',
  '/components/[id].atom': 'a feed',
  '/components/[id].rss': 'a feed',
  '/duty/[token].ics': 'a calendar',
  '/embed/[id].json': 'JSON',
  '/embed/status.js': 'a script',
  '/embed/status.json': 'JSON',
  '/enter': 'leads to the page while everyone may see that; tests/e2e/privatePage looks at it',
  '/history.atom': 'a feed',
  '/history.rss': 'a feed',
  '/incidents/[id].json': 'JSON',
  '/logo/[file]': 'an image',
  '/marks.js': 'a script',
  '/robots.txt': 'text for crawlers',
  '/sitemap.xml': 'XML for crawlers',
  '/api/hooks/resend': 'takes what the mail provider says, by POST alone',
  '/api/v2/[...path]': 'JSON',
  '/api/v2/components.json': 'JSON',
  '/api/v2/incidents.json': 'JSON',
  '/api/v2/incidents/unresolved.json': 'JSON',
  '/api/v2/scheduled-maintenances.json': 'JSON',
  '/api/v2/scheduled-maintenances/active.json': 'JSON',
  '/api/v2/scheduled-maintenances/upcoming.json': 'JSON',
  '/api/v2/status.json': 'JSON',
  '/api/v2/summary.json': 'JSON',
};

/** Both schemes, each at one width of a desk and of the smallest phone. */
const LOOKS = [
  { colorScheme: 'light', size: { width: 1280, height: 900 } },
  { colorScheme: 'dark', size: { width: 320, height: 640 } },
] as const;

describe.skipIf(!CHROMIUM)('every page in a browser', () => {
  let browser: Browser;
  let folder: string;
  let house: Furnished;
  let server: TestServer;
  const others: TestServer[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foghorn-every-'));
    house = await furnish(folder);
    server = await startServer({ dataDir: folder, env: FURNISHED_ENV });
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    for (const each of [server, ...others]) await each?.kill();
    await house?.foghorn.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  type Visit = { url: string; path: string; status: number };

  /** Each page in every look, unfolded: what axe finds, what is too wide, and what is not the page that was asked for. */
  async function faultsOf(visits: readonly Visit[], cookie: string | null): Promise<string[]> {
    const found: string[] = [];
    const context = await browser.newContext();
    if (cookie) await context.addCookies(cookiesOf(cookie));
    const page = await context.newPage();
    page.on('pageerror', ({ message }) => found.push(`${page.url()}: ${message}`));
    page.on('console', (message) => {
      // That an address answers with what it should, 404, is a complaint of the browser's own.
      const isAnswer = message.text().startsWith('Failed to load resource');
      if (message.type() === 'error' && !isAnswer) found.push(`${page.url()}: ${message.text()}`);
    });
    page.on('requestfinished', async (request) => {
      // What ends as the page is left (its icon) can no longer be asked.
      const status = (await request.response().catch(() => null))?.status() ?? 0;
      if (status >= 400 && !request.isNavigationRequest())
        found.push(`${page.url()}: ${request.url()} ${status}`);
    });
    for (const { url, path, status } of visits) {
      const answer = await page.goto(url + path);
      if (answer?.status() !== status || page.url() !== url + path)
        found.push(`${path}: ${answer?.status()} at ${page.url()}`);
      found.push(...(await faultsHere(page, path)));
    }
    await context.close();
    return found;
  }

  async function faultsHere(page: Page, what: string): Promise<string[]> {
    await page.evaluate(() => {
      for (const details of document.querySelectorAll('details')) details.open = true;
    });
    const found: string[] = [];
    for (const { colorScheme, size } of LOOKS) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize(size);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      const wide = over > 0 ? [`${over} px too wide, ${await page.evaluate(widest)}`] : [];
      for (const fault of [...wide, ...(await axeViolations(page))])
        found.push(`${what} ${colorScheme}: ${fault}`);
    }
    return found;
  }

  function cookiesOf(header: string) {
    return header.split('; ').map((pair) => {
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      return { name, value, url: server.url };
    });
  }

  it('is in the list below, or is named as none with a reason', () => {
    const patterns = routePatterns();
    expect(Object.keys(NO_PAGE).filter((pattern) => !patterns.includes(pattern))).toEqual([]);
    expect(patterns.length - Object.keys(NO_PAGE).length).toBeGreaterThanOrEqual(38);
  });

  const SIGNED_OUT = ['/admin/login', '/admin/join', '/admin/setup'];
  const visit = (pattern: string): Visit => ({
    url: server.url,
    path: pattern === '/admin/join' ? house.links.join : pathOf(pattern, house.ids),
    status: pattern === '/404' ? 404 : 200,
  });
  const pages = () => routePatterns().filter((pattern) => !NO_PAGE[pattern]);

  const inside = pages().filter((one) => one.startsWith('/admin') && !SIGNED_OUT.includes(one));
  /** Each room of the admin is a test of its own, so that none grows with the others. */
  const rooms = [...Map.groupBy(inside, (one) => one.split('/').slice(0, 3).join('/')).entries()];

  it.each(rooms)(
    'of the admin under %s has no fault that axe finds, and fits a small phone',
    async (_, room) => {
      const cookie = await signInAs(server.url, house.users.owner.email);
      expect(await faultsOf(room.map(visit), cookie)).toEqual([]);
    },
  );

  it('of the admin has none where there is nothing, or nobody outside knows of it yet', async () => {
    const cookie = await signInAs(server.url, house.users.owner.email);
    const ctx = house.foghorn.contextFor({ kind: 'system', name: 'test' });
    const { id: untold } = await declareIncident(ctx, {
      title: 'Not public yet',
      severity: 'SEV2',
      components: [],
    });
    const suppressed = `/admin/suppressions?subscriber=${house.ids['/admin/subscribers/[]']}`;
    const visits = [
      { url: server.url, path: '/admin/incidents/nothing', status: 404 },
      { url: server.url, path: '/admin/nothing', status: 404 },
      { url: server.url, path: suppressed, status: 200 },
      { url: server.url, path: `/admin/incidents/${untold}`, status: 200 },
      { url: server.url, path: `/admin/incidents/${untold}/next`, status: 200 },
    ];
    expect(await faultsOf(visits, cookie)).toEqual([]);
  });

  it('for everyone has none, nor have those that a link in a mail opens', async () => {
    const outside = pages().filter((one) => !one.startsWith('/admin') || SIGNED_OUT.includes(one));
    const visits = outside.filter((one) => one !== '/admin/setup').map(visit);
    expect(await faultsOf(visits, null)).toEqual([]);
  });

  it('has none in an installation without anything in it, nor where a link is old or there is nothing', async () => {
    const fresh = await startServer();
    others.push(fresh);
    const setup = (await fresh.logged(/\/admin\/setup\?token=/)).trim();
    const visits = [
      { url: fresh.url, path: setup.slice(fresh.url.length), status: 200 },
      { url: fresh.url, path: '/', status: 200 },
      { url: server.url, path: '/subscribe?asked', status: 200 },
      { url: server.url, path: '/subscribe/webhook?asked', status: 200 },
      { url: server.url, path: '/webhook/wrong', status: 404 },
      { url: server.url, path: `${house.links.oldManage}?done=mailed`, status: 200 },
      { url: server.url, path: house.links.listUnsubscribe, status: 200 },
      { url: server.url, path: `${house.links.listUnsubscribe}?asked`, status: 200 },
      { url: server.url, path: house.links.listLeave, status: 200 },
      { url: server.url, path: '/admin/join?token=wrong', status: 410 },
      { url: server.url, path: '/admin/setup?token=wrong', status: 410 },
      { url: server.url, path: '/incidents/nothing', status: 404 },
    ];
    expect(await faultsOf(visits, null)).toEqual([]);
  });

  it('tells in forced colours, by words, shapes and heights, what is wrong', async () => {
    const page = await browser.newPage({ forcedColors: 'active' });
    await page.goto(server.url);
    const faults = await faultsHere(page, '/ in forced colours');
    // The colours are the reader's own; axe reads some that the page would have.
    expect(faults.filter((fault) => !fault.includes(': color-contrast:'))).toEqual([]);
    const { rows, reader, ok, trouble } = await page.evaluate(() => {
      const strokesOf = (selector: string) => [
        ...new Set([...document.querySelectorAll(selector)].map((path) => getComputedStyle(path).stroke)),
      ];
      const probe = document.body.appendChild(document.createElement('i'));
      const reader = (['GrayText', 'CanvasText', 'Canvas'] as const).map((name) => {
        probe.style.color = name;
        return getComputedStyle(probe).color;
      });
      return {
        reader,
        rows: [...document.querySelectorAll('.c')].map((row) => [
          row.querySelector('.w')!.textContent,
          row.querySelector('use')!.getAttribute('href'),
        ]),
        ok: strokesOf('.b.ok'),
        trouble: strokesOf('.b:not(.ok)'),
      };
    });
    // A word has a shape of its own, and a shape one word.
    const said = new Map(rows.map(([word, shape]) => [word, shape]));
    expect(said.size).toBeGreaterThan(1);
    expect(new Set(said.values()).size).toBe(said.size);
    expect(new Set(rows.map(String)).size).toBe(said.size);
    // The reader's colours, one for what is well and another for what is not, and both can be seen.
    expect([...ok, ...trouble]).toEqual(reader.slice(0, 2));
    expect(new Set(reader).size).toBe(3);
    await page.close();
  });

  it('has none after its button was pressed: confirmed, signed off, and back again', async () => {
    const page = await browser.newPage();
    for (const path of [house.links.confirm, house.links.unsubscribe]) {
      await page.goto(server.url + path);
      await page.locator('main form button[type="submit"], main form button:not([type])').first().click();
      expect(await faultsHere(page, `${path}, pressed`)).toEqual([]);
    }
    await page.close();
  });

  it('has none while the database is away: the last good page, marked, and what else is said then', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'foghorn-every-away-'));
    const before = await startServer({ dataDir });
    others.push(before);
    await fetch(before.url);
    await before.stop();
    for (const suffix of ['-wal', '-shm']) rmSync(join(dataDir, `foghorn.db${suffix}`), { force: true });
    writeFileSync(join(dataDir, 'foghorn.db'), 'damaged');
    const away = await startServer({ dataDir, until: 'listening' });
    others.push(away);
    const visits = [
      { url: away.url, path: '/', status: 200 },
      { url: away.url, path: '/subscribe', status: 503 },
      { url: away.url, path: '/de/history', status: 503 },
      { url: away.url, path: '/ar/history', status: 503 },
    ];
    expect(await faultsOf(visits, null)).toEqual([]);
    const page = await browser.newPage();
    await page.goto(away.url);
    expect(await page.locator('.asof').count()).toBe(1);
    const headline = 'Checkout, invoices and exports in the harbour fail for some customers in Europe';
    const faults = createFaults({
      languages: ['en', 'ar'],
      lastWord: async () => ({ headlines: { en: headline, ar: headline }, asOf: 0 }),
      now: Date.now,
    });
    const [missing, failed] = [await faults.missing('/nothing'), await faults.failed('/ar/history')];
    for (const { body, status } of [missing, failed, await faults.unavailable('/subscribe')]) {
      // A page of its own: the rules of the one before it would forbid its style.
      await page.goto('about:blank');
      await page.setContent(body.toString('utf8'));
      expect(await faultsHere(page, String(status))).toEqual([]);
    }
    await page.close();
    await away.kill();
    rmSync(dataDir, { recursive: true, force: true });
  });
});

/** What reaches furthest to the right. */
function widest(): string {
  const all = [...document.querySelectorAll('body *')];
  const right = (element: Element) => element.getBoundingClientRect().right;
  return all.reduce((most, one) => (right(one) > right(most) ? one : most)).outerHTML.slice(0, 200);
}
