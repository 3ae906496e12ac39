import { expect, it } from 'vitest';
import { listAudit } from '#db/audit.ts';
import { endBatchMembers } from '#db/batchMembers.ts';
import type { Db } from '#db/open.ts';
import { getProvider, notePace, openCircuit } from '#db/providers.ts';
import { HOUR, MINUTE } from '#domain/time.ts';
import {
  closeUncertain,
  listUncertain,
  pauseProvider,
  repeatUncertain,
  resumeProvider,
} from '#services/outbox.ts';
import { batches, expandAll, fakeTransport, postNotice, rigEngine, states } from '../delivery/support.ts';
import { testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { address, makeSubscribers } from '../support/people.ts';

eachDatabase('what an operator decides about the outbox', (fresh) => {
  async function withRig(
    people: number,
    body: (rig: { db: Db; fake: FakeResend } & Awaited<ReturnType<typeof rigEngine>>) => Promise<void>,
  ) {
    const fake = await startFakeResend();
    try {
      const db = await fresh();
      await makeSubscribers(db, people);
      const rig = await rigEngine(db, fakeTransport(fake));
      await postNotice(db, rig.clock.now());
      await expandAll(db, rig.clock.now);
      await body({ db, fake, ...rig });
    } finally {
      await fake.close();
    }
  }

  /** Sends the batch, loses the answer, and lets the key's lifetime pass. */
  async function loseOne({ db, fake, drain, clock }: Parameters<Parameters<typeof withRig>[1]>[0]) {
    fake.next({ kind: 'takeAndDrop' });
    await drain();
    clock.advance(23 * HOUR + MINUTE);
    await db.write(async (tx) => {
      await tx
        .updateTable('batches')
        .set({ state: 'settled', body: null, settled_at: clock.now() })
        .execute();
      await endBatchMembers(tx, 1, { state: 'uncertain', reason: 'No answer.', now: clock.now() });
    });
  }

  it('nothing uncertain goes again by itself; a repeat asked for is a new batch under a new key', () =>
    withRig(4, async (rig) => {
      const { db, fake, drain, clock } = rig;
      await loseOne(rig);
      await drain();
      expect(fake.calls).toHaveLength(1);
      const ctx = testContext(db, { clock });
      const listed = await listUncertain(ctx);
      expect(listed).toMatchObject({ total: 4, next: null });
      expect(listed.deliveries.map((delivery) => delivery.address)).toEqual([1, 2, 3, 4].map(address));
      const [first, second, third, fourth] = listed.deliveries.map((delivery) => delivery.seq);

      expect(await repeatUncertain(ctx, [first!, second!])).toBe(2);
      // A second press, from an older page, repeats nothing.
      expect(await repeatUncertain(ctx, [first!, second!])).toBe(0);
      expect(await closeUncertain(ctx, [third!])).toBe(1);
      expect(await closeUncertain(ctx, [third!])).toBe(0);
      await drain();
      expect(await states(db)).toEqual({ accepted: 2, uncertain: 2 });
      expect(fake.calls).toHaveLength(2);
      expect(fake.calls[0]!.key).not.toBe(fake.calls[1]!.key);
      expect((await batches(db)).map((batch) => batch.generation)).toEqual([0, 1]);
      expect((await listUncertain(ctx)).deliveries.map((delivery) => delivery.seq)).toEqual([fourth]);
      const deeds = await db.read((tx) => listAudit(tx, null, 10));
      expect(deeds.map((deed) => [deed.action, deed.detail])).toEqual([
        ['delivery.closeUncertain', { count: 1 }],
        ['delivery.repeatUncertain', { count: 2 }],
      ]);
      expect(ctx.changes).toEqual(['outbox']);
    }));

  it('pages through what is uncertain, of one message or all, and hides addresses from who may not see them', () =>
    withRig(5, async (rig) => {
      await loseOne(rig);
      const ctx = testContext(rig.db, { clock: rig.clock });
      const first = await listUncertain(ctx, { limit: 3 });
      expect([first.deliveries.length, first.total]).toEqual([3, 5]);
      const rest = await listUncertain(ctx.as('viewer'), { limit: 3, after: first.next! });
      expect(rest).toMatchObject({ deliveries: [{}, { address: 'p***@example.org' }], next: null });
      const { noticeId } = rest.deliveries[0]!;
      expect((await listUncertain(ctx, { noticeId })).deliveries).toHaveLength(5);
      expect((await listUncertain(ctx, { noticeId: 'other' })).deliveries).toHaveLength(0);
    }));

  it('a paused provider is called by nobody until it is resumed', () =>
    withRig(3, async ({ db, fake, drain, clock }) => {
      const ctx = testContext(db, { clock });
      await pauseProvider(ctx, 'resend');
      await drain();
      expect(fake.calls).toHaveLength(0);
      clock.advance(MINUTE);
      await pauseProvider(ctx.as('owner'), 'resend');
      expect(await db.read((tx) => getProvider(tx, 'resend'))).toMatchObject({ pausedBy: 'comms person' });
      await resumeProvider(ctx, 'resend');
      await drain();
      expect(await states(db)).toEqual({ accepted: 3 });
    }));

  it('what is known of the quotas outlasts a pause: of them a part is kept for what is urgent', async () => {
    const db = await fresh();
    const ctx = testContext(db);
    const day = {
      period: 'day',
      limit: 100,
      used: 85,
      resetsAt: '2199-01-01T00:00:00.000Z',
      hard: true,
    } as const;
    const note = (spent: 'no' | 'for most') =>
      db.write((tx) => notePace(tx, { id: 'resend', rate: null, calls: [], quotas: [{ ...day, spent }] }));
    const quotas = async () => (await db.read((tx) => getProvider(tx, 'resend'))).quotas;
    await pauseProvider(ctx, 'resend');
    await note('no');
    await resumeProvider(ctx, 'resend');
    expect(await quotas()).toEqual([{ ...day, spent: 'no' }]);
    // Where it was used up, whoever resumes has raised the plan.
    await note('for most');
    await resumeProvider(ctx, 'resend');
    expect(await quotas()).toEqual([]);
  });

  it('a provider can be paused before anything was ever sent through it, and resuming closes an open circuit', async () => {
    const db = await fresh();
    const ctx = testContext(db);
    await pauseProvider(ctx, 'hook');
    expect(await db.read((tx) => getProvider(tx, 'hook'))).toMatchObject({ pausedAt: ctx.now() });
    await db.write((tx) => openCircuit(tx, { id: 'hook', reason: 'No.', now: ctx.now() }));
    await resumeProvider(ctx, 'hook');
    expect(await db.read((tx) => getProvider(tx, 'hook'))).toMatchObject({
      pausedAt: null,
      circuit: 'closed',
    });
  });

  it('is for those who may change deliveries, and for ways out that exist', async () => {
    const ctx = testContext(await fresh());
    const responder = ctx.as('responder');
    for (const deed of [
      () => repeatUncertain(responder, [1]),
      () => closeUncertain(responder, [1]),
      () => pauseProvider(responder, 'resend'),
      () => resumeProvider(responder, 'resend'),
    ])
      await expect(deed()).rejects.toMatchObject({ code: 'forbidden' });
    await expect(pauseProvider(ctx, 'pigeon')).rejects.toMatchObject({ code: 'not_found' });
    await expect(resumeProvider(ctx, 'pigeon')).rejects.toMatchObject({ code: 'not_found' });
  });
});
