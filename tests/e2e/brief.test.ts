import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getIncident, postUpdate } from '#services/incidents.ts';
import { type House, openHouse } from '../pages/adminHouse.ts';
import { CHROMIUM, openBrowser } from '../support/browser.ts';

const EVERY = 30_000;

describe.skipIf(!CHROMIUM)('a brief that stays open', () => {
  let house: House;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let id: string;
  let path: string;
  /** How often the page has asked for itself since it was opened. */
  let asked = 0;

  beforeAll(async () => {
    house = await openHouse();
    browser = await openBrowser();
    ({ id } = await house.incident());
    path = `/admin/incidents/${id}/brief`;
    context = await browser.newContext({ viewport: { width: 768, height: 500 } });
    const cookies = (await house.cookie('comms')).split('; ').map((pair) => {
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      return { name, value, url: house.server.url };
    });
    await context.addCookies(cookies);
    page = await context.newPage();
    await page.clock.install();
    await say('Said first.');
    await page.goto(house.server.url + path);
    page.on('request', (request) => {
      if (request.url().endsWith(path)) asked++;
    });
    await page.evaluate(() => {
      const heard: string[] = [];
      Object.assign(window, { untouched: true, heard });
      const region = document.querySelector('[data-brief-news]') as HTMLElement;
      new MutationObserver(() => heard.push(region.textContent ?? '')).observe(region, { childList: true });
    });
  });
  afterAll(async () => {
    await browser?.close();
    await house?.close();
  });

  async function say(body: string, status: 'investigating' | 'identified' = 'investigating') {
    const ctx = house.as('comms');
    const { version } = await getIncident(ctx, id);
    const post = { incidentId: id, version, audience: 'public' as const, components: [], notify: false };
    await postUpdate(ctx, { ...post, status, body });
  }

  /** Lets the page's own clock run, and waits until what it asked for meanwhile is answered. */
  async function pass(ms: number): Promise<void> {
    const before = asked;
    await page.clock.runFor(ms);
    if (asked > before) await page.waitForLoadState('networkidle');
  }

  const heard = () => page.evaluate(() => (window as unknown as { heard: string[] }).heard);

  it('shows a new update without a reload, says so once, and keeps what is folded open, focused and scrolled to', async () => {
    const brief = page.locator('[data-brief]');
    await say('Said second.');
    await page.clock.runFor(EVERY);
    await brief.getByText('Said second.', { exact: true }).waitFor();
    await page.locator('summary').click();
    expect(await page.locator('summary').evaluate((one) => one === document.activeElement)).toBe(true);

    await say(`Said third.${'\n\nAnd a long story with it.'.repeat(12)}`, 'identified');
    await page.clock.runFor(EVERY);
    await brief.getByText('Said third.', { exact: true }).waitFor();
    expect(await page.evaluate(() => 'untouched' in window)).toBe(true);
    expect(await page.locator('summary').evaluate((one) => one === document.activeElement)).toBe(true);
    expect(
      await page.locator('[data-brief] details').evaluate((one) => (one as HTMLDetailsElement).open),
    ).toBe(true);
    expect(await page.locator('#brief-text').inputValue()).toContain('Said third.');
    expect(await heard()).toHaveLength(2);
    expect((await heard())[1]).toMatch(/^Identified\. Said at .*: Said third\. And a long story/);

    // Whoever reads below it still reads the same lines when it grows.
    await page.evaluate(() => {
      document.body.style.paddingBottom = '3000px';
      const top = document.querySelector('#brief-text')?.getBoundingClientRect().top ?? 0;
      window.scrollBy({ top: top - 40, behavior: 'instant' });
    });
    const place = () =>
      page.locator('#brief-text').evaluate((one) => Math.round(one.getBoundingClientRect().top));
    const before = await place();
    await say(`Said fourth.${'\n\nAnd a longer story with it.'.repeat(30)}`, 'identified');
    await page.clock.runFor(EVERY);
    await brief.getByText('Said fourth.', { exact: true }).waitFor();
    expect(Math.abs((await place()) - before)).toBeLessThanOrEqual(1);

    // Nothing new: its time moves on, and nothing is said.
    const times = (await heard()).length;
    const asOf = await brief.locator('.meta time').getAttribute('datetime');
    await page.clock.runFor(EVERY);
    await expect.poll(() => brief.locator('.meta time').getAttribute('datetime')).not.toBe(asOf);
    expect(await heard()).toHaveLength(times);
  });

  it('asks for nothing while it is hidden, and is brought up to date when it is seen again', async () => {
    const hide = (hidden: boolean) =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
        document.dispatchEvent(new Event('visibilitychange'));
      }, hidden);
    await hide(true);
    const before = asked;
    await say('Said while nobody looked.', 'identified');
    await pass(20 * EVERY);
    expect(asked).toBe(before);
    await hide(false);
    await page.locator('[data-brief]').getByText('Said while nobody looked.', { exact: true }).waitFor();
    expect(asked).toBe(before + 1);
  });

  it('keeps what someone has selected', async () => {
    await page.evaluate(() => getSelection()?.selectAllChildren(document.querySelector('h1') as Element));
    const before = asked;
    await pass(3 * EVERY);
    expect(asked).toBe(before);
    await page.evaluate(() => getSelection()?.removeAllRanges());
  });

  it('asks less and less often while the server is away, and shows what is new when it is back', async () => {
    await context.setOffline(true);
    let failed = 0;
    page.on('requestfailed', (request) => {
      if (request.url().endsWith(path)) failed++;
    });
    /** Runs until one more has failed. @returns after how many half minutes */
    const untilFailed = async () => {
      const from = failed;
      for (let halves = 1; ; halves++) {
        const before = asked;
        await page.clock.runFor(EVERY);
        if (asked > before) {
          await expect.poll(() => failed).toBe(from + 1);
          return halves;
        }
      }
    };
    expect([await untilFailed(), await untilFailed(), await untilFailed(), await untilFailed()]).toEqual([
      1, 2, 4, 8,
    ]);
    expect(await untilFailed()).toBe(8);
    await context.setOffline(false);
    await say('Said when it was back.', 'identified');
    await page.clock.runFor(8 * EVERY);
    await page.locator('[data-brief]').getByText('Said when it was back.', { exact: true }).waitFor();
    const before = asked;
    await pass(EVERY);
    expect(asked).toBe(before + 1);
  });
});
