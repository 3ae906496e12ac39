import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { readConfig } from '#config';
import type { Db } from '#db/open.ts';
import { beatWorker } from '#db/workers.ts';
import { startDispatcher } from '#delivery/dispatcher.ts';
import { expandNextChunk } from '#delivery/expander.ts';
import { RENEW_MS } from '#delivery/lease.ts';
import { MINUTE } from '#domain/time.ts';
import { getDeliveryHealth } from '#services/deliveryHealth.ts';
import { type TestClock, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { expandAll, fakeTransport, postNotice, rendered, rigEngine, SITE, states } from './support.ts';

let fake: FakeResend;
beforeEach(async () => {
  fake = await startFakeResend();
});
afterEach(async () => {
  vi.useRealTimers();
  await fake.close();
});

eachDatabase('what is stuck', (fresh) => {
  /** A message whose fan-out cannot be read, as after a fault of ours. */
  async function postPoison(db: Db, now: string): Promise<number> {
    const noticeSeq = await postNotice(db, now, { priority: 0 });
    await db.write((tx) =>
      tx.updateTable('fanouts').set({ filter: '{}' }).where('notice_seq', '=', noticeSeq).execute(),
    );
    return noticeSeq;
  }

  /** Turns of the expanding loop, a second apart. */
  async function turns(db: Db, clock: TestClock, times: number): Promise<void> {
    for (let turn = 0; turn < times; turn++) {
      await expandNextChunk({ db, now: clock.now }).catch(() => undefined);
      clock.advance(1_000);
    }
  }

  const beat = (db: Db, now: string, loops = {}) =>
    db.write((tx) => beatWorker(tx, { id: 'here:1:1', role: 'mail:resend', now, loops }));

  it('a message that cannot be expanded holds up no other, is said, and goes on once it can', async () => {
    const db = await fresh();
    const ctx = testContext(db);
    await makeSubscribers(db, 20);
    const poisoned = await postPoison(db, ctx.now());
    await postNotice(db, ctx.now());
    await turns(db, ctx.clock, 4);
    expect(await states(db)).toEqual({ queued: 20 });
    await beat(db, ctx.now());
    const { level, message, more } = await getDeliveryHealth(ctx);
    expect([{ level, message }, ...more]).toContainEqual(
      expect.objectContaining({
        level: 'trouble',
        message: expect.stringContaining('1 message cannot be made ready for its readers'),
      }),
    );
    // What is posted meanwhile does not wait either.
    await postNotice(db, ctx.now());
    await turns(db, ctx.clock, 1);
    expect(await states(db)).toEqual({ queued: 40 });
    await db.write((tx) =>
      tx
        .updateTable('fanouts')
        .set({ filter: '{"components":[],"groups":[]}' })
        .where('notice_seq', '=', poisoned)
        .execute(),
    );
    ctx.clock.advance(MINUTE);
    await turns(db, ctx.clock, 1);
    expect(await states(db)).toEqual({ queued: 60 });
    await beat(db, ctx.now());
    expect(JSON.stringify(await getDeliveryHealth(ctx))).not.toContain('made ready');
  });

  it('what is released and not expanded counts as due, in words and in figures; what is stopped does not', async () => {
    const db = await fresh();
    const ctx = testContext(db);
    await makeSubscribers(db, 20);
    const noticeSeq = await postNotice(db, ctx.now(), { priority: 0 });
    const releaseAt = ctx.now();
    ctx.clock.advance(3 * MINUTE);
    await beat(db, ctx.now());
    expect(await getDeliveryHealth(ctx)).toMatchObject({
      level: 'trouble',
      message: 'The oldest mail has been waiting for 3 minutes.',
      oldestDue: releaseAt,
    });
    await db.write((tx) =>
      tx.updateTable('notices').set({ stopped_at: ctx.now() }).where('seq', '=', noticeSeq).execute(),
    );
    ctx.clock.advance(1);
    expect(await getDeliveryHealth(ctx)).toMatchObject({ level: 'waiting', oldestDue: null });
  });

  it.each(['hangs', 'fails'])('a loop that %s is said, however regular the heart beats', async (how) => {
    const real = await fresh();
    let hangs = false;
    let goOn = () => {};
    const stays = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const db: Db = {
      ...real,
      read: async (work) => {
        if (hangs && how === 'fails') throw new Error('no such column');
        if (hangs) await stays;
        return real.read(work);
      },
    };
    const ctx = testContext(real);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    let ms = 0;
    const config = readConfig({ DATA_DIR: '/nowhere', MAIL_TRANSPORT: 'file', SECRET_KEY: 'x'.repeat(40) });
    const dispatcher = startDispatcher({ ...ctx, db, config, site: { url: SITE }, stopwatch: () => ms });
    await dispatcher.begun;
    const pass = async (time: number) => {
      ms += time;
      ctx.clock.advance(time);
      vi.advanceTimersByTime(RENEW_MS);
      await expect
        .poll(() => real.read((tx) => tx.selectFrom('workers').select('beat_at').executeTakeFirst()))
        .toEqual({ beat_at: ctx.now() });
    };
    await pass(RENEW_MS);
    expect(await getDeliveryHealth(ctx)).toMatchObject({ level: 'fine' });
    hangs = true;
    dispatcher.wake();
    await pass(2 * MINUTE);
    const { more, ...worst } = await getDeliveryHealth(ctx);
    expect([worst, ...more].filter(({ message }) => message.startsWith('A worker lives'))).toMatchObject([
      {
        level: 'trouble',
        message: expect.stringContaining('for each person has not got through a turn for 2 min'),
      },
      { level: 'trouble', message: expect.stringContaining('hands messages over has not got through') },
    ]);
    hangs = false;
    goOn();
    vi.useRealTimers();
    await dispatcher.stop();
  });

  it('one odd row keeps no other from leaving', async () => {
    const db = await fresh();
    await makeSubscribers(db, 4);
    const rig = await rigEngine(db, fakeTransport(fake));
    const noticeSeq = await postNotice(db, rig.clock.now());
    await db.write((tx) =>
      tx.updateTable('recipients').set({ locale: 'de' }).where('address', '=', address(2)).execute(),
    );
    await db.write((tx) =>
      tx
        .insertInto('notice_texts')
        .values({
          notice_seq: noticeSeq,
          locale: 'de',
          subject: 'Kaputt',
          html: 'a \u0002no_such\u0003 b',
          text: '',
        })
        .execute(),
    );
    await postNotice(db, rig.clock.now(), { mail: rendered('The next one') });
    await expandAll(db, rig.clock.now);
    await rig.drain();
    expect(await states(db)).toEqual({ accepted: 7, refused: 1 });
    const { reason } = await db.read((tx) =>
      tx.selectFrom('deliveries').select('reason').where('state', '=', 'refused').executeTakeFirstOrThrow(),
    );
    expect(reason).toBe('The message cannot be sent: The mail holds a broken slot.');
  });
});
