import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bumpPageVersion } from '#db/page.ts';
import { CHROMIUM, openBrowser } from '../support/browser.ts';
import { type LiveHouse, listen, openLiveHouse } from '../support/livePage.ts';

/** What an open page makes of an answer: what stays of it, what is said aloud, and which answer counts. */
describe.skipIf(!CHROMIUM)('an open page that is renewed', () => {
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

  it('tells those who listen of another word on the same matter, once, in the page’s own words', async () => {
    for (const [path, news] of [
      ['/', /^Refunds are late\b.*\. What we know: Investigating \d\d:\d\d UTC$/],
      [`/incidents/${house.incident.id}`, /^Refunds are late\b.* Investigating \d\d:\d\d UTC$/],
      ['/de', /^Refunds are late\b.*\. \S.*: Wird untersucht \d\d:\d\d UTC$/],
    ] as const) {
      const { page, pass } = await open(path);
      const said = await listen(page);
      const title = await page.locator('h1').innerText();
      await house.change(title.replace(/\.$/, ''), `A team for ${path} looks into it.`);
      await pass(3);
      expect(await page.locator('#open').textContent()).toContain(`A team for ${path}`);
      expect(await said()).toEqual([expect.stringMatching(news)]);
      expect(await page.locator('h1').innerText()).toBe(title);
      // Those who see have it where it stands.
      const [line] = await page
        .locator('#now .skip')
        .evaluateAll((all) => all.map((own) => own.getBoundingClientRect().right));
      expect(line).toBeLessThan(0);
      await page.close();
    }
  });

  it('renews the part that its reader is in, who stays there: on a fold, and along the marks', async () => {
    const { page, pass } = await open();
    const row = page.locator('.c').filter({ hasText: 'Product pages' });
    const word = () => row.locator('.w').textContent();
    const at = (selector: string) =>
      page.evaluate(
        (own) => document.activeElement!.matches(own) && document.activeElement!.textContent,
        selector,
      );
    await page.locator('.g > summary').filter({ hasText: 'Shop' }).click();
    await row.locator('a').evaluate((link) => getSelection()!.selectAllChildren(link));
    expect(await word()).toBe('Operational');
    await house.claim('Product pages', new Date().toISOString());
    await house.change('Refunds and product pages are late');
    await pass(1);
    expect(await word()).toBe('Partial outage');
    expect(await at('summary')).toContain('Shop');
    expect(await page.evaluate(() => String(getSelection()))).toBe('Product pages');

    await page.locator('.h[tabindex="0"]').focus();
    await page.keyboard.press('ArrowDown');
    const marks = () =>
      page.evaluate(() => [document.activeElement!.ariaLabel, document.activeElement!.role]);
    const here = await marks();
    expect(here).toEqual([expect.stringMatching(/^Bank transfers, 90 days/), 'slider']);
    await house.claim('Gift cards', new Date().toISOString());
    await house.change('Refunds, gift cards and product pages are late');
    await pass(1);
    expect(await page.locator('.c').filter({ hasText: 'Gift cards' }).locator('.w').textContent()).toBe(
      'Partial outage',
    );
    expect(await marks()).toEqual(here);
    expect(await stop(page)).toEqual(['Bank transfers']);
    // What is said of the days is as new as they are.
    const told = () => page.evaluate(() => document.activeElement!.ariaValueText);
    const before = await told();
    await house.claim('Bank transfers', new Date().toISOString());
    await house.change('Refunds, transfers, gift cards and product pages are late');
    await pass(1);
    expect(await told()).toMatch(/: Partial outage/);
    expect(await told()).not.toBe(before);
    expect(await page.locator('#tip').textContent()).toBe(await told());
    await page.close();
  });

  it('asks for its script again, elsewhere, when that did not come', async () => {
    const { page, pass } = await open();
    let asked = 0;
    await page.route(/marks\.js\?\w+$/, (route) => {
      asked++;
      return route.abort();
    });
    await house.change('Refunds are late once more');
    await pass(3);
    expect(await page.locator('h1').innerText()).toBe('Refunds are late once more.');
    expect(asked).toBe(1);
    await page.close();
  });

  it('shows the newer of two answers, whichever comes last', async () => {
    const { page } = await open();
    const body = async () => (await fetch(house.server.url)).text();
    const old = await body();
    await house.change('Refunds are late again');
    const bodies = [old, await body()];
    const waiting: (() => Promise<void>)[] = [];
    await page.route(`${house.server.url}/`, (route) => {
      const said = bodies[waiting.length] as string;
      waiting.push(() => route.fulfill({ contentType: 'text/html', body: said }));
    });
    const look = () => page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await look();
    await expect.poll(() => waiting.length).toBe(1);
    await look();
    await expect.poll(() => waiting.length).toBe(2);
    await waiting[1]!();
    await expect.poll(() => page.locator('h1').innerText()).toBe('Refunds are late again.');
    const came = page.waitForResponse(`${house.server.url}/`);
    await waiting[0]!();
    await (await came).finished();
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
    expect(await page.locator('h1').innerText()).toBe('Refunds are late again.');
    await page.close();
  });

  it('leaves the focus to the part where what had it is gone', async () => {
    const { page, pass } = await open();
    await page.locator('#open h2 a').focus();
    const at = new Date().toISOString();
    await house.db.write(async (tx) => {
      await tx.updateTable('incidents').set({ status: 'resolved', resolved_at: at }).execute();
      await bumpPageVersion(tx, at);
    });
    const html = async () => (await fetch(house.server.url)).text();
    await expect.poll(html, { timeout: 60_000 }).not.toContain('What we know');
    await pass(1);
    expect(await page.locator('#open article').count()).toBe(0);
    expect(await page.evaluate(() => document.activeElement!.id)).toBe('open');
    await page.close();
  });
});
