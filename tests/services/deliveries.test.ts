import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { openCircuit } from '#db/providers.ts';
import { suppressAddress } from '#db/suppressions.ts';
import { beatWorker } from '#db/workers.ts';
import { countOutcomes, DELIVERY_STATES, OUTCOME_OF } from '#domain/deliveries.ts';
import { HOUR, MINUTE } from '#domain/time.ts';
import { getFanout, listDeliveries, listFanouts, readMail, retryRefused } from '#services/deliveries.ts';
import { getDeliveryHealth } from '#services/deliveryHealth.ts';
import { pauseProvider, resumeProvider } from '#services/outbox.ts';
import { expandAll, fakeTransport, postNotice, rendered, rigEngine } from '../delivery/support.ts';
import { testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { address, makeSubscribers } from '../support/people.ts';

eachDatabase('what the admin sees of deliveries', (fresh) => {
  async function withResend(body: (fake: FakeResend, db: Db) => Promise<void>) {
    const fake = await startFakeResend();
    try {
      await body(fake, await fresh());
    } finally {
      await fake.close();
    }
  }

  it('counts a message while it is made, while it goes, and after', () =>
    withResend(async (fake, db) => {
      const ctx = testContext(db);
      await makeSubscribers(db, 510);
      await db.write((tx) =>
        suppressAddress(tx, { address: address(1), reason: 'bounce', detail: null, now: ctx.now() }),
      );
      fake.refuse(address(2));
      const rig = await rigEngine(db, fakeTransport(fake), { clock: ctx.clock });
      await postNotice(db, ctx.now(), { mail: rendered('News') });
      await db.write((tx) => tx.updateTable('fanouts').set({ expected: 510 }).execute());
      const view = async () => (await listFanouts(ctx)).fanouts[0]!;
      expect(await view()).toMatchObject({
        subject: 'News',
        expanding: true,
        waiting: 510,
        sent: 0,
        total: 510,
      });
      await expandAll(db, ctx.now);
      expect(await view()).toMatchObject({ expanding: false, waiting: 509, leftOut: 1, total: 510 });
      await rig.drain();
      const done = await view();
      expect(done).toMatchObject({ waiting: 0, sent: 508, failed: 1, leftOut: 1, total: 510 });
      expect(done.states).toEqual({ accepted: 508, refused: 1, suppressed: 1 });

      const { deliveries } = await listDeliveries(ctx, done.noticeId, { show: 'failed' });
      expect(deliveries).toMatchObject([
        { address: address(2), reason: expect.stringContaining('Invalid `to`') },
      ]);
      const first = await listDeliveries(ctx, done.noticeId, { show: 'sent', limit: 300 });
      const second = await listDeliveries(ctx, done.noticeId, {
        show: 'accepted',
        after: first.next!,
        limit: 300,
      });
      expect([first.deliveries.length, second.deliveries.length, second.next]).toEqual([300, 208, null]);
    }));

  it('shows whole addresses and a person’s mail only to those who may see subscribers', () =>
    withResend(async (fake, db) => {
      const ctx = testContext(db);
      await makeSubscribers(db, 1);
      const rig = await rigEngine(db, fakeTransport(fake), { clock: ctx.clock });
      await postNotice(db, ctx.now());
      await expandAll(db, ctx.now);
      await rig.drain();
      const { noticeId } = (await listFanouts(ctx.as('viewer'))).fanouts[0]!;
      const list = await listDeliveries(ctx.as('viewer'), noticeId, { show: 'sent' });
      expect(list.deliveries[0]!.address).toBe('p***@example.org');
      await expect(readMail(ctx.as('viewer'), list.deliveries[0]!.seq)).rejects.toMatchObject({
        code: 'forbidden',
      });
      const mail = await readMail(ctx, list.deliveries[0]!.seq);
      expect({ html: mail.html, text: mail.text }).toEqual({
        html: fake.mails[0]!.html,
        text: fake.mails[0]!.text,
      });
      await expect(getFanout(ctx, 'no-such-one')).rejects.toMatchObject({ code: 'not_found' });
      await expect(readMail(ctx, 999)).rejects.toMatchObject({ code: 'not_found' });
    }));

  it('sends again to those who were refused, and to no one else', () =>
    withResend(async (fake, db) => {
      const ctx = testContext(db);
      await makeSubscribers(db, 50);
      fake.refuse(address(7));
      const rig = await rigEngine(db, fakeTransport(fake), { clock: ctx.clock });
      await postNotice(db, ctx.now());
      await expandAll(db, ctx.now);
      await rig.drain();
      const { noticeId } = (await listFanouts(ctx)).fanouts[0]!;
      await expect(retryRefused(ctx.as('viewer'), noticeId)).rejects.toMatchObject({ code: 'forbidden' });
      expect(await retryRefused(ctx, noticeId)).toEqual({ again: 1, passedOver: 0 });
      expect(ctx.changes).toEqual(['outbox']);
      await rig.drain();
      expect(await getFanout(ctx, noticeId)).toMatchObject({ sent: 49, failed: 1 });
      // Every call so far had a key of its own, the ones of the same single person too.
      expect(new Set(fake.calls.map((call) => call.key)).size).toBe(fake.calls.length);
      expect([...fake.counts.values()].every((count) => count === 1)).toBe(true);
    }));

  it('says how sending is: fine, going out, late, nobody there, stopped', async () => {
    const db = await fresh();
    const ctx = testContext(db);
    const rig = await rigEngine(db, fakeTransport({ url: 'http://127.0.0.1:1' } as FakeResend), {
      clock: ctx.clock,
    });
    const beat = () =>
      db.write((tx) => beatWorker(tx, { id: 'here:1:1', role: 'mail:resend', now: ctx.now() }));
    expect(await getDeliveryHealth(ctx)).toMatchObject({
      level: 'trouble',
      message: 'No process is ready to send.',
      workers: 0,
    });
    await beat();
    expect(await getDeliveryHealth(ctx)).toMatchObject({ level: 'fine', fix: null, waiting: 0, workers: 1 });
    await makeSubscribers(db, 3);
    await postNotice(db, ctx.now());
    await expandAll(db, ctx.now);
    expect(await getDeliveryHealth(ctx)).toMatchObject({
      level: 'waiting',
      waiting: 3,
      oldestDue: ctx.now(),
    });
    ctx.clock.advance(3 * MINUTE);
    expect(await getDeliveryHealth(ctx)).toMatchObject({ level: 'trouble', workers: 0 });
    await beat();
    expect((await getDeliveryHealth(ctx)).message).toContain(
      'The oldest mail has been waiting for 3 minutes',
    );
    await rig.drain();
    expect(await getDeliveryHealth(ctx)).toMatchObject({ waiting: 3 });
    await db.write((tx) =>
      openCircuit(tx, { id: 'resend', reason: 'The key is wrong. Set RESEND_API_KEY.', now: ctx.now() }),
    );
    expect(await getDeliveryHealth(ctx)).toMatchObject({
      level: 'trouble',
      message: 'Sending has stopped. The key is wrong. Set RESEND_API_KEY.',
      resumable: 'resend',
    });
    await expect(resumeProvider(ctx.as('responder'), 'resend')).rejects.toMatchObject({ code: 'forbidden' });
    await expect(resumeProvider(ctx, 'other')).rejects.toMatchObject({ code: 'not_found' });
    await resumeProvider(ctx, 'resend');
    expect(await getDeliveryHealth(ctx)).toMatchObject({ resumable: null });
    expect(ctx.changes).toEqual(['outbox']);
  });

  it('a pause of webhooks says so, and hides nothing of mail that is late', async () => {
    const db = await fresh();
    const ctx = testContext(db);
    const rig = await rigEngine(db, fakeTransport({ url: 'http://127.0.0.1:1' } as FakeResend), {
      clock: ctx.clock,
    });
    const beat = () =>
      db.write(async (tx) => {
        await beatWorker(tx, { id: 'here:1:1', role: 'mail:resend', now: ctx.now() });
        await beatWorker(tx, { id: 'here/hook:1:1', role: 'hook:hook', now: ctx.now() });
      });
    await makeSubscribers(db, 3);
    await postNotice(db, ctx.now());
    await expandAll(db, rig.clock.now);
    await pauseProvider(ctx, 'hook');
    ctx.clock.advance(15 * MINUTE);
    await beat();
    const { message, level, more } = await getDeliveryHealth(ctx);
    const said = [{ message, level }, ...more];
    expect(said).toMatchObject([
      { level: 'trouble', message: 'The oldest mail has been waiting for 15 minutes.' },
      {
        level: 'waiting',
        message:
          'comms person paused the calls of webhooks and chats 15 minutes ago. None leaves until it is resumed.',
      },
    ]);
  });

  it('says what a spent quota waits for, and that held batches need someone', () =>
    withResend(async (fake, db) => {
      const ctx = testContext(db);
      const rig = await rigEngine(db, fakeTransport(fake), { clock: ctx.clock });
      const beat = () =>
        db.write((tx) => beatWorker(tx, { id: 'here:1:1', role: 'mail:resend', now: ctx.now() }));
      const post = async () => {
        await postNotice(db, ctx.now());
        await expandAll(db, ctx.now);
      };
      const refuse = async (status: number, name: string) => {
        const body = JSON.stringify({ statusCode: status, name, message: 'No.' });
        fake.next({ kind: 'answer', status, body, headers: { 'retry-after': '7200' } });
        await beat();
        await rig.drain();
        return getDeliveryHealth(ctx);
      };
      await makeSubscribers(db, 10);
      await post();
      // The stand-in tells a reset by the real clock, which this one is past: what counts is the time that the answer names.
      ctx.clock.set('2199-01-01T00:00:00.000Z');
      expect(await refuse(429, 'monthly_quota_exceeded')).toMatchObject({
        level: 'trouble',
        message:
          'The monthly quota of the mail provider is used up for another 2 hours. Only SEV1 and confirmations still leave.',
        fix: expect.stringContaining('press Resume'),
        resumable: 'resend',
        waiting: 10,
      });

      ctx.clock.advance(2 * HOUR);
      expect(await refuse(409, 'invalid_idempotent_request')).toMatchObject({
        level: 'trouble',
        message: expect.stringMatching(/^1 batch is held: it may be out already/),
        fix: expect.stringContaining('Look for them in the provider'),
      });
      await post();
      expect((await refuse(409, 'invalid_idempotent_request')).message).toMatch(/^2 batches are held: /);
    }));
});

it('every state belongs to one outcome, and the sum is the total', () => {
  const states = Object.fromEntries(DELIVERY_STATES.map((state, index) => [state, index + 1]));
  const { total, ...outcomes } = countOutcomes(states, { expected: 0, expanding: false });
  expect(Object.values(outcomes).reduce((sum, count) => sum + count)).toBe(total);
  expect(Object.keys(OUTCOME_OF).sort()).toEqual([...DELIVERY_STATES].sort());
});
