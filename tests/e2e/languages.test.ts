import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { updatePage } from '#db/page.ts';
import { axeViolations, CHROMIUM, openBrowser } from '../support/browser.ts';
import { type Harbour, makeHarbour } from '../support/harbour.ts';
import { startServer, type TestServer } from '../support/server.ts';

let folder: string;
let db: Db;
let server: TestServer;
let browser: Browser;
let harbour: Harbour;

describe.skipIf(!CHROMIUM)('in a browser, in other languages', () => {
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foghorn-languages-'));
    db = await openDatabase(`sqlite:${join(folder, 'foghorn.db')}`);
    const now = new Date().toISOString();
    await migrate(db, now);
    harbour = await makeHarbour(db, { now, open: 3, maintenance: true });
    await db.write((tx) => updatePage(tx, { showKept: true }));
    server = await startServer({ dataDir: folder });
    browser = await openBrowser();
  });

  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await db?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  const open = async (path: string, options: Parameters<Browser['newPage']>[0] = {}): Promise<Page> => {
    const page = await browser.newPage({ timezoneId: 'Asia/Tokyo', ...options });
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    await page.goto(server.url + path);
    expect(faults).toEqual([]);
    return page;
  };

  it('no page is wider than its window, and axe finds nothing', async () => {
    const paths = [
      ...['', '/history', '/subscribe', `/incidents/${harbour.open[0]!.id}`],
      `/components/${harbour.components.get('Checkout')}`,
    ];
    for (const locale of ['de', 'ar'])
      for (const path of paths)
        for (const [width, colorScheme] of [
          [320, 'light'],
          [1280, 'dark'],
        ] as const) {
          const page = await open(`/${locale}${path}`, { viewport: { width, height: 800 }, colorScheme });
          const wider = await page.evaluate(() => {
            const { scrollWidth, clientWidth } = document.documentElement;
            return scrollWidth - clientWidth;
          });
          expect([locale, path, width, wider]).toEqual([locale, path, width, 0]);
          expect(await axeViolations(page)).toEqual([]);
          await page.close();
        }
  });

  it('no page is wider than a small phone where the reader spaces its text: WCAG 2.2, 1.4.12', async () => {
    const pages = ['/', '/history', '/on-time', `/incidents/${harbour.open[0]!.id}`];
    const found: unknown[] = [];
    const page = await open('/', { viewport: { width: 320, height: 640 } });
    for (const locale of ['', '/de', '/ar'])
      for (const path of pages) {
        await page.goto(server.url + locale + path);
        const over = await page.evaluate(() => {
          for (const details of document.querySelectorAll('details')) details.open = true;
          const spaced = new CSSStyleSheet();
          spaced.replaceSync(`
            * { line-height: 1.5 !important; letter-spacing: 0.12em !important; word-spacing: 0.16em !important }
            p { margin-block-end: 2em !important }`);
          document.adoptedStyleSheets.push(spaced);
          const { scrollWidth, clientWidth } = document.documentElement;
          const far = (own: Element) => own.getBoundingClientRect().right > clientWidth;
          const wide = [...document.querySelectorAll('main *, header *, footer *')].find(far);
          return [scrollWidth - clientWidth, wide?.outerHTML.slice(0, 120)];
        });
        if (over[0]) found.push([locale, path, ...over]);
      }
    await page.close();
    expect(found).toEqual([]);
  });

  it('the script speaks the page’s language, with the reader’s own zone', async () => {
    const path = `/incidents/${harbour.open[0]!.id}`;
    for (const [locale, due, time] of [
      ['de', /^in \d+ Minuten?$/, /^\d+\. \p{L}+\.? 2\d{3}, \d\d:\d\d (GMT\+9|OEZ|JST)$/u],
      ['ar', /^بعد .*(دقيقة|دقائق|دقيقتان)$/, /^\d+ \p{L}+ 2\d{3}، \d\d:\d\d /u],
    ] as const) {
      const page = await open(`/${locale}${path}`);
      expect(await page.locator('[data-due]').textContent()).toMatch(due);
      expect(await page.locator('.times time').first().textContent()).toMatch(time);
      expect(await page.locator('.times time').first().getAttribute('title')).toContain('UTC');
      await page.close();
    }
  });

  it('where text runs to the left, time does: the line of days, its names and its keys', async () => {
    for (const [locale, older] of [
      ['ar', 'ArrowRight'],
      ['de', 'ArrowLeft'],
    ] as const) {
      const page = await open(`/${locale}`, { viewport: { width: 1280, height: 800 } });
      // Checkout has trouble now, and had some before.
      const marks = page.locator('.h').first();
      await marks.focus();
      await expect.poll(() => marks.getAttribute('aria-valuenow')).toBe('89');
      const of = async (part: string) =>
        page
          .locator(part)
          .first()
          .evaluate((own) => {
            const { left, width } = own.getBoundingClientRect();
            return left + width / 2;
          });
      const line = await of('.h');
      const newest = await of('#tip');
      await page.keyboard.press(older);
      expect(Number(await marks.getAttribute('aria-valuenow'))).toBeLessThan(89);
      const before = await of('#tip');
      if (locale === 'ar') expect([newest < line, before > newest]).toEqual([true, true]);
      else expect([newest > line, before < newest]).toEqual([true, true]);
      expect(await marks.evaluate((own) => getComputedStyle(own).scale)).toBe(
        locale === 'ar' ? '-1 1' : 'none',
      );
      await page.close();
    }
  });
});
