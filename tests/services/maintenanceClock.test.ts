import fc from 'fast-check';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { insertShifts } from '#db/rota.ts';
import { HOUR, MINUTE } from '#domain/time.ts';
import { cancelMaintenance, endMaintenance, startMaintenance } from '#services/maintenance.ts';
import { keepMaintenance } from '#services/maintenanceClock.ts';
import { changeWindow } from '#services/maintenanceWindow.ts';
import { getPublicIncident } from '#services/publicHistory.ts';
import { eachDatabase, freshSqlite } from '../support/databases.ts';
import { restrictTo } from '../support/factory.ts';
import { makeSubscribers } from '../support/people.ts';
import { FROM, maintenanceHouse, UNTIL } from './maintenanceHouse.ts';

eachDatabase('maintenance by the clock', (fresh) => {
  const house = () => maintenanceHouse(fresh);

  it('is announced, said again a day before, begins and ends by itself, and its planner is warned', async () => {
    const { db, plan, passTo, mails, said, spans, get } = await house();
    await makeSubscribers(db, 1);
    await makeSubscribers(db, 1, [], { mode: 'policy' });
    await makeSubscribers(db, 1, [], { mode: 'digest' });
    const id = await plan();
    await passTo('2026-11-25T00:00:00.000Z');
    expect(await mails()).toEqual([
      '20 14:00 maintenance person1, person2: [Scheduled] Database upgrade',
      '23 02:00 maintenance person1, person2: [Reminder] Database upgrade',
      // Who heard that it would begin and end then is not told that it did, unless they want every update.
      '24 02:00 maintenance person1: [In progress] Database upgrade',
      '24 03:45 call mia: Ends at 04:00 UTC: Database upgrade',
      '24 04:00 maintenance person1: [Completed] Database upgrade',
    ]);
    expect(await said(id)).toEqual([
      '20 14:00 scheduled: Checkout pauses for ten minutes.',
      '24 02:00 in_progress: The work has begun. It is planned to be over by 04:00 UTC.',
      '24 04:00 completed: The work is over.',
    ]);
    expect(await spans()).toEqual([[FROM, UNTIL]]);
    expect(await get(id)).toMatchObject({ status: 'completed', startedAt: FROM, resolvedAt: UNTIL });
  });

  it('begins and ends on the second however late the tick is, and says which components it touches', async () => {
    const { ctx, plan, tick, spans, get, statusOf, checkout } = await house();
    const id = await plan();
    ctx.clock.set('2026-11-24T02:00:07.300Z');
    await tick();
    expect(await statusOf(checkout.id)).toBe('under_maintenance');
    const begun = await get(id);
    expect(begun).toMatchObject({ status: 'in_progress', startedAt: FROM });
    expect(begun.updates[0]?.changes).toMatchObject([
      { code: checkout.id, old_status: 'operational', new_status: 'under_maintenance' },
    ]);
    ctx.clock.set('2026-11-24T04:00:09.000Z');
    await tick();
    expect(await spans()).toEqual([[FROM, UNTIL]]);
    expect((await get(id)).updates[0]?.changes).toMatchObject([{ new_status: 'operational' }]);
  });

  it('two processes do each deed once, and one that restarts does none again', async () => {
    const { db, ctx, plan, mails, said } = await house();
    await makeSubscribers(db, 1);
    const id = await plan();
    const other = { ...ctx, newId: () => `other${ctx.newId().slice(5)}` };
    for (const at of ['23T02:00', '24T02:00', '24T03:50', '24T04:00', '24T04:01']) {
      ctx.clock.set(`2026-11-${at}:00.000Z`);
      await Promise.all([keepMaintenance(ctx), keepMaintenance(other), keepMaintenance(ctx)]);
    }
    expect((await said(id)).map((line) => line.slice(0, 20))).toEqual([
      '20 14:00 scheduled: ',
      '24 02:00 in_progress',
      '24 04:00 completed: ',
    ]);
    const notices = await db.read((tx) =>
      tx.selectFrom('notices').select('subject').where('variant_of', 'is', null).orderBy('seq').execute(),
    );
    expect(notices.map(({ subject }) => subject)).toEqual([
      '[Scheduled] Database upgrade',
      '[Reminder] Database upgrade',
      '[In progress] Database upgrade',
      'Ends at 04:00 UTC: Database upgrade',
      '[Completed] Database upgrade',
    ]);
    expect(await mails()).toHaveLength(1);
  });

  describe('an incident that is open on its components', () => {
    it('keeps it from ending: its planner is asked, again and again, then whoever is on duty too', async () => {
      const { ctx, db, plan, passTo, declare, say, mails, get, spans } = await house();
      const shift = { id: 'shift', startsAt: '2026-11-24T00:00:00.000Z', endsAt: '2026-11-25T00:00:00.000Z' };
      const people = { primaryId: 'jonas', secondId: null, managerId: null, note: null, noteBy: null };
      await db.write((tx) => insertShifts(tx, [{ ...shift, ...people }], ctx.now()));
      const id = await plan();
      await passTo('2026-11-24T03:00:00.000Z');
      const { id: incident } = await declare({ severity: 'SEV4' });
      await passTo('2026-11-24T05:10:00.000Z');
      expect((await get(id)).status).toBe('in_progress');
      expect((await mails()).filter((mail) => mail.includes(' call '))).toEqual([
        '24 03:45 call mia: To end at 04:00 UTC: Database upgrade',
        '24 04:00 call mia: Is it over? Database upgrade',
        '24 04:30 call jonas, mia: Is it over? Database upgrade',
        '24 05:00 call jonas, mia: Is it over? Database upgrade',
      ]);
      // Nothing keeps it any more: it ends by itself, now, since it went on until now.
      await say(incident, { status: 'resolved', reason: 'Over.' });
      await passTo('2026-11-24T05:15:00.000Z');
      const ended = '2026-11-24T05:10:00.000Z';
      expect(await get(id)).toMatchObject({ status: 'completed', resolvedAt: ended });
      expect(await spans()).toEqual([[FROM, ended]]);
    });

    it('or until a person ends it', async () => {
      const { mia, plan, passTo, declare, get, mails } = await house();
      const id = await plan();
      await declare({ severity: 'SEV4' });
      await passTo('2026-11-24T04:10:00.000Z');
      const { version } = await get(id);
      await endMaintenance(mia, { maintenanceId: id, version, body: 'Done.', notify: false });
      await passTo('2026-11-24T08:00:00.000Z');
      expect((await mails()).filter((mail) => mail.includes('Is it over'))).toHaveLength(1);
    });

    it('on other components, restricted, or a drill does not', async () => {
      for (const how of ['elsewhere', 'restricted', 'drill'] as const) {
        const { db, plan, passTo, declare, cart, get } = await house();
        const id = await plan();
        const { id: incident, seq } = await declare({
          severity: 'SEV4',
          ...(how === 'elsewhere' && { components: [{ id: cart.id, status: 'major_outage' }] }),
        });
        if (how === 'restricted') await restrictTo(db, incident, { id: 'mia', role: 'comms' });
        if (how === 'drill')
          await db.write((tx) =>
            tx.updateTable('incidents').set({ drill: 1 }).where('seq', '=', seq).execute(),
          );
        await passTo(UNTIL, HOUR);
        expect((await get(id)).status).toBe('completed');
      }
    });
  });

  describe('after hours of standstill', () => {
    it('a window wholly missed is on the record as announced, nobody outside is mailed, and its planner is asked', async () => {
      const { ctx, db, plan, tick, mails, said, spans, get } = await house();
      await makeSubscribers(db, 2);
      const id = await plan();
      await tick();
      ctx.clock.set('2026-11-24T11:30:00.000Z');
      await tick();
      expect((await mails()).slice(1)).toEqual([
        '24 11:30 call mia: Nobody was here to see it: Database upgrade',
      ]);
      expect((await said(id)).slice(1)).toEqual([
        '24 11:30 completed (quiet): This was planned for 24 Nov 2026, 02:00 to 04:00 UTC, and that time is over. Nothing was said here when it began and when it ended, because this page’s clock stood still.',
      ]);
      expect(await spans()).toEqual([[FROM, UNTIL]]);
      expect(await get(id)).toMatchObject({ startedAt: FROM, resolvedAt: UNTIL });
    });

    it('one that is missed with an incident open is begun in silence, and a person is asked', async () => {
      const { ctx, db, plan, tick, declare, mails, said } = await house();
      await makeSubscribers(db, 1);
      const id = await plan();
      await tick();
      await declare({ severity: 'SEV4' });
      ctx.clock.set('2026-11-24T11:30:00.000Z');
      await tick();
      expect((await mails()).slice(1)).toEqual([
        '24 11:30 call ada, jonas, mia: Is it over? Database upgrade',
      ]);
      expect((await said(id)).at(-1)).toContain(
        'in_progress (quiet): This was planned for 24 Nov 2026, 02:00',
      );
    });

    it('a reminder is late rather than lost, but never comes once it has begun', async () => {
      const { ctx, db, plan, tick, mails } = await house();
      await makeSubscribers(db, 1, [], { mode: 'policy' });
      await plan();
      await tick();
      ctx.clock.set('2026-11-23T22:00:00.000Z');
      await tick();
      expect(await mails()).toHaveLength(2);
      await plan({ title: 'Another' });
      ctx.clock.set('2026-11-24T02:30:00.000Z');
      await tick();
      expect((await mails()).filter((mail) => mail.includes('Reminder'))).toHaveLength(1);
    });

    it('a clock that goes back says nothing twice', async () => {
      const { ctx, db, plan, tick, passTo, mails } = await house();
      await makeSubscribers(db, 1);
      await plan();
      await passTo('2026-11-24T03:50:00.000Z');
      const before = await mails();
      ctx.clock.set('2026-11-23T00:00:00.000Z');
      await tick();
      await passTo('2026-11-24T03:50:00.000Z', HOUR);
      expect(await mails()).toEqual(before);
    });
  });

  describe('reminders', () => {
    it('are left out where they would say at once what was just announced', async () => {
      const { db, plan, passTo, mails } = await house();
      await makeSubscribers(db, 1, [], { mode: 'policy' });
      await plan({ scheduledFor: '2026-11-20T17:00:00.000Z', scheduledUntil: '2026-11-20T18:00:00.000Z' });
      await passTo('2026-11-20T16:59:00.000Z');
      expect(await mails()).toHaveLength(1);
    });

    it('go with the window when it moves, and end with what is called off', async () => {
      const { db, mia, plan, passTo, mails, get } = await house();
      await makeSubscribers(db, 1, [], { mode: 'policy' });
      const id = await plan();
      await passTo('2026-11-23T02:15:00.000Z');
      await changeWindow(mia, {
        maintenanceId: id,
        version: (await get(id)).version,
        from: '2026-11-26T02:00:00.000Z',
        until: '2026-11-26T04:00:00.000Z',
        notify: true,
      });
      await passTo('2026-11-25T03:00:00.000Z');
      expect((await mails()).map((mail) => mail.slice(0, 45))).toEqual([
        '20 14:00 maintenance person1: [Scheduled] Dat',
        '23 02:00 maintenance person1: [Reminder] Data',
        '23 02:15 maintenance person1: [Moved] Databas',
        '25 02:00 maintenance person1: [Reminder] Data',
      ]);
      const other = await plan({
        scheduledFor: '2026-11-27T02:00:00.000Z',
        scheduledUntil: '2026-11-27T03:00:00.000Z',
      });
      await cancelMaintenance(mia, {
        maintenanceId: other,
        version: (await get(other)).version,
        body: 'Not needed.',
        notify: true,
      });
      const count = (await mails()).length;
      await passTo('2026-11-26T02:00:00.000Z');
      expect((await mails()).slice(count).filter((mail) => mail.includes('Reminder'))).toEqual([]);
    });

    it('an hour before go to those who asked for it, once', async () => {
      const { db, plan, passTo, mails } = await house();
      await makeSubscribers(db, 2, [], { mode: 'policy' });
      await makeSubscribers(db, 1, [], { mode: 'digest' });
      await db.write((tx) =>
        tx
          .updateTable('recipients')
          .set({ hour_before: 1 })
          .where('address', 'in', ['person2@example.org', 'person3@example.org'])
          .execute(),
      );
      await plan();
      await passTo('2026-11-24T01:59:00.000Z');
      expect((await mails()).slice(1)).toEqual([
        '23 02:00 maintenance person1, person2: [Reminder] Database upgrade',
        '24 01:00 maintenance person2, person3: [Reminder] Database upgrade',
      ]);
    });

    it('are not sent of what was planned in silence', async () => {
      const { db, plan, passTo, mails } = await house();
      await makeSubscribers(db, 1);
      await plan({ notify: false });
      await passTo('2026-11-24T05:00:00.000Z');
      expect(await mails()).toEqual(['24 03:45 call mia: Ends at 04:00 UTC: Database upgrade']);
    });
  });

  it('by hand: nothing begins or ends by itself, and its planner is asked', async () => {
    const { plan, passTo, mails, get } = await house();
    const id = await plan({ byItself: false });
    await passTo('2026-11-24T02:40:00.000Z');
    expect((await get(id)).status).toBe('scheduled');
    expect(await mails()).toEqual([
      '24 02:00 call mia: Has it begun? Database upgrade',
      '24 02:30 call ada, jonas, mia: Has it begun? Database upgrade',
    ]);
  });

  it('by hand: its end is for its planner to say, and no warning says that it comes by itself', async () => {
    for (const held of [false, true]) {
      const { db, mia, plan, passTo, declare, get } = await house();
      const id = await plan({ byItself: false });
      await passTo('2026-11-24T02:05:00.000Z');
      const { version } = await get(id);
      await startMaintenance(mia, { maintenanceId: id, version, body: 'It begins.', notify: false });
      if (held) await declare({ severity: 'SEV4' });
      await passTo('2026-11-24T03:50:00.000Z');
      const warning = await db.read((tx) =>
        tx
          .selectFrom('notices')
          .select(['subject', 'text'])
          .where('kind', '=', 'call')
          .orderBy('seq', 'desc')
          .executeTakeFirstOrThrow(),
      );
      expect(warning.subject).toBe('To end at 04:00 UTC: Database upgrade');
      const text = warning.text.replace(/\s+/g, ' ');
      expect(text).toContain('It does not end by itself: it is for you to end it.');
      expect(text).toContain('At 04:00 UTC you will be asked whether it is over.');
      expect(text).not.toContain('It ends by itself');
      expect(text.includes('is open on its components')).toBe(held);
      await passTo('2026-11-24T04:05:00.000Z');
      expect((await get(id)).status).toBe('in_progress');
    }
  });

  it('is asked of others when its planner can no longer sign in', async () => {
    const { plan, passTo, mails, disable } = await house();
    await plan();
    await disable('mia');
    await passTo('2026-11-24T03:45:00.000Z', HOUR / 4);
    expect(await mails()).toEqual(['24 03:45 call ada, jonas: Ends at 04:00 UTC: Database upgrade']);
  });

  it('what was imported is minded elsewhere: nothing happens to it by itself', async () => {
    const { db, plan, passTo, get } = await house();
    const id = await plan();
    await db.write((tx) => tx.deleteFrom('maintenance_words').execute());
    await db.write((tx) => tx.deleteFrom('maintenance_plans').execute());
    await passTo('2026-11-24T06:00:00.000Z', HOUR);
    expect((await get(id)).status).toBe('scheduled');
  });

  it('the public page and its visitors see it begin and end', async () => {
    const { ctx, plan, passTo } = await house();
    const id = await plan();
    await passTo('2026-11-24T02:00:00.000Z', HOUR);
    expect((await getPublicIncident(ctx, id, 'maintenance')).incident).toMatchObject({
      status: 'in_progress',
      startedAt: FROM,
    });
    await passTo('2026-11-24T04:00:00.000Z', HOUR / 2);
    expect((await getPublicIncident(ctx, id, 'maintenance')).incident).toMatchObject({
      status: 'completed',
      resolvedAt: UNTIL,
    });
  });
});

