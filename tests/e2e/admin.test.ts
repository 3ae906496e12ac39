import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { listDraftsOf } from '#db/drafts.ts';
import type { Role } from '#domain/permissions.ts';
import { getIncident } from '#services/incidents.ts';
import { type House, openHouse } from '../pages/adminHouse.ts';
import { axeViolations, CHROMIUM, openBrowser } from '../support/browser.ts';
import { openAs } from './openAs.ts';

describe.skipIf(!CHROMIUM)('the admin in a browser', () => {
  let house: House;
  let browser: Browser;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    house = await openHouse(40);
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await house?.close();
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });

  const complaints: string[] = [];
  /** A page in a browser of its own where this person is signed in; what the browser complains of fails the test. */
  async function open(role: Role, path: string, options: BrowserContextOptions = {}): Promise<Page> {
    const { context, page } = await openAs(browser, house, role, { path, options, complaints });
    contexts.push(context);
    return page;
  }

  it('has no fault that axe finds where a form was refused, either', async () => {
    const { id } = await house.incident();
    const page = await open('comms', `/admin/incidents/${id}`);
    await page.getByRole('button', { name: /^Post and tell/ }).click();
    await page.waitForSelector('#problems');
    expect(await axeViolations(page)).toEqual([]);
    expect(await page.locator('#body').getAttribute('aria-invalid')).toBe('true');
    await page.getByRole('link', { name: 'The text is empty' }).click();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('body');
    complaints.length = 0; // a 422 is said in the console too
  });

  it('posts by keyboard alone', async () => {
    const { id } = await house.incident();
    const page = await open('comms', `/admin/incidents/${id}`);
    const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to content');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Skip to the text of the update');
    await page.keyboard.press('Enter');
    await page.keyboard.type('We have found the fault and are mending it.');
    // Back from the text to the statuses, over the template.
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('[name="status"]:checked').inputValue()).toBe('identified');
    await page.keyboard.press('Control+Enter');
    await page.waitForURL(/done=posted/);
    expect(await page.locator('.done').textContent()).toContain('Queued for 40 people.');
    const { updates, status } = await getIncident(house.as('comms'), id);
    expect(status).toBe('identified');
    expect(updates[0]?.body).toBe('We have found the fault and are mending it.');
    expect(complaints).toEqual([]);
  });

  it('does not post when Enter is pressed in a line of the form', async () => {
    const { id } = await house.incident();
    const page = await open('comms', `/admin/incidents/${id}`);
    await page.fill('#body', 'Not yet.');
    await page.locator('#affected').press('Enter');
    await page.waitForURL(/done=preview/);
    expect((await getIncident(house.as('comms'), id)).updates).toHaveLength(1);
    expect(await page.locator('#body').inputValue()).toBe('Not yet.');
  });

  it('posts without JavaScript: declare, publish from a template, and look at the mail', async () => {
    const page = await open('comms', '/admin/incidents/new', { javaScriptEnabled: false });
    await page.fill('#title', 'Search is slow');
    await page.check('[name="severity"][value="SEV2"]');
    await page.selectOption(
      `[name="component:${house.components.get('Product search')}"]`,
      'degraded_performance',
    );
    await page.getByRole('button', { name: 'Declare it' }).last().click();
    await page.waitForURL(/done=declared/);
    await page.fill('#affected', 'customers in Europe');
    await page.selectOption('#template', { label: 'First update' });
    await page.getByRole('button', { name: 'Use it' }).click();
    await page.waitForURL(/done=template/);
    expect(await page.locator('#body').inputValue()).toMatch(
      /^Since .* UTC, Product search may fail or be slow for customers in Europe\. We are looking for the cause\.$/,
    );
    expect(await page.frameLocator('iframe').locator('body').textContent()).toContain(
      'Product search may fail',
    );
    await page.getByRole('button', { name: 'Publish and tell 40 people' }).click();
    await page.waitForURL(/done=posted/);
    const id = /incidents\/(\w+)/.exec(page.url())?.[1] as string;
    expect(await getIncident(house.as('comms'), id)).toMatchObject({
      status: 'investigating',
      components: [{ name: 'Product search', claimed: 'degraded_performance' }],
      updates: [{ affected: 'customers in Europe', kind: 'initial' }],
    });
  });

  it('shows live what is typed, as mail, plain text and page, with hints that point at the words', async () => {
    const { id } = await house.incident();
    const page = await open('comms', `/admin/incidents/${id}`);
    await page.fill('#body', 'A rollback of **db-eu-03** follows soon.');
    await page.getByRole('button', { name: /“soon”/ }).click();
    expect(
      await page.evaluate(() => {
        const body = document.querySelector('#body') as HTMLTextAreaElement;
        return body.value.slice(body.selectionStart, body.selectionEnd);
      }),
    ).toBe('soon');
    const mail = page.frameLocator('iframe:not(.loading)');
    await mail.locator('strong', { hasText: 'db-eu-03' }).waitFor();
    await page.getByRole('radio', { name: 'Plain text' }).check();
    await page.locator('pre', { hasText: 'A rollback of db-eu-03 follows soon.' }).waitFor();
    await page.getByRole('radio', { name: 'Page' }).check();
    await page.locator('.as-page strong', { hasText: 'db-eu-03' }).waitFor();
    expect(complaints).toEqual([]);
  });

  it('fills a template in at once, and a fact where it was open; one undo takes the template back', async () => {
    const { id } = await house.incident();
    const page = await open('comms', `/admin/incidents/${id}`);
    await page.fill('#affected', '');
    await page.fill('#body', 'My own start.');
    await page.selectOption('#template', { label: 'A provider is mending it' });
    const body = page.locator('#body');
    expect(await body.inputValue()).toContain('The team at {{provider}} has found the fault');
    expect(await page.locator('[name="status"]:checked').inputValue()).toBe('identified');
    expect(await page.getByRole('button', { name: 'Fill in {{provider}}' }).count()).toBe(1);
    await body.press('Control+z');
    expect(await body.inputValue()).toBe('My own start.');
  });

  it('resolving makes its components operational before one’s eyes, and back', async () => {
    const { id } = await house.incident();
    const page = await open('comms', `/admin/incidents/${id}`);
    const select = page.locator(`[name="component:${house.components.get('Checkout')}"]`);
    await page.check('[name="status"][value="resolved"]');
    expect(await select.inputValue()).toBe('operational');
    expect(await page.locator('[data-change]').first().textContent()).toContain('was Major outage');
    expect(await page.locator('#affected').isVisible()).toBe(false);
    await page.check('[name="status"][value="monitoring"]');
    expect(await select.inputValue()).toBe('major_outage');
  });

  it('keeps the draft: over a reload, in a browser without script, and when the server did not answer', async () => {
    const { id } = await house.incident();
    const path = `/admin/incidents/${id}`;
    const page = await open('comms', path);
    await page.fill('#body', 'Half a sentence');
    await page.locator('[data-draft-state]', { hasText: /Draft kept \d+ s ago/ }).waitFor();
    await page.reload();
    expect(await page.locator('#body').inputValue()).toBe('Half a sentence');
    const plain = await open('comms', path, { javaScriptEnabled: false });
    expect(await plain.locator('#body').inputValue()).toBe('Half a sentence');

    // The connection is gone: nothing reaches the server, not even on leaving.
    await page.route('**/admin/api/drafts*', (route) => route.abort());
    await page.fill('#body', 'A whole sentence.');
    await page.locator('[data-draft-state]', { hasText: 'kept in this browser only' }).waitFor();
    await page.reload();
    expect(await page.locator('#body').inputValue()).toBe('A whole sentence.');
    await page.unroute('**/admin/api/drafts*');
    complaints.length = 0; // the connection that was cut

    await page.locator('#body').press('Control+Enter');
    await page.waitForURL(/done=posted/);
    await page.reload();
    expect(await page.locator('#body').inputValue()).toBe('');
    const { updates } = await getIncident(house.as('comms'), id);
    expect(updates[0]?.body).toBe('A whole sentence.');
  });

  it('leaving at once after typing loses nothing', async () => {
    const { id } = await house.incident();
    const page = await open('comms', `/admin/incidents/${id}`);
    await page.fill('#body', 'Typed and gone');
    await page.goto(`${house.server.url}/admin`);
    const kept = () => house.db.read((tx) => listDraftsOf(tx, id));
    await expect.poll(async () => (await kept())[0]?.fields.body).toBe('Typed and gone');
    await page.goto(`${house.server.url}/admin/incidents/${id}`);
    expect(await page.locator('#body').inputValue()).toBe('Typed and gone');
  });

  it('shows who else is drafting, and lets one use their words', async () => {
    const { id } = await house.incident();
    await house.post(
      `/admin/incidents/${id}`,
      { do: 'draft', version: '2', audience: 'public', body: 'Her words.' },
      'owner',
    );
    const page = await open('comms', `/admin/incidents/${id}`);
    await page.getByText('Mia Berg is drafting too').click();
    await page.fill('#body', 'Mine');
    await page.getByRole('button', { name: 'Use this text' }).waitFor();
    await page.getByRole('button', { name: 'Use this text' }).click();
    expect(await page.locator('#body').inputValue()).toBe('Her words.');
  });

  it('follows the mail as it goes out, until all of it is', async () => {
    const { id } = await house.incident();
    const page = await open('comms', `/admin/incidents/${id}`);
    await page.fill('#body', 'To forty people.');
    await page.getByRole('button', { name: 'Post and tell 40 people' }).click();
    await page.waitForURL(/done=posted/);
    await page.goto(`${house.server.url}/admin/deliveries`);
    await page.locator('.fanout').first().getByText('40 sent').waitFor();
    expect(complaints).toEqual([]);
  });

  it('counts down for each of the others, one press away, by keyboard too', async () => {
    await house.incident({ title: 'Search is slow' });
    await house.incident({ title: 'Exports wait' });
    const page = await open('viewer', '/admin/templates');
    const due = page.getByRole('region', { name: 'Due' });
    await due.locator('summary').focus();
    await page.keyboard.press('Enter');
    const other = due.getByRole('listitem').first();
    await other.getByText(/^\+?[\d:]+$/).waitFor();
    expect(await other.textContent()).toMatch(/SEV\d\s+.+ (due|was due) by [\d:]+ UTC\s+\+?[\d:]+/s);
  });

  it('counts down on every page, and turns late by itself', async () => {
    const { id } = await house.incident();
    await house.db.write((tx) =>
      tx
        .updateTable('incidents')
        .set({ next_update_due: new Date(Date.now() + 8_000).toISOString(), internal_due: null })
        .where('id', '=', id)
        .execute(),
    );
    await house.db.write((tx) =>
      tx
        .updateTable('incidents')
        .set({ next_update_due: null, internal_due: null })
        .where('id', '<>', id)
        .execute(),
    );
    const page = await open('viewer', '/admin/templates');
    const due = page.getByRole('region', { name: 'Due' });
    expect(await due.textContent()).toMatch(
      /SEV1\s+Checkout fails for some\s+next update due by\s+[\d:]+ UTC/,
    );
    await page.locator('.due.late').waitFor();
    expect(await due.textContent()).toMatch(/next update was due by\s+[\d:]+ UTC\s+00:0\d\s+late/);
  });
});
