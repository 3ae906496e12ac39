import { expect, it } from 'vitest';
import { listAudit } from '#db/audit.ts';
import type { Db } from '#db/open.ts';
import { HOUR } from '#domain/time.ts';
import { getDeliveryHealth } from '#services/deliveryHealth.ts';
import { dropRest } from '#services/dropRest.ts';
import { stopSending } from '#services/fanoutControl.ts';
import { decideHeld, HELD_DECISIONS, listHeld } from '#services/heldBatches.ts';
import { declareRestricted } from '#services/restricted.ts';
import { batches, expandAll, fakeTransport, postNotice, rigEngine, states } from '../delivery/support.ts';
import { testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { startFakeResend } from '../support/fakeResend.ts';
import { makeSubscribers } from '../support/people.ts';
import { outgoingHouse } from './outgoingHouse.ts';
import { type Name, sealedHouse } from './sealedHouse.ts';

const CONTRADICTS = {
  kind: 'answer',
  status: 409,
  body: '{"statusCode":409,"name":"invalid_idempotent_request","message":"Same key, other payload."}',
} as const;

const hold = (db: Db) =>
  db.write((tx) =>
    tx
      .updateTable('batches')
      .set({ state: 'held', last_error: 'The provider had others under this key.' })
      .where('state', '=', 'frozen')
      .execute(),
  );

eachDatabase('a batch that is held', (fresh) => {
  /** Four people, whose batch the provider says contradicts itself. */
  async function held() {
    const fake = await startFakeResend();
    const db = await fresh();
    await makeSubscribers(db, 4);
    const rig = await rigEngine(db, fakeTransport(fake));
    await postNotice(db, rig.clock.now());
    await expandAll(db, rig.clock.now);
    fake.next(CONTRADICTS);
    await rig.drain();
    const ctx = testContext(db, { clock: rig.clock });
    const [batch] = await listHeld(ctx);
    const deeds = async () =>
      (await db.read((tx) => listAudit(tx, null, 10))).map(({ at, actor, action, detail }) => [
        at,
        actor,
        action,
        detail,
      ]);
    return { ...rig, db, fake, ctx, batch: batch!, deeds };
  }

  it('is shown with what it says, its key and why, and the admin’s first page leads there', async () => {
    const { ctx, batch, fake, clock } = await held();
    expect(batch).toEqual({
      seq: 1,
      key: fake.calls[0]!.key,
      mails: 4,
      subjects: ['[Investigating] Checkout'],
      since: clock.now(),
      reason: 'Resend: Same key, other payload. (409, invalid_idempotent_request)',
      otherKey: false,
    });
    expect(await listHeld(ctx.as('viewer'))).toEqual([batch]);
    const { message, at, more } = await getDeliveryHealth(ctx);
    expect([{ message, at }, ...more]).toContainEqual(
      expect.objectContaining({
        message: expect.stringContaining('1 batch is held'),
        at: { href: '/admin/deliveries/uncertain', label: 'Decide' },
      }),
    );
    await fake.close();
  });

  it('was not sent: goes under a new key, once, and who decided is on record', async () => {
    const { ctx, batch, fake, drain, db, clock, deeds } = await held();
    clock.advance(HOUR);
    await drain();
    expect(fake.calls).toHaveLength(1);
    expect(await decideHeld(ctx, { batchSeq: batch.seq, decision: 'notSent' })).toBe(4);
    expect(ctx.changes).toEqual(['outbox']);
    await drain();
    expect(await states(db)).toEqual({ accepted: 4 });
    expect(fake.taken).toBe(4);
    expect(fake.calls.map(({ key }) => key)).toEqual([batch.key, expect.not.stringMatching(batch.key)]);
    expect(await deeds()).toEqual([
      [clock.now(), 'comms person', 'delivery.heldNotSent', { count: 4, key: batch.key }],
    ]);
    expect(await listHeld(ctx)).toEqual([]);
    await fake.close();
  });

  it('was sent: is noted as taken and never goes again', async () => {
    const { ctx, batch, fake, drain, db, clock, deeds } = await held();
    expect(await decideHeld(ctx, { batchSeq: batch.seq, decision: 'wasSent' })).toBe(4);
    clock.advance(25 * HOUR);
    await drain();
    expect(await states(db)).toEqual({ accepted: 4 });
    expect(fake.calls).toHaveLength(1);
    expect(await batches(db)).toMatchObject([{ state: 'settled', body: null }]);
    expect(await deeds()).toEqual([
      [expect.any(String), 'comms person', 'delivery.heldWasSent', { count: 4, key: batch.key }],
    ]);
    await fake.close();
  });

  it('is decided about once, by those who may, and by nobody who only looks', async () => {
    const { ctx, batch, fake, db, deeds } = await held();
    const decide = (by: typeof ctx, decision: (typeof HELD_DECISIONS)[number]) =>
      decideHeld(by, { batchSeq: batch.seq, decision });
    for (const decision of HELD_DECISIONS)
      await expect(decide(ctx.as('responder'), decision)).rejects.toMatchObject({ code: 'forbidden' });
    expect(await states(db)).toEqual({ in_batch: 4 });
    await decide(ctx, 'wasSent');
    // A second press, from an older page.
    await expect(decide(ctx, 'notSent')).rejects.toMatchObject({ code: 'conflict' });
    expect(await states(db)).toEqual({ accepted: 4 });
    expect(await deeds()).toHaveLength(1);
    await fake.close();
  });

  it('is not sent after newer news of its incident', async () => {
    const house = await outgoingHouse(fresh, { people: 2 });
    const { id } = await house.declare();
    await house.say(id, { body: 'The first word.', notify: true });
    await house.release();
    house.wire.takes = false;
    await house.turn();
    await house.answer('unknown');
    await hold(house.db);
    house.ctx.clock.advance(HOUR);
    await house.say(id, { body: 'The second word.', notify: true });
    await house.release();
    await house.drain();
    expect(house.wire.taken).toHaveLength(2);
    const [batch] = await listHeld(house.ctx);
    expect(await decideHeld(house.ctx, { batchSeq: batch!.seq, decision: 'notSent' })).toBe(0);
    await house.drain();
    expect(house.wire.taken).toHaveLength(2);
    expect(await states(house.db)).toEqual({ accepted: 2, superseded: 2 });
  });

  it('is not sent when the rest of its message was dropped meanwhile', async () => {
    const house = await outgoingHouse(fresh, { people: 2 });
    const { id } = await house.declare();
    await house.say(id, { body: 'The first word.', notify: true });
    await house.release();
    house.wire.takes = false;
    await house.turn();
    await house.answer('unknown');
    await hold(house.db);
    const { noticeId } = await house.newest(id);
    await stopSending(house.ctx, noticeId);
    await dropRest(house.ctx, noticeId);
    await house.drain();
    const [batch] = await listHeld(house.ctx);
    await decideHeld(house.ctx, { batchSeq: batch!.seq, decision: 'notSent' });
    await house.drain();
    expect(house.wire.taken).toEqual([]);
    expect(await states(house.db)).toEqual({ superseded: 2 });
  });

  it('never tells of two restricted incidents, so that there is always someone to decide about it', async () => {
    const { db, as, seal, cart } = await sealedHouse(fresh);
    await seal();
    await declareRestricted(as('user-responder'), {
      title: 'A door stood open',
      severity: 'SEV1',
      components: [{ id: cart.id, status: 'major_outage' }],
      viewers: ['user-comms'],
    });
    const rig = await rigEngine(
      db,
      {
        ...fakeTransport(await startFakeResend()),
        paced: false,
        send: async () => ({ kind: 'unknown', afterMs: HOUR, reason: 'No answer.', unreachable: false }),
      },
      { clock: as('noor').clock },
    );
    await rig.drain();
    await hold(db);
    const mails = async (name: Name) =>
      (await listHeld(as(name))).reduce((sum, batch) => sum + batch.mails, 0);
    // Each sees what is theirs, and nothing is left that nobody sees.
    expect([await mails('noor'), await mails('user-comms')]).toEqual([1, 1]);
    expect(await states(db)).toEqual({ in_batch: 2 });
  });

  it('of a restricted incident is shown to its viewers, and decided by them', async () => {
    const { db, as, seal } = await sealedHouse(fresh);
    await seal();
    const rig = await rigEngine(
      db,
      { ...fakeTransport(await startFakeResend()), send: async () => ({ kind: 'ownBug', reason: 'Odd.' }) },
      { clock: as('noor').clock },
    );
    await rig.drain();
    const [batch] = await listHeld(as('noor'));
    expect(batch).toMatchObject({ reason: 'Odd.' });
    for (const name of ['kim', 'user-owner'] as const) {
      expect(await listHeld(as(name))).toEqual([]);
      await expect(decideHeld(as(name), { batchSeq: batch!.seq, decision: 'notSent' })).rejects.toMatchObject(
        {
          code: 'conflict',
        },
      );
    }
    expect(await decideHeld(as('noor'), { batchSeq: batch!.seq, decision: 'wasSent' })).toBe(batch!.mails);
  });
});
