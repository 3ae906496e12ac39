import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type House, openHouse } from '../pages/adminHouse.ts';
import { CHROMIUM, openBrowser } from '../support/browser.ts';
import { type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { type Gate, startGate } from '../support/gate.ts';

describe.skipIf(!CHROMIUM)('while mail goes out', () => {
  let resend: FakeResend;
  let gate: Gate;
  let house: House;
  let browser: Browser;

  beforeAll(async () => {
    resend = await startFakeResend();
    gate = await startGate(resend.url);
    house = await openHouse(240, {
      MAIL_TRANSPORT: 'resend',
      RESEND_API_KEY: 're_test',
      RESEND_BASE_URL: gate.url,
    });
    browser = await openBrowser();
  });
  afterAll(async () => {
    gate?.let(1000);
    await browser?.close();
    await house?.close();
    await gate?.close();
    await resend?.close();
  });

  async function openDeliveries(): Promise<Page> {
    const context = await browser.newContext();
    const cookies = (await house.cookie('comms')).split('; ').map((pair) => {
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      return { name, value, url: house.server.url };
    });
    await context.addCookies(cookies);
    const page = await context.newPage();
    await page.goto(`${house.server.url}/admin/deliveries`);
    return page;
  }

  it('its numbers and its bar move without a reload, until all of it is sent', async () => {
    const { id } = await house.incident();
    const fields = { version: '2', audience: 'public', status: 'identified', body: 'We found the fault.' };
    expect((await house.post(`/admin/incidents/${id}`, { do: 'post', ...fields })).status).toBe(303);
    // The page is opened once everyone is counted, and nothing has left.
    await expect.poll(() => waitingFor(240), { timeout: 60_000 }).toBe(true);
    const page = await openDeliveries();
    const bar = page.locator('.fanout').first();
    const width = () => bar.locator('rect.sent').getAttribute('width');
    // How long the first call has been out depends on the machine: after 15 s it is said that nothing moves.
    expect(await bar.locator('[data-words]').textContent()).toMatch(
      /^0 of 240 sent · 240 waiting · (just begun|not moving yet)$/,
    );
    expect(await width()).toBe('0%');
    await page.evaluate(() => Object.assign(window, { untouched: true }));

    gate.let(1);
    await bar
      .getByText(/^(40|100) of 240 sent · (200|140) waiting · less than a minute at the present pace$/)
      .waitFor();
    expect(await width()).toMatch(/^(16\.7|41\.7)%$/);
    gate.let(1000);
    await bar.getByText('240 sent', { exact: true }).waitFor();
    expect(await width()).toBe('100%');
    expect(await page.evaluate(() => 'untouched' in window)).toBe(true);
  });

  async function waitingFor(people: number): Promise<boolean> {
    const { body } = await house.get('/admin/deliveries');
    return body.includes(`data-waiting="${people}"`);
  }
});
