import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addMs, HOUR } from '#domain/time.ts';
import { scheduleMaintenance } from '#services/maintenance.ts';
import { listTemplates } from '#services/templates.ts';
import { type House, openHouse } from '../pages/adminHouse.ts';
import { axeViolations, CHROMIUM, openBrowser } from '../support/browser.ts';
import { openAs } from './openAs.ts';

describe.skipIf(!CHROMIUM)('every page of the admin, in a browser', () => {
  let house: House;
  let browser: Browser;

  beforeAll(async () => {
    house = await openHouse(40);
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await house?.close();
  });

  /** Every page of the admin, with something to show on it. */
  async function everyPage(): Promise<string[]> {
    const { id } = await house.incident({ title: 'Everything on one page' });
    const { id: secret } = await house.incident({ title: 'Not public', published: false });
    await house.post(`/admin/incidents/${id}`, { do: 'note', note: 'Called the **provider**.' });
    await house.post(`/admin/incidents/${id}`, {
      do: 'post',
      version: '2',
      audience: 'public',
      status: 'identified',
      body: 'We have found the fault.',
    });
    await house.post(`/admin/incidents/${id}`, {
      do: 'draft',
      version: '3',
      body: 'The rollback ends soon.',
    });
    await house.post(`/admin/incidents/${secret}`, { do: 'draft', version: '1', body: 'x' }, 'owner');
    const now = new Date().toISOString();
    const { id: maintenance } = await scheduleMaintenance(house.as('comms'), {
      title: 'Cart upgrade',
      body: 'The cart pauses.',
      scheduledFor: addMs(now, HOUR),
      scheduledUntil: addMs(now, 2 * HOUR),
      components: [house.components.get('Cart') as string],
      notify: false,
    });
    const [template] = await listTemplates(house.as('comms'));
    const list = (await house.get('/admin/deliveries')).body;
    const notice = /\/admin\/deliveries\/([a-z0-9]{12})/.exec(list)?.[1];
    const group = /\/admin\/components\/groups\/(\w+)/.exec((await house.get('/admin/components')).body)?.[1];
    const mail = await house.db.read((tx) =>
      tx.selectFrom('deliveries').select('seq').limit(1).executeTakeFirst(),
    );
    return [
      '/admin',
      '/admin/incidents',
      '/admin/incidents/new',
      '/admin/incidents/backfill',
      `/admin/incidents/${id}`,
      `/admin/incidents/${secret}`,
      '/admin/maintenance',
      '/admin/maintenance/new',
      `/admin/maintenance/${maintenance}`,
      '/admin/components',
      '/admin/components/new',
      `/admin/components/${house.components.get('Checkout')}`,
      `/admin/components/groups/${group}`,
      '/admin/templates',
      '/admin/templates/new',
      `/admin/templates/${template?.id}`,
      '/admin/audiences',
      '/admin/audiences/support',
      '/admin/deliveries',
      `/admin/deliveries/${notice}`,
      ...(mail ? [`/admin/deliveries/mail/${mail.seq}`] : []),
      '/admin/settings',
    ];
  }

  // Ninety pages take their time on a busy machine.
  it('has no fault that axe finds, light and dark, and nothing wider than a small phone', async () => {
    const paths = await everyPage();
    expect(paths.length).toBeGreaterThan(20);
    const found: string[] = [];
    const complaints: string[] = [];
    for (const colorScheme of ['light', 'dark'] as const)
      for (const width of [1280, 320]) {
        const options = { colorScheme, viewport: { width, height: 800 } };
        const { context, page } = await openAs(browser, house, 'owner', {
          path: '/admin',
          options,
          complaints,
        });
        for (const path of paths) {
          await page.goto(house.server.url + path);
          await page.evaluate(() => {
            for (const details of document.querySelectorAll('details')) details.open = true;
          });
          const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          if (over > 0)
            found.push(`${path} at ${width}: ${over} px too wide, ${await page.evaluate(widest)}`);
          for (const violation of await axeViolations(page))
            found.push(`${path} ${colorScheme} ${width}: ${violation}`);
        }
        await context.close();
      }
    expect(found).toEqual([]);
    expect(complaints).toEqual([]);
  }, 400_000);
});

/** What reaches furthest to the right. */
function widest(): string {
  const all = [...document.querySelectorAll('body *')];
  const right = (element: Element) => element.getBoundingClientRect().right;
  return all.reduce((most, one) => (right(one) > right(most) ? one : most)).outerHTML.slice(0, 200);
}
