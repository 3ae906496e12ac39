import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { axeViolations, CHROMIUM, openBrowser } from '../support/browser.ts';
import { type Harbour, makeHarbour } from '../support/harbour.ts';
import { type HostPage, startHostPage } from '../support/hostPage.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** What a page of another origin shows of ours speaks that page's language. */
describe.skipIf(!CHROMIUM)('on other people’s pages, in their language', () => {
  let folder: string;
  let db: Db;
  let server: TestServer;
  let harbour: Harbour;
  let host: HostPage;
  let browser: Browser;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foghorn-embed-languages-'));
    db = await openDatabase(`sqlite:${join(folder, 'foghorn.db')}`);
    const now = new Date().toISOString();
    await migrate(db, now);
    harbour = await makeHarbour(db, { now, open: 3 });
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

  /** The host's page in a reader's browser that speaks English; what it asks for and complains of is kept. */
  async function show(body: string, lang: string, options: { dark?: boolean } = {}) {
    host.hold(body, lang);
    const context = await browser.newContext({
      viewport: { width: 360, height: 800 },
      colorScheme: options.dark ? 'dark' : 'light',
      locale: 'en-US',
      timezoneId: 'Europe/Berlin',
    });
    contexts.push(context);
    const page = await context.newPage();
    const complaints: string[] = [];
    const asked: string[] = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (request.url().endsWith('.json')) asked.push(request.url().slice(server.url.length));
    });
    await page.goto(host.url);
    return { page, complaints, asked };
  }

  const script = () => `<script src="${server.url}/embed/status.js" async></script>`;
  const id = (name: string) => harbour.components.get(name) as string;
  const said = async (element: Locator) => {
    await element.and(element.page().locator('[data-status]')).waitFor({ state: 'attached' });
    return element.locator('[part=box]').innerText();
  };
  const boxOf = (element: Locator) =>
    element.locator('[part=box]').evaluate((box: HTMLElement) => [box.lang, box.dir]);
  const linksOf = (element: Locator) =>
    element.locator('a').evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).href));
  const all = (locale: string) => `
    <foghorn-status></foghorn-status>
    <iframe title="Status" src="${server.url}/${locale}/embed/frame" width="320" height="260"></iframe>
    <p><img alt="Status" src="${server.url}/${locale}/badge.svg"></p>
    <foghorn-status id="calm" of="${id('Sign-in')}"></foghorn-status>
    ${script()}`;

  /** How it begins, what is said of the promise that was missed, and what is open besides. */
  const GERMAN = [
    /^Ausfall – Checkout/,
    /Die nächste Meldung zu „Product search [^“]+“ war [^\n]{0,12}\d\d:\d\d (MEZ|UTC) fällig; wir/,
    /\sWird untersucht: Product/,
  ];
  const ARABIC = [
    /^انقطاع كبير – Checkout/,
    /كان موعد التحديث التالي بشأن «Product search [^»]+» [^\n]{0,12}\d\d:\d\d [^\n]+؛ وما/,
    /\sقيد التحقيق: Product/,
  ];
  const expectWords = (text: string, words: readonly RegExp[]) => {
    for (const one of words) expect(text.trim()).toMatch(one);
    expect(text).not.toMatch(/update|outage|Investigating|[AP]M/);
  };

  it.each([
    ['de', 'de', 'ltr', GERMAN, 'Sign-in ist in Betrieb.'],
    ['de-AT', 'de', 'ltr', GERMAN, 'Sign-in ist in Betrieb.'],
    ['ar', 'ar', 'rtl', ARABIC, 'لا مشكلات في Sign-in.'],
  ] as const)('with lang=%s element, frame and badge are in it', async (lang, locale, dir, words, calm) => {
    for (const dark of [false, true]) {
      const { page, complaints, asked } = await show(all(locale), lang, { dark });
      const element = page.locator('foghorn-status').first();
      expectWords(await said(element), words);
      expect(await boxOf(element)).toEqual([locale, dir]);
      expect(await said(page.locator('#calm'))).toBe(calm);
      for (const href of await linksOf(element))
        expect(href).toMatch(new RegExp(`^${server.url}/${locale}(/incidents/\\w+)?$`));
      expect(await linksOf(page.locator('#calm'))).toEqual([
        `${server.url}/${locale}/components/${id('Sign-in')}`,
      ]);
      // Which languages there are is asked once.
      asked.length = 0;
      const renewed = page.waitForResponse((answer) => answer.url().endsWith(`/${id('Sign-in')}.json`));
      await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
      await renewed;
      expect(new Set(asked)).toEqual(
        new Set([`/${locale}/embed/status.json`, `/${locale}/embed/${id('Sign-in')}.json`]),
      );

      const frame = page.frameLocator('iframe');
      expect(await frame.locator('html').getAttribute('lang')).toBe(locale);
      expectWords(await said(frame.locator('foghorn-status')), words);
      expect(await frame.locator('html').evaluate((html) => getComputedStyle(html).direction)).toBe(dir);
      const image = page.locator('img');
      expect(
        await image.evaluate(async (own: HTMLImageElement) => {
          await own.decode();
          return own.naturalWidth;
        }),
      ).toBeGreaterThan(80);
      expect(complaints).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
      // axe would wait for an answer of the frame, where its script is not; it is looked at alone.
      await page.locator('iframe').evaluate((own) => own.remove());
      expect(await axeViolations(page)).toEqual([]);
      await page.goto(`${server.url}/${locale}/embed/frame`);
      await said(page.locator('foghorn-status'));
      expect(await axeViolations(page)).toEqual([]);
    }
  });

  it('the frame says it without scripts, too, in its language', async () => {
    for (const [locale, words] of [
      ['de', GERMAN],
      ['ar', ARABIC],
    ] as const) {
      const context = await browser.newContext({
        javaScriptEnabled: false,
        viewport: { width: 320, height: 300 },
      });
      contexts.push(context);
      const page = await context.newPage();
      await page.goto(`${server.url}/${locale}/embed/frame`);
      expectWords(await page.locator('foghorn-status').innerText(), words);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
    }
  });

  const CALM = { de: 'Sign-in ist in Betrieb.', en: 'Sign-in is operational.', ar: 'لا مشكلات في Sign-in.' };
  const sentence = async (page: Page, selector: string) => said(page.locator(selector));

  it('its own language, or that of what it stands in, goes before the page’s; one that is not offered is the first', async () => {
    const one = (name: string, rest = '') =>
      `<foghorn-status id="${name}" of="${id('Sign-in')}" ${rest}></foghorn-status>`;
    const { page, complaints, asked } = await show(
      `${one('own', 'lang="ar"')}<div lang="DE-ch"><section>${one('near')}</section></div>${one('page')}<p lang="">${one('none')}</p>${script()}`,
      'fr',
    );
    expect(await sentence(page, '#own')).toBe(CALM.ar);
    expect(await sentence(page, '#near')).toBe(CALM.de);
    expect(await sentence(page, '#page')).toBe(CALM.en);
    expect(await sentence(page, '#none')).toBe(CALM.en);
    expect(await boxOf(page.locator('#page'))).toEqual(['en', 'ltr']);
    // No language is tried that is not there.
    expect(asked.filter((path) => !/^(\/de|\/ar)?\/embed\/\w+\.json$/.test(path))).toEqual([]);
    await page.locator('#page').evaluate((own) => own.setAttribute('lang', 'de'));
    await page.locator('#page').getByText(CALM.de).waitFor();
    expect(complaints).toEqual([]);
  });

  it('where its language is not there any more, it goes on in the first', async () => {
    const { page } = await show(`<foghorn-status of="${id('Sign-in')}"></foghorn-status>${script()}`, 'de');
    const element = page.locator('foghorn-status');
    expect(await said(element)).toBe(CALM.de);
    await page.route('**/de/embed/*.json', (route) => route.fulfill({ status: 404, body: 'gone' }));
    await page.route(`${server.url}/embed/*.json`, async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, json: { ...(await answer.json()), languages: ['en'] } });
    });
    const ask = () => page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    const refused = page.waitForResponse((answer) => answer.status() === 404);
    await ask();
    await (await refused).finished();
    await expect.poll(() => ask().then(() => said(element)), { timeout: 30_000 }).toBe(CALM.en);
  });
});
