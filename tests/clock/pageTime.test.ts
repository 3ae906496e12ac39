import { expect, test } from 'vitest';
import { bumpPageByTime } from '#clock/pageTime.ts';
import type { Db } from '#db/open.ts';
import { bumpPageVersion, getPage, getPageVersion } from '#db/page.ts';
import { testClock, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeIncident, makePage } from '../support/factory.ts';

const START = '2026-11-20T14:00:00.000Z';
const version = (db: Db) => db.read(getPageVersion);

eachDatabase('the page by time', (fresh) => {
  async function page(zone = 'UTC') {
    const db = await fresh();
    const clock = testClock(START);
    await makePage(db, { time_zone: zone, bumped_until: START });
    const ctx = testContext(db, { clock, actor: { kind: 'system', name: 'clock' } });
    const tickAt = (instant: string) => {
      clock.set(instant);
      return bumpPageByTime(ctx);
    };
    return { db, ctx, tickAt };
  }

  test('nothing due: nothing changes', async () => {
    const { db, ctx, tickAt } = await page();
    expect(await tickAt('2026-11-20T14:00:01.000Z')).toBe(false);
    expect(await tickAt('2026-11-20T23:59:59.999Z')).toBe(false);
    expect(await version(db)).toBe(1);
    expect(ctx.changes).toEqual([]);
  });

  test.each([
    ['UTC', '2026-11-20T23:59:59.999Z', '2026-11-21T00:00:00.000Z'],
    ['Europe/Berlin', '2026-11-20T22:59:59.999Z', '2026-11-20T23:00:00.000Z'],
    ['America/Los_Angeles', '2026-11-21T07:59:59.999Z', '2026-11-21T08:00:00.000Z'],
  ])('a day begins in %s: once', async (zone, before, at) => {
    const { db, ctx, tickAt } = await page(zone);
    expect(await tickAt(before)).toBe(false);
    expect(await tickAt(at)).toBe(true);
    expect(await tickAt(at)).toBe(false);
    expect(await version(db)).toBe(2);
    expect(ctx.changes).toEqual(['page']);
  });

  test('an update falls due, of which visitors were told', async () => {
    const { db, tickAt } = await page();
    await makeIncident(db, { published_at: START, next_update_due: '2026-11-20T14:30:00.000Z' });
    expect(await tickAt('2026-11-20T14:29:59.999Z')).toBe(false);
    expect(await tickAt('2026-11-20T14:30:00.000Z')).toBe(true);
    expect(await tickAt('2026-11-20T15:30:00.000Z')).toBe(false);
    expect(await version(db)).toBe(2);
  });

  test('an update falls due of a drill: visitors never see it', async () => {
    const { db, tickAt } = await page();
    await makeIncident(db, { drill: 1, published_at: START, next_update_due: '2026-11-20T14:30:00.000Z' });
    expect(await tickAt('2026-11-20T14:31:00.000Z')).toBe(false);
    expect(await version(db)).toBe(1);
  });

  test('an update falls due of an incident that is not published: visitors saw nothing of it', async () => {
    const { db, tickAt } = await page();
    await makeIncident(db, { published_at: null, next_update_due: '2026-11-20T14:30:00.000Z' });
    expect(await tickAt('2026-11-20T14:31:00.000Z')).toBe(false);
    expect(await version(db)).toBe(1);
  });

  test('a maintenance should begin, and should be over', async () => {
    const { db, tickAt } = await page();
    await makeIncident(db, {
      kind: 'maintenance',
      status: 'scheduled',
      published_at: START,
      resolved_at: null,
      scheduled_for: '2026-11-20T16:00:00.000Z',
      scheduled_until: '2026-11-20T18:00:00.000Z',
    });
    expect(await tickAt('2026-11-20T15:59:00.000Z')).toBe(false);
    expect(await tickAt('2026-11-20T16:00:00.000Z')).toBe(true);
    expect(await tickAt('2026-11-20T17:59:00.000Z')).toBe(false);
    expect(await tickAt('2026-11-20T18:00:01.000Z')).toBe(true);
    expect(await version(db)).toBe(3);
  });

  test('ten processes that notice at once raise it once', async () => {
    const { db, tickAt } = await page();
    const bumped = await Promise.all(Array.from({ length: 10 }, () => tickAt('2026-11-21T00:00:00.000Z')));
    expect(bumped.filter(Boolean)).toHaveLength(1);
    expect(await version(db)).toBe(2);
  });

  test('after a pause of days it is raised once', async () => {
    const { db, tickAt } = await page();
    expect(await tickAt('2026-11-27T09:00:00.000Z')).toBe(true);
    expect(await tickAt('2026-11-27T09:00:01.000Z')).toBe(false);
    expect(await version(db)).toBe(2);
  });

  test('a clock that was set back raises nothing twice', async () => {
    const { db, tickAt } = await page();
    expect(await tickAt('2026-11-21T00:00:00.000Z')).toBe(true);
    expect(await tickAt('2026-11-20T23:59:00.000Z')).toBe(false);
    expect(await tickAt('2026-11-21T00:00:01.000Z')).toBe(false);
    expect(await version(db)).toBe(2);
  });

  test('a clock that leapt ahead and is put right raises it once, and what falls due then is seen', async () => {
    const { db, tickAt } = await page();
    await makeIncident(db, { published_at: START, next_update_due: '2026-11-20T14:30:00.000Z' });
    expect(await tickAt('2026-11-21T14:00:00.000Z')).toBe(true);
    expect(await tickAt('2026-11-20T14:00:01.000Z')).toBe(true);
    expect(await tickAt('2026-11-20T14:00:02.000Z')).toBe(false);
    expect(await tickAt('2026-11-20T14:30:00.000Z')).toBe(true);
    expect(await tickAt('2026-11-21T00:00:00.000Z')).toBe(true);
    expect(await version(db)).toBe(5);
  });

  test('the time of a version never goes back, whoever of two commits last', async () => {
    const { db } = await page();
    const bump = (now: string) => db.write((tx) => bumpPageVersion(tx, now));
    await bump('2026-11-20T14:05:00.100Z');
    await bump('2026-11-20T14:05:00.000Z');
    expect(await db.read(getPage)).toMatchObject({ version: 3, updatedAt: '2026-11-20T14:05:00.100Z' });
    await bump('2026-11-20T14:06:00.000Z');
    expect((await db.read(getPage)).updatedAt).toBe('2026-11-20T14:06:00.000Z');
  });
});
