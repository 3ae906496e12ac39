import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addMs, DAY, HOUR } from '#domain/time.ts';
import { wordsIn } from '#i18n/words.ts';
import { cancelMaintenance, scheduleMaintenance } from '#services/maintenance.ts';
import { type House, openHouse } from './adminHouse.ts';

/** What visitors see of work that was planned for some weeks ahead and called off today. */

let house: House;
const now = new Date().toISOString();
/** Far enough ahead to be in another month. */
const from = addMs(now, 40 * DAY);
const today = now.slice(0, 7);

beforeAll(async () => {
  house = await openHouse(1, { LANGUAGES: 'en, de, ar' });
  const comms = house.as('comms');
  const { id } = await scheduleMaintenance(comms, {
    title: 'Harbour crane upgrade',
    body: 'The crane stands still.',
    scheduledFor: from,
    scheduledUntil: addMs(from, 2 * HOUR),
    components: [house.components.get('Checkout') as string],
    notify: false,
  });
  await cancelMaintenance(comms, { maintenanceId: id, version: 2, body: 'Not needed.', notify: false });
}, 120_000);
afterAll(() => house.close());

const seen = async (path: string) => (await house.get(path)).body;
/** Once the server knows of it. */
const seenThen = async (path: string) => {
  await expect.poll(() => seen(path)).toContain('Harbour crane');
  return seen(path);
};

describe('what is called off', () => {
  it.each([
    ['en', '', 'Called off'],
    ['de', '/de', 'Abgesagt'],
    ['ar', '/ar', 'أُلغيت'],
  ] as const)(
    'stands on the page (%s) and in its history today, as called off',
    async (locale, prefix, calledOff) => {
      const pages = [await seenThen(prefix || '/'), await seenThen(`${prefix}/history`)];
      const [line, article] = [
        /<dd>(?:(?!<dd>).)*Harbour crane.*?<\/dd>/s,
        /<article>(?:(?!<article>).)*Harbour crane.*?<\/article>/s,
      ].map((pattern, i) => pattern.exec(pages[i] as string)?.[0] ?? '') as [string, string];
      for (const said of [line, article]) {
        expect(said).toContain(calledOff);
        expect(said).not.toContain(wordsIn(locale).length(0));
      }
      expect(line).toMatch(new RegExp(`<small>${calledOff}</small>`));
      // When it was to be, the earlier first.
      const times = [...article.matchAll(/<time datetime="([^"]+)"/g)].map(([, at]) => at);
      expect(times).toEqual([from, addMs(from, 2 * HOUR)]);
    },
  );

  it('makes no month of its own: neither the history nor the sitemap names one that is not there', async () => {
    const history = await seenThen('/history');
    const months = [
      ...new Set([...history.matchAll(/href="(\/history\/\d{4}-\d\d)"/g)].map(([, path]) => path)),
    ];
    expect(months).toContain(`/history/${today}`);
    for (const path of months) expect((await house.get(path as string)).status, path).toBe(200);
    const listed = [...(await seen('/sitemap.xml')).matchAll(/\/history\/(\d{4}-\d\d)</g)].map(
      ([, month]) => month as string,
    );
    expect(listed).toContain(today);
    expect(listed.filter((month) => month > today)).toEqual([]);
  });
});
