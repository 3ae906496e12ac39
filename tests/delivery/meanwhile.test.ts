import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { suppressAddress } from '#db/suppressions.ts';
import { DAY, MINUTE } from '#domain/time.ts';
import { linkToken } from '#emails/links.ts';
import { unsubscribe } from '#services/leaving.ts';
import { eraseSubscriber } from '#services/subscriberRecords.ts';
import { testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makePage } from '../support/factory.ts';
import { type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { batches, expandAll, fakeTransport, postNotice, rigEngine, states } from './support.ts';

let fake: FakeResend;
beforeEach(async () => {
  fake = await startFakeResend();
});
afterEach(() => fake.close());

const SLOW_DOWN = { kind: 'answer', status: 429, headers: { 'retry-after': '60' } } as const;
const error = (statusCode: number, name: string) => JSON.stringify({ statusCode, name, message: 'No.' });

/** A frozen batch may wait for a minute or for a month. What became of its people in that time counts. */
eachDatabase('while a frozen batch waits', (fresh) => {
  async function posted(people: number) {
    const db = await fresh();
    await makePage(db);
    await makeSubscribers(db, people);
    const rig = await rigEngine(db, fakeTransport(fake));
    const ctx = testContext(db, { clock: rig.clock });
    await postNotice(db, rig.clock.now());
    await expandAll(db, rig.clock.now);
    return { db, ctx, ...rig };
  }
  const idOf = async (db: Db, who: number) =>
    (
      await db.read((tx) =>
        tx
          .selectFrom('recipients')
          .select('id')
          .where('address', '=', address(who))
          .executeTakeFirstOrThrow(),
      )
    ).id;
  const sentTo = () => fake.mails.map(({ to, subject }) => `${to}${/^You are/.test(subject) ? ' left' : ''}`);

  it('who has left, was suppressed or erased since is not mailed when the quota begins anew', async () => {
    const { db, ctx, clock, drain } = await posted(6);
    fake.next({ kind: 'answer', status: 429, body: error(429, 'monthly_quota_exceeded') });
    await drain();
    expect(await batches(db)).toMatchObject([{ state: 'frozen', first_attempt_at: null }]);
    clock.advance(MINUTE);
    await unsubscribe(ctx, linkToken(ctx.sign, 'unsubscribe', await idOf(db, 2)));
    const suppressed = { address: address(4), reason: 'complaint', detail: null, now: clock.now() } as const;
    await db.write((tx) => suppressAddress(tx, suppressed));
    await eraseSubscriber(ctx, await idOf(db, 5));
    clock.advance(40 * DAY);
    await drain();
    expect(sentTo().sort()).toEqual([1, 2, 3, 6].map((who) => address(who) + (who === 2 ? ' left' : '')));
    expect(await states(db)).toEqual({ accepted: 4, suppressed: 2 });
    // What was certainly not taken may go under a new key.
    expect(new Set(fake.calls.map(({ key }) => key)).size).toBe(3);
  });

  it('who was erased takes nobody along when the batch is taken apart', async () => {
    const { db, ctx, clock, drain } = await posted(4);
    fake.refuse(address(4));
    fake.next({ ...SLOW_DOWN, body: error(429, 'rate_limit_exceeded') });
    await drain();
    await eraseSubscriber(ctx, await idOf(db, 2));
    clock.advance(MINUTE);
    await drain();
    expect(sentTo().sort()).toEqual([1, 3].map(address));
    expect(await states(db)).toEqual({ accepted: 2, refused: 1 });
  });

  it('nor when a call before was without an answer', async () => {
    const { db, ctx, clock, drain } = await posted(4);
    fake.refuse(address(4));
    fake.next({ kind: 'drop' });
    await drain();
    await eraseSubscriber(ctx, await idOf(db, 2));
    clock.advance(MINUTE);
    await drain();
    expect(sentTo().sort()).toEqual([1, 3].map(address));
    expect(await states(db)).toEqual({ accepted: 2, refused: 1 });
  });

  it('what was handed over without an answer is repeated as it is; of whose mail is whose nothing is guessed', async () => {
    const { db, ctx, clock, drain } = await posted(4);
    fake.next({ kind: 'takeAndDrop' });
    await drain();
    await eraseSubscriber(ctx, await idOf(db, 2));
    clock.advance(MINUTE);
    await drain();
    expect(sentTo().sort()).toEqual([1, 2, 3, 4].map(address));
    expect(new Set(fake.calls.map(({ key, hash }) => key + hash)).size).toBe(1);
    const told = await db.read((tx) =>
      tx.selectFrom('deliveries').select(['state', 'provider_id']).execute(),
    );
    expect(told).toEqual([1, 3, 4].map(() => ({ state: 'accepted', provider_id: null })));
  });
});
