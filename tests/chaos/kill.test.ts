import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, it } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { openDatabase } from '#db/open.ts';
import { postNotice, rendered } from '../delivery/support.ts';
import { eachDatabaseUrl } from '../support/databases.ts';
import { startFakeResend } from '../support/fakeResend.ts';
import { makeSubscribers } from '../support/people.ts';
import { expectOnce, isWorkLeft } from './people.ts';
import { endAll, loadAhead, type Worker } from './processes.ts';
import { chance, count, PATIENCE, SEED } from './size.ts';
import { badWeather } from './weather.ts';

/**
 * Lost 0, doubled 0: of one or two real workers on one database, one is killed with SIGKILL at random moments of a fan-out, again and
 * again. The provider takes its time, finishes what a dead caller began, and one call in eight meets something worse.
 */
const KILLS = count('CHAOS_KILLS', { quick: 20, full: 200 });
const PEOPLE = count('CHAOS_PEOPLE', { quick: 3_000, full: 20_000 });
/** Between two kills. */
const REST_MS = 300;
const SLOWEST_MS = 400;

afterEach(endAll);

eachDatabaseUrl('killed with SIGKILL', (place) => {
  it(`${KILLS} kills over ${PEOPLE} people: everyone gets every notice exactly once`, PATIENCE, async () => {
    const begun = Date.now();
    const random = chance();
    const databaseUrl = await place();
    const db = await openDatabase(databaseUrl);
    await migrate(db, new Date().toISOString());
    const people = await makeSubscribers(db, PEOPLE);
    const weather = badWeather(chance(1));
    const fake = await startFakeResend({
      latencyMs: () => random() * SLOWEST_MS,
      chance: weather.next,
      forgetful: true,
    });

    const worker = { databaseUrl, transport: 'resend' as const, provider: fake.url };
    let spare = loadAhead(worker);
    const start = async () => {
      const next = await spare;
      spare = loadAhead(worker);
      await next.begin();
      return next;
    };
    const subjects: string[] = [];
    const alive: Worker[] = [];
    for (let kills = 0; kills < KILLS; ) {
      if (!(await isWorkLeft(db))) {
        const mail = rendered(`Update ${subjects.length + 1}`, 1_000);
        subjects.push(mail.subject);
        await postNotice(db, new Date().toISOString(), { mail });
      }
      while (alive.length < (random() < 0.5 ? 1 : 2)) alive.push(await start());
      await wait(random() * REST_MS);
      const [victim] = alive.splice(Math.floor(random() * alive.length), 1);
      await victim?.kill();
      // A kill that came when all was done proves nothing.
      if (await isWorkLeft(db)) kills++;
    }
    await start();
    while (await isWorkLeft(db)) await wait(50);

    await expectOnce(db, fake, { people, subjects });
    const seconds = Math.round((Date.now() - begun) / 1000);
    console.log(
      `chaos: seed ${SEED}, ${KILLS} kills, ${subjects.length} fan-outs to ${PEOPLE} people, ${fake.taken} mails, ` +
        `${fake.calls.length} calls (${weather.told()}): lost 0, doubled 0, ${seconds} s`,
    );
    await fake.close();
    await db.close();
  });
});
