import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { CHROMIUM, openBrowser } from '../support/browser.ts';
import { makeHarbour } from '../support/harbour.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** The script of the marks, which comes with the first event at one of them. */
describe.skipIf(!CHROMIUM)('the marks', () => {
  let folder: string;
  let db: Db;
  let server: TestServer;
  let browser: Browser;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foghorn-marks-'));
    db = await openDatabase(`sqlite:${join(folder, 'foghorn.db')}`);
    const now = new Date().toISOString();
    await migrate(db, now);
    await makeHarbour(db, { now, open: 3 });
    server = await startServer({ dataDir: folder });
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await db?.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  /** A page that counts what it fetches and what goes wrong in it. */
  async function open() {
    const page = await browser.newPage();
    const asked: string[] = [];
    const wrong: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    page.on('pageerror', ({ message }) => wrong.push(message));
    await page.goto(server.url);
    return { page, asked, wrong };
  }
  const scripts = (asked: readonly string[]) => asked.filter((path) => path === '/marks.js').length;
  const marksOf = (page: Page) => page.locator('.h[aria-label^="Checkout,"]');

  it('cost those who do not come to them nothing, and one request whoever does', async () => {
    const { page, asked } = await open();
    await page.mouse.move(300, 300);
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowDown');
    expect(scripts(asked)).toBe(0);
    const came = page.waitForResponse(/\/marks\.js/);
    await marksOf(page).focus();
    expect((await came).headers()['cache-control']).toBe('public, max-age=3600');
    await page.locator('#tip').waitFor();
    await page.mouse.move(300, 300);
    await marksOf(page).hover();
    await page.keyboard.press('ArrowDown');
    expect(scripts(asked)).toBe(1);
    await page.close();
  });

  it('act upon the keys that fetched it, and on those pressed until it was there, in order', async () => {
    const { page, wrong } = await open();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await page.route(/\/marks\.js/, async (route) => {
      await held;
      await route.continue();
    });
    const marks = marksOf(page);
    await marks.focus();
    for (const key of ['ArrowLeft', 'ArrowRight', 'ArrowLeft']) await page.keyboard.press(key);
    expect(await page.locator('#tip').count()).toBe(0);
    expect(await marks.getAttribute('role')).toBe('img');
    release();
    await page.locator('#tip').waitFor();
    const second = await marks.getAttribute('aria-valuetext');
    expect(await page.locator('#tip').textContent()).toBe(second);
    const days = (row: number) =>
      page.locator('.tab tbody').first().locator('tr').nth(row).locator('td').allTextContents();
    expect(second).toBe((await days(1)).join(': '));
    await page.keyboard.press('ArrowRight');
    expect(await marks.getAttribute('aria-valuetext')).toBe((await days(0)).join(': '));
    expect(wrong).toEqual([]);
    await page.close();
  });

  it('act upon the pointer that fetched it, though it rests', async () => {
    const { page } = await open();
    await marksOf(page).scrollIntoViewIfNeeded();
    const box = (await marksOf(page).boundingBox())!;
    await page.mouse.move(box.x + box.width - 1, box.y + 4);
    expect(await page.locator('#tip').textContent()).toMatch(/^\w{3} \d+ \w{3}: Major outage/);
    await page.close();
  });

  it('take the arrow keys: the page does not move under them', async () => {
    const { page } = await open();
    await marksOf(page).focus();
    await page.locator('#tip').waitFor();
    const before = await page.evaluate(() => scrollY);
    await page.evaluate(() => {
      addEventListener('keyup', () => document.body.classList.add('released'));
      addEventListener('keydown', (event) =>
        setTimeout(() => document.body.classList.toggle('taken', event.defaultPrevented)),
      );
    });
    await page.keyboard.press('ArrowLeft');
    await page.locator('body.taken.released').waitFor();
    expect(await page.evaluate(() => scrollY)).toBe(before);
    await page.close();
  });

  it('keep their names where it does not come, and nothing goes wrong', async () => {
    const { page, asked, wrong } = await open();
    await page.route(/\/marks\.js/, (route) => route.abort());
    const failed = page.waitForEvent('requestfailed');
    const marks = marksOf(page);
    await marks.focus();
    await failed;
    await page.keyboard.press('ArrowLeft');
    await marks.hover();
    await page.mouse.move(300, 300);
    expect(await page.locator('#tip').count()).toBe(0);
    expect([await marks.getAttribute('role'), await marks.getAttribute('aria-valuetext')]).toEqual([
      'img',
      null,
    ]);
    expect(await marks.getAttribute('aria-label')).toMatch(/^Checkout, 90 days: \d with trouble$/);
    // It is not asked for again at every move.
    expect(scripts(asked)).toBe(1);
    expect(wrong).toEqual([]);
    await page.close();
  });
});
