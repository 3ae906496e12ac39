import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { isCalledOff } from '#domain/publicIncident.ts';
import { DAY, HOUR, toLocal } from '#domain/time.ts';
import { cancelMaintenance } from '#services/maintenance.ts';
import { endSeries, makeNextWindows, type SeriesInput, scheduleSeries } from '#services/maintenanceSeries.ts';
import { getSeries, listSeries } from '#services/maintenanceSeriesViews.ts';
import { changeWindow } from '#services/maintenanceWindow.ts';
import { getPublicIncident } from '#services/publicHistory.ts';
import { eachDatabase, freshSqlite } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';
import { maintenanceHouse } from './maintenanceHouse.ts';

const BERLIN = 'Europe/Berlin';

eachDatabase('maintenance that comes again', (fresh) => {
  async function house(zone = BERLIN) {
    const home = await maintenanceHouse(fresh);
    const { ctx, db, mia, checkout, passTo } = home;
    await db.write((tx) => tx.updateTable('page').set({ time_zone: zone }).execute());
    const repeat = (changes: Partial<SeriesInput> = {}) =>
      scheduleSeries(mia, {
        title: 'Weekly restart',
        body: 'Checkout pauses.',
        components: [checkout.id],
        rule: { every: 'week', interval: 1, weekdays: [2] },
        firstLocal: '2026-11-24T02:30',
        minutes: 90,
        notify: true,
        ...changes,
      });
    /** Every window that was made, on the wall: when it begins and ends, and how it stands. */
    const windows = async () =>
      (
        await db.read((tx) =>
          tx
            .selectFrom('incidents')
            .select(['id', 'scheduled_for', 'scheduled_until', 'status'])
            .where('kind', '=', 'maintenance')
            .orderBy('scheduled_for')
            .execute(),
        )
      ).map(
        (row) =>
          `${toLocal(row.scheduled_for as string, zone)} ${toLocal(row.scheduled_until as string, zone).slice(11)} ${row.status}`,
      );
    const ids = async () =>
      (
        await db.read((tx) =>
          tx
            .selectFrom('incidents')
            .select('id')
            .where('kind', '=', 'maintenance')
            .orderBy('scheduled_for')
            .execute(),
        )
      ).map(({ id }) => id);
    /** Day by day, as the clock does. */
    const live = async (until: string) => {
      while (ctx.now() < until) {
        await makeNextWindows(ctx);
        await passTo(
          new Date(Math.min(Date.parse(until), Date.parse(ctx.now()) + DAY)).toISOString(),
          6 * HOUR,
        );
      }
      await makeNextWindows(ctx);
    };
    return { ...home, repeat, windows, ids, live };
  }

  it('keeps its wall time over both changes of the clocks, and each window takes place', async () => {
    const { ctx, repeat, windows, live } = await house();
    ctx.clock.set('2026-10-10T12:00:00.000Z');
    await repeat({
      rule: { every: 'week', interval: 1, weekdays: [0] },
      firstLocal: '2026-10-18T01:00',
      minutes: 180,
    });
    await live('2026-11-02T12:00:00.000Z');
    expect(await windows()).toEqual([
      '2026-10-18T01:00 04:00 completed',
      // The night that has an hour more.
      '2026-10-25T01:00 04:00 completed',
      '2026-11-01T01:00 04:00 completed',
      '2026-11-08T01:00 04:00 scheduled',
      '2026-11-15T01:00 04:00 scheduled',
    ]);
  });

  it('begins later in the night in which its time does not come', async () => {
    const { ctx, repeat, windows } = await house();
    ctx.clock.set('2027-03-20T12:00:00.000Z');
    await repeat({
      rule: { every: 'week', interval: 1, weekdays: [0] },
      firstLocal: '2027-03-21T02:30',
      minutes: 60,
    });
    expect(await windows()).toEqual(['2027-03-21T02:30 03:30 scheduled', '2027-03-28T03:30 04:30 scheduled']);
  });

  it('is announced by mail once; people are reminded of each', async () => {
    const { db, repeat, mails, live, said, ids } = await house('UTC');
    await makeSubscribers(db, 1, [], { mode: 'policy' });
    await repeat();
    await live('2026-12-02T00:00:00.000Z');
    expect((await mails()).filter((mail) => mail.includes('person1'))).toEqual([
      '20 14:00 maintenance person1: [Scheduled] Weekly restart',
      expect.stringMatching(/^23 \d\d:00 maintenance person1: \[Reminder\] Weekly restart/),
      expect.stringMatching(/^30 \d\d:00 maintenance person1: \[Reminder\] Weekly restart/),
    ]);
    expect((await said((await ids())[0] as string))[0]).toBe(
      '20 14:00 scheduled: Checkout pauses.\n\nEvery Tuesday, 02:30 to 04:00, UTC time.',
    );
  });

  it('two processes make each window once, however often', async () => {
    const { ctx, repeat, windows } = await house('UTC');
    await repeat({ rule: { every: 'day', interval: 1 }, firstLocal: '2026-11-21T02:00', minutes: 30 });
    const other = { ...ctx, newId: () => `other${ctx.newId().slice(5)}` };
    for (let day = 0; day < 3; day++) {
      await Promise.all([makeNextWindows(ctx), makeNextWindows(other), makeNextWindows(ctx)]);
      ctx.clock.advance(DAY);
    }
    const days = (await windows()).map((line) => line.slice(0, 10));
    expect(days).toEqual([...new Set(days)]);
    expect(days).toEqual([
      '2026-11-21',
      '2026-11-22',
      '2026-11-23',
      '2026-11-24',
      '2026-11-25',
      '2026-11-26',
    ]);
  });

  it('one is left out or moved by itself, and neither comes back', async () => {
    const { mia, repeat, windows, ids, live, get } = await house('UTC');
    await repeat();
    const [first, second] = (await ids()) as [string, string];
    const of = async (id: string) => ({ maintenanceId: id, version: (await get(id)).version, notify: false });
    await cancelMaintenance(mia, { ...(await of(first)), body: 'Not this week.' });
    await changeWindow(mia, {
      ...(await of(second)),
      from: '2026-12-03T03:00:00.000Z',
      until: '2026-12-03T04:00:00.000Z',
    });
    await live('2026-11-25T12:00:00.000Z');
    expect(await windows()).toEqual([
      '2026-11-24T02:30 04:00 completed',
      '2026-12-03T03:00 04:00 scheduled',
      '2026-12-08T02:30 04:00 scheduled',
    ]);
  });

  it('is ended with what has not begun, in one mail, and with its last day by itself', async () => {
    const { ctx, db, mia, repeat, windows, mails, live } = await house('UTC');
    await makeSubscribers(db, 1, [], { mode: 'policy' });
    const { id } = await repeat();
    await live('2026-11-24T03:00:00.000Z');
    expect(await endSeries(mia, { seriesId: id, body: 'No more of these.', notify: true })).toBe(2);
    await live('2026-12-10T03:00:00.000Z');
    expect(await windows()).toEqual([
      '2026-11-24T02:30 04:00 completed',
      '2026-12-01T02:30 04:00 completed',
      '2026-12-08T02:30 04:00 completed',
    ]);
    expect((await mails()).filter((mail) => mail.includes('[Called off]'))).toHaveLength(1);
    await expect(endSeries(mia, { seriesId: id, body: 'Again.', notify: true })).rejects.toMatchObject({
      code: 'conflict',
    });
    const { id: short } = await repeat({ firstLocal: '2026-12-15T02:30', lastDay: '2026-12-22' });
    await live('2026-12-24T00:00:00.000Z');
    expect((await getSeries(ctx, short)).series.endedAt).not.toBeNull();
    expect(await windows()).toHaveLength(5);
    expect(await listSeries(ctx)).toEqual([]);
  });

  it('that nobody began is ended as work that never took place, however late', async () => {
    const { ctx, mia, repeat, ids, live, spans } = await house('UTC');
    const { id } = await repeat({ byItself: false });
    await live('2026-11-24T06:00:00.000Z');
    await endSeries(mia, { seriesId: id, body: 'No more of these.', notify: false });
    const [overdue, ahead] = (await ids()) as [string, string];
    const { incident } = await getPublicIncident(ctx, overdue, 'maintenance');
    expect(incident).toMatchObject({ status: 'completed', resolvedAt: '2026-11-24T02:30:00.000Z' });
    expect(isCalledOff(incident)).toBe(true);
    expect(isCalledOff((await getPublicIncident(ctx, ahead, 'maintenance')).incident)).toBe(true);
    // Nothing was ever under maintenance.
    expect(await spans()).toEqual([]);
  });

  describe('is refused', () => {
    it.each<[Partial<SeriesInput>, string]>([
      [{ firstLocal: '2026-11-20T02:30' }, 'scheduledFor'],
      [{ minutes: 0 }, 'scheduledUntil'],
      [{ lastDay: '2026-11-01' }, 'lastDay'],
      [{ rule: { every: 'month', interval: 1, day: 31 }, lastDay: '2026-11-30' }, 'repeat'],
      [{ components: ['nowhere'] }, 'components'],
    ])('%j', async (changes, field) => {
      const { repeat, windows } = await house('UTC');
      await expect(repeat(changes)).rejects.toMatchObject({ problems: [{ field }] });
      expect(await windows()).toEqual([]);
    });

    it('to those who may not', async () => {
      const { ctx, repeat } = await house('UTC');
      const { id } = await repeat();
      await expect(
        endSeries(ctx.as('responder'), { seriesId: id, body: 'x', notify: false }),
      ).rejects.toMatchObject({ code: 'forbidden' });
    });
  });
});

it('a series of which no window can be made keeps no other from its turn', async () => {
  const { db, ctx, mia, checkout } = await maintenanceHouse(freshSqlite);
  const repeat = (title: string) =>
    scheduleSeries(mia, {
      title,
      body: 'Checkout pauses.',
      components: [checkout.id],
      rule: { every: 'week', interval: 1, weekdays: [2] },
      firstLocal: '2026-11-24T02:30',
      minutes: 90,
      notify: false,
    });
  await repeat('Stuck');
  await repeat('Other');
  const count = async (title: string) =>
    (await db.read((tx) => tx.selectFrom('incidents').select('id').where('title', '=', title).execute()))
      .length;
  const before = await count('Other');
  await db.write((tx) =>
    sql`create trigger stuck before insert on incidents when new.title = 'Stuck'
      begin select raise(abort, 'stuck'); end`.execute(tx),
  );
  ctx.clock.advance(14 * DAY);
  await expect(makeNextWindows(ctx)).rejects.toThrow('stuck');
  expect([await count('Other'), await count('Stuck')]).toEqual([before + 2, before]);
  await db.write((tx) => sql`drop trigger stuck`.execute(tx));
  await makeNextWindows(ctx);
  expect(await count('Stuck')).toBe(before + 2);
});
