import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { listWorkers } from '#db/workers.ts';
import { type Dispatcher, startDispatcher } from '#delivery/dispatcher.ts';
import { RENEW_MS } from '#delivery/lease.ts';
import { addMs, DAY, HOUR, MINUTE, msBetween } from '#domain/time.ts';
import {
  batches,
  expandAll,
  fakeTransport,
  postNotice,
  rendered,
  rigEngine,
  states,
} from '../delivery/support.ts';
import { type TestClock, testClock, testContext } from '../support/context.ts';
import { eachDatabase, eachDatabaseUrl } from '../support/databases.ts';
import { type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { makeSubscribers } from '../support/people.ts';
import { expectOnce, isAnyQueued, isWorkLeft } from './people.ts';
import { endAll, startWorker, until } from './processes.ts';
import { chance, count, PATIENCE, SEED } from './size.ts';
import { badWeather } from './weather.ts';

let fake: FakeResend;
const running: Dispatcher[] = [];
beforeEach(async () => {
  fake = await startFakeResend();
});
afterEach(async () => {
  vi.useRealTimers();
  for (const dispatcher of running.splice(0)) await dispatcher.stop();
  await endAll();
  await fake.close();
});

/** A dispatcher whose beats come when they are told to. */
function dispatcherOf(db: Db, clock: TestClock): { beat: (times?: number) => Promise<void> } {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const ctx = testContext(db, { clock });
  running.push(
    startDispatcher({
      ...ctx,
      random: () => 0.5,
      transport: fakeTransport(fake),
      config: {} as Parameters<typeof startDispatcher>[0]['config'],
    }),
  );
  return {
    beat: async (times = 1) => {
      for (let beat = 0; beat < times; beat++) {
        clock.advance(1);
        const time = clock.now();
        vi.advanceTimersByTime(RENEW_MS);
        await until(async () => (await db.read(listWorkers)).some(({ beatAt }) => beatAt === time));
      }
    },
  };
}

const held = () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  fake.next({ kind: 'takeAndHold', until: promise });
  return resolve;
};

eachDatabase('a clock that is set forward by a day', (fresh) => {
  it('takes nothing from those who are at it: calls under way are neither begun again nor given up', async () => {
    const db = await fresh();
    const clock = testClock();
    const people = await makeSubscribers(db, 50);
    await postNotice(db, clock.now(), { mail: rendered('Only') });
    await expandAll(db, clock.now);
    // No pace keeps it from calling again at once.
    const rig = await rigEngine(db, { ...fakeTransport(fake), paced: false }, { clock });
    const answer = held();
    await rig.engine.round();
    await until(() => fake.taken === 50);
    // Its lease looks gone, then its key, too.
    for (const leap of [HOUR, DAY]) {
      clock.advance(leap);
      await rig.engine.round();
      expect(fake.calls).toHaveLength(1);
    }
    answer();
    await until(() => rig.engine.hasResults());
    expect(rig.engine.inFlight()).toHaveLength(1);
    await rig.drain();
    expect(fake.calls).toHaveLength(1);
    await expectOnce(db, fake, { people, subjects: ['Only'] });
  });

  it('gives up nothing at once; put right within ten minutes, what had no answer goes on and arrives once', async () => {
    const db = await fresh();
    const clock = testClock();
    const people = await makeSubscribers(db, 50);
    await postNotice(db, clock.now(), { mail: rendered('Only') });
    fake.next({ kind: 'takeAndDrop' });
    const { beat } = dispatcherOf(db, clock);
    await until(async () => (await batches(db))[0]?.attempts === 1);
    clock.advance(DAY);
    await beat(100);
    expect(await states(db)).toEqual({ in_batch: 50 });
    expect(fake.calls).toHaveLength(1);
    clock.advance(-DAY);
    await beat();
    clock.advance(1_000);
    await until(async () => !(await isWorkLeft(db)));
    await expectOnce(db, fake, { people, subjects: ['Only'] });
    expect(fake.calls).toHaveLength(2);
  });

  it('is believed after ten minutes: what had no answer for a day is uncertain, and never repeated', async () => {
    const db = await fresh();
    const clock = testClock();
    await makeSubscribers(db, 50);
    await postNotice(db, clock.now());
    fake.next({ kind: 'takeAndDrop' });
    const { beat } = dispatcherOf(db, clock);
    await until(async () => (await batches(db))[0]?.attempts === 1);
    clock.advance(DAY);
    await beat(2 + (10 * MINUTE) / RENEW_MS);
    await until(async () => !(await isWorkLeft(db)));
    expect(await states(db)).toEqual({ uncertain: 50 });
    expect(fake.calls).toHaveLength(1);
  });
});

