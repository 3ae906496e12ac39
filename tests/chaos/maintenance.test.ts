import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { openDatabase } from '#db/open.ts';
import { addMs, DAY, HOUR } from '#domain/time.ts';
import { scheduleMaintenance } from '#services/maintenance.ts';
import { testClock, testContext } from '../support/context.ts';
import { eachDatabaseUrl } from '../support/databases.ts';
import { makeComponent, makePage } from '../support/factory.ts';
import { makeSubscribers } from '../support/people.ts';
import { endAll, type Process, startProcess } from './processes.ts';
import { chance, count, PATIENCE, SEED } from './size.ts';

const KILLS = count('CHAOS_KILLS', { quick: 12, full: 100 });
const WINDOWS = 8;
const START = '2026-11-20T14:00:00.000Z';
/** A day in some seconds. */
const SPEED = 8_000;

afterEach(endAll);

eachDatabaseUrl('clocks that are killed', (place) => {
  it(
    `up to ${KILLS} kills of one of three processes: each window is begun and ended once, each word said once`,
    PATIENCE,
    async () => {
      const random = chance(7);
      const databaseUrl = await place();
      const db = await openDatabase(databaseUrl);
      await migrate(db, START);
      await makePage(db);
      await makeSubscribers(db, 1);
      const component = await makeComponent(db);
      const ctx = testContext(db, { clock: testClock(START) });
      for (let index = 0; index < WINDOWS; index++)
        await scheduleMaintenance(ctx, {
          title: `Work ${index}`,
          body: 'Short breaks.',
          scheduledFor: addMs(START, 2 * DAY + index * 3 * HOUR),
          scheduledUntil: addMs(START, 2 * DAY + index * 3 * HOUR + 2 * HOUR),
          components: [component.id],
          notify: true,
        });
      const time = { databaseUrl, began: Date.now(), from: Date.parse(START) + DAY - HOUR, speed: SPEED };
      const start = () =>
        startProcess(process.execPath, [
          join(import.meta.dirname, 'maintenanceClock.ts'),
          JSON.stringify(time),
        ]);
      const alive: Process[] = [];
      const left = async () =>
        (
          await db.read((tx) =>
            tx.selectFrom('incidents').select('id').where('resolved_at', 'is', null).execute(),
          )
        ).length;
      let kills = 0;
      while (await left()) {
        while (alive.length < 3) alive.push(start());
        await wait(random() * 600);
        if (kills >= KILLS) continue;
        const [victim] = alive.splice(Math.floor(random() * alive.length), 1);
        await victim?.kill();
        kills++;
      }
      const updates = await db.read((tx) =>
        tx
          .selectFrom('updates as u')
          .innerJoin('incidents as i', 'i.seq', 'u.incident_seq')
          .select(['i.title', 'u.status'])
          .orderBy('i.title')
          .orderBy('u.seq')
          .execute(),
      );
      const notices = await db.read((tx) =>
        tx.selectFrom('notices').select('subject').where('variant_of', 'is', null).execute(),
      );
      const claims = await db.read((tx) =>
        tx
          .selectFrom('claims')
          .select(['starts_at', 'ends_at'])
          .where('voided_at', 'is', null)
          .orderBy('starts_at')
          .execute(),
      );
      const begun = (one: (typeof updates)[number]) => one.status === 'in_progress';
      const missed = WINDOWS - updates.filter(begun).length;
      console.info(
        `maintenance: seed ${SEED}, ${kills} kills, ${missed} of ${WINDOWS} windows passed unseen`,
      );
      for (let index = 0; index < WINDOWS; index++) {
        const own = updates.filter(({ title }) => title === `Work ${index}`).map(({ status }) => status);
        expect([
          ['scheduled', 'in_progress', 'completed'],
          // Where nobody lived to see it.
          ['scheduled', 'completed'],
        ]).toContainEqual(own);
        expect(claims[index]).toEqual({
          starts_at: addMs(START, 2 * DAY + index * 3 * HOUR),
          ends_at: addMs(START, 2 * DAY + index * 3 * HOUR + 2 * HOUR),
        });
      }
      expect(claims).toHaveLength(WINDOWS);
      const subjects = notices.map(({ subject }) => subject);
      expect(new Set(subjects).size).toBe(subjects.length);
      expect(subjects.filter((one) => one.startsWith('[Reminder]')).length).toBeGreaterThan(0);
      await db.close();
    },
  );
});
