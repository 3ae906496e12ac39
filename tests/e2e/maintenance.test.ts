import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { scheduleMaintenance } from '#services/maintenance.ts';
import { scheduleSeries } from '#services/maintenanceSeries.ts';
import { type House, openHouse } from '../pages/adminHouse.ts';
import { axeViolations, CHROMIUM, openBrowser } from '../support/browser.ts';

describe.skipIf(!CHROMIUM)('planned work, in a browser', () => {
  let house: House;
  let browser: Browser;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    house = await openHouse(3, { FOGHORN_ROLE: 'web' });
    browser = await openBrowser();
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });
  afterAll(async () => {
    await browser?.close();
    await house?.close();
  });

  async function open(path: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext({
      viewport: { width: 360, height: 740 },
      ...options,
    });
    contexts.push(context);
    const cookies = (await house.cookie('comms')).split('; ').map((pair) => {
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      return { name, value, url: house.server.url };
    });
    await context.addCookies(cookies);
    const page = await context.newPage();
    await page.goto(house.server.url + path);
    return page;
  }

  /** Types into a field of day and time part by part, as one does. On one date alone, as its day and month may stand either way round. */
  async function typeTime(
    page: Page,
    id: string,
    year: string,
    [hour, minute]: [string, string],
  ): Promise<void> {
    await page.locator(id).focus();
    await page.keyboard.type(`0303${year}`);
    await page.keyboard.press('Tab');
    await page.keyboard.type(`${hour}${minute}A`);
  }

  it.each<[string, BrowserContextOptions, string]>([
    ['with', {}, '2997'],
    ['without', { javaScriptEnabled: false }, '2998'],
  ])('is planned, overlaps, and is moved by the keyboard alone, %s JavaScript', async (_, options, year) => {
    const plan = async (page: Page, title: string, hours: [string, string]) => {
      await page.getByRole('link', { name: 'Plan a maintenance' }).focus();
      await page.keyboard.press('Enter');
      await page.waitForURL(/\/new$/);
      await page.locator('#title').focus();
      await page.keyboard.type(title);
      await typeTime(page, '#scheduledFor', year, [hours[0], '00']);
      await typeTime(page, '#scheduledUntil', year, [hours[1], '00']);
      await page.locator('#body').focus();
      await page.keyboard.type('Checkout pauses for customers for ten minutes.');
      await page.getByLabel('Checkout', { exact: true }).focus();
      await page.keyboard.press('Space');
      await page.locator('#title').focus();
      await page.keyboard.press('Enter');
    };
    const page = await open('/admin/maintenance', options);
    await plan(page, `First of ${year}`, ['08', '10']);
    await page.waitForURL(/done=planned/);
    expect(await page.locator('h1').textContent()).toBe(`First of ${year}`);
    await page.goto(`${house.server.url}/admin/maintenance`);
    await plan(page, `Second of ${year}`, ['09', '11']);
    const note = page.getByRole('alert').filter({ hasText: 'other work is planned for that time' });
    await note.waitFor();
    expect(await note.textContent()).toContain(`First of ${year}, 3 Mar ${year}, 08:00 to 10:00 UTC`);
    await page.getByRole('button', { name: 'Announce it all the same' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/done=planned/);
    const summary = page.locator('summary', { hasText: 'Move it, or give it another end' });
    await summary.focus();
    await page.keyboard.press('Enter');
    await typeTime(page, '#from', year, ['02', '30']);
    await typeTime(page, '#until', year, ['04', '30']);
    await page.getByRole('button', { name: 'Announce the new window' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/done=window/);
    expect(await page.locator('#window').textContent()).toContain(`3 Mar ${year}, 02:30 to 04:30 UTC`);
    expect(await page.locator('#window').textContent()).not.toContain('Overlaps');
  });

  it('fits a small phone, and nothing stands in the way of anyone, in light and dark', async () => {
    const soon = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
    const { id } = await scheduleMaintenance(house.as('comms'), {
      title: 'Network change',
      body: 'Short breaks.',
      scheduledFor: soon(1),
      scheduledUntil: soon(1.1),
      components: [house.components.get('Cart') as string],
      notify: false,
    });
    const { id: series } = await scheduleSeries(house.as('comms'), {
      title: 'Restart',
      body: 'A short break.',
      components: [],
      rule: { every: 'day', interval: 1 },
      firstLocal: `${soon(2).slice(0, 10)}T02:00`,
      minutes: 30,
      notify: false,
    });
    for (const colorScheme of ['light', 'dark'] as const)
      for (const path of ['', '/new', `/${id}`, `/series/${series}`]) {
        const page = await open(`/admin/maintenance${path}`, { colorScheme });
        await page.evaluate(() => {
          for (const one of document.querySelectorAll<HTMLDetailsElement>('main details')) one.open = true;
        });
        expect(
          await page.evaluate(() => document.documentElement.scrollWidth - innerWidth),
          path,
        ).toBeLessThanOrEqual(0);
        expect(await axeViolations(page), `${path} ${colorScheme}`).toEqual([]);
      }
  });
});
