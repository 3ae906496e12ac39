import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MINUTE } from '#domain/time.ts';
import { CHROMIUM, openBrowser } from '../support/browser.ts';
import { makeComponent, makeGroup } from '../support/factory.ts';
import { type LiveHouse, listen, openLiveHouse } from '../support/livePage.ts';

/** The page while it is open, where trouble is in a later group alone: what the script keeps of what its reader did. */
describe.skipIf(!CHROMIUM)('an open page', () => {
  let house: LiveHouse;
  let browser: Browser;

  beforeAll(async () => {
    house = await openLiveHouse();
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await house?.close();
  });

  const open = (path?: string) => house.open(browser, path);

  const stop = (page: Page) =>
    page.locator('.h[tabindex="0"]').evaluateAll((all) => all.map((one) => one.ariaLabel!.split(',')[0]));

  it('has a tab stop among the marks that can be seen, which stays where it was taken', async () => {
    const page = await browser.newPage();
    await page.clock.install();
    await page.goto(house.server.url);
    const group = (name: string) => page.locator('.g > summary').filter({ hasText: name });
    // The groups before it are well, and folded.
    expect(await stop(page)).toEqual(['Card payments']);
    await page.locator('.h[tabindex="0"]').focus();
    await page.keyboard.press('ArrowDown');
    await expect.poll(() => stop(page)).toEqual(['Bank transfers']);
    await page.clock.runFor(25_000);
    expect(await stop(page)).toEqual(['Bank transfers']);
    await group('Shop').click();
    expect(await stop(page)).toEqual(['Bank transfers']);
    await group('Payments').click();
    await expect.poll(() => stop(page)).toEqual(['Checkout']);
    await group('Shop').click();
    await expect.poll(() => stop(page)).toEqual([]);
    await group('Regions').click();
    await expect.poll(() => stop(page)).toEqual(['Europe (Frankfurt)']);
    await page.close();
  });

  it('says after about five minutes without an answer how old it is, in its language, until there is one', async () => {
    const { page, pass, away, back } = await open('/de');
    const line = page.locator('aside');
    const loaded = await page.evaluate(() => Date.now());
    await away();
    await pass(4);
    expect(await line.count()).toBe(0);
    await pass(2);
    expect(await line.innerText()).toMatch(/^Stand dieser Seite: .*UTC\. /);
    const at = Date.parse((await line.locator('time').getAttribute('datetime'))!);
    expect(Math.abs(at - loaded)).toBeLessThan(MINUTE);
    await back();
    await pass(10);
    expect(await line.count()).toBe(0);
    await page.close();
  });

  it('shows the line of the server’s that says how old the page is, and takes it away again', async () => {
    const { page, pass, away, back } = await open();
    const body = (await (await fetch(house.server.url)).text()).replace(
      '<!--as-of-->',
      '<aside aria-label="Age of this page"><p class="asof">This page is as of <time datetime="2026-11-20T10:00:00.000Z">10:00 UTC</time>.</p></aside>',
    );
    await page.route(`${house.server.url}/`, (route) => route.fulfill({ contentType: 'text/html', body }));
    await pass(1);
    expect(await page.locator('aside').allInnerTexts()).toEqual(['This page is as of 10:00 UTC.']);
    await back();
    await away();
    await pass(10);
    // Still as old as the server said.
    expect(await page.locator('aside time').getAttribute('datetime')).toBe('2026-11-20T10:00:00.000Z');
    await back();
    await pass(10);
    expect(await page.locator('aside').count()).toBe(0);
    await page.close();
  });

  it('gives up on an answer that does not come, and asks again', async () => {
    const { page } = await open();
    let asked = 0;
    await page.route(`${house.server.url}/`, () => void asked++);
    await page.clock.runFor(37_000);
    await expect.poll(() => asked).toBe(1);
    await expect.poll(() => page.clock.runFor(10_000).then(() => asked), { timeout: 30_000 }).toBe(2);
    await page.close();
  });

  it('keeps where its reader is, and what has the focus, and says what changed once', async () => {
    const { page, pass } = await open();
    const said = await listen(page);
    await page.locator('#past a').last().focus();
    await page.evaluate(() => document.querySelector('#past')!.scrollIntoView());
    const place = () => page.evaluate(() => document.activeElement!.getBoundingClientRect().top);
    const before = await place();
    expect(await page.evaluate(() => scrollY)).toBeGreaterThan(100);
    await house.change('Refunds are late in Europe', `Longer than before.\n\n${'Much to say. '.repeat(40)}`);
    await pass(1);
    expect(await said()).toEqual(['Refunds are late in Europe.']);
    expect(await page.locator('#open').textContent()).toContain('Longer than before.');
    expect(await page.evaluate(() => document.activeElement!.closest('#past') !== null)).toBe(true);
    expect(Math.abs((await place()) - before)).toBeLessThan(2);

    // What has the focus is renewed as all else, and has it still.
    const title = page.locator('#open h2 a');
    await title.focus();
    await house.change('Refunds are late everywhere');
    await pass(1);
    expect(await said()).toEqual(['Refunds are late in Europe.', 'Refunds are late everywhere.']);
    expect(await page.locator('#open').textContent()).toContain('everywhere');
    expect(await title.evaluate((own) => own === document.activeElement)).toBe(true);
    await page.close();
  });

  it('leaves folded and unfolded what its reader did, when a group appears before it and as that changes', async () => {
    const { page, pass } = await open();
    const group = (name: string) => page.locator('.g').filter({ has: page.locator('h3', { hasText: name }) });
    const press = (name: string) => group(name).locator('summary').click();
    const isOpen = (name: string) => group(name).evaluate((own) => (own as HTMLDetailsElement).open);
    expect([await isOpen('Shop'), await isOpen('Payments'), await isOpen('Fulfilment')]).toEqual([
      false,
      true,
      false,
    ]);
    await press('Payments');
    await press('Fulfilment');
    const at = new Date().toISOString();
    const first = await makeGroup(house.db, { name: 'Before all', position: -1 });
    await makeComponent(house.db, { name: 'New', group_id: first.id, position: -1 });
    await house.claim('Cart', at);
    await house.change('Refunds and the cart are late');
    await pass(1);
    expect(await page.locator('.g h3').first().textContent()).toBe('Before all');
    const folds = async () => [
      await isOpen('Shop'),
      await isOpen('Payments'),
      await isOpen('Fulfilment'),
      await isOpen('Before all'),
    ];
    // The cart's group has trouble now: nobody had folded that.
    expect(await folds()).toEqual([true, false, true, false]);
    await press('Fulfilment');
    await press('Payments');
    await house.claim('Sign-in', at);
    await house.change('Refunds, cart and sign-in are late');
    await pass(1);
    expect(await isOpen('Accounts')).toBe(true);
    expect(await folds()).toEqual([true, true, false, false]);
    await page.close();
  });

  it('lets what a mark says be pointed at, and be dismissed by Escape', async () => {
    const page = await browser.newPage();
    await page.goto(house.server.url);
    const marks = page.locator('.h[aria-label^=Refunds]');
    await marks.scrollIntoViewIfNeeded();
    const tip = page.locator('#tip');
    const box = (await marks.boundingBox())!;
    // Today, which has trouble, from right of the middle of the page to its edge.
    await page.mouse.move(box.x + box.width - 1, box.y + 4);
    expect(await tip.textContent()).toMatch(/^\w{3} \d+ \w{3}: /);
    const said = (await tip.boundingBox())!;
    expect(said.x + said.width).toBeLessThanOrEqual(1280);
    await page.mouse.move(box.x + box.width - 1, said.y + said.height / 2, { steps: 20 });
    expect(await tip.count()).toBe(1);
    await page.mouse.move(said.x + 5, said.y + 5, { steps: 5 });
    expect(await tip.count()).toBe(1);
    await page.keyboard.press('Escape');
    expect(await tip.count()).toBe(0);
    await page.mouse.move(box.x + box.width - 1, box.y + 5);
    expect(await tip.count()).toBe(1);
    await page.mouse.move(said.x, said.y - 60, { steps: 3 });
    expect(await tip.count()).toBe(0);
    await page.close();
  });

  it('says the uptime on a small phone too, beside its marks and below the word', async () => {
    const page = await browser.newPage({ viewport: { width: 320, height: 640 } });
    await page.goto(house.server.url);
    await page.evaluate(() => {
      for (const details of document.querySelectorAll('details')) details.open = true;
    });
    const rows = await page.locator('.c').evaluateAll((all) =>
      all.map((row) => {
        const [u, w, h] = ['.u', '.w', '.h'].map((part) => row.querySelector(part)!.getBoundingClientRect());
        return {
          seen: u!.width > 0,
          below: u!.top >= w!.bottom - 1,
          free: h!.right <= u!.left,
          marks: h!.width,
          end: h!.right,
        };
      }),
    );
    expect(rows.length).toBeGreaterThanOrEqual(40);
    // The same day is at the same place in every row.
    expect(new Set(rows.map(({ end }) => end)).size).toBe(1);
    for (const { marks, end, ...row } of rows) {
      expect(row).toEqual({ seen: true, below: true, free: true });
      expect(marks).toBeGreaterThan(150);
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    await page.close();
  });
});
