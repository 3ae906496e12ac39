import { afterEach, expect, it } from 'vitest';
import { listWaitingCallMails } from '#db/calls.ts';
import { listQueued } from '#db/deliveries.ts';
import { hasOpenRows, listOpenRows, listWaitingWords } from '#db/pagingWords.ts';
import { listUntoldPlaces } from '#db/places.ts';
import { listStalled } from '#db/stalled.ts';
import { PRIORITY } from '#domain/priority.ts';
import { MINUTE } from '#domain/time.ts';
import { callStaff } from '#services/staffCalls.ts';
import { expandAll } from '../delivery/support.ts';
import { freshSqlite } from '../support/databases.ts';
import { setReleaseSeconds } from '../support/factory.ts';
import { makeSubscribers } from '../support/people.ts';
import { type Plan, plansOf } from '../support/plans.ts';
import { placeHouse } from './placeHouse.ts';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** What reads a table that grows from end to end, or sorts what it has read. */
const dear = (plans: readonly Plan[]) =>
  plans.flatMap(({ sql, lines }) =>
    lines
      .filter((line) => /^SCAN|TEMP B-TREE/.test(line))
      // Places are few; of what is open a partial index is read, which holds nothing else.
      .filter(
        (line) =>
          !/^SCAN paging_places|USING (COVERING )?INDEX (paging_words_open|fanouts_unfinished)/.test(line),
      )
      .map((line) => `${line} in ${sql.slice(0, 120)}`),
  );

it('what the clock asks every second, and the queue of calls, walk through no table that grows', async () => {
  const { add, declare, ctx, db } = await placeHouse(freshSqlite, ends);
  await add({ url: 'http://pager.example/' });
  await declare();
  await callStaff(ctx);
  const plans = await plansOf(db, async (watched) => {
    expect(await watched.read(hasOpenRows)).toBe(true);
    const [row] = await watched.read(listOpenRows);
    await watched.read(listUntoldPlaces);
    if (!row) throw new Error('Nothing was said.');
    expect(await watched.read((tx) => listWaitingWords(tx, row))).toHaveLength(1);
    const queue = { lane: 'hook' as const, priority: PRIORITY.staff, now: ctx.now(), limit: 10 };
    expect(await watched.read((tx) => listQueued(tx, queue))).toHaveLength(1);
  });
  expect(plans.length).toBeGreaterThan(5);
  expect(dear(plans)).toEqual([]);
  const queued = plans.find(({ sql }) => sql.includes('"paging_words" as "own"'));
  expect(queued?.lines[0]).toMatch(/^SEARCH d USING INDEX deliveries_queue/);
  await db.close();
});

it('whether news stands still is known without a walk through what waits', async () => {
  const { declare, ctx, db, say } = await placeHouse(freshSqlite, ends);
  await setReleaseSeconds(db, 0);
  await makeSubscribers(db, 3);
  const { id } = await declare();
  await callStaff(ctx);
  await say(id, { status: 'investigating', notify: true });
  await expandAll(db, ctx.now);
  ctx.clock.advance(5 * MINUTE);
  const { seq } = await db.read((tx) => tx.selectFrom('incidents').select('seq').executeTakeFirstOrThrow());
  const plans = await plansOf(db, async (watched) => {
    expect((await watched.read((tx) => listStalled(tx, [seq], ctx.now()))).get(seq)).toMatch(/T14:02/);
    const waiting = { incidentSeq: seq, clock: 'public' as const };
    expect(await watched.read((tx) => listWaitingCallMails(tx, waiting))).toHaveLength(1);
  });
  expect(plans).toHaveLength(4);
  expect(dear(plans)).toEqual([]);
  await db.close();
});
