import fc from 'fast-check';
import { expect, it } from 'vitest';
import { acceptDeliveries } from '#db/batchMembers.ts';
import { insertDelivery } from '#db/deliveries.ts';
import { insertNotice } from '#db/notices.ts';
import type { Db } from '#db/open.ts';
import { readResendEvent } from '#delivery/events.ts';
import type { DeliveryState } from '#domain/deliveries.ts';
import { installationMark } from '#domain/receipts.ts';
import { addMs, DAY, HOUR, type Instant, MINUTE } from '#domain/time.ts';
import { applyReceipts, receiveEvent, tidyEvents } from '#services/receipts.ts';
import { eraseSubscriber } from '#services/subscriberRecords.ts';
import { liftSuppression } from '#services/suppressions.ts';
import { rendered } from '../delivery/support.ts';
import { type TestCtx, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeIncident, makePage } from '../support/factory.ts';
import { address, makeSubscribers } from '../support/people.ts';

let count = 0;

eachDatabase('receipts', (fresh) => {
  async function house(people = 1) {
    const db = await fresh();
    await makePage(db);
    await makeSubscribers(db, people);
    return testContext(db);
  }

  /** A delivery of a notice of its own to the person with this number, in this state. */
  async function deliver(
    ctx: TestCtx,
    options: {
      person?: number;
      incidentSeq?: number;
      state?: DeliveryState;
      providerId?: string | null;
    } = {},
  ): Promise<number> {
    const { person = 1, incidentSeq = null, state = 'accepted', providerId = 'mail-1' } = options;
    return ctx.db.write(async (tx) => {
      const noticeSeq = await insertNotice(tx, {
        id: `receipts${++count}`,
        kind: 'update',
        incidentSeq,
        updateSeq: null,
        priority: 1,
        rendered: rendered(),
        now: ctx.now(),
      });
      const recipient = await tx
        .selectFrom('recipients')
        .select('seq')
        .where('address', '=', address(person))
        .executeTakeFirstOrThrow();
      const seq = await insertDelivery(tx, {
        noticeSeq,
        recipientSeq: recipient.seq,
        priority: 1,
        now: ctx.now(),
      });
      await tx
        .updateTable('deliveries')
        .set({ state, provider_id: providerId })
        .where('seq', '=', seq)
        .execute();
      return seq;
    });
  }

  type Told = {
    id?: string;
    person?: number;
    providerId?: string;
    at?: Instant;
    mark?: string | null;
    data?: Record<string, unknown>;
  };

  /** Resend's webhook about a delivery, as its documentation has it. */
  function bodyOf(ctx: TestCtx, type: string, seq: number, told: Told = {}): string {
    const { mark = installationMark(ctx.sign, ctx.site.url) } = told;
    return JSON.stringify({
      type,
      created_at: told.at ?? ctx.now(),
      data: {
        email_id: told.providerId ?? 'mail-1',
        from: 'status@example.com',
        to: [address(told.person ?? 1)],
        subject: 'Checkout',
        tags: { delivery_id: String(seq), ...(mark && { installation: mark }) },
        ...told.data,
      },
    });
  }

  async function receive(ctx: TestCtx, body: string, id = `evt${++count}`): Promise<void> {
    await receiveEvent(ctx, { ...readResendEvent(body), provider: 'resend', eventId: id, body });
  }

  async function tell(ctx: TestCtx, type: string, seq: number, told: Told = {}): Promise<void> {
    await receive(ctx, bodyOf(ctx, type, seq, told), told.id);
    await applyReceipts(ctx);
  }

  const deliveries = (db: Db) =>
    db.read((tx) =>
      tx.selectFrom('deliveries').select(['seq', 'state', 'reason', 'provider_id']).orderBy('seq').execute(),
    );
  const events = (db: Db) =>
    db.read((tx) => tx.selectFrom('provider_events').selectAll().orderBy('seq').execute());
  const suppressions = (db: Db) =>
    db.read((tx) => tx.selectFrom('suppressions').selectAll().orderBy('address').execute());
  const stateOf = async (ctx: TestCtx) => (await deliveries(ctx.db))[0]?.state;

  const PERMANENT = { bounce: { type: 'Permanent', subType: 'NoEmail', message: '550 5.1.1 unknown user' } };
  const TRANSIENT = { bounce: { type: 'Transient', subType: 'MailboxFull', message: 'over quota' } };

  it('move a delivery on, and never back', async () => {
    const ctx = await house();
    const seq = await deliver(ctx);
    await tell(ctx, 'email.delivery_delayed', seq);
    expect((await deliveries(ctx.db))[0]).toMatchObject({
      state: 'accepted',
      reason: expect.stringContaining('goes on trying'),
    });
    await tell(ctx, 'email.sent', seq);
    expect((await deliveries(ctx.db))[0]?.reason).toContain('goes on trying');
    await tell(ctx, 'email.delivered', seq);
    await tell(ctx, 'email.delivery_delayed', seq);
    expect((await deliveries(ctx.db))[0]).toMatchObject({ state: 'delivered', reason: null });
    await tell(ctx, 'email.complained', seq);
    await tell(ctx, 'email.bounced', seq, { data: TRANSIENT });
    expect((await deliveries(ctx.db))[0]).toMatchObject({ state: 'complained', reason: 'Reported as spam.' });
  });

  it.each(['in_batch', 'uncertain'] as const)(
    'prove that a delivery whose outcome is unknown was taken: %s',
    async (state) => {
      const ctx = await house();
      const seq = await deliver(ctx, { state, providerId: null });
      await tell(ctx, 'email.sent', seq, { providerId: 'mail-9' });
      expect(await deliveries(ctx.db)).toEqual([
        { seq, state: 'accepted', reason: null, provider_id: 'mail-9' },
      ]);
    },
  );

  it('that overtook the answer to our call keep what they said', async () => {
    const ctx = await house();
    const seq = await deliver(ctx, { state: 'in_batch', providerId: null });
    await tell(ctx, 'email.bounced', seq, { data: PERMANENT });
    await ctx.db.write((tx) =>
      acceptDeliveries(tx, { seqs: [seq], providerIds: ['mail-1'], now: ctx.now() }),
    );
    expect((await deliveries(ctx.db))[0]).toMatchObject({
      state: 'bounced',
      reason: 'There is no such mailbox. 550 5.1.1 unknown user',
      provider_id: 'mail-1',
    });
  });

  it('are kept once, whatever comes twice, and applied once', async () => {
    const ctx = await house();
    const seq = await deliver(ctx);
    const body = bodyOf(ctx, 'email.delivered', seq);
    await Promise.all([receive(ctx, body, 'same'), receive(ctx, body, 'same'), receive(ctx, body, 'same')]);
    expect(await applyReceipts(ctx)).toBe(1);
    await receive(ctx, bodyOf(ctx, 'email.complained', seq), 'same');
    expect(await applyReceipts(ctx)).toBe(0);
    expect(await events(ctx.db)).toHaveLength(1);
    expect(await stateOf(ctx)).toBe('delivered');
    expect((await events(ctx.db))[0]).toMatchObject({ body, outcome: 'Applied.', applied_at: ctx.now() });
  });

  it('are applied once by two processes that look at the same time', async () => {
    const ctx = await house(300);
    for (let person = 1; person <= 300; person++) {
      const seq = await deliver(ctx, { person, providerId: `mail-${person}` });
      await receive(ctx, bodyOf(ctx, 'email.delivered', seq, { person, providerId: `mail-${person}` }));
    }
    const counts = await Promise.all([applyReceipts(ctx), applyReceipts(ctx), applyReceipts(ctx)]);
    expect(counts.reduce((sum, one) => sum + one)).toBe(300);
    expect(new Set((await deliveries(ctx.db)).map(({ state }) => state))).toEqual(new Set(['delivered']));
  });

  it('suppress for good when the mailbox does not exist, and unsubscribe too when it was called spam', async () => {
    const ctx = await house(3);
    const [one, two, three] = [
      await deliver(ctx, { person: 1 }),
      await deliver(ctx, { person: 2 }),
      await deliver(ctx, { person: 3 }),
    ];
    await tell(ctx, 'email.bounced', one, { data: PERMANENT });
    await tell(ctx, 'email.complained', two, { person: 2 });
    await tell(ctx, 'email.suppressed', three, {
      person: 3,
      data: {
        suppressed: { type: 'OnAccountSuppressionList', message: 'On the list.', reason: 'previous_bounce' },
      },
    });
    expect(await suppressions(ctx.db)).toMatchObject([
      { address: address(1), reason: 'bounce', detail: 'There is no such mailbox. 550 5.1.1 unknown user' },
      { address: address(2), reason: 'complaint', detail: 'Reported as spam.' },
      { address: address(3), reason: 'bounce', detail: expect.stringContaining('suppression list') },
    ]);
    const people = await ctx.db.read((tx) =>
      tx.selectFrom('recipients').select('state').orderBy('seq').execute(),
    );
    expect(people.map(({ state }) => state)).toEqual(['confirmed', 'unsubscribed', 'confirmed']);
    expect((await deliveries(ctx.db)).map(({ state }) => state)).toEqual([
      'bounced',
      'complained',
      'suppressed',
    ]);
    const audit = await ctx.db.read((tx) => tx.selectFrom('audit').selectAll().execute());
    expect(audit).toMatchObject([{ actor_label: 'mail provider', action: 'subscriber.unsubscribe' }]);
  });

  it('leave an address alone after five incidents in 30 days of which it could not be reached, each counted once', async () => {
    const ctx = await house();
    const incidents = [];
    for (let i = 0; i < 6; i++) incidents.push((await makeIncident(ctx.db)).seq);
    const bounce = async (incidentSeq: number, data: object = TRANSIENT) =>
      tell(ctx, 'email.bounced', await deliver(ctx, { incidentSeq }), { data: { ...data } });
    await bounce(incidents[0] as number);
    ctx.clock.advance(29 * DAY);
    for (const seq of incidents.slice(1, 4)) {
      await bounce(seq);
      await bounce(seq, { bounce: { type: 'Undetermined' } });
    }
    ctx.clock.advance(2 * DAY);
    await bounce(incidents[4] as number);
    // The first is 31 days ago by now.
    expect(await suppressions(ctx.db)).toEqual([]);
    await bounce(incidents[5] as number);
    expect(await suppressions(ctx.db)).toMatchObject([
      {
        address: address(1),
        reason: 'soft_bounces',
        detail: expect.stringContaining('5 incidents within 30 days'),
      },
    ]);
    // Let go, it begins to count anew.
    await liftSuppression(ctx, { address: address(1), reason: 'They made room' });
    ctx.clock.advance(MINUTE);
    await bounce((await makeIncident(ctx.db)).seq);
    expect((await suppressions(ctx.db))[0]?.lifted_at).not.toBeNull();
  });

  it('do not suppress an address anew for what happened before it was let go', async () => {
    const ctx = await house();
    const seq = await deliver(ctx);
    await tell(ctx, 'email.bounced', seq, { data: PERMANENT });
    const bouncedAt = ctx.now();
    ctx.clock.advance(HOUR);
    await liftSuppression(ctx, { address: address(1), reason: 'The mailbox is back' });
    ctx.clock.advance(HOUR);
    await tell(ctx, 'email.complained', seq, { at: bouncedAt });
    expect((await suppressions(ctx.db))[0]).toMatchObject({
      reason: 'bounce',
      lifted_reason: 'The mailbox is back',
    });
    await tell(ctx, 'email.bounced', seq, { data: PERMANENT });
    expect((await suppressions(ctx.db))[0]).toMatchObject({ reason: 'bounce', lifted_at: null });
  });

  it('follow the provider’s own list, in any order, for people that we know', async () => {
    const ctx = await house(2);
    const list = (verb: 'added' | 'removed', who: string, at: Instant, origin = 'bounce') =>
      receive(
        ctx,
        JSON.stringify({ type: `suppression.${verb}`, created_at: at, data: { email: who, origin } }),
      );
    const [first, second] = [ctx.now(), addMs(ctx.now(), HOUR)];
    ctx.clock.advance(DAY);
    await list('added', address(1).toUpperCase(), first, 'complaint');
    await list('removed', address(2), second);
    await list('added', 'stranger@elsewhere.example', first);
    await applyReceipts(ctx);
    expect(await suppressions(ctx.db)).toMatchObject([
      { address: address(1), reason: 'complaint', lifted_at: null, created_at: first },
      { address: address(2), lifted_at: second },
    ]);
    await list('removed', address(1), second);
    await list('added', address(2), first);
    await applyReceipts(ctx);
    expect(await suppressions(ctx.db)).toMatchObject([{ lifted_at: second }, { lifted_at: second }]);
    // Nobody's address stays behind in what was done with.
    expect((await events(ctx.db)).map(({ body }) => body)).toEqual(['', '', '', '', '']);
  });

  it('of another installation are left, unless the provider’s name for the mail is known here', async () => {
    const ctx = await house();
    const seq = await deliver(ctx, { providerId: 'mail-1' });
    await tell(ctx, 'email.complained', seq, { mark: 'theirs', providerId: 'mail-77' });
    await tell(ctx, 'email.complained', seq, { mark: null, providerId: 'mail-77' });
    await tell(ctx, 'email.complained', 999, { mark: null });
    expect(await stateOf(ctx)).toBe('accepted');
    expect(await suppressions(ctx.db)).toEqual([]);
    expect((await events(ctx.db)).map(({ outcome, body }) => [outcome, body])).toEqual(
      Array(3).fill(['Of another installation that sends by the same account.', '']),
    );
    // A mail that was frozen before there were marks.
    await tell(ctx, 'email.delivered', seq, { mark: null, providerId: 'mail-1' });
    expect(await stateOf(ctx)).toBe('delivered');
    expect((await events(ctx.db))[3]).toMatchObject({ delivery_seq: seq, outcome: 'Applied.' });
  });

  it('that name another person than the delivery does change nothing', async () => {
    const ctx = await house(2);
    const seq = await deliver(ctx, { person: 1 });
    await tell(ctx, 'email.complained', seq, { person: 2 });
    expect(await stateOf(ctx)).toBe('accepted');
    expect((await events(ctx.db))[0]?.outcome).toContain('another person');
  });

  it('of a try that failed do not touch the next one, unless they say that it arrived', async () => {
    const ctx = await house();
    const seq = await deliver(ctx, { state: 'queued', providerId: 'mail-1' });
    await tell(ctx, 'email.sent', seq);
    await tell(ctx, 'email.failed', seq, { data: { failed: { reason: 'reached_daily_quota' } } });
    expect(await stateOf(ctx)).toBe('queued');
    await tell(ctx, 'email.delivered', seq);
    expect(await stateOf(ctx)).toBe('delivered');
  });

  it('wait for a delivery that is not known yet, hold up no one, and are given up after three days', async () => {
    const ctx = await house();
    const first = await deliver(ctx);
    const unknown = first + 1;
    await tell(ctx, 'email.delivered', unknown, { providerId: 'mail-2' });
    await tell(ctx, 'email.delivered', unknown + 10, { providerId: 'mail-3' });
    await tell(ctx, 'email.delivered', first);
    expect(await stateOf(ctx)).toBe('delivered');
    expect((await events(ctx.db)).map(({ applied_at }) => applied_at !== null)).toEqual([false, false, true]);
    expect(await applyReceipts(ctx)).toBe(0);
    expect(await deliver(ctx, { providerId: 'mail-2' })).toBe(unknown);
    expect(await applyReceipts(ctx)).toBe(1);
    expect((await deliveries(ctx.db)).map(({ state }) => state)).toEqual(['delivered', 'delivered']);
    ctx.clock.advance(3 * DAY);
    expect(await tidyEvents(ctx)).toBe(0);
    ctx.clock.advance(MINUTE);
    const warned: string[] = [];
    const log = { ...ctx.log, warn: (_: object, message: string) => void warned.push(message) };
    expect(await tidyEvents({ ...ctx, log })).toBe(1);
    expect(warned).toEqual([expect.stringContaining('given up')]);
    expect((await events(ctx.db))[1]).toMatchObject({
      outcome: expect.stringContaining('Given up'),
      body: '',
    });
  });

  it('keep their text for 90 days; what is about no delivery of ours then goes altogether', async () => {
    const ctx = await house();
    const seq = await deliver(ctx);
    await tell(ctx, 'email.delivered', seq);
    await tell(ctx, 'email.delivered', seq, { mark: 'theirs', providerId: 'mail-77' });
    ctx.clock.advance(90 * DAY);
    await tidyEvents(ctx);
    expect((await events(ctx.db)).map(({ body }) => body.length > 0)).toEqual([true, false]);
    ctx.clock.advance(MINUTE);
    await tidyEvents(ctx);
    expect(await events(ctx.db)).toMatchObject([
      { body: '', receipt: '{}', delivery_seq: seq, outcome: 'Applied.' },
    ]);
  });

  it('go with the person they are about, when that person is erased', async () => {
    const ctx = await house();
    const incident = await makeIncident(ctx.db);
    const seq = await deliver(ctx, { incidentSeq: incident.seq });
    await tell(ctx, 'email.bounced', seq, { data: TRANSIENT });
    await tell(ctx, 'email.bounced', seq, { data: PERMANENT });
    await eraseSubscriber(ctx, 'p00000000001');
    const left = await ctx.db.read(async (tx) => ({
      events: await tx.selectFrom('provider_events').selectAll().execute(),
      soft: await tx.selectFrom('soft_bounces').selectAll().execute(),
      suppressions: await tx.selectFrom('suppressions').selectAll().execute(),
      audit: await tx.selectFrom('audit').selectAll().execute(),
    }));
    expect(JSON.stringify(left)).not.toContain('person1@');
    expect(left.suppressions).toMatchObject([{ address: expect.stringMatching(/^erased:/), detail: null }]);
  });

  it('end the same in any order, with any repeats, from any state that a mail on its way can be in', async () => {
    const ctx = await house();
    const incident = await makeIncident(ctx.db);
    const seq = await deliver(ctx, { incidentSeq: incident.seq });
    const KINDS: [type: string, data?: object][] = [
      ['email.sent'],
      ['email.scheduled'],
      ['email.delivery_delayed'],
      ['email.failed', { failed: { reason: 'reached_daily_quota' } }],
      ['email.suppressed', { suppressed: { reason: 'previous_bounce', message: 'On the list.' } }],
      ['email.delivered'],
      ['email.opened'],
      ['email.bounced', TRANSIENT],
      ['email.bounced', PERMANENT],
      ['email.complained'],
    ];
    const start = ctx.now();
    ctx.clock.advance(HOUR);
    const bodies = KINDS.map(([type, data], index) =>
      bodyOf(ctx, type, seq, { at: addMs(start, index * MINUTE), data: { ...data } }),
    );
    bodies.push(
      ...['added', 'removed'].map((verb) =>
        JSON.stringify({
          type: `suppression.${verb}`,
          created_at: addMs(start, verb === 'added' ? 4.5 * MINUTE : 6.5 * MINUTE),
          data: { email: address(1), origin: 'bounce' },
        }),
      ),
    );
    let run = 0;
    async function outcome(state: DeliveryState, chunks: readonly (readonly number[])[]) {
      run++;
      await ctx.db.write(async (tx) => {
        for (const table of ['provider_events', 'soft_bounces', 'suppressions'] as const)
          await tx.deleteFrom(table).execute();
        await tx.updateTable('recipients').set({ state: 'confirmed', unsubscribed_at: null }).execute();
        await tx
          .updateTable('deliveries')
          .set({ state, reason: null, provider_id: state === 'accepted' ? 'mail-1' : null })
          .execute();
      });
      for (const chunk of chunks) {
        for (const index of chunk) await receive(ctx, bodies[index] as string, `${run}-${index}`);
        await applyReceipts(ctx);
      }
      return ctx.db.read(async (tx) => ({
        delivery: (await deliveryRow(tx)).state,
        suppressed: (await tx.selectFrom('suppressions').select(['address', 'lifted_at']).execute())
          .map((row) => row.lifted_at === null)
          .includes(true),
        soft: await tx.selectFrom('soft_bounces').selectAll().execute(),
        person: (await tx.selectFrom('recipients').select('state').executeTakeFirstOrThrow()).state,
      }));
    }
    const deliveryRow = (tx: Parameters<Parameters<Db['read']>[0]>[0]) =>
      tx.selectFrom('deliveries').select(['state', 'reason']).executeTakeFirstOrThrow();

    const all = bodies.map((_, index) => index);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<DeliveryState>('in_batch', 'uncertain', 'accepted'),
        fc.subarray(all, { minLength: 1 }),
        fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
        async (state, chosen, chance) => {
          const next = () => chance.next().value as number;
          const order = [...chosen, ...chosen.filter(() => next() < 0.3)]
            .map((index) => ({ index, key: next() }))
            .sort((a, b) => a.key - b.key)
            .map(({ index }) => index);
          const chunks: number[][] = [[]];
          for (const index of order) {
            if (next() < 0.4) chunks.push([]);
            (chunks.at(-1) as number[]).push(index);
          }
          expect(await outcome(state, chunks)).toEqual(await outcome(state, [chosen]));
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);
});
