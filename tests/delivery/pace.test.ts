import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Call, getProvider } from '#db/providers.ts';
import {
  arrivalOf,
  learnRate,
  nextOpening,
  pruned,
  quickestOf,
  withAnswer,
  withCall,
  withStrangers,
} from '#delivery/pace.ts';
import { testClock } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { makeSubscribers } from '../support/people.ts';
import { expandAll, fakeTransport, postNotice, type Rig, rigEngine, states } from './support.ts';

const RATE = { limit: 5, windowMs: 1_000 };

describe('the window', () => {
  it('lets as many calls begin at once as are allowed, when they are urgent, and the next when the first has left', () => {
    let calls: Call[] = [];
    const begins: number[] = [];
    for (let id = 1; id <= 7; id++) {
      const at = nextOpening(calls, RATE, { now: 10_000, urgent: true });
      begins.push(at);
      calls = withAnswer(withCall(calls, id, at), { id, began: at, arrived: at + 20 });
    }
    expect(begins).toEqual([10_000, 10_000, 10_000, 10_000, 10_000, 11_020, 11_020]);
  });

  it('spreads what is not urgent, so that an urgent call never finds a whole window just spent', () => {
    let calls: Call[] = [];
    for (let id = 1; id <= 40; id++) {
      const at = nextOpening(calls, RATE, { now: 0, urgent: false });
      const urgent = nextOpening(calls, RATE, { now: calls.at(-1)?.[1] ?? 0, urgent: true });
      expect(urgent - (calls.at(-1)?.[1] ?? 0)).toBeLessThan(500);
      calls = withAnswer(withCall(calls, id, at), { id, began: at, arrived: at });
    }
    // 40 calls at 5 a second, the first of them at once.
    expect(calls.at(-1)?.[1]).toBeLessThanOrEqual(8_000);
  });

  it('never allows more arrivals in any window than the provider does, whatever each call takes on its way', () => {
    const journeys = fc.array(
      fc.record({ there: fc.integer({ min: 0, max: 60 }), urgent: fc.boolean(), pause: fc.nat(300) }),
      { minLength: 1, maxLength: 60 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 }), journeys, (limit, all) => {
        const rate = { limit, windowMs: 1_000 };
        let calls: readonly Call[] = [];
        let now = 0;
        const arrivals: number[] = [];
        // The quickest takes 100 ms there and back; what a call takes more, it takes on its way there.
        for (const [id, { there, urgent, pause }] of all.entries()) {
          now = Math.max(
            now + pause,
            nextOpening(pruned(calls, rate, now), rate, { now: now + pause, urgent }),
          );
          arrivals.push(now + 50 + there);
          const arrived = arrivalOf(now, now + 100 + there, 100);
          calls = withAnswer(withCall(calls, id + 1, now), { id: id + 1, began: now, arrived });
        }
        const sorted = arrivals.toSorted((a, b) => a - b);
        for (const [index, at] of sorted.entries())
          expect(at - (sorted[index - limit] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(1_000);
      }),
    );
  });

  it('never allows more when the first calls are slow, as they open connections', () => {
    const cold = fc.array(fc.integer({ min: 0, max: 80 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(cold, fc.integer({ min: 1, max: 5 }), (slower, limit) => {
        const rate = { limit, windowMs: 1_000 };
        let calls: readonly Call[] = [];
        let now = 0;
        const trips: number[] = [];
        const arrivals: number[] = [];
        for (let id = 1; id <= 30; id++) {
          now = nextOpening(pruned(calls, rate, now), rate, { now, urgent: true });
          const there = 10 + (slower[id - 1] ?? 0);
          arrivals.push(now + there);
          const arrived = arrivalOf(now, now + there + 100, quickestOf(trips));
          trips.push(there + 100);
          calls = withAnswer(withCall(calls, id, now), { id, began: now, arrived });
        }
        const sorted = arrivals.toSorted((a, b) => a - b);
        for (const [index, at] of sorted.entries())
          expect(at - (sorted[index - limit] ?? Number.NEGATIVE_INFINITY)).toBeGreaterThanOrEqual(1_000);
      }),
    );
  });

  it('counts a call without an answer, and one of which no usual time is known, as long on its way', () => {
    expect(arrivalOf(1_000, null, 100)).toBe(1_100);
    expect(arrivalOf(1_000, 1_005, null)).toBe(1_100);
    expect(arrivalOf(1_000, 1_090, 90)).toBe(1_008);
    expect(arrivalOf(1_000, 1_120, 90)).toBe(1_038);
    expect(arrivalOf(1_000, 9_000, 90)).toBe(1_100);
    // Quicker than ever before.
    expect(arrivalOf(1_000, 1_050, 90)).toBe(1_008);
  });

  it('is not stopped for long by calls of a clock that was set back', () => {
    expect(pruned([[1, 90_000, 90_010]], RATE, 10_000)).toEqual([]);
    expect(pruned([[1, 9_000, 9_010]], RATE, 10_000)).toEqual([[1, 9_000, 9_010]]);
    expect(pruned([[1, 8_900, 9_000]], RATE, 10_000)).toEqual([]);
  });

  it('is as the answers say, and as long as a reset was ever away', () => {
    const word = { limit: 5, remaining: 4, resetMs: 400, windowMs: null };
    expect(learnRate(null, word)).toEqual(RATE);
    expect(learnRate(RATE, { ...word, limit: 2, resetMs: 3_000 })).toEqual({ limit: 2, windowMs: 3_000 });
    expect(learnRate(null, { ...word, windowMs: 60_000 })).toEqual({ limit: 5, windowMs: 60_000 });
    expect(learnRate(null, { ...word, limit: 0.5 }).limit).toBe(1);
    // Nobody keeps a log of millions of calls: what so much allows binds nobody.
    expect(learnRate(null, { ...word, limit: Number.MAX_SAFE_INTEGER }).limit).toBe(10_000);
  });

  it('makes room for calls that are not ours, as many as are certainly theirs', () => {
    const ours: Call[] = [[7, 10_000, 10_010]];
    const said = { limit: 5, remaining: 2, resetMs: 500, windowMs: null };
    const answer = { began: 10_000, answered: 10_100, counted: 1 };
    expect(withStrangers(ours, RATE, said, answer)).toEqual([...ours, [0, 9_600, 9_600], [0, 9_600, 9_600]]);
    expect(withStrangers(ours, RATE, { ...said, remaining: 4 }, answer)).toEqual(ours);
    expect(withStrangers(ours, RATE, { ...said, remaining: null }, answer)).toEqual(ours);
  });
});

eachDatabase('several processes at one account', (fresh) => {
  let fake: FakeResend;
  const clock = testClock();
  let others = 0;
  beforeEach(async () => {
    others = 0;
    fake = await startFakeResend({
      ratePerSecond: 5,
      now: () => Date.parse(clock.now()),
      strangers: () => others,
    });
  });
  afterEach(() => fake.close());

  /** To when one of them has something to do; they look a little ahead. */
  function goOn(rigs: readonly Rig[]): void {
    const next = rigs.flatMap(({ engine }) => engine.restsUntil() ?? []).sort()[0];
    if (next && next > clock.now()) clock.set(next);
    else clock.advance(20);
  }

  it('share one window: all that is allowed is used, and no call is turned away', async () => {
    const db = await fresh();
    await makeSubscribers(db, 3_000);
    const rigs: Rig[] = [];
    for (const owner of ['a:1:1', 'b:2:2', 'c:3:3'])
      rigs.push(await rigEngine(db, fakeTransport(fake), { clock, owner }));
    await postNotice(db, clock.now());
    await expandAll(db, clock.now);
    const begun = Date.parse(clock.now());
    while ((await states(db)).queued || (await states(db)).in_batch) {
      for (const { drain } of rigs) await drain();
      goOn(rigs);
    }
    expect(await states(db)).toEqual({ accepted: 3_000 });
    const batches = fake.calls.filter((call) => call.status === 200);
    expect(batches).toHaveLength(30);
    expect(fake.calls.filter((call) => call.status === 429)).toEqual([]);
    // 30 calls at 5 a second, and what it takes to learn the pace.
    expect(Date.parse(clock.now()) - begun).toBeLessThan(8_000);
    expect((await db.read((tx) => getProvider(tx, 'resend'))).rate).toEqual({ limit: 5, windowMs: 1_000 });
  });

  it('leave room for what others send by the same account', async () => {
    const db = await fresh();
    await makeSubscribers(db, 2_000);
    const rig = await rigEngine(db, fakeTransport(fake), { clock });
    await postNotice(db, clock.now());
    await expandAll(db, clock.now);
    // In the first second they have taken three of five.
    others = 3;
    const begun = Date.parse(clock.now());
    while (!fake.calls.length || (await states(db)).queued || (await states(db)).in_batch) {
      await rig.drain();
      goOn([rig]);
      if (Date.parse(clock.now()) - begun >= 1_000) others = 0;
    }
    expect(await states(db)).toEqual({ accepted: 2_000 });
    expect(fake.calls.filter((call) => call.status === 429)).toEqual([]);
  });
});
