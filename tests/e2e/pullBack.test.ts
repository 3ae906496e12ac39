import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { getIncident } from '#services/incidents.ts';
import { type House, openHouse } from '../pages/adminHouse.ts';
import { axeViolations, CHROMIUM, openBrowser } from '../support/browser.ts';
import { setReleaseSeconds } from '../support/factory.ts';
import { type FakeResend, isStaffCall, startFakeResend, type TakenMail } from '../support/fakeResend.ts';
import { type Gate, startGate } from '../support/gate.ts';

/** More than have it after the first call and can then be in flight at once. */
const PEOPLE = 1_500;
const COUNT = '1,500';
const WRONG = 'All payments in the world fail.';
const RIGHT = 'Card payments in Europe fail.';
const FAULT = 'Only cards in Europe are affected.';

describe.skipIf(!CHROMIUM)('a post that should not have left', () => {
  let resend: FakeResend;
  /** What subscribers got; staff are called about the open incident as well. */
  const toSubscribers = () => resend.mails.filter((mail) => !isStaffCall(mail));
  let gate: Gate;
  let house: House;
  let browser: Browser;
  const contexts: BrowserContext[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    browser = await openBrowser();
  });
  beforeEach(async () => {
    // Each house counts its deliveries from 1, so it has a provider of its own: keys are made of those.
    resend = await startFakeResend();
    gate = await startGate(resend.url);
    house = await openHouse(PEOPLE, {
      MAIL_TRANSPORT: 'resend',
      RESEND_API_KEY: 're_test',
      RESEND_BASE_URL: gate.url,
    });
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
    gate.let(1000);
    await house?.close();
    await gate.close();
    await resend.close();
    expect(complaints.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
  });

  async function open(path: string, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await browser.newContext(options);
    contexts.push(context);
    const cookies = (await house.cookie('comms')).split('; ').map((pair) => {
      const [name = '', value = ''] = pair.split(/=(.*)/s);
      return { name, value, url: house.server.url };
    });
    await context.addCookies(cookies);
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
    await page.goto(house.server.url + path);
    return page;
  }

  /** Posts the wrong text from the incident's page, to all of them. */
  async function postWrong(page: Page): Promise<void> {
    await page.fill('#body', WRONG);
    await page.getByRole('button', { name: `Post and tell ${COUNT} people` }).click();
    await page.waitForURL(/done=posted/);
  }

  const outgoing = (page: Page) => page.locator('.outgoing').first();
  const mailsBy = () => Map.groupBy(toSubscribers(), ({ to }) => to);
  const isWrong = ({ text }: TakenMail) => text.includes(WRONG);
  const allTold = () =>
    expect.poll(() => mailsBy().size, { timeout: 60_000, message: 'people who got a mail' }).toBe(PEOPLE);

  it('says when it leaves, second by second, is stopped before that, and then sent at once', async () => {
    await setReleaseSeconds(house.db, 600);
    gate.let(1000);
    const { id } = await house.incident();
    const page = await open(`/admin/incidents/${id}`);
    await postWrong(page);
    expect(await page.locator('.done').textContent()).toContain(`Queued for ${COUNT} people.`);
    expect(await outgoing(page).innerText()).toMatch(
      /Leaves in \d+ s\s+at \d\d:\d\d:\d\d UTC\s+to 1,500 people\. It is on the page already\./,
    );
    const seconds = async () => Number(await page.locator('[data-seconds]').textContent());
    const first = await seconds();
    expect(first).toBeGreaterThan(500);
    expect(first).toBeLessThanOrEqual(600);
    await expect.poll(seconds).toBeLessThan(first);
    expect(await axeViolations(page)).toEqual([]);

    await outgoing(page).getByRole('button', { name: 'Stop' }).click();
    await page.waitForURL(/done=stopped/);
    expect(await outgoing(page).innerText()).toMatch(
      /Stopped by Noor Aziz\.\s+Nobody got it; 1,500 would have\./,
    );
    expect(await axeViolations(page)).toEqual([]);
    expect(toSubscribers()).toEqual([]);
    // It is on the public page all the same.
    expect(await (await fetch(`${house.server.url}/incidents/${id}`)).text()).toContain(WRONG);

    await outgoing(page).getByRole('button', { name: 'Go on as it is' }).click();
    await page.waitForURL(/done=goneOn/);
    await allTold();
    expect(toSubscribers().every(isWrong)).toBe(true);

    await page.goto(`${house.server.url}/admin/incidents/${id}`);
    await postWrong(page);
    await outgoing(page).getByRole('button', { name: 'Send now' }).click();
    await page.waitForURL(/done=sent/);
    await expect.poll(() => toSubscribers().length, { timeout: 60_000 }).toBe(2 * PEOPLE);
  });

  it('leaves when its time is over, and what can no longer be done is taken off the screen', async () => {
    await setReleaseSeconds(house.db, 3);
    const { id } = await house.incident();
    const page = await open(`/admin/incidents/${id}`);
    await postWrong(page);
    const early = outgoing(page).getByRole('button', { name: 'Send now' });
    const stop = outgoing(page).getByRole('button', { name: 'Stop' });
    await early.focus();
    await outgoing(page).getByText('It is leaving now.').waitFor();
    // Whoever was about to press it meets no other button there.
    expect(await early.evaluate((button) => button === document.activeElement)).toBe(true);
    await stop.focus();
    await early.waitFor({ state: 'detached' });
    gate.let(1000);
    await outgoing(page).getByText('All of it has left.').waitFor();
    await page.locator('#body').focus();
    await stop.waitFor({ state: 'detached' });
  });

  /** Half of them have it, some are being sent it, the others wait. */
  async function halfway(page: Page, id: string): Promise<{ had: number }> {
    await postWrong(page);
    await expect.poll(() => gate.held(), { timeout: 60_000 }).toBeGreaterThan(0);
    gate.let(1);
    await expect.poll(() => toSubscribers().length, { timeout: 60_000 }).toBeGreaterThan(0);
    await page.goto(`${house.server.url}/admin/incidents/${id}`);
    return { had: toSubscribers().length };
  }

  /** Everyone has the right text: as the only one, or as one short correction of the wrong one. */
  async function expectRight(page: Page, id: string, had: number): Promise<void> {
    gate.let(1000);
    await allTold();
    const wrong = [...mailsBy().values()].filter((mails) => mails.some(isWrong)).length;
    expect(wrong).toBeGreaterThanOrEqual(had);
    expect(wrong).toBeLessThan(PEOPLE);
    await expect.poll(() => toSubscribers().length, { timeout: 60_000 }).toBe(PEOPLE + wrong);
    for (const mails of mailsBy().values()) {
      const [first, second] = mails as [TakenMail, TakenMail?];
      if (!isWrong(first)) {
        expect(mails).toHaveLength(1);
        expect(first.text).toContain(RIGHT);
        expect(first.subject).not.toContain('Correction');
        continue;
      }
      expect(mails).toHaveLength(2);
      expect(second?.subject).toContain('[Correction]');
      expect(second?.text.replace(/\s+/g, ' ')).toContain(FAULT);
      expect(second?.text).toContain(RIGHT);
    }
    const [update] = (await getIncident(house.as('comms'), id)).updates;
    expect(update).toMatchObject({ body: RIGHT, edits: [{ before: { body: WRONG } }] });
    await page.goto(`${house.server.url}/admin/incidents/${id}`);
    await expect
      .poll(async () => (await page.reload()) && outgoing(page).count(), { timeout: 60_000 })
      .toBe(0);
  }

  it('is pulled back in the middle, by keyboard alone: stop, mend, look at both mails, send', async () => {
    const { id } = await house.incident();
    const page = await open(`/admin/incidents/${id}`);
    const focused = () =>
      page.evaluate(() => document.activeElement?.textContent?.trim().replace(/\s+/g, ' ') ?? '');
    /** Tab until what has the focus says this. */
    const tabTo = async (name: string, most = 30) => {
      for (let tabs = 0; tabs < most; tabs += 1) {
        await page.keyboard.press('Tab');
        if ((await focused()) === name) return tabs + 1;
      }
      throw new Error(`${name} was not reached; the focus is at ${await focused()}`);
    };
    const { had } = await halfway(page, id);
    // From the link to the mail on, not from the top of the page.
    await page.goto(`${house.server.url}/admin/incidents/${id}?done=posted#outgoing`);
    expect(await tabTo('Stop', 2)).toBe(2);
    await page.keyboard.press('Enter');
    await page.waitForURL(/done=stopped#outgoing/);
    await tabTo('Mend the text', 2);
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/mend$/);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to the text');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Control+a');
    await page.keyboard.type(RIGHT);
    for (let tabs = 0; tabs < 5; tabs += 1) await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('wrong');
    await page.keyboard.type(FAULT);
    await tabTo('Show what goes out', 1);
    await page.keyboard.press('Enter');
    await page.waitForURL(/done=preview#preview/);
    await expectPreviews(page);
    expect(await axeViolations(page)).toEqual([]);
    // Back into the form: the preview stands behind it.
    await page.locator('#wrong').focus();
    await tabTo('Send it mended', 2);
    await page.keyboard.press('Enter');
    await page.waitForURL(/done=mended#outgoing/);
    await expectRight(page, id, had);
  });

  it('is pulled back without JavaScript', async () => {
    const { id } = await house.incident();
    const page = await open(`/admin/incidents/${id}`, { javaScriptEnabled: false });
    const { had } = await halfway(page, id);
    await outgoing(page).getByRole('button', { name: 'Stop' }).click();
    await page.waitForURL(/done=stopped/);
    await outgoing(page).getByRole('link', { name: 'Mend the text' }).click();
    await page.fill('#body', RIGHT);
    await page.fill('#wrong', FAULT);
    await page.getByRole('button', { name: 'Show what goes out' }).click();
    await page.waitForURL(/done=preview/);
    await expectPreviews(page);
    await page.getByRole('button', { name: 'Send it mended' }).click();
    await page.waitForURL(/done=mended/);
    await expectRight(page, id, had);
  });

  /** Both mails in their frames, and to how many each goes: together they are everyone. */
  async function expectPreviews(page: Page): Promise<void> {
    const who = async (heading: string) => {
      const section = page.locator('.mails section', { has: page.getByRole('heading', { name: heading }) });
      return Number(/To ([\d,]+) people/.exec(await section.innerText())?.[1]?.replace(',', ''));
    };
    const [right, corrected] = [await who('The mended mail'), await who('The correction')];
    expect(right).toBeGreaterThan(0);
    expect(corrected).toBeGreaterThan(0);
    expect(right + corrected).toBe(PEOPLE);
    const frame = (title: string) => page.frameLocator(`iframe[title^="${title}"]`).locator('body');
    expect(await frame('The mended mail').textContent()).toContain(RIGHT);
    expect(await frame('The mended mail').textContent()).not.toContain(FAULT);
    expect(await frame('The correction').textContent()).toContain(RIGHT);
    expect(await frame('The correction').textContent()).toContain(FAULT);
  }
});
