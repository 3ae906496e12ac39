import { afterEach, expect, it } from 'vitest';
import { getProvider } from '#db/providers.ts';
import { beatWorker } from '#db/workers.ts';
import { resendTransport } from '#delivery/transports/resend.ts';
import { keepCount, type Limits, learnQuotas } from '#domain/quotas.ts';
import { getDeliveryHealth } from '#services/deliveryHealth.ts';
import { testClock, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { type FakeOptions, type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { makeSubscribers } from '../support/people.ts';
import { expandAll, MARK, postNotice, rendered, rigEngine, SENDER, states } from './support.ts';

let fake: FakeResend;
afterEach(() => fake.close());

eachDatabase('an account that does not tell its limits', (fresh) => {
  async function house(limits?: Limits, options: FakeOptions = { sendingOnly: true }) {
    fake = await startFakeResend(options);
    const db = await fresh();
    const clock = testClock();
    const transport = resendTransport({
      apiKey: 're_test',
      baseUrl: fake.url,
      sender: SENDER,
      mark: MARK,
      ...(limits && { limits }),
    });
    const rig = await rigEngine(db, transport, { clock });
    const post = async (priority: number, subject: string) => {
      await postNotice(db, clock.now(), { priority, mail: rendered(subject) });
      await expandAll(db, clock.now);
      await rig.drain();
    };
    const provider = () => db.read((tx) => getProvider(tx, 'resend'));
    const isUnknown = async () => {
      await db.write((tx) => beatWorker(tx, { id: 'here:1:1', role: 'mail:resend', now: clock.now() }));
      return (await getDeliveryHealth(testContext(db, { clock }))).limitsUnknown;
    };
    return { db, clock, rig, post, provider, isUnknown };
  }

  it('keeps a tenth of what the operator says for what is urgent, and goes on the next day', async () => {
    const { db, clock, post, provider, isUnknown, rig } = await house({ day: 100, month: null });
    await makeSubscribers(db, 95);
    await post(1, 'Incident');
    expect(await states(db)).toEqual({ accepted: 90, queued: 5 });
    expect(await isUnknown()).toBe(false);
    expect((await provider()).quotas).toContainEqual(
      expect.objectContaining({ period: 'day', limit: 100, used: 90, resetsAt: '2026-11-21T00:00:00.000Z' }),
    );
    // And beyond it, as long as the provider takes it: our count may be wrong.
    await post(0, 'SEV1');
    expect(await states(db)).toEqual({ accepted: 185, queued: 5 });
    clock.set('2026-11-21T00:00:00.000Z');
    await rig.drain();
    expect(await states(db)).toEqual({ accepted: 190 });
    expect((await provider()).quotas).toContainEqual(
      expect.objectContaining({ period: 'day', used: 5, resetsAt: '2026-11-22T00:00:00.000Z' }),
    );
    expect((await provider()).quotas).toContainEqual(expect.objectContaining({ period: 'month', used: 190 }));
  });

  it('is counted without any limit too, and the screen says that none is known', async () => {
    const { db, post, provider, isUnknown } = await house();
    await makeSubscribers(db, 120);
    expect(await isUnknown()).toBe(false);
    await post(1, 'Incident');
    expect(await states(db)).toEqual({ accepted: 120 });
    expect((await provider()).quotas.map(({ period, used, limit }) => [period, used, limit])).toEqual([
      ['day', 120, null],
      ['month', 120, null],
    ]);
    expect(await isUnknown()).toBe(true);
  });

  it('is believed rather than the operator where it does tell', async () => {
    const { db, post, provider, isUnknown } = await house({ day: 10, month: null }, { dailyQuota: 1_000 });
    await makeSubscribers(db, 5);
    await post(1, 'First');
    await post(1, 'Second');
    expect((await provider()).quotas).toContainEqual(
      expect.objectContaining({ period: 'day', limit: 1_000 }),
    );
    expect(await isUnknown()).toBe(false);
    await post(1, 'Third');
    expect(await states(db)).toEqual({ accepted: 15 });
  });
});

it('a limit that the operator changes holds at once', () => {
  const now = '2026-11-20T14:00:00.000Z';
  const before = keepCount([], { day: 10, month: null }, now).map((quota) => ({ ...quota, used: 9 }));
  expect(keepCount(before, { day: 50, month: null }, now)).toContainEqual(
    expect.objectContaining({ period: 'day', limit: 50, used: 9, hard: true }),
  );
  expect(keepCount(before, { day: null, month: null }, now)[0]).toMatchObject({ limit: null, hard: false });
  // Its month ends with the year.
  expect(
    keepCount(
      learnQuotas(before, [], '2026-12-31T23:00:00.000Z'),
      { day: 1, month: 1 },
      '2026-12-31T23:00:00.000Z',
    ),
  ).toMatchObject([
    { resetsAt: '2027-01-01T00:00:00.000Z', used: 0 },
    { resetsAt: '2027-01-01T00:00:00.000Z', used: 0 },
  ]);
});
