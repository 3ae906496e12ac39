import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { takeSuggestedRunbooks } from '#services/runbooks.ts';
import { type House, openHouse } from '../pages/adminHouse.ts';
import { axeViolations, CHROMIUM, openBrowser } from '../support/browser.ts';

describe.skipIf(!CHROMIUM)('the steps of an incident, in a browser', () => {
  let house: House;
  let browser: Browser;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    house = await openHouse(3, { FOGHORN_ROLE: 'web' });
    await takeSuggestedRunbooks(house.as('comms'));
    browser = await openBrowser();
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });
  afterAll(async () => {
    await browser?.close();
    await house?.close();
  });

  async function open(options: BrowserContextOptions = {}): Promise<Page> {
    const { id } = await house.incident();
    const context = await browser.newContext({ viewport: { width: 360, height: 740 }, ...options });
    contexts.push(context);
    const cookies = (await house.cookie('comms')).split('; ').map((pair) => {
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      return { name, value, url: house.server.url };
    });
    await context.addCookies(cookies);
    const page = await context.newPage();
    await page.goto(`${house.server.url}/admin/incidents/${id}`);
    return page;
  }

  const step = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
  const isPressed = (page: Page, name: string) => step(page, name).and(page.locator('[aria-pressed="true"]'));

  it.each<[string, BrowserContextOptions]>([
    ['with', {}],
    ['without', { javaScriptEnabled: false }],
  ])('are ticked off and opened again by the keyboard alone, %s JavaScript', async (_, options) => {
    const page = await open(options);
    const words = 'Pause every post and campaign that is scheduled';
    // Another runbook comes first; this one is folded until it is asked for.
    const summary = page.locator('summary', { hasText: 'Social media watch' });
    await summary.focus();
    await page.keyboard.press('Enter');
    await step(page, words).focus();
    await page.keyboard.press('Space');
    await isPressed(page, words).waitFor();
    // Its runbook is still the one that is unfolded, and the keyboard goes on from there.
    expect(await step(page, words).isVisible()).toBe(true);
    expect(await page.locator('summary', { hasText: 'Social media watch' }).textContent()).toContain(
      '1 of 7 done',
    );
    await step(page, words).focus();
    await page.keyboard.press('Space');
    await step(page, words).and(page.locator('[aria-pressed="false"]')).waitFor();
    expect(await page.locator('summary', { hasText: 'Social media watch' }).textContent()).toContain(
      '0 of 7 done',
    );
  });

  it('leave alone what is being typed, what is unfolded and the focus, and fit a small phone', async () => {
    const page = await open();
    await page.locator('#body').fill('Half a sentence');
    await page.locator('summary', { hasText: 'Support macros' }).click();
    const words = 'Tag tickets about it, so that they can be answered together';
    await step(page, words).click();
    await isPressed(page, words).waitFor();
    expect(await page.locator('#body').inputValue()).toBe('Half a sentence');
    expect(await page.locator('[data-runbook][open]').count()).toBe(2);
    expect(await page.evaluate(() => document.activeElement?.textContent?.trim())).toBe(words);
    expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(
      0,
    );
    expect(await axeViolations(page)).toEqual([]);
  });

  it('say why when a step is gone, as the form does without scripts', async () => {
    const page = await open();
    await page.locator('summary', { hasText: 'Support macros' }).click();
    await page.evaluate(() => {
      for (const button of document.querySelectorAll<HTMLButtonElement>('.step')) button.value = '999999';
    });
    await step(page, 'Renew the macro with every public update').click();
    await page.getByText('This step is no longer here').first().waitFor();
  });
});
