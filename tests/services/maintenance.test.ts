import { describe, expect, it } from 'vitest';
import { bumpPageVersion } from '#db/page.ts';
import { DAY, HOUR } from '#domain/time.ts';
import * as incidents from '#services/incidents.ts';
import {
  cancelMaintenance,
  endMaintenance,
  type ScheduleInput,
  scheduleMaintenance,
  startMaintenance,
} from '#services/maintenance.ts';
import { getHistoryMonth, getPublicIncident } from '#services/publicHistory.ts';
import { getStatusPage } from '#services/publicPage.ts';
import { listPublicPaths } from '#services/publicPaths.ts';
import { getSitemap } from '#services/sitemap.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';
import { incidentHouse } from './incidentHouse.ts';

const FOR = '2026-11-21T02:00:00.000Z';
const UNTIL = '2026-11-21T03:00:00.000Z';

eachDatabase('maintenance', (fresh) => {
  async function house() {
    const home = await incidentHouse(fresh);
    const { ctx, db, checkout } = home;
    const schedule = (changes: Partial<ScheduleInput> = {}) =>
      scheduleMaintenance(ctx, {
        title: 'Database upgrade',
        body: 'Checkout pauses for ten minutes.',
        scheduledFor: FOR,
        scheduledUntil: UNTIL,
        components: [checkout.id],
        notify: false,
        ...changes,
      });
    const step = async (id: string, body = 'Said.') => {
      const { version } = await incidents.getIncident(ctx, id);
      return { maintenanceId: id, version, body, notify: false };
    };
    const claimsOf = async () =>
      (await db.read((tx) => tx.selectFrom('claims').selectAll().orderBy('seq').execute()))
        .filter(({ voided_at }) => voided_at === null)
        .map(({ component_id, starts_at, ends_at }) => [component_id, starts_at, ends_at]);
    return { ...home, schedule, step, claimsOf };
  }

  it('is announced, begins, and ends, and claims its components only meanwhile', async () => {
    const { ctx, checkout, statusOf, schedule, step } = await house();
    const { id } = await schedule();
    expect(await statusOf(checkout.id)).toBe('operational');
    expect((await getStatusPage(ctx)).maintenance.map((one) => one.id)).toEqual([id]);
    ctx.clock.advance(DAY / 2);
    await startMaintenance(ctx, await step(id));
    expect(await statusOf(checkout.id)).toBe('under_maintenance');
    ctx.clock.advance(HOUR);
    await endMaintenance(ctx, await step(id));
    expect(await statusOf(checkout.id)).toBe('operational');
    expect(await incidents.getIncident(ctx, id)).toMatchObject({
      status: 'completed',
      severity: 'SEV4',
      resolvedAt: ctx.now(),
      mitigatedAt: null,
      nextUpdateDue: null,
    });
  });

  it('leaves nothing behind when its announcement cannot be posted', async () => {
    const { db, ctx, schedule } = await house();
    const failing = { ...ctx, site: undefined as unknown as typeof ctx.site };
    await expect(
      scheduleMaintenance(failing, {
        title: 'Database upgrade',
        body: 'Checkout pauses.',
        scheduledFor: FOR,
        scheduledUntil: UNTIL,
        components: [],
        notify: true,
      }),
    ).rejects.toThrow();
    expect(await db.read((tx) => tx.selectFrom('incidents').selectAll().execute())).toEqual([]);
    await schedule();
    expect(await db.read((tx) => tx.selectFrom('incidents').selectAll().execute())).toHaveLength(1);
  });

  it.each([
    ['early', '2026-11-21T01:30:00.000Z', [['operational', 'under_maintenance']]],
    ['late', '2026-11-21T02:20:00.000Z', []],
  ])('claims from the moment when it begins, %s', async (_, at, said) => {
    const { ctx, checkout, claimsOf, schedule, step } = await house();
    const { id } = await schedule();
    ctx.clock.set(at);
    await startMaintenance(ctx, await step(id));
    expect(await claimsOf()).toEqual([[checkout.id, at, null]]);
    const begun = await incidents.getIncident(ctx, id);
    expect(begun).toMatchObject({ startedAt: at, scheduledFor: FOR, version: 3 });
    expect(begun.updates[0]?.changes.map((change) => [change.old_status, change.new_status])).toEqual(said);
    ctx.clock.advance(HOUR);
    await endMaintenance(ctx, await step(id));
    expect(await claimsOf()).toEqual([[checkout.id, at, ctx.now()]]);
  });

  it('may begin by an update as well', async () => {
    const { ctx, checkout, claimsOf, say, schedule } = await house();
    const { id } = await schedule();
    ctx.clock.set('2026-11-21T01:30:00.000Z');
    await say(id, { status: 'in_progress' });
    expect(await claimsOf()).toEqual([[checkout.id, ctx.now(), null]]);
    await say(id, { status: 'verifying' });
    await expect(say(id, { status: 'identified' })).rejects.toMatchObject({
      problems: [{ field: 'status' }],
    });
    await expect(say(id, { status: 'scheduled' })).rejects.toMatchObject({ problems: [{ field: 'status' }] });
  });

  it('plans a component that is named later for the announced time too', async () => {
    const { ctx, checkout, cart, claimsOf, statusOf, say, schedule } = await house();
    const { id } = await schedule();
    await say(id, { components: [{ id: cart.id, status: 'under_maintenance' }] });
    expect(await statusOf(cart.id)).toBe('operational');
    expect(await claimsOf()).toEqual([
      [checkout.id, FOR, null],
      [cart.id, FOR, null],
    ]);
    await say(id, { components: [{ id: checkout.id, status: 'operational' }] });
    expect(await claimsOf()).toEqual([[cart.id, FOR, null]]);
    expect((await incidents.getIncident(ctx, id)).status).toBe('scheduled');
  });

  it('has no severity to change', async () => {
    const { ctx, say, schedule } = await house();
    const { id } = await schedule();
    await say(id, { severity: 'SEV1', nextUpdateBy: '2026-11-20T16:00:00.000Z' });
    expect(await incidents.getIncident(ctx, id)).toMatchObject({ severity: 'SEV4', nextUpdateDue: null });
    await expect(incidents.adoptIncident(ctx, { incidentId: id, version: 3 })).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  describe('called off', () => {
    it('claimed nothing, and those who follow its components are told', async () => {
      const { ctx, db, checkout, claimsOf, schedule, step } = await house();
      await makeSubscribers(db, 3, [{ kind: 'component', id: checkout.id }]);
      const { id } = await schedule({ notify: true });
      const { told } = await cancelMaintenance(ctx, { ...(await step(id)), notify: true });
      expect(told).toBe(3);
      expect(await incidents.getIncident(ctx, id)).toMatchObject({ status: 'completed', startedAt: FOR });
      expect(await claimsOf()).toEqual([]);
      const { incident } = await getPublicIncident(ctx, id, 'maintenance');
      expect(incident.updates[0]?.changes).toEqual([]);
    });

    it('is filed under the day on which it was called off, and under no later one', async () => {
      const { ctx, schedule, step } = await house();
      const planned = {
        scheduledFor: '2026-12-09T02:00:00.000Z',
        scheduledUntil: '2026-12-09T03:00:00.000Z',
      };
      const { id } = await schedule(planned);
      ctx.clock.set('2026-11-21T09:00:00.000Z');
      await cancelMaintenance(ctx, await step(id, 'Not needed.'));
      const past = async () =>
        (await getStatusPage(ctx)).past.flatMap(({ day, incidents: own }) => own.map((one) => [day, one.id]));
      expect(await past()).toEqual([['2026-11-21', id]]);
      const november = await getHistoryMonth(ctx, null);
      expect(november.incidents.map((one) => one.id)).toEqual([id]);
      expect(november.years).toEqual([{ year: '2026', months: [{ month: '2026-11', count: 1 }] }]);
      expect((await listPublicPaths(ctx)).paths.filter((path) => /\d{4}-\d\d$/.test(path))).toEqual([
        '/history/2026-11',
      ]);
      const pages = (await getSitemap(ctx)).pages.map(({ path }) => path);
      expect(pages.filter((path) => path.startsWith('/history/'))).toEqual(['/history/2026-11']);
      // Its planned day comes: it was over long before.
      ctx.clock.set('2026-12-10T09:00:00.000Z');
      await ctx.db.write((tx) => bumpPageVersion(tx, ctx.now()));
      expect(await past()).toEqual([]);
      const december = await getHistoryMonth(ctx, null);
      expect([december.month, december.incidents, december.years]).toEqual(['2026-12', [], november.years]);
      expect((await getHistoryMonth(ctx, '2026-11')).incidents).toHaveLength(1);
    });

    it('stands among what happened by when it was called off', async () => {
      const { ctx, schedule, step, declare, say } = await house();
      const { id } = await schedule();
      const { id: earlier } = await declare({ severity: 'SEV4' });
      await say(earlier, { status: 'resolved', reason: 'Over.' });
      ctx.clock.advance(HOUR);
      await cancelMaintenance(ctx, await step(id, 'Not needed.'));
      ctx.clock.advance(HOUR);
      const { id: later } = await declare({ severity: 'SEV4' });
      await say(later, { status: 'resolved', reason: 'Over.' });
      const order = [later, id, earlier];
      expect((await getStatusPage(ctx)).past[0]?.incidents.map((one) => one.id)).toEqual(order);
      expect((await getHistoryMonth(ctx, null)).incidents.map((one) => one.id)).toEqual(order);
    });

    it('takes back what it claimed by the clock, though nobody had begun', async () => {
      const { ctx, claimsOf, checkout, statusOf, schedule, step } = await house();
      const { id } = await schedule();
      ctx.clock.set('2026-11-21T02:10:00.000Z');
      expect(await statusOf(checkout.id)).toBe('under_maintenance');
      await cancelMaintenance(ctx, await step(id));
      expect(await claimsOf()).toEqual([]);
    });

    it('cannot be what has begun, and begins but once', async () => {
      const { ctx, schedule, step } = await house();
      const { id } = await schedule();
      await startMaintenance(ctx, await step(id));
      await expect(cancelMaintenance(ctx, await step(id))).rejects.toThrow('has not begun');
      await expect(startMaintenance(ctx, await step(id))).rejects.toThrow('has begun already');
    });
  });

  it('plans what a correction names for the announced time, and nothing once it was called off', async () => {
    const { ctx, checkout, cart, claimsOf, schedule, step } = await house();
    const { id } = await schedule();
    const correct = async () =>
      incidents.correctComponents(ctx, {
        incidentId: id,
        version: (await incidents.getIncident(ctx, id)).version,
        components: [
          { id: checkout.id, status: 'operational' },
          { id: cart.id, status: 'under_maintenance' },
        ],
      });
    await correct();
    expect(await claimsOf()).toEqual([[cart.id, FOR, null]]);
    await cancelMaintenance(ctx, await step(id));
    await correct();
    expect(await claimsOf()).toEqual([]);
  });

  it('that ended without anyone beginning it took place as announced', async () => {
    const { ctx, checkout, claimsOf, schedule, step } = await house();
    const { id } = await schedule();
    ctx.clock.set('2026-11-21T02:50:00.000Z');
    await endMaintenance(ctx, await step(id));
    expect(await claimsOf()).toEqual([[checkout.id, FOR, ctx.now()]]);
  });

  it('must lie ahead, and end after it begins', async () => {
    const { schedule } = await house();
    await expect(
      schedule({ scheduledFor: '2026-11-20T14:00:00.000Z', scheduledUntil: '2026-11-20T13:00:00.000Z' }),
    ).rejects.toMatchObject({ problems: [{ field: 'scheduledFor' }, { field: 'scheduledUntil' }] });
    await expect(schedule({ components: ['nowhere'] })).rejects.toMatchObject({
      problems: [{ field: 'components' }],
    });
  });
});
