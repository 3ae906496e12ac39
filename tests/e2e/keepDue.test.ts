import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Role } from '#domain/permissions.ts';
import { addMs, MINUTE } from '#domain/time.ts';
import { declareIncident, getIncident, postUpdate } from '#services/incidents.ts';
import { type House, openHouse } from '../pages/adminHouse.ts';
import { axeViolations, CHROMIUM, openBrowser } from '../support/browser.ts';
import { openAs } from './openAs.ts';

const EVERY = 8_000;

describe.skipIf(!CHROMIUM)('what is open and due, on a page that stays open', () => {
  let house: House;
  let browser: Browser;
  const contexts: BrowserContext[] = [];
  const complaints: string[] = [];
  let first: string;

  beforeAll(async () => {
    house = await openHouse();
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await house?.close();
  });

  /** Someone's screen, whose own clock the test moves on; `asked` counts how often it has looked. */
  async function watch(role: Role, path: string) {
    const { context, page } = await openAs(browser, house, role, {
      path: '/healthz',
      options: {},
      complaints,
    });
    contexts.push(context);
    await page.clock.install();
    const counts = { asked: 0, answered: 0, failed: 0 };
    const isOurs = (url: string) => new URL(url).pathname === '/admin/due';
    page.on('request', (request) => isOurs(request.url()) && counts.asked++);
    page.on('response', (response) => isOurs(response.url()) && counts.answered++);
    page.on('requestfailed', (request) => isOurs(request.url()) && counts.failed++);
    await page.goto(house.server.url + path);
    await page.evaluate(() => {
      const heard: string[] = [];
      Object.assign(window, { untouched: true, heard });
      const region = document.querySelector('[data-live-news]') as HTMLElement;
      new MutationObserver(() => heard.push(region.textContent ?? '')).observe(region, { childList: true });
    });
    /** Until it has looked once more. */
    const look = async () => {
      const before = counts.answered;
      await page.clock.runFor(EVERY);
      await expect.poll(() => counts.answered).toBe(before + 1);
    };
    const heard = () => page.evaluate(() => (window as unknown as { heard: string[] }).heard);
    const hide = (hidden: boolean) =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
        document.dispatchEvent(new Event('visibilitychange'));
      }, hidden);
    return { page, context, counts, look, heard, hide };
  }
  type Watcher = Awaited<ReturnType<typeof watch>>;
  let screen: Watcher;
  let home: Watcher;

  const due = (page: Page) => page.getByRole('region', { name: 'Due' });
  const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent?.trim());
  const dueAt = (id: string, at: string) =>
    house.db.write((tx) =>
      tx
        .updateTable('incidents')
        .set({ next_update_due: at, internal_due: null })
        .where('id', '=', id)
        .execute(),
    );

  it('appears on another’s screen when it is declared, without a reload, and is said there once', async () => {
    screen = await watch('viewer', '/admin/templates');
    home = await watch('responder', '/admin');
    const link = screen.page.getByRole('link', { name: 'Templates' });
    await link.focus();
    await home.page.getByRole('link', { name: 'Declare an incident' }).focus();
    expect(await due(screen.page).count()).toBe(0);
    expect(await home.page.getByRole('heading', { level: 1 }).textContent()).toBe('Nothing is open');

    const { page, context } = await openAs(browser, house, 'comms', {
      path: '/admin/incidents/new',
      options: { javaScriptEnabled: false },
      complaints,
    });
    contexts.push(context);
    await page.fill('#title', 'Checkout is failing');
    await page.check('[name="severity"][value="SEV1"]');
    await page.getByRole('button', { name: 'Declare it' }).last().click();
    await page.waitForURL(/done=declared/);
    first = new URL(page.url()).pathname.split('/').at(-1) as string;

    for (const { page, look, heard } of [screen, home]) {
      await look();
      await due(page).waitFor();
      expect(await due(page).textContent()).toMatch(/SEV1\s+Checkout is failing\s+first update due by/);
      await due(page)
        .getByText(/^\d\d:\d\d$/)
        .waitFor();
      expect(await page.evaluate(() => 'untouched' in window)).toBe(true);
      await expect.poll(heard).toEqual(['New: SEV1 Checkout is failing, first update.']);
      expect(await axeViolations(page)).toEqual([]);
    }
    expect(await link.evaluate((one) => one === document.activeElement)).toBe(true);
    // What surrounds a link that has just been focused may wait for one more look.
    await home.look();
    expect(await focused(home.page)).toBe('Declare an incident');
    expect(await home.page.getByRole('heading', { level: 1 }).textContent()).toBe('One incident is open');
    await home.page.getByRole('main').getByRole('link', { name: 'Checkout is failing' }).waitFor();
  });

  it('touches nothing where nothing has changed', async () => {
    const { page, look } = screen;
    await page.evaluate(() => {
      const changes: string[] = [];
      Object.assign(window, { changes });
      new MutationObserver((records) => {
        for (const { target, type } of records)
          if (!(target as Element).closest?.('[data-countdown]')) changes.push(`${type} ${target.nodeName}`);
      }).observe(document.querySelector('[data-live]') as Element, {
        subtree: true,
        childList: true,
        attributes: true,
        characterData: true,
      });
    });
    await look();
    await look();
    expect(await page.evaluate(() => (window as unknown as { changes: string[] }).changes)).toEqual([]);
  });

  it('says once that a word is late, and is late no more when someone posts', async () => {
    await dueAt(first, addMs(new Date().toISOString(), -20 * MINUTE));
    for (const { page, look, heard } of [screen, home]) {
      await look();
      await page.locator('.due.late').waitFor();
      await look();
      expect((await heard()).slice(1)).toEqual(['Late: SEV1 Checkout is failing, first update.']);
      expect(await axeViolations(page)).toEqual([]);
    }
    expect(await home.page.getByRole('heading', { level: 1 }).textContent()).toBe(
      'One incident is open, and its update is late',
    );
    const ctx = house.as('comms');
    const { version } = await getIncident(ctx, first);
    const post = { incidentId: first, version, audience: 'public' as const, components: [], notify: false };
    await postUpdate(ctx, { ...post, status: 'investigating', body: 'We are looking into it.' });
    for (const { page, look, heard } of [screen, home]) {
      await look();
      await page.locator('.due:not(.late)').waitFor();
      expect(await due(page).textContent()).toMatch(/next update due by/);
      expect(await heard()).toHaveLength(2);
    }
  });

  it('leaves the keyboard where it is when what is focused gets another place', async () => {
    const row = home.page.getByRole('main').getByRole('link', { name: 'Checkout is failing' });
    await row.focus();
    const top = due(screen.page).getByRole('link', { name: /Checkout is failing/ });
    // From here its clock stands but for what the test moves it: what counts as just focused hangs on no machine's speed.
    await screen.page.clock.pauseAt(await screen.page.evaluate(() => Date.now() + 1_000));
    await top.focus();
    const { id } = await declareIncident(house.as('responder'), {
      title: 'Payments are failing',
      severity: 'SEV1',
      components: [],
    });
    await dueAt(id, addMs(new Date().toISOString(), -MINUTE));
    await home.look();
    await screen.look();
    // What someone has just focused stays as it is; they are told all the same.
    await expect.poll(async () => (await screen.heard()).at(-1)).toMatch(/^New: SEV1 Payments are failing/);
    expect(await due(screen.page).textContent()).not.toContain('Payments are failing');
    expect(await focused(screen.page)).toMatch(/Checkout is failing/);
    await home.look();
    await screen.look();
    for (const { page } of [home, screen])
      await due(page)
        .getByRole('link', { name: /Payments are failing/ })
        .waitFor();
    expect(await row.evaluate((one) => one === document.activeElement)).toBe(true);
    const titles = await home.page.getByRole('main').getByRole('heading', { level: 3 }).allTextContents();
    expect(titles.map((title) => title.trim())).toEqual(['Payments are failing', 'Checkout is failing']);
    // The link is folded away there: what unfolds it has the keyboard, and what it unfolds stays open.
    expect(await focused(screen.page)).toMatch(/^\+1/);
    await screen.page.keyboard.press('Enter');
    await dueAt(first, addMs(new Date().toISOString(), 9 * MINUTE));
    await screen.look();
    await screen.look();
    await due(screen.page)
      .getByRole('listitem')
      .getByText(/Checkout is failing/)
      .waitFor();
    expect(await focused(screen.page)).toMatch(/^\+1/);
    await screen.page.clock.resume();
  });

  it('asks for nothing while it is hidden, and at once when it is seen again', async () => {
    const { page, counts, hide, heard } = screen;
    await hide(true);
    const before = counts.asked;
    await page.clock.runFor(20 * EVERY);
    await declareIncident(house.as('responder'), {
      title: 'Search is slow',
      severity: 'SEV2',
      components: [],
    });
    expect(counts.asked).toBe(before);
    await hide(false);
    await expect.poll(async () => (await heard()).at(-1)).toMatch(/^New: SEV2 Search is slow/);
    expect(counts.asked).toBe(before + 1);
  });

  it('asks less and less often while the server is away, says so, and takes it back', async () => {
    const { page, context, counts } = screen;
    await context.setOffline(true);
    /** Runs until one more has failed. @returns after how many turns */
    const untilFailed = async () => {
      const from = counts.failed;
      for (let turns = 1; ; turns++) {
        const { asked } = counts;
        await page.clock.runFor(EVERY);
        if (counts.asked === asked) continue;
        await expect.poll(() => counts.failed).toBe(from + 1);
        return turns;
      }
    };
    const trouble = page.locator('[data-live-trouble]');
    expect(await untilFailed()).toBe(1);
    expect(await trouble.textContent()).toBe('');
    expect([
      await untilFailed(),
      await untilFailed(),
      await untilFailed(),
      await untilFailed(),
      await untilFailed(),
    ]).toEqual([1, 2, 4, 8, 8]);
    expect(await trouble.textContent()).toMatch(
      /^The server does not answer\. What is open and due stands here as it was at \d\d:\d\d UTC;/,
    );
    expect(await axeViolations(page)).toEqual([]);
    await context.setOffline(false);
    await page.clock.runFor(8 * EVERY);
    await expect.poll(() => trouble.textContent()).toBe('');
  });

  it('says that nobody is signed in any more, and leads there', async () => {
    const { page, context, look } = home;
    await context.clearCookies();
    await look();
    const trouble = page.locator('[data-live-trouble]');
    await trouble.getByRole('link', { name: 'Sign in' }).waitFor();
    expect(await trouble.textContent()).toMatch(/^You are not signed in any more\./);
    expect(await trouble.getByRole('link').getAttribute('href')).toBe('/admin/login?next=%2Fadmin');
    expect(await axeViolations(page)).toEqual([]);
  });
});