eachDatabase('a clock that is set back by a day', (fresh) => {
  it('keeps nobody waiting for a day: what was due, what waited and what the provider asked for goes on', async () => {
    const db = await fresh();
    const clock = testClock();
    const people = await makeSubscribers(db, 450);
    await postNotice(db, clock.now(), { mail: rendered('First') });
    const reply = { statusCode: 429, name: 'rate_limit_exceeded', message: 'Too many.' };
    // One batch waits for its answer to be asked for again, the provider wants a minute, the rest is queued.
    fake.next(
      { kind: 'takeAndDrop' },
      { kind: 'answer', status: 429, body: JSON.stringify(reply), headers: { 'retry-after': '60' } },
    );
    const { beat } = dispatcherOf(db, clock);
    await until(async () => (await batches(db))[0]?.attempts === 1);
    clock.advance(2_000);
    await until(async () => (await batches(db)).some(({ last_error }) => /Too many/.test(last_error ?? '')));
    expect((await states(db)).queued).toBeGreaterThan(0);
    await beat();

    clock.advance(-DAY);
    await postNotice(db, clock.now(), { mail: rendered('Second') });
    await beat();
    await until(async () =>
      (await batches(db)).every((batch) => batch.not_before <= addMs(clock.now(), MINUTE)),
    );
    expect(fake.calls).toHaveLength(2);
    clock.advance(MINUTE);
    await until(async () => {
      clock.advance(1_000);
      return !(await isWorkLeft(db));
    });
    await expectOnce(db, fake, { people, subjects: ['First', 'Second'] });
  });

  it('delays no call that was about to begin: in real time nobody waits until the clock says again what it said', async () => {
    const db = await fresh();
    const clock = testClock();
    const people = await makeSubscribers(db, 3);
    await postNotice(db, clock.now(), { mail: rendered('Only') });
    let isFrozen = false;
    const leaping: Db = {
      ...db,
      write: async (work) => {
        const result = await db.write(work);
        const before = isFrozen;
        isFrozen = (await batches(db)).length > 0;
        // Between the commit that gives the slot and the call.
        if (isFrozen && !before) clock.advance(-DAY);
        return result;
      },
    };
    dispatcherOf(leaping, clock);
    await until(async () => isFrozen && !(await isWorkLeft(db)));
    await expectOnce(db, fake, { people, subjects: ['Only'] });
  });

  it('leaves a release its window, and tells whoever confirmed by the old clock', async () => {
    const db = await fresh();
    const clock = testClock();
    const people = await makeSubscribers(db, 3);
    const { beat } = dispatcherOf(db, clock);
    await beat();
    await db.write((tx) => tx.updateTable('recipients').set({ confirmed_at: clock.now() }).execute());
    clock.advance(-DAY);
    await beat();
    await until(async () =>
      (await db.read((tx) => tx.selectFrom('recipients').select('confirmed_at').execute())).every(
        ({ confirmed_at }) => (confirmed_at as string) <= clock.now(),
      ),
    );
    const seq = await postNotice(db, clock.now(), { mail: rendered('Only') });
    await db.write((tx) =>
      tx
        .updateTable('fanouts')
        .set({ release_at: addMs(clock.now(), 10_000) })
        .where('notice_seq', '=', seq)
        .execute(),
    );
    await beat();
    expect(fake.calls).toEqual([]);
    clock.advance(10_000);
    await until(async () => !(await isWorkLeft(db)));
    await expectOnce(db, fake, { people, subjects: ['Only'] });
  });

  it('does not make a key younger than it is, or it would be trusted for a day too long', async () => {
    const db = await fresh();
    const clock = testClock();
    await makeSubscribers(db, 3);
    await postNotice(db, clock.now());
    fake.next({ kind: 'takeAndDrop' });
    const { beat } = dispatcherOf(db, clock);
    await until(async () => (await batches(db))[0]?.attempts === 1);
    const first = (await batches(db))[0]?.first_attempt_at as string;
    clock.advance(-DAY);
    await beat();
    const moved = msBetween((await batches(db))[0]?.first_attempt_at as string, first);
    expect(Math.round(moved / MINUTE)).toBe(DAY / MINUTE);
  });

  it('nor does a call that was under way meanwhile, when it comes back without an answer', async () => {
    const db = await fresh();
    const clock = testClock();
    await makeSubscribers(db, 3);
    await postNotice(db, clock.now());
    const { promise, resolve } = Promise.withResolvers<void>();
    fake.next(
      { kind: 'takeAndDrop' },
      { kind: 'takeAndHold', until: promise, after: { kind: 'takeAndDrop' } },
    );
    const { beat } = dispatcherOf(db, clock);
    await until(async () => (await batches(db))[0]?.attempts === 1);
    clock.advance(2_000);
    await until(() => fake.calls.length === 2);
    clock.advance(-DAY);
    await beat();
    resolve();
    await until(async () => (await batches(db))[0]?.attempts === 2);
    expect(((await batches(db))[0]?.first_attempt_at as string) <= clock.now()).toBe(true);
  });
});

