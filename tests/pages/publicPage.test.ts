import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { getHistoryMonth, getPublicComponent, getPublicIncident } from '#services/publicHistory.ts';
import { getPublicFrame, getStatusPage } from '#services/publicPage.ts';
import { testClock, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import {
  makeClaim,
  makeComponent,
  makeGroup,
  makeIncident,
  makePage,
  makeUpdate,
} from '../support/factory.ts';
import { makeHarbour } from '../support/harbour.ts';

const NOW = '2026-11-20T15:06:00.000Z';
const HIDDEN = [{ published_at: null }, { restricted: 1 }, { drill: 1 }] as const;

eachDatabase('what visitors are shown', (fresh) => {
  const contextOf = (db: Db) => ({
    ...testContext(db, { clock: testClock(NOW) }),
    actor: { kind: 'visitor' } as const,
  });

  async function oneComponent(changes: Parameters<typeof makeComponent>[1] = {}) {
    const db = await fresh();
    await makePage(db, { version: 41, updated_at: NOW });
    const { id } = await makeComponent(db, changes);
    return { db, id, ctx: contextOf(db) };
  }

  const componentsOf = async (ctx: ReturnType<typeof contextOf>) =>
    (await getStatusPage(ctx)).groups.flatMap((group) => group.components);

  it('is well when nothing is claimed, and says at which version it was read', async () => {
    const { ctx } = await oneComponent();
    const page = await getStatusPage(ctx);
    expect(page.headline.text).toBe('All systems are operational.');
    expect(page.version).toBe(41);
    expect((await getPublicFrame(ctx)).version).toBe(41);
    expect(page.groups).toMatchObject([{ name: null, affected: 0, components: [{ status: 'operational' }] }]);
    expect(page.groups[0]!.components[0]!.uptime!.ratio).toBe(1);
    expect(page.last).toBeNull();
  });

  it('counts everything up to the time of its version, and to now where that lies ahead of every clock', async () => {
    const { db, id, ctx } = await oneComponent({ created_at: '2026-11-20T05:06:00.000Z' });
    await makeClaim(db, {
      component_id: id,
      source_kind: 'manual',
      source_seq: 0,
      status: 'major_outage',
      starts_at: '2026-11-20T14:06:00.000Z',
    });
    const at = async (clock: string, version: string) => {
      await db.write((tx) => tx.updateTable('page').set({ updated_at: version }).execute());
      const visitor = { ...ctx, now: () => clock };
      const { now, groups } = await getStatusPage(visitor);
      expect((await getPublicComponent(visitor, id)).uptimes[0]).toMatchObject({
        uptime: groups[0]!.components[0]!.uptime,
      });
      return [now, groups[0]!.components[0]!.uptime!.ratio];
    };
    expect(await at(NOW, NOW)).toEqual([NOW, 0.9]);
    expect(await at('2026-11-20T23:06:00.000Z', NOW)).toEqual([NOW, 0.9]);
    expect(await at(NOW, '2031-01-01T00:00:00.000Z')).toEqual([NOW, 0.9]);
  });

  it('shows the worst open claim; ending one never turns green what another still holds', async () => {
    const { db, id, ctx } = await oneComponent();
    const worse = await makeIncident(db);
    const milder = await makeIncident(db);
    await makeClaim(db, { component_id: id, source_seq: worse.seq, status: 'major_outage' });
    await makeClaim(db, { component_id: id, source_seq: milder.seq, status: 'degraded_performance' });
    expect((await componentsOf(ctx))[0]!.status).toBe('major_outage');
    await db.write((tx) =>
      tx.updateTable('claims').set({ ends_at: NOW }).where('source_seq', '=', worse.seq).execute(),
    );
    expect((await componentsOf(ctx))[0]!.status).toBe('degraded_performance');
  });

  it('counts neither a voided claim, nor one that has yet to begin', async () => {
    const { db, id, ctx } = await oneComponent();
    const incident = await makeIncident(db);
    await makeClaim(db, {
      component_id: id,
      source_seq: incident.seq,
      status: 'major_outage',
      voided_at: NOW,
    });
    await makeClaim(db, {
      component_id: id,
      source_kind: 'manual',
      source_seq: 0,
      status: 'partial_outage',
      starts_at: '2026-11-20T15:07:00.000Z',
    });
    const [component] = await componentsOf(ctx);
    expect(component!.status).toBe('operational');
    expect(component!.uptime!.ratio).toBe(1);
  });

  it('takes no account of what is unpublished, restricted or a drill: not its words, its claims or its address', async () => {
    const { db, id, ctx } = await oneComponent();
    for (const hidden of HIDDEN) {
      for (const status of ['investigating', 'resolved'] as const) {
        const secret = await makeIncident(db, { title: 'SECRET', status, ...hidden });
        await makeUpdate(db, secret.seq, { body: 'SECRET' });
        await makeClaim(db, {
          component_id: id,
          source_seq: secret.seq,
          status: 'major_outage',
          ends_at: status === 'resolved' ? NOW : null,
        });
        await expect(getPublicIncident(ctx, secret.id, 'incident')).rejects.toMatchObject({
          code: 'not_found',
        });
      }
      const planned = await makeIncident(db, { kind: 'maintenance', title: 'SECRET', ...hidden });
      await expect(getPublicIncident(ctx, planned.id, 'maintenance')).rejects.toMatchObject({
        code: 'not_found',
      });
    }
    const shown = JSON.stringify([
      await getStatusPage(ctx),
      await getHistoryMonth(ctx, null),
      await getPublicComponent(ctx, id),
    ]);
    expect(shown).not.toContain('SECRET');
    expect(shown).not.toContain('major_outage');
  });

  it('never shows an internal update, even as the newest of a public incident', async () => {
    const { db, ctx } = await oneComponent();
    const incident = await makeIncident(db);
    await makeUpdate(db, incident.seq, { body: 'Said in public', posted_at: '2026-11-20T14:00:00.000Z' });
    await makeUpdate(db, incident.seq, {
      audience: 'internal',
      body: 'SECRET',
      workaround: 'SECRET',
      posted_at: '2026-11-20T15:00:00.000Z',
    });
    const page = await getStatusPage(ctx);
    const { incident: alone } = await getPublicIncident(ctx, incident.id, 'incident');
    expect(page.incidents[0]!.updates.map((update) => update.body)).toEqual(['Said in public']);
    expect(JSON.stringify([page, alone])).not.toContain('SECRET');
  });

  it('shows an incident whose clock is off without any promise', async () => {
    const { db, ctx } = await oneComponent();
    await makeIncident(db, { has_cadence: 0, next_update_due: '2026-11-20T16:00:00.000Z', source: 'import' });
    const page = await getStatusPage(ctx);
    expect(page.headline.promise).toBeNull();
    expect(page.incidents[0]!.nextUpdateDue).toBeNull();
  });

  it('leaves out a component that shows only when degraded, until it is, and an archived one always', async () => {
    const { db, id, ctx } = await oneComponent({ only_show_if_degraded: 1 });
    const group = await makeGroup(db, { name: 'Old' });
    await makeComponent(db, { name: 'Gone', group_id: group.id, archived_at: NOW });
    expect((await getStatusPage(ctx)).groups).toEqual([]);
    await makeClaim(db, { component_id: id, source_kind: 'manual', source_seq: 0, status: 'partial_outage' });
    expect((await componentsOf(ctx)).map((component) => component.id)).toEqual([id]);
  });

  it('hides the history of a component that is not showcased', async () => {
    const { id, ctx } = await oneComponent({ showcase: 0 });
    expect((await componentsOf(ctx))[0]).toMatchObject({ marks: [], uptime: null });
    expect(await getPublicComponent(ctx, id)).toMatchObject({ component: { marks: [] }, uptimes: [] });
  });

  it('counts uptime from the day that the component began', async () => {
    const { db, id, ctx } = await oneComponent({ start_date: '2026-11-16' });
    await makeClaim(db, {
      component_id: id,
      source_kind: 'manual',
      source_seq: 0,
      status: 'major_outage',
      starts_at: '2026-11-10T00:00:00.000Z',
      ends_at: '2026-11-16T12:00:00.000Z',
    });
    const { component, uptimes } = await getPublicComponent(ctx, id);
    expect(component.marks.filter((mark) => mark.status === null)).toHaveLength(85);
    // Four days and 15 h 06 min, of which the first twelve hours were down.
    const recorded = (4 * 24 + 15.1) * 3600_000;
    for (const { uptime } of uptimes) {
      expect(uptime!.recorded).toBe(recorded);
      expect(uptime!.ratio).toBeCloseTo(1 - (12 * 3600_000) / recorded, 10);
    }
  });

  it('counts days in the zone of the page', async () => {
    const { db, id, ctx } = await oneComponent();
    await makePage(db, { time_zone: 'Pacific/Auckland', updated_at: NOW });
    await makeClaim(db, {
      component_id: id,
      source_kind: 'manual',
      source_seq: 0,
      status: 'partial_outage',
      starts_at: '2026-11-19T12:00:00.000Z',
      ends_at: '2026-11-19T12:30:00.000Z',
    });
    const [component] = await componentsOf(ctx);
    expect(
      component!.marks.filter((mark) => mark.status === 'partial_outage').map((mark) => mark.day),
    ).toEqual(['2026-11-20']);
  });

  it('lists the last fourteen days with what ended in them, the quiet ones too', async () => {
    const db = await fresh();
    await makeHarbour(db, { now: NOW, open: 1 });
    const long = await makeIncident(db, {
      title: 'A long one',
      status: 'resolved',
      started_at: '2026-10-01T00:00:00.000Z',
      resolved_at: '2026-11-19T00:00:00.000Z',
    });
    const { past, last } = await getStatusPage(contextOf(db));
    expect(past).toHaveLength(14);
    expect(past[0]!.day).toBe('2026-11-20');
    expect(past.find(({ day }) => day === '2026-11-18')!.incidents.map((one) => one.title)).toEqual([
      'Delayed webhooks',
    ]);
    expect(past.at(-1)).toMatchObject({ day: '2026-11-07', incidents: [{ id: long.id }] });
    expect(last!.title).toBe('Delayed webhooks');
  });

  it('puts the gravest incident first, and running maintenance before what is planned', async () => {
    const db = await fresh();
    await makeHarbour(db, { now: NOW, open: 3, maintenance: true });
    const page = await getStatusPage(contextOf(db));
    expect(page.incidents.map((incident) => incident.impact)).toEqual(['critical', 'major', 'minor']);
    expect(page.maintenance.map((one) => one.status)).toEqual(['in_progress', 'scheduled']);
    expect(page.incidents[0]!.components.map((one) => one.status)).toEqual([
      'major_outage',
      'partial_outage',
      'partial_outage',
      'degraded_performance',
    ]);
    expect(page.groups.map((group) => group.affected)).toEqual([3, 0, 1, 0, 1, 1, 1]);
  });
});

eachDatabase('history by month', (fresh) => {
  it('holds what started in the month, in the zone of the page, with ways to the months around it', async () => {
    const db = await fresh();
    await makePage(db, { time_zone: 'America/New_York', updated_at: NOW });
    const ctx = testContext(db, { clock: testClock(NOW) });
    const make = (title: string, started_at: string) =>
      makeIncident(db, { title, status: 'resolved', started_at });
    await make('In October there', '2026-11-01T02:00:00.000Z');
    await make('In November', '2026-11-01T05:00:00.000Z');
    await make('Long ago', '2026-08-15T12:00:00.000Z');
    await makeIncident(db, { kind: 'maintenance', title: 'To come', started_at: '2026-11-30T00:00:00.000Z' });

    const now = await getHistoryMonth(ctx, null);
    expect(now).toMatchObject({ month: '2026-11', previous: '2026-10', next: null });
    expect(now.incidents.map((one) => one.title)).toEqual(['In November']);
    expect(now.years).toEqual([
      {
        year: '2026',
        months: [
          { month: '2026-08', count: 1 },
          { month: '2026-10', count: 1 },
          { month: '2026-11', count: 1 },
        ],
      },
    ]);
    const october = await getHistoryMonth(ctx, '2026-10');
    expect(october).toMatchObject({ previous: '2026-09', next: '2026-11' });
    expect(october.incidents.map((one) => one.title)).toEqual(['In October there']);
    expect(await getHistoryMonth(ctx, '2026-09')).toMatchObject({ incidents: [] });
    expect(await getHistoryMonth(ctx, '2026-08')).toMatchObject({ previous: null });
  });

  it.each(['2026-12', '2026-07', '2026-13', '2026-1', 'x'])('has no page for %s', async (month) => {
    const db = await fresh();
    await makePage(db, { updated_at: NOW });
    await makeIncident(db, { started_at: '2026-08-15T12:00:00.000Z' });
    const ctx = testContext(db, { clock: testClock(NOW) });
    await expect(getHistoryMonth(ctx, month)).rejects.toMatchObject({ code: 'not_found' });
  });
});

eachDatabase('one incident', (fresh) => {
  it('has its times, its updates newest first, and the worst that it claimed once it is over', async () => {
    const db = await fresh();
    await makePage(db, { updated_at: NOW });
    const component = await makeComponent(db);
    const incident = await makeIncident(db, { status: 'resolved', resolved_at: '2026-11-20T14:30:00.000Z' });
    for (const [status, posted_at] of [
      ['investigating', '2026-11-20T13:20:00.000Z'],
      ['identified', '2026-11-20T13:40:00.000Z'],
      ['identified', '2026-11-20T13:50:00.000Z'],
      ['monitoring', '2026-11-20T14:00:00.000Z'],
      ['resolved', '2026-11-20T14:30:00.000Z'],
    ] as const)
      await makeUpdate(db, incident.seq, { status, posted_at });
    for (const [status, starts_at, ends_at] of [
      ['major_outage', '2026-11-20T13:20:00.000Z', '2026-11-20T13:50:00.000Z'],
      ['degraded_performance', '2026-11-20T13:50:00.000Z', '2026-11-20T14:30:00.000Z'],
    ] as const)
      await makeClaim(db, {
        component_id: component.id,
        source_seq: incident.seq,
        status,
        starts_at,
        ends_at,
      });
    const ctx = testContext(db, { clock: testClock(NOW) });
    const { incident: shown } = await getPublicIncident(ctx, incident.id, 'incident');
    expect(shown).toMatchObject({
      identifiedAt: '2026-11-20T13:40:00.000Z',
      monitoringAt: '2026-11-20T14:00:00.000Z',
      resolvedAt: '2026-11-20T14:30:00.000Z',
      nextUpdateDue: null,
      components: [{ id: component.id, status: 'major_outage', listed: true }],
    });
    expect(shown.updates.map((update) => update.status)).toEqual([
      'resolved',
      'monitoring',
      'identified',
      'identified',
      'investigating',
    ]);
    const { incidents } = await getPublicComponent(ctx, component.id);
    expect(incidents.map((one) => one.id)).toEqual([incident.id]);
  });

  it('is not found under an address that nothing has', async () => {
    const db = await fresh();
    await makePage(db, { updated_at: NOW });
    const ctx = testContext(db, { clock: testClock(NOW) });
    await expect(getPublicIncident(ctx, 'nothing', 'incident')).rejects.toMatchObject({ code: 'not_found' });
    await expect(getPublicComponent(ctx, 'nothing')).rejects.toMatchObject({ code: 'not_found' });
  });
});
