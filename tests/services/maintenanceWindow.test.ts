import { describe, expect, it } from 'vitest';
import { isCalledOff } from '#domain/publicIncident.ts';
import { fromLocal, HOUR, MINUTE } from '#domain/time.ts';
import { maintenanceCalendar } from '#formats/maintenanceCalendar.ts';
import { maintenancesJson } from '#formats/statuspage.ts';
import { createAccount } from '#services/accounts.ts';
import { addMember, ensureAudiences } from '#services/audiences.ts';
import { changeTitle, editUpdate } from '#services/incidents.ts';
import { cancelMaintenance } from '#services/maintenance.ts';
import { keepMaintenance } from '#services/maintenanceClock.ts';
import { changeWindow, type WindowInput } from '#services/maintenanceWindow.ts';
import { getApiSnapshot } from '#services/publicApi.ts';
import { getMaintenanceCalendar } from '#services/publicFeeds.ts';
import { getPublicIncident } from '#services/publicHistory.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';
import { FROM, maintenanceHouse, UNTIL } from './maintenanceHouse.ts';

eachDatabase('the window of a maintenance', (fresh) => {
  async function house() {
    const home = await maintenanceHouse(fresh);
    const { mia, get } = home;
    const change = async (id: string, changes: Partial<WindowInput> & { until: string }) =>
      changeWindow(mia, {
        maintenanceId: id,
        version: (await get(id)).version,
        notify: true,
        ...changes,
      });
    return { ...home, change };
  }

  it('what nobody wrote is written in the language of the page: by the clock, and of a window that changes', async () => {
    const { ctx, mia, plan, said, get } = await house();
    const site = { ...ctx.site, languages: ['de', 'en'] as const };
    const id = await plan();
    ctx.clock.set('2026-11-24T02:00:00.000Z');
    await keepMaintenance({ ...ctx, site });
    await changeWindow(
      { ...mia, site },
      {
        maintenanceId: id,
        version: (await get(id)).version,
        until: '2026-11-24T05:00:00.000Z',
        notify: true,
      },
    );
    ctx.clock.set('2026-11-24T05:00:00.000Z');
    await keepMaintenance({ ...ctx, site });
    expect((await said(id)).slice(1)).toEqual([
      '24 02:00 in_progress: Die Arbeiten haben begonnen. Sie sollen bis 04:00 UTC beendet sein.',
      '24 02:00 in_progress: Die Arbeiten dauern länger als geplant: bis 05:00 UTC statt 04:00 UTC.',
      '24 05:00 completed: Die Arbeiten sind beendet.',
    ]);
  });

  it('moves in public: the page, the API and calendars have the new one, and know it for newer', async () => {
    const { ctx, mia, plan, change, spans, said, get } = await house();
    const id = await plan();
    const calendar = async () => {
      const text = maintenanceCalendar(await getMaintenanceCalendar(ctx));
      return text.split('\r\n').filter((line) => /^(DTSTART|DTEND|SEQUENCE|STATUS)/.test(line));
    };
    const api = async () => {
      const [one] = maintenancesJson(
        await getApiSnapshot(ctx, { maintenances: 'upcoming' }),
      ).scheduled_maintenances;
      if (!one || !('scheduled_for' in one)) return null;
      return [one.scheduled_for, one.scheduled_until, one.updated_at];
    };
    expect(await calendar()).toEqual([
      'SEQUENCE:0',
      'DTSTART:20261124T020000Z',
      'DTEND:20261124T040000Z',
      'STATUS:CONFIRMED',
    ]);
    ctx.clock.advance(HOUR);
    await change(id, { from: '2026-11-25T02:30:00.000Z', until: '2026-11-25T04:30:00.000Z' });
    expect(await calendar()).toEqual([
      'SEQUENCE:36000',
      'DTSTART:20261125T023000Z',
      'DTEND:20261125T043000Z',
      'STATUS:CONFIRMED',
    ]);
    expect(await api()).toEqual(['2026-11-25T02:30:00.000Z', '2026-11-25T04:30:00.000Z', ctx.now()]);
    expect((await said(id)).at(-1)).toBe(
      '20 15:00 scheduled: The work is moved to 25 Nov 2026, 02:30 to 04:30 UTC. It was planned for 24 Nov 2026, 02:00 to 04:00 UTC.',
    );
    expect(await spans()).toEqual([['2026-11-25T02:30:00.000Z', null]]);
    expect(await get(id)).toMatchObject({ startedAt: '2026-11-25T02:30:00.000Z', status: 'scheduled' });
    // A name that was put right is news to them, too, though no update says it.
    ctx.clock.advance(500);
    await changeTitle(mia, { incidentId: id, version: (await get(id)).version, title: 'Another name' });
    expect((await calendar())[0]).toBe('SEQUENCE:36005');
    expect((await api())?.[2]).toBe(ctx.now());
  });

  it('is longer or shorter while it runs: people hear of it, and the clock goes by the new end', async () => {
    const { db, plan, change, passTo, mails, said, spans, get } = await house();
    await makeSubscribers(db, 1, [], { mode: 'important' });
    const id = await plan();
    await passTo('2026-11-24T03:50:00.000Z');
    await change(id, { until: '2026-11-24T05:00:00.000Z' });
    await passTo('2026-11-24T04:50:00.000Z', 5 * MINUTE);
    expect((await get(id)).status).toBe('in_progress');
    await change(id, { until: '2026-11-24T04:55:00.000Z', body: 'Nearly there.' });
    await passTo('2026-11-24T05:30:00.000Z');
    expect((await mails()).slice(2)).toEqual([
      '24 03:45 call mia: Ends at 04:00 UTC: Database upgrade',
      '24 03:50 maintenance person1: [New end] Database upgrade',
      '24 04:45 call mia: Ends at 05:00 UTC: Database upgrade',
      // Whoever sets an end that is so near needs no warning of it.
      '24 04:50 maintenance person1: [New end] Database upgrade',
    ]);
    expect((await said(id)).slice(2, 4)).toEqual([
      '24 03:50 in_progress: The work takes longer than planned: until 05:00 UTC in place of 04:00 UTC.',
      '24 04:50 in_progress: Nearly there.',
    ]);
    expect(await spans()).toEqual([[FROM, '2026-11-24T04:55:00.000Z']]);
  });

  it('says in its mail, in every language, that it has moved or ends at another time, also once the mail was mended', async () => {
    const { ctx, db, mia, plan, change, get } = await house();
    await makeSubscribers(db, 1);
    const there = { ...mia, site: { ...ctx.site, languages: ['en', 'de', 'ar'] as const } };
    const id = await plan();
    const last = () =>
      db.read((tx) =>
        tx
          .selectFrom('notices as n')
          .leftJoin('notice_texts as t', (join) =>
            join.onRef('t.notice_seq', '=', 'n.seq').on('t.locale', '!=', 'en'),
          )
          .select(['n.subject', 'n.text', 't.locale', 't.subject as other'])
          .where('n.seq', '=', (eb) => eb.selectFrom('notices').select((one) => one.fn.max('seq').as('seq')))
          .orderBy('t.locale')
          .execute(),
      );
    const marks = async () => {
      const rows = await last();
      // Its status is said so, too.
      const mark = rows[0]?.subject.split(']')[0]?.slice(1);
      expect(rows[0]?.text).toContain(`\n${mark}: Database upgrade\n`);
      return [rows[0]?.subject, ...rows.map(({ other }) => other)].map((one) => one?.split(']')[0]?.slice(1));
    };
    const of = async () => ({ maintenanceId: id, version: (await get(id)).version, notify: true });
    const moved = { from: '2026-11-26T02:00:00.000Z', until: '2026-11-26T04:00:00.000Z' };
    await changeWindow(there, { ...(await of()), ...moved });
    expect(await marks()).toEqual(['Moved', 'موعد جديد', 'Verschoben']);
    const [update] = (await get(id)).updates;
    const text = { scope: null, affected: null, workaround: null, estimate: null };
    await editUpdate(there, {
      updateId: update?.id as string,
      body: 'Two days later.',
      ...text,
      notify: false,
    });
    expect((await last())[0]?.text).toContain('Two days later.');
    expect(await marks()).toEqual(['Moved', 'موعد جديد', 'Verschoben']);
    await changeWindow(there, { ...(await of()), until: '2026-11-26T05:00:00.000Z' });
    expect(await marks()).toEqual(['New end', 'نهاية جديدة', 'Neues Ende']);
    // What is said of it after that says how it stands.
    await change(id, { from: FROM, until: UNTIL });
    await cancelMaintenance(mia, { ...(await of()), body: 'Not needed.' });
    expect((await last())[0]?.subject).toBe('[Called off] Database upgrade');
  });

  it('answers the question whether it is over, while an incident is open', async () => {
    const { plan, change, passTo, declare, mails, get } = await house();
    const id = await plan();
    await declare({ severity: 'SEV4' });
    await passTo('2026-11-24T04:05:00.000Z');
    await change(id, { until: '2026-11-24T06:00:00.000Z' });
    await passTo('2026-11-24T06:05:00.000Z', 5 * MINUTE);
    expect((await mails()).map((mail) => mail.slice(0, 26))).toEqual([
      '24 03:45 call mia: To end ',
      '24 04:00 call mia: Is it o',
      '24 05:45 call mia: To end ',
      '24 06:00 call mia: Is it o',
    ]);
    expect((await get(id)).scheduledUntil).toBe('2026-11-24T06:00:00.000Z');
  });

  describe('is refused', () => {
    it('in the past, back to front, or as it is', async () => {
      const { plan, change, passTo } = await house();
      const id = await plan();
      const wrong: [Partial<WindowInput> & { until: string }, string][] = [
        [{ from: '2026-11-20T13:00:00.000Z', until: UNTIL }, 'from'],
        [{ from: '2026-11-24T05:00:00.000Z', until: UNTIL }, 'until'],
        [{ from: FROM, until: UNTIL }, 'until'],
      ];
      for (const [changes, field] of wrong)
        await expect(change(id, changes)).rejects.toMatchObject({ problems: [{ field }] });
      await passTo('2026-11-24T03:00:00.000Z', HOUR);
      await expect(
        change(id, { from: '2026-11-25T02:00:00.000Z', until: '2026-11-25T04:00:00.000Z' }),
      ).rejects.toMatchObject({ problems: [{ field: 'from' }] });
      await expect(change(id, { until: '2026-11-24T02:30:00.000Z' })).rejects.toMatchObject({
        problems: [{ field: 'until' }],
      });
    });

    it('from a form that is old, of what is over, and to those who may not', async () => {
      const { ctx, plan, change, passTo } = await house();
      const id = await plan();
      await expect(change(id, { version: 1, until: '2026-11-24T05:00:00.000Z' })).rejects.toMatchObject({
        code: 'conflict',
      });
      await expect(
        changeWindow(ctx.as('responder'), { maintenanceId: id, version: 2, until: UNTIL, notify: false }),
      ).rejects.toMatchObject({ code: 'forbidden' });
      await passTo('2026-11-24T04:00:00.000Z', HOUR);
      await expect(change(id, { until: '2026-11-24T05:00:00.000Z' })).rejects.toMatchObject({
        code: 'conflict',
      });
    });
  });

  it('that was called off late, when nobody had begun, is known as called off', async () => {
    const { ctx, mia, plan, passTo, get } = await house();
    const id = await plan({ byItself: false });
    await passTo('2026-11-24T02:20:00.000Z', HOUR);
    await cancelMaintenance(mia, {
      maintenanceId: id,
      version: (await get(id)).version,
      body: 'Not tonight.',
      notify: false,
    });
    const { incident } = await getPublicIncident(ctx, id, 'maintenance');
    expect(isCalledOff(incident)).toBe(true);
    expect(incident.resolvedAt).toBe(FROM);
    expect(maintenanceCalendar(await getMaintenanceCalendar(ctx))).toContain('STATUS:CANCELLED');
  });

  it('keeps its wall time when clocks change: it begins and ends when it was announced', async () => {
    // In Berlin clocks go back on 25 October 2026 and forward on 28 March 2027, in that night.
    for (const [day, hours] of [
      ['2026-10-25', 4],
      ['2027-03-28', 2],
    ] as const) {
      const { ctx, db, plan, tick, get } = await house();
      await db.write((tx) => tx.updateTable('page').set({ time_zone: 'Europe/Berlin' }).execute());
      ctx.clock.set(`${day.slice(0, 8)}20T12:00:00.000Z`);
      const from = fromLocal(`${day}T01:00`, 'Europe/Berlin') as string;
      const until = fromLocal(`${day}T04:00`, 'Europe/Berlin') as string;
      expect(Date.parse(until) - Date.parse(from)).toBe(hours * HOUR);
      const id = await plan({ scheduledFor: from, scheduledUntil: until });
      ctx.clock.set(from);
      await tick();
      expect((await get(id)).updates[0]?.body).toMatch(/over by 04:00 (CET|CEST|GMT\+[12])\.$/);
      ctx.clock.set(until);
      await tick();
      expect(await get(id)).toMatchObject({ startedAt: from, resolvedAt: until });
    }
  });

  it('accounts whose components it touches are told of it, three days before, when it changes, and when it is called off', async () => {
    const { ctx, mia, plan, change, passTo, mails, get, checkout, cart } = await house();
    await ensureAudiences(ctx);
    const acme = await createAccount(ctx, { name: 'Acme', contactId: 'mia', components: [checkout.id] });
    const globex = await createAccount(ctx, { name: 'Globex', contactId: 'jonas', components: [cart.id] });
    await addMember(ctx, 'managers', { address: 'max@example.com', name: 'Max' });
    await addMember(ctx, acme, { address: 'ann@example.com', name: 'Ann' });
    await addMember(ctx, globex, { address: 'gus@example.com', name: 'Gus' });
    const id = await plan({
      scheduledFor: '2026-11-25T02:00:00.000Z',
      scheduledUntil: '2026-11-25T04:00:00.000Z',
    });
    await passTo('2026-11-24T12:00:00.000Z', HOUR);
    await change(id, { from: '2026-11-29T02:00:00.000Z', until: '2026-11-29T04:00:00.000Z' });
    await passTo('2026-11-27T12:00:00.000Z', HOUR);
    await cancelMaintenance(mia, {
      maintenanceId: id,
      version: (await get(id)).version,
      body: 'Not needed.',
      notify: true,
    });
    await passTo('2026-11-30T12:00:00.000Z', HOUR);
    expect(await mails()).toEqual([
      '20 14:00 stakeholder ann: [Scheduled] Database upgrade',
      '22 02:00 stakeholder ann: [Reminder] Database upgrade',
      '24 12:00 stakeholder ann: [Moved] Database upgrade',
      '26 02:00 stakeholder ann: [Reminder] Database upgrade',
      '27 12:00 stakeholder ann: [Called off] Database upgrade',
    ]);
  });
});
