import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addMs, HOUR } from '#domain/time.ts';
import { type House, openHouse } from '../pages/adminHouse.ts';
import { axeViolations, CHROMIUM, openBrowser } from '../support/browser.ts';
import { setReleaseSeconds } from '../support/factory.ts';
import { type FakeResend, isStaffCall, startFakeResend } from '../support/fakeResend.ts';
import { startServer, type TestServer } from '../support/server.ts';

const PEOPLE = 30;

describe.skipIf(!CHROMIUM)('the screen of deliveries, with pages and mail in two processes', () => {
  let resend: FakeResend;
  /** What subscribers got; staff are called about the open incident as well. */
  const toSubscribers = () => resend.mails.filter((mail) => !isStaffCall(mail));
  let house: House;
  let worker: TestServer;
  let browser: Browser;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    resend = await startFakeResend();
    house = await openHouse(PEOPLE, { FOGHORN_ROLE: 'web' });
    await setReleaseSeconds(house.db, 0);
    browser = await openBrowser();
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
    // What one test paused does not stand in the next one's way.
    await house.post('/admin/deliveries', { provider: 'resend' });
  });
  afterAll(async () => {
    await browser?.close();
    await worker?.kill();
    await house?.close();
    await resend?.close();
  });

  const startWorker = () =>
    startServer({
      dataDir: house.server.dataDir,
      env: {
        FOGHORN_ROLE: 'worker',
        MAIL_TRANSPORT: 'resend',
        RESEND_API_KEY: 're_test',
        RESEND_BASE_URL: resend.url,
      },
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
    await page.goto(house.server.url + path);
    return page;
  }

  /** Tab after Tab until this is reached, as someone without a mouse would. */
  async function tabTo(page: Page, text: string): Promise<void> {
    for (let presses = 0; presses < 80; presses++) {
      await page.keyboard.press('Tab');
      const label = await page.evaluate(() => {
        const element = document.activeElement;
        return element?.getAttribute('aria-label') ?? element?.textContent?.trim() ?? '';
      });
      if (label === text) return;
    }
    throw new Error(`No way by Tab to "${text}".`);
  }

  const said = (path: string, words: string) =>
    expect
      .poll(async () => (await house.get(path)).body.includes(words), { timeout: 60_000, message: words })
      .toBe(true);

  /** An update that everyone is mailed. @returns the path of its message */
  async function post(body: string): Promise<string> {
    const { id } = await house.incident();
    const fields = { version: '2', audience: 'public', status: 'identified', body };
    expect((await house.post(`/admin/incidents/${id}`, { do: 'post', ...fields })).status).toBe(303);
    const newest = /\/admin\/deliveries\/[a-z0-9]{12}/.exec((await house.get('/admin/deliveries')).body);
    return newest?.[0] as string;
  }

  it('says in red that nobody is there to send, calms down when a worker comes, and says when it falls silent', async () => {
    const page = await open('/admin');
    const trouble = page.locator('.health.trouble');
    expect(await trouble.textContent()).toContain('No process is ready to send.');
    const [border, red] = await trouble.evaluate((element) => {
      const probe = document.createElement('i');
      probe.style.color = getComputedStyle(element).getPropertyValue('--mo');
      document.body.append(probe);
      return [getComputedStyle(element).borderLeftColor, getComputedStyle(probe).color];
    });
    expect(border).toBe(red);
    worker = await startWorker();
    await page.locator('.health.fine').getByText('Nothing is waiting.').waitFor();
    await worker.kill();
    // Half a minute passes for a heartbeat that does not come; here the last one is moved back instead.
    const past = addMs(new Date().toISOString(), -HOUR);
    await house.db.write((tx) => tx.updateTable('workers').set({ beat_at: past }).execute());
    await trouble.getByText('The last one fell silent 1 hour ago').waitFor();
    worker = await startWorker();
    await page.locator('.health.fine').waitFor();
  });

  it('is paused and resumed by keyboard, and the bar moves by itself once it is', async () => {
    const page = await open('/admin/deliveries');
    await tabTo(page, 'Pause mail');
    await page.keyboard.press('Enter');
    await page.getByText('Sending is paused.').waitFor();
    await page.getByText(/Noor Aziz paused sending/).waitFor();

    const path = await post('We found the fault.');
    await said(path, `0 of ${PEOPLE} sent`);
    await page.goto(house.server.url + path);
    const bar = page.locator('.fanout');
    const width = () => bar.locator('rect.sent').getAttribute('width');
    expect(await bar.locator('[data-words]').textContent()).toContain('waits: sending is paused');
    expect((await bar.locator('[data-going]').textContent())?.trim()).toBe(
      'Oldest unsent: less than a minute',
    );
    expect(await width()).toBe('0%');
    expect(toSubscribers()).toEqual([]);
    expect(await axeViolations(page)).toEqual([]);

    const other = await open('/admin/deliveries');
    await tabTo(other, 'Resume sending');
    await other.keyboard.press('Enter');
    await other.getByText('Sending goes on.').waitFor();
    await bar.getByText(`${PEOPLE} sent`, { exact: true }).waitFor();
    expect(await width()).toBe('100%');
    const accepted = page.locator('[data-state="accepted"]');
    expect(await accepted.isVisible()).toBe(true);
    expect(await accepted.locator('[data-count]').textContent()).toBe(String(PEOPLE));
    expect(toSubscribers()).toHaveLength(PEOPLE);
  });

  /** Copies of the newest message of which nobody knows whether they came. @returns their addresses */
  async function makeUncertain(path: string, howMany: number): Promise<string[]> {
    await said(path, `>${PEOPLE} sent<`);
    return house.db.write(async (tx) => {
      const rows = await tx
        .selectFrom('deliveries as d')
        .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
        .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
        .select(['d.seq', 'r.address'])
        .where('n.id', '=', path.split('/').at(-1) as string)
        .orderBy('d.seq')
        .limit(howMany)
        .execute();
      await tx
        .updateTable('deliveries')
        .set({ state: 'uncertain', reason: 'No answer for 23 hours.' })
        .where(
          'seq',
          'in',
          rows.map(({ seq }) => seq),
        )
        .execute();
      return rows.map(({ address }) => address);
    });
  }

  it('decides by keyboard about what is uncertain: one is sent again, the other is left', async () => {
    const path = await post('A fix is being rolled out.');
    const [again, left] = (await makeUncertain(path, 2)) as [string, string];
    const before = toSubscribers().length;
    const page = await open('/admin/deliveries');
    await tabTo(page, 'Decide');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Did it arrive?' }).waitFor();
    await page.getByLabel(again, { exact: true }).focus();
    await page.keyboard.press('Space');
    await tabTo(page, 'Send again to the chosen');
    await page.keyboard.press('Enter');
    await page.getByText('They are waiting to be sent again.').waitFor();
    await expect.poll(() => toSubscribers().length, { timeout: 60_000 }).toBe(before + 1);
    expect([toSubscribers().at(-1)?.to].flat()).toEqual([again]);

    // Nothing chosen: said, with what was asked for still there.
    await tabTo(page, 'Leave the chosen as they are');
    await page.keyboard.press('Enter');
    await page.getByRole('link', { name: 'Nobody is chosen: tick whom you mean.' }).waitFor();
    await page.getByLabel(left, { exact: true }).check();
    await page.getByRole('button', { name: 'Leave the chosen as they are' }).press('Enter');
    await page.getByText('Nothing is uncertain that nobody has decided about.').waitFor();
    await page.goto(house.server.url + path);
    expect(await page.locator('[data-state="uncertain"] [data-count]').textContent()).toMatch(/^\s*1\s*$/);
    expect(toSubscribers()).toHaveLength(before + 1);
  });

  it('decides by keyboard about a batch that the provider says contradicts itself', async () => {
    const body =
      '{"statusCode":409,"name":"invalid_idempotent_request","message":"Same key, other payload."}';
    resend.always({ kind: 'answer', status: 409, body });
    await post('Card payments fail.');
    await said('/admin/deliveries/uncertain', `${PEOPLE} copies of`);
    resend.always(null);
    const before = toSubscribers().length;
    const page = await open('/admin');
    await tabTo(page, 'Decide');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Held: was it sent?' }).waitFor();
    expect(await axeViolations(page)).toEqual([]);
    const batch = page.getByRole('listitem').filter({ hasText: `${PEOPLE} copies of` });
    await batch.getByRole('button', { name: 'It was not sent: send it under a new key' }).focus();
    // To have looked changes nothing.
    expect(toSubscribers()).toHaveLength(before);
    await page.keyboard.press('Enter');
    await page.getByText('They are waiting to be sent under a new key.').waitFor();
    await expect.poll(() => toSubscribers().length, { timeout: 60_000 }).toBe(before + PEOPLE);
    expect(await batch.count()).toBe(0);
  });

  it('does all of it without JavaScript', async () => {
    const page = await open('/admin/deliveries', { javaScriptEnabled: false });
    await page.getByRole('button', { name: 'Pause mail' }).click();
    expect(await page.locator('main').textContent()).toContain('Noor Aziz paused sending');
    const path = await post('Payments work again for most.');
    await said(path, `0 of ${PEOPLE} sent`);
    await page.goto(house.server.url + path);
    expect(await page.locator('[data-words]').textContent()).toContain(`0 of ${PEOPLE} sent`);
    await page.goto(`${house.server.url}/admin/deliveries`);
    await page.getByRole('button', { name: 'Resume sending' }).click();
    expect(await page.locator('main').textContent()).toContain('Sending goes on.');
    const [address] = (await makeUncertain(path, 1)) as [string];
    await page.goto(house.server.url + path);
    expect(await page.locator('.bar rect.failed').getAttribute('width')).not.toBe('0%');
    await page.getByLabel(`Choose ${address}`).check();
    await page.getByRole('button', { name: 'Send again to the chosen uncertain' }).click();
    expect(await page.locator('main').textContent()).toContain('They are waiting to be sent again.');
    await said(path, `>${PEOPLE} sent<`);
  });
});
