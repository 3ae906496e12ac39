import { expect, it } from 'vitest';
import { areSendable, listQueued } from '#db/deliveries.ts';
import { countNamed } from '#db/fanoutPeople.ts';
import { isToCome } from '#db/fanouts.ts';
import { listSpared } from '#db/spared.ts';
import { listUnfinished } from '#db/unfinished.ts';
import { addMs, HOUR } from '#domain/time.ts';
import { stopSending } from '#services/fanoutControl.ts';
import { correctComponents } from '#services/incidents.ts';
import { freshSqlite } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';
import { type Plan, plansOf } from '../support/plans.ts';
import { outgoingHouse } from './outgoingHouse.ts';

type House = Awaited<ReturnType<typeof outgoingHouse>>;

/** How the next mails are picked, and looked at once more when they are frozen. */
async function plansOfPicking({ db, ctx }: House): Promise<Plan[]> {
  const now = ctx.now();
  const picked: Awaited<ReturnType<typeof listQueued>> = [];
  return plansOf(db, async (watched) => {
    picked.push(
      ...(await watched.read((tx) => listQueued(tx, { lane: 'mail', priority: 0, now, limit: 10 }))),
    );
    expect(picked.length).toBeGreaterThan(0);
    await watched.read((tx) => areSendable(tx, picked, now));
  });
}

const ofDeliveries = (plans: readonly Plan[]) =>
  plans.filter(({ sql }) => /from "deliveries" as "d"/.test(sql));

/** What reads a table from end to end, or sorts all that waits. */
const dear = (plans: readonly Plan[]) =>
  plans.flatMap(({ lines }) =>
    lines.filter((line) => /^SCAN (d|o|r|n|c|s)\b|TEMP B-TREE FOR ORDER BY/.test(line)),
  );

it('the queue is read in its own order, and nothing else is asked while one notice is under way', async () => {
  const house = await outgoingHouse(freshSqlite);
  const { id } = await house.declare();
  await house.say(id, { body: 'One.', notify: true });
  await house.release();
  const plans = ofDeliveries(await plansOfPicking(house));
  expect(plans.length).toBeGreaterThan(1);
  expect(plans[0]?.lines[0]).toMatch(
    /^SEARCH d USING INDEX deliveries_queue \(lane=\? AND priority=\? AND not_before<\?\)/,
  );
  expect(dear(plans)).toEqual([]);
  // No order to keep, nothing held, nothing mended: not a word of it.
  for (const { sql } of plans) expect(sql).not.toMatch(/exists|"notice_seq" not in/);
  await house.db.close();
});

it('looks up by index what a person is still to get, where several are under way', async () => {
  const house = await outgoingHouse(freshSqlite);
  const { id } = await house.declare();
  await house.say(id, { body: 'One.', notify: true });
  await house.release();
  house.wire.takes = false;
  await house.turn();
  await house.say(id, { body: 'Two.', notify: true });
  await house.edit(id, 'One, mended.', { index: 1 });
  const { id: other } = await house.declare();
  await house.say(other, { body: 'Three.', notify: true });
  await stopSending(house.ctx, (await house.newest(other)).noticeId);
  house.ctx.clock.set(addMs(house.ctx.now(), HOUR));
  await house.expand();
  const plans = ofDeliveries(await plansOfPicking(house));
  expect(plans[0]?.sql).toMatch(/"notice_seq" not in/);
  expect(plans[0]?.sql).toMatch(/exists/);
  expect(plans[0]?.lines[0]).toMatch(/^SEARCH d USING INDEX deliveries_queue/);
  expect(plans[0]?.lines.join()).toMatch(
    /SEARCH o USING INDEX sqlite_autoindex_deliveries_1 \(notice_seq=\? AND recipient_seq=\?\)/,
  );
  expect(dear(plans)).toEqual([]);
  await house.db.close();
});

it('finds by index whom an incident turned out not to concern', async () => {
  const house = await outgoingHouse(freshSqlite);
  const { db, ctx, checkout } = house;
  await makeSubscribers(db, 2, [{ kind: 'component', id: checkout.id }], { mode: 'everything' });
  const { id, seq } = await house.declare();
  await house.say(id, { body: 'One.', notify: true });
  await house.release();
  await house.drain();
  const { version } = await house.get(id);
  const components = [{ id: checkout.id, status: 'operational' as const }];
  expect(await correctComponents(ctx, { incidentId: id, version, components })).toBe(2);
  const plans = await plansOf(db, (watched) =>
    watched.read(async (tx) => {
      const [spared] = (await listUnfinished(tx, seq)).filter(({ filter }) => filter.noLonger);
      const filter = { ...spared!.filter, spared: await listSpared(tx, seq) };
      expect(await countNamed(tx, { ...filter, spared: [] })).toBe(2);
      await countNamed(tx, { ...filter, noLonger: { not: { components: ['other'], groups: ['shop'] } } });
      const all = Array.from({ length: spared!.boundSeq }, (_, index) => index + 1);
      expect(await isToCome(tx, spared!, all, ctx.now())).toBe(true);
    }),
  );
  const walks = plans.flatMap(({ sql, lines }) =>
    lines.filter((line) => /^SCAN (?!json_each|f\b|each)/.test(line)).map((line) => `${line} in ${sql}`),
  );
  expect(walks).toEqual([]);
  await db.close();
});