const LEAPS = count('CHAOS_LEAPS', { quick: 3, full: 40 });
const PEOPLE = count('CHAOS_PEOPLE', { quick: 2_000, full: 20_000 });

eachDatabaseUrl('the clocks of two workers, each set forward and back by a day or two', (place) => {
  it(
    `${LEAPS} times at random moments of fan-outs to ${PEOPLE} people: lost 0, doubled 0, nothing given up`,
    PATIENCE,
    async () => {
      const databaseUrl = await place();
      const random = chance();
      const weather = badWeather(chance(1));
      await fake.close();
      fake = await startFakeResend({
        latencyMs: () => 200 + random() * 600,
        // What has no answer is what a leap could cost.
        chance: () => (random() < 0.2 ? { kind: random() < 0.5 ? 'drop' : 'takeAndDrop' } : weather.next()),
        forgetful: true,
      });
      const db = await openDatabase(databaseUrl);
      await migrate(db, new Date().toISOString());
      const people = await makeSubscribers(db, PEOPLE);
      const options = { databaseUrl, transport: 'resend' as const, provider: fake.url };
      const workers = [await startWorker(options), await startWorker(options)];
      let ahead = 0;
      const subjects: string[] = [];
      const post = async () => {
        subjects.push(`Update ${subjects.length + 1}`);
        await postNotice(db, addMs(new Date().toISOString(), ahead), { mail: rendered(subjects.at(-1)) });
      };
      // Mostly soon, so that leaps follow each other before anyone has followed the first; sometimes not.
      const moment = (longestMs: number) => wait(random() ** 3 * longestMs);
      const leapTo = async (next: number) => {
        // What had no answer may wait for the clock to be put right: a leap does not wait for that, but for something new to begin.
        if (!(await isAnyQueued(db))) await post();
        const before = fake.calls.length;
        await until(async () => fake.calls.length > before || !(await isAnyQueued(db)));
        await moment(8_000);
        ahead = next;
        const [first, second] = random() < 0.5 ? workers : workers.toReversed();
        first?.tell(String(ahead));
        await moment(2_000);
        second?.tell(String(ahead));
      };
      for (let left = LEAPS - 1; left > 0; left--) {
        const others = [-DAY, 0, DAY].filter((other) => other !== ahead && (left > 1 || other !== -DAY));
        await leapTo(others[Math.floor(random() * others.length)] as number);
        if (random() < 0.5) await post();
      }
      // It stays wrong: a day behind what is right.
      await leapTo(-DAY);
      await post();
      await until(async () => !(await isWorkLeft(db)));
      await expectOnce(db, fake, { people, subjects });
      console.log(
        `chaos: seed ${SEED}, ${LEAPS} leaps of a day or two, ${subjects.length} fan-outs to ${PEOPLE} people, ` +
          `${fake.calls.length} calls (${weather.told()}): lost 0, doubled 0, given up 0`,
      );
      await db.close();
    },
  );
});
