import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { afterEach, expect, it, vi } from 'vitest';
import { freeLeases } from '#db/leases.ts';
import type { Db } from '#db/open.ts';
import { suppressAddress } from '#db/suppressions.ts';
import { type DispatcherDeps, startDispatcher } from '#delivery/dispatcher.ts';
import { LEASE_MS, RENEW_MS } from '#delivery/lease.ts';
import { hookTransport } from '#delivery/transports/hook.ts';
import { smtpTransport } from '#delivery/transports/smtp.ts';
import { HOUR } from '#domain/time.ts';
import { addHookSubscriber } from '#services/hookRecords.ts';
import { listUncertain } from '#services/outbox.ts';
import { incidentHouse } from '../services/incidentHouse.ts';
import { testClock, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeIncident } from '../support/factory.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { startReceiver } from '../support/receiver.ts';
import { expandAll, postNotice, rigEngine, SENDER, SITE, states } from './support.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Mails that go one by one, and calls, are asked about one by one whenever their batch is taken up. */
eachDatabase('a batch that goes one by one, and has begun', (fresh) => {
  /** A real SMTP server; `meets` says what becomes of a whole message. */
  async function startSmtp(port = 0) {
    const state = {
      url: '',
      taken: [] as string[],
      meets: (_: string): 'taken' | 'drop' | Promise<never> => 'taken',
      close: () => new Promise<void>((resolve) => smtp.close(() => resolve())),
    };
    const smtp = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      logger: false,
      closeTimeout: 1,
      async onData(stream, session, done) {
        for await (const _ of stream);
        const to = session.envelope.rcptTo[0]!.address;
        state.taken.push(to);
        if ((await state.meets(to)) === 'taken') return done();
        for (const { id, _socket } of smtp.connections as Set<{
          id: string;
          _socket: { destroy(): void };
        }>)
          if (id === session.id) _socket.destroy();
      },
    });
    smtp.on('error', () => undefined);
    await new Promise<void>((resolve) => smtp.listen(port, '127.0.0.1', resolve));
    state.url = `smtp://127.0.0.1:${(smtp.server.address() as AddressInfo).port}`;
    ends.push(() => state.close().catch(() => undefined));
    return state;
  }

  async function posted(people: number) {
    const db = await fresh();
    await makeSubscribers(db, people);
    const clock = testClock();
    const server = await startSmtp();
    const worker = (owner: string) => {
      const transport = smtpTransport({ url: server.url, sender: SENDER });
      ends.push(transport.close);
      return rigEngine(db, transport, { clock, owner });
    };
    await postNotice(db, clock.now());
    await expandAll(db, clock.now);
    return { db, clock, server, worker };
  }

  /** The server has this person's mail when the worker is killed: nothing of it is ever written down. */
  async function killedAt(who: number, house: Awaited<ReturnType<typeof posted>>) {
    const { db, clock, server } = house;
    const victim = await house.worker('a:1:1');
    const reached = Promise.withResolvers<void>();
    server.meets = (to) => {
      if (to !== address(who)) return 'taken';
      reached.resolve();
      return new Promise(() => undefined);
    };
    await victim.engine.round();
    void (async () => {
      while (!server.taken.includes(address(who))) {
        await victim.engine.round().catch(() => undefined);
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await reached.promise;
    await victim.engine.round();
    await db.write((tx) => freeLeases(tx, ['a:1:1']));
    clock.advance(LEASE_MS);
    server.meets = () => 'taken';
  }

  const suppress = (db: Db, who: number) =>
    db.write((tx) =>
      suppressAddress(tx, {
        address: address(who),
        reason: 'complaint',
        detail: null,
        now: '2026-11-20T15:00:00.000Z',
      }),
    );
  const leave = (db: Db, who: number) =>
    db.write((tx) =>
      tx
        .updateTable('recipients')
        .set({ state: 'unsubscribed' })
        .where('address', '=', address(who))
        .execute(),
    );
  const told = async (db: Db) =>
    (
      await db.read((tx) =>
        tx.selectFrom('deliveries').select(['state', 'reason', 'decided_at']).orderBy('seq').execute(),
      )
    ).map(({ state, reason, decided_at }) => [state, reason, decided_at !== null]);

  it('mails nobody who has left since, though another of the batch was without an answer', async () => {
    const { db, clock, server, worker } = await posted(4);
    const { drain } = await worker('a:1:1');
    server.meets = (to) => {
      if (to !== address(1)) return 'taken';
      // From then on it is away.
      void server.close();
      return 'drop';
    };
    await drain();
    expect(server.taken).toEqual([address(1)]);
    await suppress(db, 2);
    await leave(db, 3);
    clock.advance(2 * HOUR);
    const again = await startSmtp(Number(new URL(server.url).port));
    await drain();
    expect(again.taken).toEqual([1, 4].map(address));
    expect(await told(db)).toEqual([
      ['accepted', null, false],
      ['suppressed', 'The address is on the suppression list.', false],
      ['suppressed', 'Unsubscribed before it was sent.', false],
      ['accepted', null, false],
    ]);
  });

  it('repeats nothing to who may have it and has left since, and asks nobody about that', async () => {
    const { db, clock, server, worker } = await posted(3);
    const { drain } = await worker('a:1:1');
    server.meets = (to) => (to === address(2) ? 'drop' : 'taken');
    await drain();
    await leave(db, 2);
    clock.advance(HOUR);
    await drain();
    expect(server.taken).toEqual([1, 2, 3].map(address));
    expect(await told(db)).toEqual([
      ['accepted', null, false],
      [
        'uncertain',
        'It was handed over without an answer, so it may have arrived. It is not repeated: the person has unsubscribed.',
        true,
      ],
      ['accepted', null, false],
    ]);
    expect((await listUncertain(testContext(db, { clock }))).total).toBe(0);
  });

  it('after a kill knows who may have it: the one that was being handed over, and nobody after', async () => {
    const house = await posted(5);
    await killedAt(2, house);
    const { db, server, worker } = house;
    await leave(db, 3);
    await suppress(db, 5);
    const { drain } = await worker('b:2:2');
    await drain();
    // The one in flight goes once more, byte for byte; a kill may repeat it.
    expect(server.taken).toEqual([1, 2, 2, 4].map(address));
    expect((await told(db)).map(([state]) => state)).toEqual([
      'accepted',
      'accepted',
      'suppressed',
      'accepted',
      'suppressed',
    ]);
  });

  it('after a kill does not repeat what was being handed over to someone who has left since', async () => {
    const house = await posted(3);
    await killedAt(2, house);
    const { db, server, worker } = house;
    await leave(db, 2);
    await (await worker('b:2:2')).drain();
    expect(server.taken).toEqual([1, 2, 3].map(address));
    expect((await told(db)).map(([state, , decided]) => [state, decided])).toEqual([
      ['accepted', false],
      ['uncertain', true],
      ['accepted', false],
    ]);
  });

  /** A process whose clock goes on until that is so. */
  async function runUntil(house: Awaited<ReturnType<typeof posted>>, done: () => Promise<boolean>) {
    const { db, clock, server } = house;
    const ctx = testContext(db);
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const dispatcher = startDispatcher({
      db,
      now: clock.now,
      sign: ctx.sign,
      site: { url: SITE },
      log: ctx.log,
      transport: smtpTransport({ url: server.url, sender: SENDER }),
      config: {} as DispatcherDeps['config'],
    });
    ends.push(() => {
      vi.useRealTimers();
      return dispatcher.stop();
    });
    await dispatcher.begun;
    while (!(await done())) {
      clock.advance(RENEW_MS);
      vi.advanceTimersByTime(RENEW_MS);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  it('23 hours after a kill goes on with those who were never handed over; only the one in flight is uncertain', async () => {
    const house = await posted(5);
    await killedAt(2, house);
    const { db, clock, server } = house;
    clock.advance(23 * HOUR);
    await leave(db, 4);
    await runUntil(house, async () => {
      const all = await states(db);
      return !all.in_batch && !all.queued;
    });
    expect(server.taken).toEqual([1, 2, 3, 5].map(address));
    expect((await told(db)).map(([state]) => state)).toEqual([
      'accepted',
      'uncertain',
      'accepted',
      'suppressed',
      'accepted',
    ]);
  });

  it('nor do these go on once newer news of the incident has gone out', async () => {
    const house = await posted(3);
    const { db, clock, server, worker } = house;
    const { seq } = await makeIncident(db);
    const ofIncident = () => db.write((tx) => tx.updateTable('notices').set({ incident_seq: seq }).execute());
    await ofIncident();
    await killedAt(1, house);
    await db.write((tx) => tx.updateTable('batches').set({ state: 'held' }).execute());
    clock.advance(HOUR);
    await postNotice(db, clock.now());
    await ofIncident();
    await expandAll(db, clock.now);
    await (await worker('b:2:2')).drain();
    clock.advance(23 * HOUR);
    await runUntil(house, async () => !(await states(db)).in_batch);
    expect(server.taken).toEqual([1, 1, 2, 3].map(address));
    expect((await told(db)).map(([state]) => state)).toEqual([
      'uncertain',
      'superseded',
      'superseded',
      ...Array.from({ length: 3 }, () => 'accepted'),
    ]);
  });

  it('a webhook that was removed after a kill is not called again', async () => {
    const home = await incidentHouse(fresh);
    const hooks = { allowHttp: true, allowPrivate: true, resolve: async () => ['127.0.0.1'] };
    const ctx = { ...home.ctx, hooks };
    const receiver = await startReceiver();
    ends.push(receiver.close);
    const worker = (owner: string) => {
      const transport = hookTransport({ rules: hooks, resolve: hooks.resolve, siteUrl: SITE });
      ends.push(transport.close);
      return rigEngine(home.db, transport, { clock: ctx.clock, owner });
    };
    await addHookSubscriber(ctx, {
      channel: 'webhook',
      url: `${receiver.url}/hook`,
      name: null,
      owner: 'o@example.com',
    });
    const { id } = await home.declare();
    await home.say(id, { status: 'investigating', notify: true });
    await expandAll(home.db, ctx.now);
    const victim = await worker('a:1:1');
    await victim.engine.round();
    // The incident's call and its component's have come; that they were answered is never written down.
    const before = 2;
    while (receiver.calls.length < before) await new Promise((resolve) => setImmediate(resolve));
    await home.db.write((tx) => freeLeases(tx, ['a:1:1']));
    await home.db.write((tx) =>
      tx.updateTable('recipients').set({ state: 'unsubscribed' }).where('channel', '=', 'webhook').execute(),
    );
    ctx.clock.advance(LEASE_MS);
    const heir = await worker('b:2:2');
    await heir.drain();
    expect(receiver.calls).toHaveLength(before);
    const rows = await home.db.read((tx) =>
      tx.selectFrom('deliveries').select(['state', 'lane']).where('lane', '=', 'hook').execute(),
    );
    expect(rows).toEqual([{ state: 'uncertain', lane: 'hook' }]);
  });
});
