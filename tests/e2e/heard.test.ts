import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { listAudit } from '#db/audit.ts';
import { type House, openHouse } from '../pages/adminHouse.ts';
import { axeViolations, CHROMIUM, openBrowser } from '../support/browser.ts';
import { setReleaseSeconds } from '../support/factory.ts';
import { address } from '../support/people.ts';

describe.skipIf(!CHROMIUM)('what did they hear, in a browser', () => {
  let house: House;
  let browser: Browser;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    house = await openHouse(5);
    await setReleaseSeconds(house.db, 0);
    const { id } = await house.incident();
    const fields = { version: '2', audience: 'public', status: 'identified', body: 'We found the fault.' };
    expect((await house.post(`/admin/incidents/${id}`, { do: 'post', ...fields })).status).toBe(303);
    await vi.waitUntil(async () => (await house.get('/admin/deliveries')).body.includes('>5 sent<'), {
      timeout: 60_000,
    });
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
    const context = await browser.newContext(options);
    contexts.push(context);
    const cookies = (await house.cookie('comms')).split('; ').map((pair) => {
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      return { name, value, url: house.server.url };
    });
    await context.addCookies(cookies);
    const page = await context.newPage();
    await page.goto(`${house.server.url}/admin/heard`);
    return page;
  }

  it.each<[string, BrowserContextOptions]>([
    ['with', {}],
    ['without', { javaScriptEnabled: false }],
  ])('finds a person by keyboard and reads the mail that they got, %s JavaScript', async (_, options) => {
    const page = await open(options);
    await page.getByLabel('Address, domain or name').focus();
    await page.keyboard.type(address(3));
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: address(3) }).waitFor();
    // Neither the address of the page nor its history names anyone.
    expect(page.url()).toBe(`${house.server.url}/admin/heard`);
    const reply = await page.getByRole('textbox', { name: 'Reply to paste' }).inputValue();
    expect(reply).toContain('Our newest message was the update on “Checkout fails for some” (Identified)');
    await page.getByRole('link', { name: 'Checkout fails for some (Identified)' }).click();
    const mail = page.frameLocator('iframe[title="The mail"]');
    await mail.getByText('We found the fault.', { exact: true }).waitFor();
    expect(await page.locator('main').textContent()).toContain(`to ${address(3)}`);
    const [last] = await house.db.read((tx) => listAudit(tx, null, 1));
    expect(last).toMatchObject({ action: 'subscriber.lookUp', subjectKind: 'subscriber' });
  });

  it('copies the reply, or selects it where the browser keeps its clipboard to itself', async () => {
    const page = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
    await page.getByLabel('Address, domain or name').fill(address(1));
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Copy' }).click();
    await page.getByText('Copied.').waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    expect(copied).toContain(`the status messages to ${address(1)}`);
    expect(await axeViolations(page)).toEqual([]);
  });

  it('leads from everyone of a domain to one of them, and says what is wrong with what was typed', async () => {
    const page = await open();
    await page.getByLabel('Address, domain or name').fill('example.org');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: address(2) }).click();
    await page.getByRole('heading', { name: address(2) }).waitFor();
    await page.getByLabel('Address, domain or name').fill('mia@');
    await page.keyboard.press('Enter');
    const field = page.getByLabel('Address, domain or name');
    await page.locator('[aria-invalid="true"]').waitFor();
    expect(await field.inputValue()).toBe('mia@');
    expect(await axeViolations(page)).toEqual([]);
  });
});
