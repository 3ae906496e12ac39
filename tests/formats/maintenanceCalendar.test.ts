import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { addMs, DAY, HOUR, MINUTE } from '#domain/time.ts';
import { maintenanceCalendar } from '#formats/maintenanceCalendar.ts';
import { getIncident, postUpdate } from '#services/incidents.ts';
import {
  cancelMaintenance,
  endMaintenance,
  scheduleMaintenance,
  startMaintenance,
} from '#services/maintenance.ts';
import { getMaintenanceCalendar } from '#services/publicFeeds.ts';
import { readCalendar } from '../support/calendar.ts';
import { type TestCtx, testClock, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeClaim, makeComponent, makeIncident, makePage, makeUpdate } from '../support/factory.ts';
import { readIcal } from '../support/feeds.ts';
import { makeHarbour } from '../support/harbour.ts';
import { NASTY } from '../support/nasty.ts';

const NOW = '2026-11-20T15:06:00.000Z';
const STARTS = '2026-11-22T09:45:00.000Z';
const ENDS = '2026-11-22T11:45:00.000Z';

eachDatabase('the calendar of maintenance', (fresh) => {
  function contextOver(db: Db): TestCtx {
    return testContext(db, { clock: testClock(NOW) });
  }

  /** The calendar as two readers have it, which must agree. */
  async function read(ctx: TestCtx) {
    const text = maintenanceCalendar(await getMaintenanceCalendar(ctx));
    const { name, events } = readCalendar(text);
    const short = (at: string | null) => at && `${at.slice(0, 19).replace(/[-:]/g, '')}Z`;
    expect(
      readIcal(text).map(({ uid, sequence, start, end }) => [uid, sequence, short(start), short(end) ?? '']),
    ).toEqual(events.map(({ uid, sequence, start, end }) => [uid, sequence, start, end]));
    return { text, name, events };
  }

  async function planned(ctx: TestCtx) {
    await makePage(ctx.db, { updated_at: NOW });
    const component = await makeComponent(ctx.db, { name: 'Card payments; cash, too' });
    const { id } = await scheduleMaintenance(ctx, {
      title: 'New database',
      scope: 'EU only',
      body: 'We move to **new** machines.\n\nReading works, writing does not.',
      scheduledFor: STARTS,
      scheduledUntil: ENDS,
      components: [component.id],
      notify: false,
    });
    const version = async () => (await getIncident(ctx, id)).version;
    return { id, version };
  }

  it('has what is planned in UTC, with reminders a day and an hour before, and words that need no page', async () => {
    const ctx = contextOver(await fresh());
    const { id } = await planned(ctx);
    const { name, events, text } = await read(ctx);
    expect(name).toBe('Harbour: maintenance');
    expect(events).toEqual([
      {
        uid: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
        sequence: 0,
        start: '20261122T094500Z',
        end: '20261122T114500Z',
        stamp: '20261120T150600Z',
        summary: 'Harbour: New database (EU only)',
        description: `We move to new machines.\n\nReading works, writing does not.\n\nComponents: Card payments; cash, too\n\nhttps://status.example.com/maintenance/${id}`,
        url: `https://status.example.com/maintenance/${id}`,
        status: 'CONFIRMED',
        alarms: ['-PT1440M', '-PT60M'],
      },
    ]);
    expect(text).not.toMatch(/TZID|VTIMEZONE|METHOD/);
    expect(maintenanceCalendar(await getMaintenanceCalendar(ctx))).toBe(text);
  });

  it('keeps the UID and raises SEQUENCE with each word, and says nothing of what is said inside', async () => {
    const ctx = contextOver(await fresh());
    const { id, version } = await planned(ctx);
    const before = (await read(ctx)).events[0]!;
    const said = { incidentId: id, status: 'scheduled', components: [], notify: false } as const;
    ctx.clock.advance(MINUTE);
    await postUpdate(ctx, { ...said, version: await version(), audience: 'internal', body: 'SECRET' });
    expect((await read(ctx)).events).toEqual([before]);
    let last = before;
    for (const body of ['It takes longer.', 'It takes even longer.']) {
      ctx.clock.advance(MINUTE);
      await postUpdate(ctx, { ...said, version: await version(), audience: 'public', body });
      const [after, ...others] = (await read(ctx)).events;
      expect(others).toEqual([]);
      expect(after).toMatchObject({ uid: before.uid, start: before.start });
      expect(after!.sequence).toBeGreaterThan(last.sequence);
      expect(after!.stamp > last.stamp).toBe(true);
      expect(after!.description).toContain(body);
      last = after!;
    }
    const elsewhere = { ...ctx, site: { ...ctx.site, url: 'https://elsewhere.example' } };
    expect((await read(elsewhere)).events[0]!.uid).toBe(before.uid);
  });

  it('cancels what is called off, in the place where it stood, and reminds nobody of it', async () => {
    const ctx = contextOver(await fresh());
    const { id, version } = await planned(ctx);
    const before = (await read(ctx)).events[0]!;
    ctx.clock.advance(HOUR);
    await cancelMaintenance(ctx, {
      maintenanceId: id,
      version: await version(),
      body: 'Not now.',
      notify: false,
    });
    const [after] = (await read(ctx)).events;
    expect(after).toMatchObject({
      uid: before.uid,
      status: 'CANCELLED',
      alarms: [],
      start: before.start,
      end: before.end,
    });
    expect(after!.sequence).toBeGreaterThan(before.sequence);
    expect(after!.description).toMatch(/^Not now\./);
  });

  it('says of what is over when it was, and forgets it after three months', async () => {
    const ctx = contextOver(await fresh());
    const { id, version } = await planned(ctx);
    const { uid } = (await read(ctx)).events[0]!;
    const step = async (at: string, run: typeof startMaintenance) => {
      ctx.clock.set(at);
      await run(ctx, { maintenanceId: id, version: await version(), body: 'So it is.', notify: false });
      return (await read(ctx)).events[0];
    };
    expect(await step('2026-11-22T09:50:00.000Z', startMaintenance)).toMatchObject({
      uid,
      status: 'CONFIRMED',
      start: '20261122T094500Z',
      end: '20261122T114500Z',
      alarms: [],
    });
    expect(await step('2026-11-22T11:00:00.000Z', endMaintenance)).toMatchObject({
      uid,
      status: 'CONFIRMED',
      start: '20261122T095000Z',
      end: '20261122T110000Z',
    });
    const later = addMs(ENDS, 100 * DAY);
    await ctx.db.write((tx) => tx.updateTable('page').set({ updated_at: later }).execute());
    ctx.clock.set(later);
    expect((await read(ctx)).events).toEqual([]);
  });

  it('holds planned work alone, and none that is unpublished, restricted or a drill', async () => {
    const db = await fresh();
    await makeHarbour(db, { now: NOW, open: 3, maintenance: true });
    const times = { scheduled_for: STARTS, started_at: STARTS, scheduled_until: ENDS };
    for (const hidden of [{ published_at: null }, { restricted: 1 }, { drill: 1 }] as const) {
      const { seq } = await makeIncident(db, {
        kind: 'maintenance',
        status: 'scheduled',
        title: 'SECRET',
        ...times,
        ...hidden,
      });
      await makeUpdate(db, seq, { body: 'SECRET', status: 'scheduled' });
    }
    // It began half a year ago, and goes on.
    const long = addMs(NOW, -180 * DAY);
    const { seq } = await makeIncident(db, {
      kind: 'maintenance',
      status: 'in_progress',
      title: 'The long move',
      ...{ scheduled_for: long, started_at: long, scheduled_until: null },
    });
    await makeUpdate(db, seq, { body: 'It goes on.', status: 'in_progress' });
    const { text, events } = await read(contextOver(db));
    expect(events).toHaveLength(3);
    expect(text).toContain('The long move');
    expect(text).not.toContain('SECRET');
    expect(text).not.toContain('Checkout is failing');
  });

  it('says what people typed and nothing else, whatever that is', async () => {
    const db = await fresh();
    await makePage(db, { updated_at: NOW, name: NASTY[7] as string });
    const texts = [...NASTY, `${'é'.repeat(60)}\\;,${'👩‍🚒'.repeat(40)}`, 'END:VEVENT\r\nBEGIN:VEVENT'];
    for (const text of texts) {
      const { seq } = await makeIncident(db, {
        kind: 'maintenance',
        status: 'scheduled',
        title: text,
        scheduled_for: STARTS,
        started_at: STARTS,
        scheduled_until: null,
      });
      await makeUpdate(db, seq, { body: text, status: 'scheduled' });
      const component = await makeComponent(db, { name: text });
      await makeClaim(db, {
        component_id: component.id,
        source_kind: 'maintenance',
        source_seq: seq,
        status: 'under_maintenance',
      });
    }
    const { events } = await read(contextOver(db));
    const told = (text: string) => `${NASTY[7]}: ${text.trim()}`.replace(/\r\n?/g, '\n');
    expect(events.map(({ summary }) => summary).sort()).toEqual(texts.map(told).sort());
    expect(events.every(({ end }) => end === '')).toBe(true);
  });
});
