import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { getProvider } from '#db/providers.ts';
import { unknownDelay } from '#delivery/backoff.ts';
import { expandNextChunk } from '#delivery/expander.ts';
import { MINUTE } from '#domain/time.ts';
import { testClock } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { makeSubscribers } from '../support/people.ts';
import { expandAll, fakeTransport, postNotice, rigEngine, states } from './support.ts';

describe('the wait after a call without an answer', () => {
  it('is anywhere between nothing and 1 s, 2 s, 4 s ... 5 min (full jitter)', () => {
    expect([0, 1, 2, 3].map((attempts) => unknownDelay(attempts, () => 0.999_999))).toEqual([
      1_000, 2_000, 4_000, 8_000,
    ]);
    expect(unknownDelay(1_000, () => 0.999_999_999)).toBe(5 * MINUTE);
    fc.assert(
      fc.property(fc.nat(40), fc.double({ min: 0, max: 0.999, noNaN: true }), (attempts, chance) => {
        const most = Math.min(5 * MINUTE, 1_000 * 2 ** attempts);
        expect(Math.abs(unknownDelay(attempts, () => chance) - chance * most)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

eachDatabase('a provider that does not answer', (fresh) => {
  let fake: FakeResend;
  beforeEach(async () => {
    fake = await startFakeResend();
  });
  afterEach(() => fake.close());

  it('is felt for by one call at a time, of all processes; an answer lets all go on', async () => {
    const db = await fresh();
    const clock = testClock();
    await makeSubscribers(db, 1_300);
    const one = await rigEngine(db, fakeTransport(fake), { clock, owner: 'a:1:1' });
    const other = await rigEngine(db, fakeTransport(fake, 200), { clock, owner: 'b:2:2' });
    await postNotice(db, clock.now());
    // Both have heard that the provider names no limit, so that the pace stops neither.
    await expandNextChunk({ db, now: clock.now });
    for (const { engine, answered } of [one, other]) {
      await engine.round();
      await answered();
      clock.advance(2_000);
    }
    for (const { drain } of [one, other, one]) await drain();
    await expandAll(db, clock.now);
    const provider = () => db.read((tx) => getProvider(tx, 'resend'));
    fake.always({ kind: 'drop' });
    while ((await provider()).failures < 5) {
      await one.drain();
      clock.advance(200);
    }
    // The batch that a probe takes has to be due as well.
    clock.advance(10 * MINUTE);
    const calls = fake.calls.length;
    const { failures } = await provider();
    fake.always({ kind: 'hang' });
    await other.engine.round();
    expect(other.engine.inFlight()).toHaveLength(1);
    while (fake.calls.length === calls) await new Promise((resolve) => setImmediate(resolve));
    // Whoever looks while that call is out begins none.
    await one.engine.round();
    expect(one.engine.inFlight()).toEqual([]);
    fake.always(null);
    await other.drain();
    expect(fake.calls).toHaveLength(calls + 1);
    expect((await provider()).failures).toBe(failures + 1);
    clock.advance(10 * MINUTE);
    await one.drain();
    expect(await states(db)).toEqual({ accepted: 1_300 });
    expect(await provider()).toMatchObject({ failures: 0, circuit: 'closed' });
    expect([...fake.counts.values()].every((count) => count === 1)).toBe(true);
  });
});
