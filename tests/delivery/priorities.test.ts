import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expandNextChunk } from '#delivery/expander.ts';
import { PRIORITIES, PRIORITY } from '#domain/priority.ts';
import { addMs, DAY, MINUTE } from '#domain/time.ts';
import { testClock } from '../support/context.ts';
import { eachDatabase, freshSqlite } from '../support/databases.ts';
import { makeIncident } from '../support/factory.ts';
import { type FakeOptions, type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { makeSubscribers } from '../support/people.ts';
import {
  batches,
  expandAll,
  fakeTransport,
  postNotice,
  type Rig,
  rendered,
  rigEngine,
  states,
} from './support.ts';

const open: FakeResend[] = [];
async function fakeOf(options: FakeOptions = {}): Promise<FakeResend> {
  const fake = await startFakeResend(options);
  open.push(fake);
  return fake;
}
afterEach(async () => {
  for (const fake of open.splice(0)) await fake.close();
});

describe('a SEV1 that is posted while a digest goes to 100,000 people', () => {
  const PEOPLE = 100_000;
  const clock = testClock();

  async function digestUnderWay(fake: FakeResend, calls: number) {
    const db = await freshSqlite();
    await makeSubscribers(db, PEOPLE);
    const rig = await rigEngine(db, fakeTransport(fake), { clock });
    await postNotice(db, clock.now(), { priority: 3, mail: rendered('Your day') });
    await expandAll(db, clock.now);
    while (fake.calls.length < calls) await turn(rig);
    await rig.answered();
    return { db, rig };
  }

  /** One turn; where nothing may begin yet, what has begun is answered, or time passes. */
  async function turn({ engine, answered }: Rig): Promise<void> {
    if (await engine.round()) return;
    if (engine.inFlight().length) return answered();
    const next = engine.restsUntil();
    if (next && next > clock.now()) clock.set(next);
  }

  async function postSev1(db: Awaited<ReturnType<typeof freshSqlite>>): Promise<void> {
    await postNotice(db, clock.now(), { priority: 0, mail: rendered('SEV1') });
    await expandNextChunk({ db, now: clock.now });
  }

  it('waits for the calls that have begun and for none that has not, however quick the provider is', async () => {
    const fake = await fakeOf({ forgetful: true });
    const { db, rig } = await digestUnderWay(fake, 40);
    // Calls in flight, and bodies written ahead.
    await rig.engine.round();
    const begun = (await batches(db)).length;
    await postSev1(db);
    while (!fake.calls.some((call) => call.subject === 'SEV1')) await turn(rig);
    await rig.answered();
    const first = (await batches(db)).findIndex((batch) => batch.priority === 0);
    expect(first).toBe(begun);
    await db.close();
  });

  it('waits at most one request where the provider allows five in a second', async () => {
    const fake = await fakeOf({ forgetful: true, ratePerSecond: 5, now: () => Date.parse(clock.now()) });
    const { db, rig } = await digestUnderWay(fake, 23);
    const before = fake.calls.length;
    const posted = clock.now();
    await postSev1(db);
    while (!fake.calls.some((call) => call.subject === 'SEV1')) await turn(rig);
    const first = fake.calls.find((call) => call.subject === 'SEV1')!;
    expect(fake.calls.indexOf(first) - before).toBeLessThanOrEqual(1);
    expect(first.at - Date.parse(posted)).toBeLessThanOrEqual(300);
    expect(fake.calls.filter((call) => call.status === 429)).toEqual([]);
    await db.close();
  });
});

eachDatabase('what is queued together', (fresh) => {
  it('leaves in the order of its urgency: staff, SEV1, incidents, maintenance, digests; a batch holds one of them', async () => {
    const fake = await fakeOf();
    const db = await fresh();
    await makeSubscribers(db, 150);
    const rig = await rigEngine(db, fakeTransport(fake));
    for (const [name, priority] of Object.entries(PRIORITY).toReversed()) {
      await postNotice(db, rig.clock.now(), { priority, mail: rendered(name) });
      await expandAll(db, rig.clock.now);
    }
    await rig.drain();
    const left = (await batches(db)).map(({ priority }) => priority);
    expect(left).toEqual(PRIORITIES.flatMap((priority) => [priority, priority]));
    expect(await states(db)).toEqual({ accepted: 750 });
  });
});

eachDatabase('what is less urgent', (fresh) => {
  let fake: FakeResend;
  beforeEach(async () => {
    fake = await fakeOf();
  });

  it('waits while it is young, and gets one of every eight slots once it has waited for ten minutes', async () => {
    const db = await fresh();
    await makeSubscribers(db, 2_800);
    const rig = await rigEngine(db, fakeTransport(fake));
    await postNotice(db, rig.clock.now(), { priority: 3, mail: rendered('Your day') });
    await expandAll(db, rig.clock.now);
    rig.clock.advance(9 * MINUTE);
    await postNotice(db, rig.clock.now(), { priority: 1, mail: rendered('Incident') });
    await expandAll(db, rig.clock.now);
    for (let slots = 0; slots < 4; slots = (await batches(db)).length) {
      await rig.engine.round();
      await rig.answered();
    }
    const young = await batches(db);
    expect(young.every((batch) => batch.priority === 1)).toBe(true);
    rig.clock.advance(MINUTE);
    await rig.drain();
    const order = (await batches(db)).slice(young.length).map((batch) => batch.priority);
    const urgent = order.slice(0, order.lastIndexOf(1) + 1);
    // It goes on getting its share, and no more.
    const share = urgent.filter((priority) => priority === 3).length / urgent.length;
    expect(share).toBeGreaterThanOrEqual(1 / 10);
    expect(share).toBeLessThanOrEqual(1 / 4);
    expect(await states(db)).toEqual({ accepted: 5_600 });
  });

  it('gets its slots though what has waited longer may not leave', async () => {
    const db = await fresh();
    await makeSubscribers(db, 1_600);
    const rig = await rigEngine(db, fakeTransport(fake));
    const { seq: incident } = await makeIncident(db);
    const words: number[] = [];
    for (const subject of ['First', 'Second'])
      words.push(await postNotice(db, rig.clock.now(), { priority: 2, mail: rendered(subject) }));
    await db.write((tx) =>
      tx.updateTable('notices').set({ incident_seq: incident }).where('seq', 'in', words).execute(),
    );
    rig.clock.advance(MINUTE);
    await postNotice(db, rig.clock.now(), { priority: 3, mail: rendered('Your day') });
    await expandAll(db, rig.clock.now);
    rig.clock.advance(10 * MINUTE);
    // The first was handed over by another process a moment ago and has no answer yet.
    await db.write((tx) =>
      tx
        .updateTable('deliveries')
        .set({ state: 'in_batch', updated_at: rig.clock.now() })
        .where('notice_seq', '=', words[0]!)
        .execute(),
    );
    await postNotice(db, rig.clock.now(), { priority: 1, mail: rendered('Incident') });
    await expandAll(db, rig.clock.now);
    await rig.drain();
    expect((await batches(db)).map((batch) => batch.priority).indexOf(3)).toBeLessThanOrEqual(8);
    expect(await states(db)).toEqual({ accepted: 3_200, in_batch: 1_600, queued: 1_600 });
  });
});

describe('places that are kept for what is urgent', () => {
  it('are taken by nothing else, however long that has waited', async () => {
    const fake = await fakeOf();
    const db = await freshSqlite();
    await makeSubscribers(db, 20);
    const transport = {
      ...fakeTransport(fake),
      paced: false,
      batchSize: 1,
      concurrency: 4,
      keptForUrgent: 1,
    };
    const rig = await rigEngine(db, transport);
    const { engine, clock, answered } = rig;
    const calls = Array.from({ length: 40 }, () => Promise.withResolvers<void>());
    for (const { promise } of calls) fake.next({ kind: 'takeAndHold', until: promise });
    await postNotice(db, clock.now(), { priority: PRIORITY.digest, mail: rendered('Your day') });
    await expandAll(db, clock.now);
    clock.advance(11 * MINUTE);
    await postNotice(db, clock.now(), { priority: PRIORITY.incident, mail: rendered('Incident') });
    await expandAll(db, clock.now);
    let most = 0;
    for (const { resolve } of calls) {
      while (await engine.round()) most = Math.max(most, engine.inFlight().length);
      resolve();
      while (!engine.hasResults()) await new Promise((settle) => setImmediate(settle));
    }
    expect(most).toBe(3);
    await rig.drain();
    await answered();
    expect(await states(db)).toEqual({ accepted: 40 });
    await db.close();
  });
});

eachDatabase('a tenth of a quota', (fresh) => {
  it('is kept for SEV1 and confirmations; the rest goes once the period begins anew', async () => {
    const clock = testClock();
    const reset = addMs(clock.now(), DAY / 2);
    const fake = await fakeOf({ dailyQuota: 1_000, resets: { daily: reset, monthly: addMs(reset, DAY) } });
    const db = await fresh();
    await makeSubscribers(db, 1_100);
    const rig = await rigEngine(db, fakeTransport(fake), { clock });
    // A first mail teaches what the account allows.
    await postNotice(db, clock.now(), { priority: 1, mail: rendered('Incident') });
    await expandNextChunk({ db, now: clock.now });
    await rig.drain();
    await expandAll(db, clock.now);
    await rig.drain();
    expect(fake.taken).toBe(900);
    expect(await states(db)).toEqual({ accepted: 900, queued: 200 });
    expect(fake.calls.every((call) => call.status === 200)).toBe(true);

    await postNotice(db, clock.now(), { priority: 0, mail: rendered('SEV1') });
    await expandNextChunk({ db, now: clock.now });
    await rig.engine.round();
    await rig.drain();
    expect([...fake.counts.keys()].filter((who) => who.endsWith('SEV1'))).toHaveLength(100);

    fake.setQuota(10_000);
    clock.set(reset);
    await expandAll(db, clock.now);
    await rig.drain();
    expect(await states(db)).toEqual({ accepted: 2_200 });
    expect([...fake.counts.values()].every((count) => count === 1)).toBe(true);
  });
});
