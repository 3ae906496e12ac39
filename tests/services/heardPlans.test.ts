import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { addMember, ensureAudiences } from '#services/audiences.ts';
import { listFanouts } from '#services/deliveries.ts';
import { getDeliveryHealth } from '#services/deliveryHealth.ts';
import { lookUp, lookUpInput } from '#services/heard.ts';
import { expandAll, postNotice } from '../delivery/support.ts';
import { type TestCtx, testContext } from '../support/context.ts';
import { freshSqlite } from '../support/databases.ts';
import { makeIncident, makePage } from '../support/factory.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { type Plan, plansOf } from '../support/plans.ts';

/** What has a row a person or more: as the statements call them. */
const LARGE =
  /^SCAN (recipients|deliveries|batches|suppressions|provider_events|recipient_scopes|r|d|b|s|e|last)\b(.*)$/;

let db: Db;
let ctx: TestCtx;
beforeAll(async () => {
  db = await freshSqlite();
  ctx = testContext(db);
  await makePage(db);
  await ensureAudiences({ ...ctx, actor: { kind: 'system', name: 'test' } });
  await makeSubscribers(db, 60);
  await addMember(ctx, 'support', { address: 'ada@acme.example', name: 'Ada' });
  await makeIncident(db);
  await postNotice(db, ctx.now());
  await expandAll(db, ctx.now);
});
afterAll(() => db?.close());

/** These hold few rows, or are counted on purpose. */
const ALLOWED =
  /USING (COVERING )?INDEX (recipients_hooks|deliveries_queue|deliveries_uncertain|batches_unsettled)\b/;

const walks = (plans: readonly Plan[]) =>
  plans.flatMap(({ sql, lines }) =>
    lines.filter((line) => LARGE.test(line) && !ALLOWED.test(line)).map((line) => `${line}\n    in ${sql}`),
  );

it.each([address(7), 'example.org', 'Ada', 'https://hooks.example.org/a'])(
  'looking up %s walks through no table of people',
  async (typed) => {
    const { sought } = lookUpInput.parse({ sought: typed });
    const plans = await plansOf(db, (watched) => lookUp({ ...ctx, db: watched }, { sought, before: 1_000 }));
    expect(plans.length).toBeGreaterThan(4);
    expect(walks(plans)).toEqual([]);
  },
);

it('nor does the screen of deliveries', async () => {
  const plans = await plansOf(db, async (watched) => {
    await getDeliveryHealth({ ...ctx, db: watched });
    await listFanouts({ ...ctx, db: watched });
  });
  expect(plans.length).toBeGreaterThan(6);
  expect(walks(plans)).toEqual([]);
});
