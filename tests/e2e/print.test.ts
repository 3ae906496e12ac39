import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { CHROMIUM, openBrowser } from '../support/browser.ts';
import { type Harbour, makeHarbour } from '../support/harbour.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** What is left of a page on paper, where nothing can be pressed and nobody sees a colour for sure. */
describe.skipIf(!CHROMIUM)('on paper', () => {
  let folder: string;
  let db: Db;
  let server: TestServer;
  let harbour: Harbour;
  let browser: Browser;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foghorn-print-'));
    db = await openDatabase(`sqlite:${join(folder, 'foghorn.db')}`);
    const now = new Date().toISOString();
    await migrate(db, now);
    harbour = await makeHarbour(db, { now, open: 3, maintenance: true });
    server = await startServer({ dataDir: folder });
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await db?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  /** A4 at 96 dots an inch, for a reader in a zone that is not the page's. */
  async function printed(path: string, javaScriptEnabled = true): Promise<Page> {
    const context = await browser.newContext({
      viewport: { width: 794, height: 1123 },
      timezoneId: 'Asia/Kolkata',
      locale: 'en-GB',
      javaScriptEnabled,
    });
    const page = await context.newPage();
    await page.emulateMedia({ media: 'print' });
    await page.goto(server.url + path);
    return page;
  }

  const pages = () => [
    '/',
    '/de',
    '/ar',
    '/history',
    '/on-time',
    `/incidents/${harbour.open[0]!.id}`,
    `/components/${harbour.components.get('Checkout')}`,
    '/nothing/here',
  ];

  it('there is nothing to press, and nothing that is wrong a minute later', async () => {
    for (const path of pages()) {
      const page = await printed(path);
      const pressed = await page.evaluate(() =>
        [
          ...document.querySelectorAll(
            'nav, .foot, .skip, button, input, select, .btn, .tab > summary, [data-due], [data-since], .turn, .next i, p.more',
          ),
        ]
          .filter((one) => {
            const { right, left, width, height } = one.getBoundingClientRect();
            return width > 0 && height > 0 && right > 0 && left < innerWidth;
          })
          .map((one) => one.outerHTML.slice(0, 100)),
      );
      expect([path, pressed]).toEqual([path, []]);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect([path, over]).toEqual([path, 0]);
      await page.context().close();
    }
  });

  it('every state is there as a word', async () => {
    for (const [path, major, headline] of [
      ['/', 'Major outage', 'Checkout is failing for some customers'],
      ['/de', 'Ausfall', 'Checkout is failing for some customers'],
      ['/ar', 'انقطاع كبير', 'Checkout is failing for some customers'],
    ] as const) {
      const page = await printed(path, false);
      expect(await page.locator('h1').innerText()).toContain(headline);
      const rows = await page
        .locator('.c:visible')
        .evaluateAll((all) => all.map((row) => row.querySelector<HTMLElement>('.w')?.innerText.trim()));
      expect(rows.length).toBeGreaterThan(10);
      expect(rows).toContain(major);
      expect(rows.filter((word) => !word)).toEqual([]);
      // A folded group says in words how its components are.
      const groups = await page
        .locator('.g:not([open]) > summary')
        .evaluateAll((all) => all.map((group) => (group as HTMLElement).innerText));
      expect(groups.length).toBeGreaterThan(0);
      for (const group of groups) expect(group).toMatch(/\n.*(\d \p{L}|\p{L}: \d)/u);
      await page.context().close();
    }
  });

  it('every time has its zone beside it, the page’s without a script and the reader’s with one', async () => {
    for (const [scripted, zone] of [
      [false, /UTC/],
      [true, /GMT\+5:30|IST/],
    ] as const)
      for (const path of ['/', '/history', `/incidents/${harbour.open[0]!.id}`]) {
        const page = await printed(path, scripted);
        const times = await page.evaluate(() =>
          [...document.querySelectorAll('time')]
            .filter((time) => time.checkVisibility() && /\d\d:\d\d/.test(time.textContent))
            .map((time) =>
              // Of two ends of a span the last may speak for both.
              /^\d\d:\d\d$|, \d\d:\d\d$/.test(time.textContent)
                ? time.textContent + time.nextElementSibling?.textContent
                : time.textContent,
            ),
        );
        expect(times.length).toBeGreaterThan(3);
        expect([path, scripted, times.filter((time) => !zone.test(time))]).toEqual([path, scripted, []]);
        await page.context().close();
      }
  });
});
