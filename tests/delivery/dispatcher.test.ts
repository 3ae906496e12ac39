import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { claimBatch, listReadyBatches } from '#db/batches.ts';
import { insertDelivery } from '#db/deliveries.ts';
import { freeLeases, renewLeases } from '#db/leases.ts';
import type { Db } from '#db/open.ts';
import { suppressAddress } from '#db/suppressions.ts';
import { listWorkers } from '#db/workers.ts';
import { type Dispatcher, startDispatcher } from '#delivery/dispatcher.ts';
import { isGone, LEASE_MS, leaseFrom, leaseOwner, RENEW_MS } from '#delivery/lease.ts';
import { HOUR, MINUTE } from '#domain/time.ts';
import { whenSlot } from '#emails/moments.ts';
import { type TestClock, testClock, testContext } from '../support/context.ts';
import { eachDatabase, freshSqlite } from '../support/databases.ts';
import { type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { address, makeSubscribers } from '../support/people.ts';
import {
  batches,
  expandAll,
  fakeTransport,
  postNotice,
  rendered,
  rigEngine,
  SITE,
  states,
} from './support.ts';

let fake: FakeResend;
const running: Dispatcher[] = [];
beforeEach(async () => {
  fake = await startFakeResend();
});
afterEach(async () => {
  vi.useRealTimers();
  for (const dispatcher of running.splice(0)) await dispatcher.stop();
  await fake.close();
});

const doubled = () => [...fake.counts].filter(([, count]) => count > 1);

eachDatabase('who may settle a batch', (fresh) => {
  it('a late answer after a takeover changes nothing: the fence has moved on', async () => {
    const db = await fresh();
    const clock = testClock();
    await makeSubscribers(db, 20);
    const slow = await rigEngine(db, fakeTransport(fake), { clock, owner: 'a:1:1' });
    const heir = await rigEngine(db, fakeTransport(fake), { clock, owner: 'b:2:2' });
    await postNotice(db, clock.now());
    await expandAll(db, clock.now);
    // The first worker has sent, and sleeps before it can write that down.
    await slow.engine.round();
    while (!slow.engine.hasResults()) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(LEASE_MS + 1);
    fake.next({ kind: 'drop' });
    await heir.drain();
    expect(await states(db)).toEqual({ in_batch: 20 });
    const [taken] = await batches(db);
    await slow.drain();
    // Its "accepted" came too late: the batch stands as the heir left it.
    expect(await batches(db)).toEqual([taken]);
    expect(await states(db)).toEqual({ in_batch: 20 });
    expect(slow.logged.map((line) => line.message)).toContain(
      'A batch had been taken over; its late answer was ignored.',
    );
    clock.advance(MINUTE);
    await heir.drain();
    expect(await states(db)).toEqual({ accepted: 20 });
    expect(doubled()).toEqual([]);
    expect(new Set(fake.calls.map((call) => `${call.key} ${call.hash}`)).size).toBe(1);
  });

  it('a batch that is held is left alone until its lease ends, and a renewed lease lasts', async () => {
    const db = await fresh();
    const clock = testClock();
    await makeSubscribers(db, 5);
    const rig = await rigEngine(db, fakeTransport(fake, 50), { clock, owner: 'a:1:1' });
    await postNotice(db, clock.now());
    await expandAll(db, clock.now);
    fake.next({ kind: 'hang' });
    await rig.engine.round();
    const ready = () =>
      db.read((tx) =>
        listReadyBatches(tx, {
          transport: 'resend',
          now: clock.now(),
          keysLastSince: '2026-01-01T00:00:00.000Z',
          limit: 4,
        }),
      );
    const { seq } = (await batches(db))[0]!;
    expect(await ready()).toEqual([]);
    clock.advance(LEASE_MS - 1);
    await db.write((tx) => renewLeases(tx, [seq], leaseFrom('a:1:1', clock.now())));
    clock.advance(LEASE_MS - 1);
    expect(await ready()).toEqual([]);
    const claim = () =>
      db.write((tx) => claimBatch(tx, seq, { now: clock.now(), lease: leaseFrom('b:2:2', clock.now()) }));
    expect(await claim()).toBeNull();
    clock.advance(2);
    expect(await ready()).toMatchObject([{ seq, priority: 1 }]);
    expect(await claim()).toMatchObject({ fence: 2 });
    // Whoever lost it cannot renew what is no longer theirs.
    await db.write((tx) => renewLeases(tx, [seq], { owner: 'a:1:1', until: '2099-01-01T00:00:00.000Z' }));
    expect((await batches(db))[0]!.lease_owner).toBe('b:2:2');
    await db.write((tx) => freeLeases(tx, ['b:2:2']));
    expect(await ready()).toMatchObject([{ seq, priority: 1 }]);
    await rig.drain();
  });

  it('stored bytes that are not the frozen ones are never sent', async () => {
    const db = await fresh();
    await makeSubscribers(db, 3);
    const rig = await rigEngine(db, fakeTransport(fake));
    await postNotice(db, rig.clock.now());
    await expandAll(db, rig.clock.now);
    fake.next({ kind: 'drop' });
    await rig.drain();
    await db.write((tx) =>
      tx
        .updateTable('batches')
        .set({ body_sha256: 'f'.repeat(64) })
        .execute(),
    );
    rig.clock.advance(MINUTE);
    await rig.drain();
    expect((await batches(db))[0]).toMatchObject({ state: 'held' });
    expect(fake.calls).toHaveLength(1);
  });
});

eachDatabase('what goes first, and what does not go', (fresh) => {
  it('a SEV1 overtakes what is queued, and a batch holds one priority', async () => {
    const db = await fresh();
    await makeSubscribers(db, 450);
    const rig = await rigEngine(db, fakeTransport(fake));
    await postNotice(db, rig.clock.now(), { priority: 2, mail: rendered('Maintenance') });
    await expandAll(db, rig.clock.now);
    await rig.engine.round();
    await postNotice(db, rig.clock.now(), { priority: 0, mail: rendered('SEV1') });
    await expandAll(db, rig.clock.now);
    await rig.drain();
    const order = (await batches(db)).map((batch) => batch.priority);
    expect(order).toEqual([2, 0, 0, 0, 0, 0, 2, 2, 2, 2]);
    expect(doubled()).toEqual([]);
    expect(fake.taken).toBe(900);
  });

  it('what is not due yet waits, and holds up nothing', async () => {
    const db = await fresh();
    await makeSubscribers(db, 2);
    const rig = await rigEngine(db, fakeTransport(fake));
    await postNotice(db, rig.clock.now());
    await expandAll(db, rig.clock.now);
    const later = new Date(Date.parse(rig.clock.now()) + HOUR).toISOString();
    await db.write((tx) =>
      tx.updateTable('deliveries').set({ not_before: later }).where('recipient_seq', '=', 1).execute(),
    );
    await rig.drain();
    expect(await states(db)).toEqual({ accepted: 1, queued: 1 });
    rig.clock.set(later);
    await rig.drain();
    expect(await states(db)).toEqual({ accepted: 2 });
  });

  it('whoever is suppressed or has unsubscribed since the post gets nothing', async () => {
    const db = await fresh();
    await makeSubscribers(db, 3);
    const rig = await rigEngine(db, fakeTransport(fake));
    await postNotice(db, rig.clock.now());
    await expandAll(db, rig.clock.now);
    await db.write(async (tx) => {
      await suppressAddress(tx, {
        address: address(1),
        reason: 'complaint',
        detail: null,
        now: rig.clock.now(),
      });
      await tx
        .updateTable('recipients')
        .set({ state: 'unsubscribed' })
        .where('address', '=', address(2))
        .execute();
    });
    await rig.drain();
    expect(await states(db)).toEqual({ accepted: 1, suppressed: 2 });
    expect(fake.mails.map((mail) => mail.to)).toEqual([address(3)]);
  });

  it('whoever unsubscribes while the mails are being written is left out, and the others are not lost', async () => {
    const db = await fresh();
    await makeSubscribers(db, 3);
    const transport = fakeTransport(fake);
    const rig = await rigEngine(db, {
      ...transport,
      build: async (mails, frozenAt) => {
        await db.write((tx) =>
          tx
            .updateTable('recipients')
            .set({ state: 'unsubscribed' })
            .where('address', '=', address(2))
            .execute(),
        );
        return transport.build(mails, frozenAt);
      },
    });
    await postNotice(db, rig.clock.now());
    await expandAll(db, rig.clock.now);
    await rig.drain();
    expect(fake.mails.map((mail) => mail.to).sort()).toEqual([address(1), address(3)]);
    expect(await states(db)).toEqual({ accepted: 2, suppressed: 1 });
  });

  it('a confirmation goes to someone who has not confirmed', async () => {
    const db = await fresh();
    await makeSubscribers(db, 1);
    const rig = await rigEngine(db, fakeTransport(fake));
    await db.write((tx) =>
      tx.updateTable('recipients').set({ state: 'pending', confirmed_at: null }).execute(),
    );
    const noticeSeq = await postNotice(db, rig.clock.now(), { kind: 'confirm', priority: 0 });
    await expandAll(db, rig.clock.now);
    await db.write((tx) =>
      insertDelivery(tx, { noticeSeq, recipientSeq: 1, priority: 0, now: rig.clock.now() }),
    );
    await rig.drain();
    expect(await states(db)).toEqual({ accepted: 1 });
    expect(fake.mails[0]!.headers).not.toHaveProperty('List-Unsubscribe');
  });

  it('a message with a line break in its subject is refused with the reason, and stops no other', async () => {
    const db = await fresh();
    await makeSubscribers(db, 2);
    const rig = await rigEngine(db, fakeTransport(fake));
    await postNotice(db, rig.clock.now(), { mail: rendered('Down\r\nBcc: all@example.org') });
    await postNotice(db, rig.clock.now(), {
      mail: { ...rendered('Broken slot'), html: 'a \u0002no_such\u0003 b' },
    });
    await postNotice(db, rig.clock.now(), { mail: rendered('Good') });
    await expandAll(db, rig.clock.now);
    await rig.drain();
    expect(await states(db)).toEqual({ accepted: 2, refused: 4 });
    expect(fake.mails.map((mail) => mail.subject)).toEqual(['Good', 'Good']);
    const reasons = await db.read((tx) =>
      tx
        .selectFrom('deliveries')
        .select('reason')
        .distinct()
        .where('state', '=', 'refused')
        .orderBy('reason')
        .execute(),
    );
    expect(reasons.map((row) => row.reason)).toEqual([
      'The message cannot be sent: The mail holds a broken slot.',
      'The subject holds a line break or another control character.',
    ]);
  });

  it('whoever asked for a zone that this machine does not know reads the page’s time, and stops no other', async () => {
    const db = await fresh();
    await makeSubscribers(db, 2);
    await makeSubscribers(db, 1, [], { zone: 'Europe/Atlantis' });
    await makeSubscribers(db, 2, [], { zone: 'Asia/Tokyo' });
    const rig = await rigEngine(db, fakeTransport(fake));
    const moment = whenSlot('2026-11-20T14:30:00.000Z', 'Etc/UTC', rig.clock.now());
    await postNotice(db, rig.clock.now(), {
      mail: { ...rendered(), text: `Next update by 14:30${moment}.` },
    });
    await expandAll(db, rig.clock.now);
    await rig.drain();
    expect(await states(db)).toEqual({ accepted: 5 });
    expect(fake.mails.map(({ text }) => text).filter((text) => text.includes('23:30'))).toHaveLength(2);
    expect(
      fake.mails.map(({ text }) => text).filter((text) => text === 'Next update by 14:30.'),
    ).toHaveLength(3);
  });
});

describe('the dispatcher as a process runs it', () => {
  it('expands, sends and settles by itself, says that it lives, and lets go when it stops', async () => {
    const { db, dispatcher } = await startOn(await freshSqlite());
    await makeSubscribers(db, 1_200);
    await postNotice(db, new Date().toISOString());
    dispatcher.wake();
    await until(async () => (await states(db)).accepted === 1_200);
    expect(await db.read(listWorkers)).toMatchObject([{ role: 'mail:resend' }]);
    await dispatcher.stop();
    expect(await db.read(listWorkers)).toEqual([]);
    expect(doubled()).toEqual([]);
    await db.close();
  });

  it('stops after the calls in flight have been written down, and begins none', async () => {
    await fake.close();
    fake = await startFakeResend({ latencyMs: 150 });
    const { db, dispatcher } = await startOn(await freshSqlite());
    await makeSubscribers(db, 3_000);
    await postNotice(db, new Date().toISOString());
    dispatcher.wake();
    await until(async () => fake.calls.length >= 2);
    await dispatcher.stop();
    const { accepted, in_batch } = await states(db);
    expect(in_batch).toBeUndefined();
    expect(accepted).toBe(fake.taken);
    expect(accepted).toBeLessThan(3_000);
    await db.close();
  });

  it('frees at its start what a dead process of this machine held, and leaves the living alone', async () => {
    const db = await freshSqlite();
    const clock = testClock(new Date().toISOString());
    const [host] = leaseOwner(clock.now()).split(/:(?=\d)/) as [string];
    const dead = `${host}:4194999:1`;
    const elsewhere = `other:4194999:1`;
    await makeSubscribers(db, 20);
    const before = await rigEngine(db, fakeTransport(fake), { clock, owner: dead });
    await postNotice(db, clock.now());
    await expandAll(db, clock.now);
    fake.next({ kind: 'takeAndHang' });
    await before.engine.round();
    await until(async () => fake.taken === 20);
    const until2099 = '2099-01-01T00:00:00.000Z';
    await db.write((tx) => tx.updateTable('batches').set({ lease_until: until2099 }).execute());
    const { dispatcher } = await startOn(db);
    await until(async () => (await states(db)).accepted === 20);
    expect(doubled()).toEqual([]);
    await dispatcher.stop();

    const self = leaseOwner(clock.now());
    expect(isGone(dead, self)).toBe(true);
    expect(isGone(elsewhere, self)).toBe(false);
    expect(isGone(self, self)).toBe(false);
    expect(isGone(self.replace(/\d+$/, '1'), self)).toBe(true);
    expect(isGone(`${host}:${process.ppid}:1`, self)).toBe(false);
    await db.close();
  });

  it('ends what was unknown for 23 hours as uncertain, and requeues what was frozen for another transport', async () => {
    const db = await freshSqlite();
    const clock = testClock('2026-11-20T14:00:00.000Z');
    await makeSubscribers(db, 2);
    const rig = await rigEngine(db, fakeTransport(fake), { clock });
    await postNotice(db, clock.now(), { mail: rendered('Unknown') });
    await expandAll(db, clock.now);
    fake.next({ kind: 'takeAndDrop' });
    await rig.drain();
    await postNotice(db, clock.now(), { mail: rendered('Never left') });
    await expandAll(db, clock.now);
    fake.next({ kind: 'answer', status: 429, body: '{"statusCode":429,"name":"rate_limit_exceeded"}' });
    await rig.drain();
    clock.advance(23 * HOUR + 1);

    const folder = mkdtempSync(join(tmpdir(), 'foghorn-mail-'));
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const { dispatcher } = await startOn(db, { clock, mailTransport: 'file', dataDir: folder });
    await until(async () => (await states(db)).accepted === 2);
    // A process that has just begun has not watched its clock: it may be wrong, and put right in a moment.
    expect(await states(db)).toEqual({ accepted: 2, in_batch: 2 });
    await until(async () => {
      clock.advance(RENEW_MS);
      vi.advanceTimersByTime(RENEW_MS);
      return (await states(db)).uncertain === 2;
    });
    expect(await states(db)).toEqual({ accepted: 2, uncertain: 2 });
    const mails = readdirSync(join(folder, 'mail', '2026-11-21'));
    expect(mails).toHaveLength(2);
    expect(readFileSync(join(folder, 'mail', '2026-11-21', mails[0]!), 'utf8')).toContain(
      'Subject: Never left',
    );
    await dispatcher.stop();
    rmSync(folder, { recursive: true });
    await db.close();
  });

  it('a mail folder that cannot be written to opens the circuit, and a new start tries again', async () => {
    const db = await freshSqlite();
    await makeSubscribers(db, 1);
    await postNotice(db, new Date().toISOString());
    const first = await startOn(db, { mailTransport: 'file', dataDir: '/dev/null' });
    await until(async () => {
      const row = await db.read((tx) => tx.selectFrom('providers').selectAll().executeTakeFirst());
      return row?.circuit === 'open' && row.circuit_reason!.includes('DATA_DIR/mail');
    });
    await first.dispatcher.stop();
    const folder = mkdtempSync(join(tmpdir(), 'foghorn-mail-'));
    const second = await startOn(db, { mailTransport: 'file', dataDir: folder });
    await until(async () => (await states(db)).accepted === 1);
    await second.dispatcher.stop();
    rmSync(folder, { recursive: true });
    await db.close();
  });
});

async function startOn(
  db: Db,
  options: { clock?: TestClock; mailTransport?: 'resend' | 'file'; dataDir?: string } = {},
) {
  const ctx = testContext(db);
  const dispatcher = startDispatcher({
    db,
    now: options.clock?.now ?? (() => new Date().toISOString()),
    sign: ctx.sign,
    site: { url: SITE },
    log: ctx.log,
    config: {
      mailTransport: options.mailTransport ?? 'resend',
      mailFrom: ctx.site.mailFrom,
      mailReplyTo: null,
      siteUrl: SITE,
      dataDir: options.dataDir ?? '/nowhere',
      resendApiKey: 're_test',
      resendBaseUrl: fake.url,
      smtpUrl: null,
    },
  });
  running.push(dispatcher);
  return { db, dispatcher };
}

/** Looks again each time the process has had a turn; only the runner's own limit ends it. */
async function until(happened: () => Promise<boolean>): Promise<void> {
  while (!(await happened())) await new Promise((resolve) => setImmediate(resolve));
}
