import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { saveAccess } from '#auth/pageAccess.ts';
import { type House, openHouse } from '../pages/adminHouse.ts';
import { axeViolations, CHROMIUM, openBrowser } from '../support/browser.ts';
import { openAs } from './openAs.ts';

const PASSWORD = 'three quiet piers';

describe.skipIf(!CHROMIUM)('a private page, in a browser', () => {
  let house: House;
  let browser: Browser;
  const complaints: string[] = [];

  beforeAll(async () => {
    house = await openHouse(0, { LANGUAGES: 'en, ar' });
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await house?.close();
  });

  async function faults(page: Page): Promise<string[]> {
    const found: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const)
      for (const width of [320, 1280]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (over > 0) found.push(`${width}: ${over} px too wide`);
        found.push(...(await axeViolations(page)));
      }
    return found;
  }

  it('is closed by its owner by keyboard alone, and opened by whoever knows the password', async () => {
    const { context, page } = await openAs(browser, house, 'owner', {
      path: '/admin/settings/access',
      options: {},
      complaints,
    });
    expect(await faults(page)).toEqual([]);
    await page.getByRole('radio', { name: 'Everyone' }).focus();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('password');
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByText('Whoever has not given this password is asked for it').waitFor();
    await context.close();

    const visitor = await browser.newContext();
    const door = await visitor.newPage();
    door.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await door.goto(`${house.server.url}/history`);
    expect(new URL(door.url()).pathname).toBe('/enter');
    expect(await faults(door)).toEqual([]);
    await door.keyboard.press('Tab');
    await door.getByLabel('Password of the page').focus();
    await door.keyboard.type('not this one');
    await door.keyboard.press('Enter');
    await door.getByRole('alert').waitFor();
    expect(await faults(door)).toEqual([]);
    await door.getByLabel('Password of the page').fill(PASSWORD);
    await door.keyboard.press('Enter');
    await door.waitForURL(`${house.server.url}/history`);
    // What is open refreshes itself, with the cookie that it has.
    await door.goto(house.server.url);
    expect(await door.evaluate(async () => (await fetch('/', { cache: 'no-cache' })).status)).toBe(200);
    await door.locator('.h[tabindex="0"]').focus();
    await door.locator('#tip').waitFor();
    // And the browser puts up no window of its own where it is told that it may not any more.
    await saveAccess(house.as('owner'), { mode: 'password', password: 'four other loud piers' });
    await expect
      .poll(() => door.evaluate(async () => (await fetch('/', { cache: 'no-cache' })).status))
      .toBe(401);
    await visitor.close();
    // The form's own 401, and the refusals that were asked for.
    expect(complaints.filter((one) => !one.includes('401'))).toEqual([]);
  });

  it('has a door that reads from the right', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${house.server.url}/ar/history`);
    expect(new URL(page.url()).pathname).toBe('/ar/enter');
    expect(await page.evaluate(() => document.dir)).toBe('rtl');
    expect(await faults(page)).toEqual([]);
    await context.close();
  });
});
