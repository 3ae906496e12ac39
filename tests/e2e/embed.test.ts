import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import { addMs, MINUTE } from '#domain/time.ts';
import { axeViolations, CHROMIUM, openBrowser } from '../support/browser.ts';
import { makeClaim, makeIncident, makeUpdate } from '../support/factory.ts';
import { type Harbour, makeHarbour } from '../support/harbour.ts';
import { type HostPage, startHostPage } from '../support/hostPage.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** What other people's pages show of ours, in a real browser, on another origin that allows no more than it must. */
describe.skipIf(!CHROMIUM)('on other people’s pages', () => {
  let folder: string;
  let db: Db;
  let server: TestServer;
  let harbour: Harbour;
  let host: HostPage;
  let browser: Browser;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foghorn-embed-'));
    db = await openDatabase(`sqlite:${join(folder, 'foghorn.db')}`);
    const now = new Date().toISOString();
    await migrate(db, now);
    harbour = await makeHarbour(db, { now, open: 1 });
    server = await startServer({ dataDir: folder });
    host = await startHostPage(server.url);
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    host?.close();
    await server?.stop();
    await db?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });

  /** The host's page with this on it; what the browser complains of is in `complaints`. */
  async function show(body: string, options: { dark?: boolean; frozen?: boolean; late?: boolean } = {}) {
    host.hold(body);
    const context = await browser.newContext({
      viewport: { width: 360, height: 700 },
      colorScheme: options.dark ? 'dark' : 'light',
      locale: 'en-GB',
      timezoneId: 'UTC',
    });
    contexts.push(context);
    const page = await context.newPage();
    if (options.frozen) await page.clock.install();
    // Minutes pass there in a moment of ours: no answer is too late, unless that is what is looked at.
    if (options.frozen && !options.late)
      await page.addInitScript(() => {
        AbortSignal.timeout = () => new AbortController().signal;
      });
    const complaints: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(host.url);
    return { page, complaints };
  }

  const script = () => `<script src="${server.url}/embed/status.js" async></script>`;
  const id = (name: string) => harbour.components.get(name) as string;
  /** What the element says, once it says something. */
  const said = async (page: Page, selector = 'foghorn-status') => {
    await page.locator(`${selector}[data-status]`).first().waitFor({ state: 'attached' });
    return page.locator(selector).first().locator('[part=box]').innerText();
  };
  const changed = () => db.write((tx) => bumpPageVersion(tx, new Date().toISOString()));

  it('the element, the frame and the badge show the whole page and one component', async () => {
    const checkout = id('Checkout');
    const { page, complaints } = await show(`
      <foghorn-status id="whole"></foghorn-status>
      <foghorn-status id="one" of="${checkout}"><a href="${server.url}/components/${checkout}">Status of checkout</a></foghorn-status>
      <iframe id="frame" title="Status" src="${server.url}/embed/frame" width="320" height="160"></iframe>
      <iframe id="small" title="Status of checkout" src="${server.url}/embed/frame/${checkout}" width="320" height="160"></iframe>
      <img id="badge" alt="Status" src="${server.url}/badge.svg">
      <img id="part" alt="Status of checkout" src="${server.url}/badge/${checkout}.svg">
      ${script()}`);
    expect(await said(page, '#whole')).toMatch(/^(Major|Partial) outage – .*checkout/i);
    expect(await said(page, '#one')).toMatch(
      /^Checkout: \w+ outage – .*\n?Next update by \w{3},? \d\d:\d\d UTC/s,
    );
    expect(await page.locator('#one a[part=link]').getAttribute('href')).toBe(
      `${server.url}/components/${checkout}`,
    );
    for (const frame of ['#frame', '#small']) {
      const inner = page.frameLocator(frame);
      await inner.locator('foghorn-status[data-status]').waitFor({ state: 'attached' });
      expect(await inner.locator('[part=box]').innerText()).toMatch(/outage/);
    }
    for (const badge of ['#badge', '#part'])
      expect(
        await page.locator(badge).evaluate(async (image: HTMLImageElement) => {
          await image.decode();
          return image.naturalWidth;
        }),
      ).toBeGreaterThan(80);
    expect(complaints).toEqual([]);
  });

  it('the frame of a group tells of that group alone', async () => {
    const group = async (name: string) =>
      db.read((tx) =>
        tx.selectFrom('component_groups').select('id').where('name', '=', name).executeTakeFirstOrThrow(),
      );
    const [shop, accounts] = [await group('Shop'), await group('Accounts')];
    const frame = (name: string, { id: of }: { id: string }) =>
      `<iframe id="${name}" title="Status of ${name}" src="${server.url}/embed/frame/${of}" width="320" height="160"></iframe>`;
    const { page, complaints } = await show(frame('shop', shop) + frame('accounts', accounts));
    const inside = (name: string) => page.frameLocator(`#${name}`).locator('foghorn-status[data-status]');
    const told = async (name: string) => {
      await inside(name).waitFor({ state: 'attached' });
      return inside(name).locator('[part=box]').innerText();
    };
    expect(await told('shop')).toMatch(/^Shop: \w+ outage – Checkout is failing/i);
    expect(await told('accounts')).toBe('Accounts is operational.');
    expect(await told('accounts')).not.toContain('Checkout');
    expect(await inside('shop').getAttribute('of')).toBe(shop.id);
    expect(await page.frameLocator('#shop').locator('h1').textContent()).toBe('Status of Shop');
    expect(await page.frameLocator('#accounts').locator('[part=link]').getAttribute('target')).toBe('_blank');
    expect(complaints).toEqual([]);
    const answer = await fetch(`${server.url}/embed/frame/${shop.id}`);
    expect(answer.headers.get('content-security-policy')).toContain('frame-ancestors *');
    expect(await answer.text()).toMatch(/<title>Shop: [^<]*outage · Harbour<\/title>/);
  });

  it('the frame says it without scripts, too', async () => {
    const context = await browser.newContext({
      javaScriptEnabled: false,
      viewport: { width: 320, height: 300 },
    });
    contexts.push(context);
    const page = await context.newPage();
    await page.goto(`${server.url}/embed/frame`);
    expect(await page.locator('main').innerText()).toMatch(/outage – .*\n+Next update by/s);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  });

  it.each([false, true])('has no fault that axe finds (dark: %s)', async (dark) => {
    const { page } = await show(`<foghorn-status></foghorn-status>${script()}`, { dark });
    await said(page);
    expect(await axeViolations(page)).toEqual([]);
    const frame = await (contexts.at(-1) as BrowserContext).newPage();
    await frame.goto(`${server.url}/embed/frame`);
    await said(frame);
    expect(await axeViolations(frame)).toEqual([]);
  });

  it('shows nothing while all is well, if it is to be quiet; else one line', async () => {
    const calm = id('Sign-in');
    const { page } = await show(
      `<foghorn-status id="quiet" quiet of="${calm}">Status</foghorn-status><foghorn-status id="calm" of="${calm}"></foghorn-status>${script()}`,
    );
    expect(await said(page, '#calm')).toBe('Sign-in is operational.');
    expect(await said(page, '#quiet')).toBe('');
    expect((await page.locator('#quiet').boundingBox())?.height).toBe(0);
  });

  it('says what changed within a minute or so, and nothing is asked while nobody looks', async () => {
    const { page } = await show(`<foghorn-status of="${id('Sign-in')}"></foghorn-status>${script()}`, {
      frozen: true,
    });
    let asked = 0;
    page.on('request', (request) => request.url().endsWith('.json') && asked++);
    expect(await said(page)).toContain('is operational');
    await makeClaim(db, {
      component_id: id('Sign-in'),
      source_kind: 'manual',
      source_seq: 0,
      status: 'degraded_performance',
      starts_at: new Date().toISOString(),
    });
    await changed();
    // The server sees what another process wrote a moment later.
    const there = async () => (await fetch(`${server.url}/embed/${id('Sign-in')}.json`)).text();
    while (!(await there()).includes('degraded'));
    const answered = page.waitForResponse((response) => response.url().endsWith('.json'));
    await page.clock.runFor(80_000);
    await answered;
    await page.getByText('Sign-in is degraded.').waitFor();
    const before = asked;
    await page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await page.clock.runFor(10 * MINUTE);
    expect(asked).toBe(before);
  });

  it('backs off while the status page is away, says up to when it knew, and comes back', async () => {
    const { page, complaints } = await show(`<foghorn-status></foghorn-status>${script()}`, { frozen: true });
    await said(page);
    let asked = 0;
    let answered = 0;
    await page.route('**/embed/*.json', async (route) => {
      asked++;
      await route.fulfill({ status: 503, body: 'away' });
    });
    page.on('requestfinished', () => answered++);
    for (let minute = 0; minute < 60; minute++) {
      await page.clock.runFor(MINUTE);
      while (answered < asked) await page.evaluate(() => null);
    }
    // 1, 2, 4, 8, 15, 15, 15 minutes, each a fifth more or less.
    expect(asked).toBeGreaterThanOrEqual(4);
    expect(asked).toBeLessThanOrEqual(8);
    expect(await said(page)).toMatch(/As of \w{3},? \d\d:\d\d UTC/);
    await page.unroute('**/embed/*.json');
    const back = page.waitForResponse((response) => response.ok() && response.url().endsWith('.json'));
    await page.clock.runFor(20 * MINUTE);
    await back;
    await page.locator('[part=asof]').waitFor({ state: 'hidden' });
    expect(
      complaints.filter((one) => !one.includes('503') && !one.includes('Content Security Policy')),
    ).toEqual([]);
  });

  it('gives up on an answer that does not come, and asks again', async () => {
    const { page } = await show(`<foghorn-status></foghorn-status>${script()}`, { frozen: true, late: true });
    await said(page);
    let asked = 0;
    await page.route('**/embed/*.json', () => void asked++);
    await page.clock.runFor(73_000);
    await expect.poll(() => asked).toBe(1);
    await expect.poll(() => page.clock.runFor(10_000).then(() => asked), { timeout: 30_000 }).toBe(2);
  });

  it('never throws into its host: twice there, nobody there, nothing like that there', async () => {
    const gone = `<foghorn-status id="gone" page="http://127.0.0.1:9"><a href="https://status.example">Status</a></foghorn-status>`;
    const { page, complaints } = await show(
      `${gone}<foghorn-status id="wrong" of="../nothing">Ask us</foghorn-status><foghorn-status id="well"></foghorn-status>${script()}${script()}`,
    );
    await said(page, '#well');
    expect(await page.locator('#gone').innerText()).toBe('Status');
    expect(await page.locator('#wrong').innerText()).toBe('Ask us');
    expect(
      complaints.filter(
        (one) => /error:|uncaught/i.test(one) && !/Content Security|Failed to load/.test(one),
      ),
    ).toEqual([]);
  });

  it('can be told how to look, by parts and variables', async () => {
    const { page } = await show(`<foghorn-status theme="dark"></foghorn-status>${script()}`);
    await said(page);
    const look = (property: string) =>
      page
        .locator('[part=box]')
        .evaluate((box, name) => getComputedStyle(box).getPropertyValue(name), property);
    expect(await look('background-color')).toBe('rgb(18, 21, 25)');
    await page.evaluate(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(
        'foghorn-status{--foghorn-background:rgb(1,2,3)} foghorn-status::part(box){border-top-width:9px}',
      );
      document.adoptedStyleSheets = [sheet];
    });
    expect(await look('background-color')).toBe('rgb(1, 2, 3)');
    expect(await look('border-top-width')).toBe('9px');
  });

  it('weighs at most 3,000 bytes on the way, and its data one packet', async () => {
    const bytes = Buffer.from(await (await fetch(`${server.url}/embed/status.js`)).arrayBuffer());
    expect(gzipSync(bytes, { level: 9 }).length).toBeLessThanOrEqual(3_000);
    expect(brotliCompressSync(bytes).length).toBeLessThanOrEqual(3_000);
    const data = Buffer.from(await (await fetch(`${server.url}/embed/status.json`)).arrayBuffer());
    expect(gzipSync(data).length).toBeLessThanOrEqual(1_300);
  });

  it('answers with what other sites need, and 404 in kind for what is not there', async () => {
    const heads = async (path: string) => {
      const answer = await fetch(server.url + path);
      const { headers, status } = answer;
      return [
        status,
        headers.get('access-control-allow-origin'),
        headers.get('cross-origin-resource-policy'),
        !!headers.get('etag'),
      ];
    };
    const component = id('Checkout');
    const group = await db.read((tx) =>
      tx.selectFrom('component_groups').select(['id', 'name']).executeTakeFirstOrThrow(),
    );
    for (const path of [
      '/embed/status.js',
      '/embed/status.json',
      `/embed/${component}.json`,
      `/embed/${group.id}.json`,
      '/badge.svg',
      `/badge/${group.id}.svg`,
    ])
      expect([path, ...(await heads(path))]).toEqual([path, 200, '*', 'cross-origin', true]);
    expect((await heads('/embed/nothing.json')).slice(0, 2)).toEqual([404, '*']);
    expect((await heads('/badge/nothing.svg'))[0]).toBe(404);
    expect((await fetch(`${server.url}/embed/frame/nothing`)).status).toBe(404);
    expect((await (await fetch(`${server.url}/embed/${group.id}.json`)).json()).name).toBe(group.name);
    const frame = (await fetch(`${server.url}/embed/frame`)).headers;
    expect(frame.get('content-security-policy')).toContain('frame-ancestors *');
    expect(frame.get('x-frame-options')).toBeNull();
    expect((await fetch(server.url)).headers.get('content-security-policy')).toContain(
      "frame-ancestors 'none'",
    );
  });

  it('says a promise that was missed as such, and what it is about, in the element and in the frame', async () => {
    const due = async (seq: number, at: string) => {
      await db.write((tx) =>
        tx.updateTable('incidents').set({ next_update_due: at }).where('seq', '=', seq).execute(),
      );
      await changed();
      const there = async () => (await fetch(`${server.url}/embed/status.json`)).text();
      await expect.poll(there, { timeout: 60_000 }).toContain(`"next_update_by":"${at}"`);
    };
    const both = async () => {
      const { page } = await show(`<foghorn-status></foghorn-status>${script()}`);
      const element = (await said(page)).replace(/\s+/g, ' ');
      const plain = await browser.newContext({ javaScriptEnabled: false });
      contexts.push(plain);
      const frame = await plain.newPage();
      await frame.goto(`${server.url}/embed/frame`);
      return [element, (await frame.locator('main').innerText()).replace(/\s+/g, ' ')];
    };
    const at = (minutes: number) => addMs(new Date().toISOString(), minutes * MINUTE);
    await due(harbour.open[0]!.seq, at(-25));
    for (const text of await both()) {
      expect(text).toMatch(/The next update was due .*\d\d:\d\d UTC; still working on it\./);
      expect(text).not.toContain('Next update');
    }
    await due(harbour.open[0]!.seq, at(30));
    const { seq } = await makeIncident(db, {
      title: 'Search is slow',
      severity: 'SEV3',
      status: 'identified',
    });
    await makeUpdate(db, seq, { body: 'Slow.' });
    await due(seq, at(20));
    for (const text of await both()) {
      expect(text).toMatch(/outage – .*checkout/i);
      expect(text).toMatch(/Next update on “Search is slow” by .*\d\d:\d\d UTC/);
    }
    await due(seq, at(-5));
    for (const text of await both())
      expect(text).toMatch(/The next update on “Search is slow” was due .*UTC; still working on it\./);
    await db.write((tx) =>
      tx.updateTable('incidents').set({ status: 'resolved' }).where('seq', '=', seq).execute(),
    );
    await due(harbour.open[0]!.seq, at(30));
  });

  it('neither moves nor speaks while nothing new is said, and leaves the focus on its link when something is', async () => {
    const { page } = await show(`<foghorn-status of="${id('Cart')}"></foghorn-status>${script()}`, {
      frozen: true,
    });
    await said(page);
    await page.evaluate(() => {
      const log: number[] = [];
      Object.assign(window, { log });
      const { shadowRoot } = document.querySelector('foghorn-status')!;
      new MutationObserver(() => log.push(1)).observe(shadowRoot!, { childList: true, subtree: true });
    });
    const spoken = () => page.evaluate(() => (window as unknown as { log: number[] }).log.length);
    await page.locator('a[part=link]').first().focus();
    const focused = () =>
      page.evaluate(() => {
        const { shadowRoot } = document.querySelector('foghorn-status')!;
        return (shadowRoot!.activeElement as HTMLAnchorElement | null)?.href ?? null;
      });
    const before = await focused();
    const data = async () => (await fetch(`${server.url}/embed/${id('Cart')}.json`)).json();
    const { as_of } = await data();
    await changed();
    await expect.poll(async () => (await data()).as_of, { timeout: 60_000 }).not.toBe(as_of);
    const next = async () => {
      const answered = page.waitForResponse((response) => response.url().endsWith('.json'));
      await page.clock.runFor(80_000);
      await (await answered).finished();
      await page.evaluate(() => null);
    };
    await next();
    expect([await spoken(), await focused()]).toEqual([0, before]);
    const { label } = await data();
    await makeClaim(db, {
      component_id: id('Cart'),
      source_kind: 'manual',
      source_seq: 0,
      status: 'major_outage',
      starts_at: new Date().toISOString(),
    });
    await changed();
    await expect.poll(async () => (await data()).label, { timeout: 60_000 }).not.toBe(label);
    await next();
    await expect.poll(spoken).toBe(1);
    expect(await focused()).toBe(before);
    await page.locator('foghorn-status').evaluate((own) => own.setAttribute('target', '_blank'));
    await page.locator('a[part=link][target=_blank]').first().waitFor();
  });

  it('never shows one component’s state as another’s, however late an answer comes, or that there is none', async () => {
    const { page } = await show(`<foghorn-status of="${id('Checkout')}">Ask us</foghorn-status>${script()}`);
    expect(await said(page)).toContain('Checkout');
    const element = page.locator('foghorn-status');
    const ask = (of: string) => element.evaluate((own, value) => own.setAttribute('of', value), of);
    const answers: (() => Promise<void>)[] = [];
    await page.route(`**/embed/${id('Cart')}.json`, (route) => void answers.push(() => route.continue()));
    await ask(id('Cart'));
    await expect.poll(() => answers.length).toBe(1);
    // Of what is asked for now nothing is known yet.
    expect(await element.innerText()).toBe('Ask us');
    await ask(id('Tracking'));
    await page.getByText('Tracking is operational.').waitFor();
    const late = page.waitForResponse((response) => response.url().includes(id('Cart')));
    await answers[0]!();
    await (await late).finished();
    await page.evaluate(() => null);
    expect(await said(page)).toBe('Tracking is operational.');
    await ask('nothing');
    expect(await element.innerText()).toBe('Ask us');
    expect(await element.getAttribute('data-status')).toBeNull();
  });
});