it('whenever it ticks and wherever it is killed, each thing is said once and the record is the same', async () => {
  const EXPECTED = [
    '[Scheduled] Database upgrade',
    '[Reminder] Database upgrade',
    '[In progress] Database upgrade',
    'Ends at 04:00 UTC: Database upgrade',
    '[Completed] Database upgrade',
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({ waits: fc.integer({ min: 1, max: 13 }), dies: fc.constantFrom('no', 'before', 'after') }),
        {
          minLength: 60,
          maxLength: 60,
        },
      ),
      async (steps) => {
        const db = await freshSqlite();
        try {
          const { ctx, plan, spans } = await maintenanceHouse(async () => db);
          await makeSubscribers(db, 1);
          await plan();
          ctx.clock.set('2026-11-24T00:00:00.000Z');
          for (const { waits, dies } of steps) {
            const killed = {
              ...ctx,
              db: {
                ...db,
                write: async <T>(work: Parameters<typeof db.write<T>>[0]): Promise<T> => {
                  // Killed with the transaction open, or once it is on disk and nobody heard of it.
                  const result = await db.write<T>(async (tx) => {
                    const inside = await work(tx);
                    if (dies === 'before') throw new Error('killed');
                    return inside;
                  });
                  if (dies === 'after') throw new Error('killed');
                  return result;
                },
              },
            };
            await keepMaintenance(killed).catch(() => undefined);
            ctx.clock.advance(waits * MINUTE);
          }
          ctx.clock.set('2026-11-24T14:00:00.000Z');
          while (await keepMaintenance(ctx));
          const notices = await db.read((tx) =>
            tx
              .selectFrom('notices')
              .select('subject')
              .where('variant_of', 'is', null)
              .orderBy('seq')
              .execute(),
          );
          const subjects = notices.map(({ subject }) => subject);
          // A warning may be missed where nobody looked in its quarter of an hour; the rest never is.
          expect(subjects.filter((one) => !one.startsWith('Ends'))).toEqual(
            EXPECTED.filter((one) => !one.startsWith('Ends')),
          );
          expect(new Set(subjects).size).toBe(subjects.length);
          expect(await spans()).toEqual([[FROM, UNTIL]]);
        } finally {
          await db.close();
        }
      },
    ),
    { numRuns: 12 },
  );
});

describe('maintenance by the clock', () => {
  it('keeps the others when one cannot be kept, and goes on with that once it can', async () => {
    const { db, ctx, plan, tick, get } = await maintenanceHouse(freshSqlite);
    const [stuck, other] = [await plan(), await plan()];
    await db.write((tx) =>
      sql`create trigger stuck before update on incidents when new.id = ${sql.lit(stuck)}
        begin select raise(abort, 'stuck'); end`.execute(tx),
    );
    ctx.clock.set('2026-11-24T02:00:07.300Z');
    await expect(tick()).rejects.toThrow('stuck');
    expect([(await get(stuck)).status, (await get(other)).status]).toEqual(['scheduled', 'in_progress']);
    await db.write((tx) => sql`drop trigger stuck`.execute(tx));
    await tick();
    expect((await get(stuck)).status).toBe('in_progress');
  });
});
