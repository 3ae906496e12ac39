import { expect, it } from 'vitest';
import { insertDelivery } from '#db/deliveries.ts';
import { insertFanout } from '#db/fanouts.ts';
import type { Db } from '#db/open.ts';
import { countReach } from '#db/reach.ts';
import { suppressAddress } from '#db/suppressions.ts';
import { expandNextChunk, newStride, restAfter } from '#delivery/expander.ts';
import { DAY } from '#domain/time.ts';
import { testClock } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { expandAll, postNotice, states } from './support.ts';

const EMPTY = { components: [], groups: [] };

function reached(db: Db, noticeSeq: number) {
  return db.read((tx) =>
    tx
      .selectFrom('deliveries as d')
      .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
      .select(['r.address', 'd.state', 'd.reason', 'd.priority'])
      .where('d.notice_seq', '=', noticeSeq)
      .orderBy('d.seq')
      .execute(),
  );
}

eachDatabase('the expander', (fresh) => {
  it('makes one delivery for each subscriber, the first five hundred at once', async () => {
    const db = await fresh();
    const { now } = testClock();
    await makeSubscribers(db, 10_600);
    const noticeSeq = await postNotice(db, now());
    expect(await expandNextChunk({ db, now })).toBe(true);
    expect(await states(db)).toEqual({ queued: 500 });
    expect(await expandNextChunk({ db, now })).toBe(true);
    expect(await states(db)).toEqual({ queued: 10_500 });
    expect(await expandNextChunk({ db, now })).toBe(true);
    expect(await states(db)).toEqual({ queued: 10_600 });
    expect(await expandNextChunk({ db, now })).toBe(false);
    expect(new Set((await reached(db, noticeSeq)).map((row) => row.address)).size).toBe(10_600);
  });

  it('takes as much at a time as keeps others waiting for a moment only, and rests for as long', async () => {
    const db = await fresh();
    await makeSubscribers(db, 5_000);
    const { now } = testClock();
    await postNotice(db, now());
    const stride = { ...newStride(), rows: 1_000 };
    const sizes: number[] = [];
    for (const ms of [240, 20, 160, 2, 90]) {
      const before = (await states(db)).queued ?? 0;
      const times = [0, ms];
      await expandNextChunk({ db, now, stride, stopwatch: () => times.shift() as number });
      sizes.push(((await states(db)).queued ?? 0) - before);
      expect(restAfter(stride)).toBe(Math.max(10, ms));
    }
    // The first is always small. One that took 160 ms in place of 20 makes the next smaller, and the other way round.
    expect(sizes).toEqual([500, 1_000, 1_000, 563, 1_937]);
  });

  it('rests for no longer because the clock leapt meanwhile', async () => {
    const db = await fresh();
    await makeSubscribers(db, 500);
    const clock = testClock();
    await postNotice(db, clock.now());
    const stride = newStride();
    const now = () => {
      const time = clock.now();
      clock.advance(DAY);
      return time;
    };
    await expandNextChunk({ db, now, stride });
    expect(restAfter(stride)).toBeLessThan(DAY);
  });

  it('goes on where a chunk was lost with its transaction: no one is skipped, no one comes twice', async () => {
    const db = await fresh();
    const { now } = testClock();
    await makeSubscribers(db, 1_200);
    await postNotice(db, now());
    await expandNextChunk({ db, now });
    // The process dies after the rows were written and before the commit.
    const dying: Db = {
      ...db,
      write: (work) =>
        db.write(async (tx) => {
          await work(tx);
          throw new Error('killed');
        }),
    };
    await expect(expandNextChunk({ db: dying, now })).rejects.toThrow('killed');
    expect(await states(db)).toEqual({ queued: 500 });
    await expandAll(db, now);
    expect(await states(db)).toEqual({ queued: 1_200 });
  });

  it('lets several expanders share the work', async () => {
    const db = await fresh();
    const { now } = testClock();
    await makeSubscribers(db, 3_000);
    await postNotice(db, now());
    await postNotice(db, now());
    await Promise.all(Array.from({ length: 4 }, () => expandAll(db, now)));
    expect(await states(db)).toEqual({ queued: 6_000 });
  });

  it('tells those who were confirmed at the post, and no one who came later', async () => {
    const db = await fresh();
    const clock = testClock();
    await makeSubscribers(db, 3);
    await db.write((tx) =>
      tx
        .updateTable('recipients')
        .set({ state: 'pending', confirmed_at: null })
        .where('address', '=', address(2))
        .execute(),
    );
    const noticeSeq = await postNotice(db, clock.now());
    clock.advance(1_000);
    await makeSubscribers(db, 2);
    await db.write((tx) =>
      tx
        .updateTable('recipients')
        .set({ state: 'confirmed', confirmed_at: clock.now() })
        .where('address', '=', address(2))
        .execute(),
    );
    await expandAll(db, clock.now);
    expect((await reached(db, noticeSeq)).map((row) => row.address)).toEqual([address(1), address(3)]);
  });

  it('reaches the whole page, the named components and their groups, as many as were counted', async () => {
    const db = await fresh();
    const { now } = testClock();
    await makeSubscribers(db, 6);
    await db.write(async (tx) => {
      const people = await tx.selectFrom('recipients').select(['seq', 'address']).execute();
      const seq = (index: number) => people.find((row) => row.address === address(index))!.seq;
      await tx.updateTable('recipients').set({ whole_page: 0 }).where('address', '<>', address(1)).execute();
      await tx
        .insertInto('recipient_scopes')
        .values([
          { recipient_seq: seq(2), kind: 'component', ref_id: 'checkout' },
          { recipient_seq: seq(2), kind: 'group', ref_id: 'shop' },
          { recipient_seq: seq(3), kind: 'group', ref_id: 'shop' },
          { recipient_seq: seq(4), kind: 'component', ref_id: 'login' },
          { recipient_seq: seq(5), kind: 'component', ref_id: 'shop' },
        ])
        .execute();
      await tx
        .updateTable('recipients')
        .set({ kind: 'stakeholder', whole_page: 1 })
        .where('address', '=', address(6))
        .execute();
    });
    const filter = { components: ['checkout'], groups: ['shop'] };
    const noticeSeq = await postNotice(db, now(), { filter });
    await expandAll(db, now);
    expect((await reached(db, noticeSeq)).map((row) => row.address)).toEqual([
      address(1),
      address(2),
      address(3),
    ]);
    expect(await db.read((tx) => countReach(tx, filter))).toBe(3);
    expect(await db.read((tx) => countReach(tx, EMPTY))).toBe(1);
  });

  it('shows whom it may not mail as suppressed', async () => {
    const db = await fresh();
    const { now } = testClock();
    await makeSubscribers(db, 2);
    await db.write((tx) =>
      suppressAddress(tx, { address: address(2), reason: 'bounce', detail: null, now: now() }),
    );
    const noticeSeq = await postNotice(db, now(), { priority: 0 });
    await expandAll(db, now);
    expect(await reached(db, noticeSeq)).toEqual([
      { address: address(1), state: 'queued', reason: null, priority: 0 },
      {
        address: address(2),
        state: 'suppressed',
        reason: 'The address is on the suppression list.',
        priority: 0,
      },
    ]);
  });

  it('takes the most urgent fan-out first, even in the middle of another', async () => {
    const db = await fresh();
    const { now } = testClock();
    await makeSubscribers(db, 700);
    await postNotice(db, now(), { priority: 2 });
    await expandNextChunk({ db, now });
    const urgent = await postNotice(db, now(), { priority: 0 });
    await expandNextChunk({ db, now });
    expect(await reached(db, urgent)).toHaveLength(500);
  });

  it('is done at once when there is no one to tell', async () => {
    const db = await fresh();
    const { now } = testClock();
    await postNotice(db, now());
    await expandAll(db, now);
    const fanout = await db.read((tx) => tx.selectFrom('fanouts').selectAll().executeTakeFirstOrThrow());
    expect(fanout).toMatchObject({ state: 'done', done_at: now() });
    await expect(
      db.write((tx) =>
        insertFanout(tx, { noticeSeq: fanout.notice_seq, filter: EMPTY, expected: 0, now: now() }),
      ),
    ).rejects.toThrow();
  });

  it('a single delivery of the same notice to the same person is the same delivery', async () => {
    const db = await fresh();
    const { now } = testClock();
    await makeSubscribers(db, 1);
    const noticeSeq = await postNotice(db, now(), { kind: 'confirm', priority: 0 });
    await expandAll(db, now);
    const recipientSeq = (
      await db.read((tx) => tx.selectFrom('recipients').select('seq').executeTakeFirstOrThrow())
    ).seq;
    const [first] = await db.read((tx) => tx.selectFrom('deliveries').select('seq').execute());
    const again = await db.write((tx) =>
      insertDelivery(tx, { noticeSeq, recipientSeq, priority: 0, now: now() }),
    );
    expect(again).toBe(first!.seq);
    expect(await states(db)).toEqual({ queued: 1 });
  });
});
