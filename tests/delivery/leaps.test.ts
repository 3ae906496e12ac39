import { beforeAll, expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { beatWorker, listWorkers } from '#db/workers.ts';
import { createFollower, watchClock } from '#delivery/leaps.ts';
import { RENEW_MS } from '#delivery/lease.ts';
import { addMs, DAY, HOUR, type Instant, MINUTE, msBetween } from '#domain/time.ts';
import { seededRandom } from '../support/chance.ts';
import { type TestClock, testClock } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';

/** One worker with a clock of its own, as far as it beats. */
function worker(db: Db, id: string, clock: TestClock) {
  const watch = watchClock(clock.now);
  const follower = createFollower(watch);
  watch.now();
  return {
    watch,
    follow: () => follower.follow(db),
    /** Whether it believes its clock about how long ago something was. */
    beat: async (times = 1) => {
      let believed = false;
      for (let beat = 0; beat < times; beat++) {
        clock.advance(RENEW_MS);
        await follower.follow(db);
        believed = await db.write(async (tx) => {
          const judged = watch.judge(await listWorkers(tx));
          await beatWorker(tx, { id, role: 'mail:resend', now: judged.now });
          return judged.believed;
        });
      }
      return believed;
    },
  };
}

const TEN_MINUTES = (10 * MINUTE) / RENEW_MS;

let keys = 0;

/** A batch whose outcome is unknown since then. */
async function unknownSince(db: Db, at: Instant): Promise<() => Promise<Instant>> {
  const { seq } = await db.write((tx) =>
    tx
      .insertInto('batches')
      .values({
        transport: 'resend',
        idempotency_key: `b1/${++keys}`,
        generation: 0,
        priority: 1,
        size: 1,
        body: Buffer.from('x'),
        body_sha256: '',
        state: 'frozen',
        fence: 1,
        attempts: 1,
        first_attempt_at: at,
        not_before: at,
        created_at: at,
        lease_owner: null,
        lease_until: null,
        settled_at: null,
        last_error: null,
      })
      .returning('seq')
      .executeTakeFirstOrThrow(),
  );
  return async () => {
    const row = await db.read((tx) =>
      tx.selectFrom('batches').select('first_attempt_at').where('seq', '=', seq).executeTakeFirstOrThrow(),
    );
    return row.first_attempt_at as Instant;
  };
}

eachDatabase('how long ago something was, by a clock that leaps', (fresh) => {
  it('is not believed in the first ten minutes, nor for ten minutes after a leap', async () => {
    const db = await fresh();
    const clock = testClock();
    const one = worker(db, 'a:1:1', clock);
    expect(await one.beat(TEN_MINUTES - 1)).toBe(false);
    expect(await one.beat()).toBe(true);
    for (const leap of [DAY, -DAY]) {
      clock.advance(leap);
      expect(await one.beat(TEN_MINUTES - 1)).toBe(false);
      expect(await one.beat(2)).toBe(true);
    }
  });

  it('is judged at the moment of use: a leap while the beat waits for its turn is seen', async () => {
    const db = await fresh();
    const clock = testClock();
    const one = worker(db, 'a:1:1', clock);
    expect(await one.beat(TEN_MINUTES)).toBe(true);
    await one.follow();
    clock.advance(DAY);
    expect(one.watch.judge([])).toEqual({ now: clock.now(), believed: false });
  });

  it('is not believed while another worker has another time, nor once others have moved what is written', async () => {
    const db = await fresh();
    const [here, there] = [testClock(), testClock()];
    const one = worker(db, 'a:1:1', here);
    const other = worker(db, 'b:1:1', there);
    const together = async (times: number) => {
      let believed = false;
      for (let beat = 0; beat < times; beat++) {
        await other.beat();
        believed = await one.beat();
      }
      return believed;
    };
    expect(await together(TEN_MINUTES + 1)).toBe(true);
    const since = await unknownSince(db, addMs(here.now(), -MINUTE));
    // The other's clock is set back, and it moves all times before our next beat.
    there.advance(-DAY);
    await other.beat();
    expect(msBetween(await since(), here.now())).toBeGreaterThan(23 * HOUR);
    expect(await one.beat()).toBe(false);
    expect(await together(2 * TEN_MINUTES)).toBe(false);
    // Ours follows: they agree.
    here.advance(-DAY);
    expect(await together(TEN_MINUTES + 2)).toBe(true);
    expect(msBetween(await since(), here.now())).toBeLessThan(HOUR);
  });
});

eachDatabase('since when an outcome is unknown', (fresh) => {
  /** A worker whose clock leaps, and a batch from before the first leap. */
  let db: Db;
  beforeAll(async () => {
    db = await fresh();
  });
  async function house() {
    await db.write((tx) => tx.deleteFrom('batches').execute());
    await db.write((tx) => tx.deleteFrom('workers').execute());
    const clock = testClock();
    const one = worker(db, 'a:1:1', clock);
    await one.beat();
    const start = clock.now();
    const since = await unknownSince(db, addMs(start, -HOUR));
    let leapt = 0;
    const leap = (by: number) => {
      clock.advance(by);
      leapt += by;
      one.watch.now();
    };
    /** How long ago that really was, and how long ago it seems to be. */
    const ages = async () => ({
      true: msBetween(start, clock.now()) - leapt + HOUR,
      seems: msBetween(await since(), clock.now()),
    });
    return { db, clock, one, leap, ages };
  }

  it('is told right after several leaps between two beats, whichever of them it was written after', async () => {
    const { db, clock, one, leap, ages } = await house();
    leap(DAY);
    const ahead = await unknownSince(db, clock.now());
    clock.advance(1_000);
    leap(-DAY);
    clock.advance(1_000);
    leap(-DAY);
    await one.beat();
    const { true: truly, seems } = await ages();
    expect(Math.abs(seems - truly)).toBeLessThan(MINUTE);
    expect(Math.abs(msBetween(await ahead(), clock.now()) - RENEW_MS - 2_000)).toBeLessThan(MINUTE);
  });

  it('is put right with a clock that was set back, followed, and put right', async () => {
    const { db, clock, one, leap, ages } = await house();
    leap(-DAY);
    await one.beat();
    const meanwhile = await unknownSince(db, clock.now());
    await one.beat(3);
    leap(DAY);
    await one.beat();
    const { true: truly, seems } = await ages();
    expect(Math.abs(seems - truly)).toBeLessThan(MINUTE);
    expect(msBetween(await meanwhile(), clock.now())).toBeLessThan(MINUTE);
  });

  it('is never told shorter than it is; and once the clock is right again, leaps by a day have left no trace', async () => {
    const BY_DAYS = [-DAY, 0, DAY];
    for (let seed = 1; seed <= 20; seed++)
      for (const places of [BY_DAYS, [...BY_DAYS, -3 * HOUR, 5 * HOUR, -2 * DAY]]) {
        const random = seededRandom(seed);
        const { db, clock, one, leap, ages } = await house();
        const start = clock.now();
        let ahead = 0;
        /** By a clock that never leapt. */
        const truly = () => msBetween(start, clock.now()) - ahead;
        const others: { since: () => Promise<Instant>; at: number }[] = [];
        const way: string[] = [`seed ${seed}`];
        for (let left = 7; left >= 0; left--) {
          const place = left ? (places[Math.floor(random() * places.length)] as number) : 0;
          leap(place - ahead);
          ahead = place;
          way.push(`${place / HOUR} h`);
          if (random() < 0.4) {
            clock.advance(Math.floor(random() * 3_000));
            one.watch.now();
            others.push({ since: await unknownSince(db, clock.now()), at: truly() });
          }
          if (left && random() < 0.4) continue;
          await one.beat(1 + Math.floor(random() * 3));
          way.push('beat');
          const errors = [await ages().then((age) => age.seems - age.true)];
          for (const { since, at } of others)
            errors.push(msBetween(await since(), clock.now()) - (truly() - at));
          expect(Math.min(...errors), way.join()).toBeGreaterThan(-MINUTE);
          if (!left && places === BY_DAYS) expect(Math.max(...errors), way.join()).toBeLessThan(MINUTE);
        }
      }
  });

  it('stays as it is after a leap forward that nobody takes back: the machine may have slept', async () => {
    const { one, leap, ages } = await house();
    leap(DAY);
    await one.beat(TEN_MINUTES);
    expect((await ages()).seems - (await ages()).true).toBe(DAY);
  });
});
