import { beforeEach, expect, it } from 'vitest';
import { newDuties } from '#clock/clock.ts';
import type { Db } from '#db/open.ts';
import { beatWorker } from '#db/workers.ts';
import { DELIVERY_STATES } from '#domain/deliveries.ts';
import { MINUTE } from '#domain/time.ts';
import { collectDeliveries } from '#server/deliveryMetrics.ts';
import { registry } from '#server/metrics.ts';
import { sayClockTicks } from '#services/clockHealth.ts';
import { listFanouts } from '#services/deliveries.ts';
import { getDeliveryHealth } from '#services/deliveryHealth.ts';
import { pauseProvider } from '#services/outbox.ts';
import { addSuppression } from '#services/suppressions.ts';
import { expandAll, fakeTransport, postNotice, rendered, rigEngine } from '../delivery/support.ts';
import { type TestCtx, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeIncident } from '../support/factory.ts';
import { startFakeResend } from '../support/fakeResend.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { type Family, readPrometheus } from '../support/prometheus.ts';

const never = () => new Promise<void>(() => undefined);
const LABELS: Record<string, readonly string[]> = {
  lane: ['mail', 'hook'],
  priority: ['-1', '0', '1', '2', '3'],
  state: [...DELIVERY_STATES, 'expanding', 'stopped'],
  provider: ['resend', 'smtp', 'file', 'hook'],
  period: ['day', 'month'],
  duty: [...Object.keys(newDuties()), 'heartbeat'],
  reason: ['bounce', 'soft_bounces', 'complaint', 'manual'],
};

eachDatabase('what /metrics tells of sending', (fresh) => {
  let db: Db;
  let ctx: TestCtx;
  beforeEach(async () => {
    db = await fresh();
    ctx = testContext(db);
  });

  async function scrape(): Promise<Map<string, Family>> {
    await collectDeliveries({ db, contextFor: (actor) => ({ ...ctx, actor }) }, never);
    return readPrometheus(await registry.metrics());
  }

  /** The one sample with these labels; undefined when there is none. */
  function read(families: Map<string, Family>, name: string, labels: Record<string, string> = {}) {
    const family = families.get(`foghorn_${name}`);
    if (!family) throw new Error(`There is no foghorn_${name}.`);
    return family.samples.find((sample) =>
      Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )?.value;
  }

  it('the same as the screen, before, while and after a message goes out', async () => {
    const fake = await startFakeResend({ ratePerSecond: 50 });
    try {
      fake.refuse(address(2));
      await makeSubscribers(db, 210);
      const rig = await rigEngine(db, fakeTransport(fake), { clock: ctx.clock });
      await db.write((tx) => beatWorker(tx, { id: 'here:1:1', role: 'mail:resend', now: ctx.now() }));
      await postNotice(db, ctx.now(), { priority: 0 });
      await db.write((tx) => tx.updateTable('fanouts').set({ expected: 210 }).execute());
      let families = await scrape();
      expect(read(families, 'outbox_unmade')).toBe(210);
      expect(read(families, 'outbox_messages', { state: 'expanding' })).toBe(1);
      expect(read(families, 'outbox_finish_seconds', { lane: 'mail' })).toBeUndefined();
      await expandAll(db, ctx.now);
      ctx.clock.advance(20_000);
      families = await scrape();
      expect(read(families, 'outbox_waiting', { lane: 'mail', priority: '0' })).toBe(210);
      expect(read(families, 'outbox_oldest_unsent_seconds', { lane: 'mail', priority: '0' })).toBe(20);
      expect(read(families, 'outbox_oldest_unsent_seconds', { lane: 'mail', priority: '1' })).toBe(0);
      expect(read(families, 'worker_heartbeat_age_seconds', { lane: 'mail' })).toBe(20);
      expect(read(families, 'worker_heartbeat_age_seconds', { lane: 'hook' })).toBeUndefined();
      expect(read(families, 'workers_alive', { lane: 'mail' })).toBe(1);
      expect(read(families, 'outbox_unmade')).toBe(0);
      // Nothing moves yet, so nobody knows.
      expect(read(families, 'outbox_finish_seconds', { lane: 'mail' })).toBeUndefined();
      expect(read(families, 'outbox_finish_seconds', { lane: 'hook' })).toBe(0);

      await rig.drain();
      families = await scrape();
      const { fanouts } = await listFanouts(ctx);
      for (const state of DELIVERY_STATES)
        expect(read(families, 'deliveries', { state, priority: '0' }), state).toBe(
          fanouts[0]!.states[state] ?? 0,
        );
      expect(read(families, 'deliveries', { state: 'accepted', priority: '0' })).toBe(209);
      expect(read(families, 'outbox_pace_per_second', { lane: 'mail' })).toBeCloseTo(
        (await getDeliveryHealth(ctx)).pace! / 60,
      );
      expect(read(families, 'outbox_finish_seconds', { lane: 'mail' })).toBe(0);
      // Those for whom nothing is made yet are people who wait, too.
      await postNotice(db, ctx.now());
      await db.write((tx) => tx.updateTable('fanouts').set({ expected: 100 }).execute());
      families = await scrape();
      expect(read(families, 'outbox_finish_seconds', { lane: 'mail' })).toBeCloseTo(
        (100 / (await getDeliveryHealth(ctx)).pace!) * 60,
      );
      expect(read(families, 'provider_allowed_calls_per_second', { provider: 'resend' })).toBe(50);
    } finally {
      await fake.close();
    }
  });

  it('what is released and not yet turned into one mail a person is unsent, too', async () => {
    await makeSubscribers(db, 2);
    await postNotice(db, ctx.now(), { priority: 0 });
    ctx.clock.advance(20_000);
    const families = await scrape();
    expect(read(families, 'outbox_oldest_unsent_seconds', { lane: 'mail', priority: '0' })).toBe(20);
    expect(read(families, 'outbox_oldest_unsent_seconds', { lane: 'hook', priority: '0' })).toBe(0);
  });

  it('a dispatcher that fell silent, a pause, and who is not mailed any more', async () => {
    await db.write((tx) => beatWorker(tx, { id: 'here:1:1', role: 'mail:smtp', now: ctx.now() }));
    await pauseProvider(ctx, 'smtp');
    await addSuppression(ctx, { address: 'mia@acme.example', reason: 'She asked by telephone.' });
    let families = await scrape();
    expect(read(families, 'provider_paused', { provider: 'smtp' })).toBe(1);
    expect(read(families, 'provider_circuit_open', { provider: 'smtp' })).toBe(0);
    expect(read(families, 'suppressions', { reason: 'manual' })).toBe(1);
    ctx.clock.advance(2 * MINUTE);
    families = await scrape();
    expect(read(families, 'worker_heartbeat_age_seconds', { lane: 'mail' })).toBe(120);
    expect(read(families, 'workers_alive', { lane: 'mail' })).toBe(0);
  });

  it('the clock: when it last ticked, in whichever process, and what none gets done', async () => {
    expect(read(await scrape(), 'clock_last_tick_seconds')).toBeUndefined();
    await sayClockTicks(ctx, 'clock/one', ['digests', 'calls to staff']);
    ctx.clock.advance(MINUTE / 2);
    await sayClockTicks(ctx, 'clock/two', ['calls to staff']);
    ctx.clock.advance(MINUTE / 4);
    const families = await scrape();
    expect(read(families, 'clock_last_tick_seconds')).toBe(15);
    expect(read(families, 'clock_undone', { duty: 'calls to staff' })).toBe(1);
    expect(read(families, 'clock_undone', { duty: 'digests' })).toBeUndefined();
    // A clock sends nothing.
    expect(read(families, 'workers_alive', { lane: 'mail' })).toBe(0);
  });

  it('receipts: how many came, how many wait and for how long', async () => {
    const receipt = (id: string, applied: boolean) => ({
      provider: 'resend',
      event_id: id,
      type: 'email.delivered',
      occurred_at: ctx.now(),
      received_at: ctx.now(),
      body: 'to mia@acme.example',
      receipt: '{}',
      applied_at: applied ? ctx.now() : null,
    });
    let families = await scrape();
    expect(read(families, 'receipts_total')).toBe(0);
    expect(read(families, 'receipts_last_age_seconds')).toBeUndefined();
    await db.write((tx) =>
      tx
        .insertInto('provider_events')
        .values([receipt('a', true), receipt('b', false)])
        .execute(),
    );
    ctx.clock.advance(5_000);
    families = await scrape();
    expect(families.get('foghorn_receipts_total')?.type).toBe('counter');
    expect(read(families, 'receipts_total')).toBe(2);
    expect(read(families, 'receipts_waiting')).toBe(1);
    expect(read(families, 'receipts_oldest_waiting_seconds')).toBe(5);
    expect(read(families, 'receipts_last_age_seconds')).toBe(5);
  });

  it('names nobody and repeats no one’s words: every label is one of a few', async () => {
    await makeSubscribers(db, 3);
    const incident = await makeIncident(db, { title: 'Evil "title"\n{x="1"} 5' });
    const noticeSeq = await postNotice(db, ctx.now(), { mail: rendered('Evil "subject"') });
    await db.write((tx) =>
      tx.updateTable('notices').set({ incident_seq: incident.seq }).where('seq', '=', noticeSeq).execute(),
    );
    await expandAll(db, ctx.now);
    await db.write((tx) => beatWorker(tx, { id: 'host.corp:1:1', role: 'mail:file', now: ctx.now() }));
    const families = await scrape();
    const own = [...families.values()].filter(({ name }) =>
      /^foghorn_(outbox|deliver|provider|worker|supp|rec)/.test(name),
    );
    expect(own.length).toBeGreaterThan(20);
    for (const { name, samples, help } of own) {
      expect(help, name).toMatch(/\.$/);
      for (const { labels } of samples)
        for (const [label, value] of Object.entries(labels)) expect(LABELS[label], name).toContain(value);
    }
    const samples = own.reduce((sum, family) => sum + family.samples.length, 0);
    expect(samples).toBeLessThan(140);
    expect(await registry.metrics()).not.toMatch(/@|Evil|corp/);
  });

  it('a database that does not answer leaves no old figure behind', async () => {
    await db.write((tx) => beatWorker(tx, { id: 'here:1:1', role: 'mail:smtp', now: ctx.now() }));
    expect(read(await scrape(), 'outbox_readable')).toBe(1);
    const away = { ...db, read: () => Promise.reject(new Error('The disk is gone.')) };
    await collectDeliveries({ db: away, contextFor: (actor) => ({ ...ctx, db: away, actor }) }, never);
    let families = readPrometheus(await registry.metrics());
    expect(read(families, 'outbox_readable')).toBe(0);
    expect(read(families, 'workers_alive')).toBeUndefined();
    expect(read(families, 'receipts_total')).toBeUndefined();
    // Nor does one that never answers hold up the scrape, and nor does one that is not open yet.
    const slow = { ...db, read: () => never() as Promise<never> };
    const patient = async () => undefined;
    await collectDeliveries({ db: slow, contextFor: (actor) => ({ ...ctx, db: slow, actor }) }, patient);
    await collectDeliveries(null, never);
    families = readPrometheus(await registry.metrics());
    expect(read(families, 'outbox_waiting')).toBeUndefined();
    expect(read(await scrape(), 'outbox_readable')).toBe(1);
  });

  it('counts who waits for the writer', async () => {
    const gate = Promise.withResolvers<void>();
    const held = db.write(() => gate.promise);
    const waiting = [1, 2, 3].map(() => db.write(async () => undefined));
    expect(db.writing()).toBe(4);
    // A scrape that has no patience with the database still tells of the queue: on PGlite the one connection is taken.
    const patient = async () => undefined;
    await collectDeliveries({ db, contextFor: (actor) => ({ ...ctx, actor }) }, patient);
    const scraped = readPrometheus(await registry.metrics());
    expect(read(scraped, 'writer_queue')).toBe(3);
    gate.resolve();
    await Promise.all([held, ...waiting]);
    expect(db.writing()).toBe(0);
    expect(read(await scrape(), 'writer_queue')).toBe(0);
  });
});

it('reads the format as strictly as it is described', () => {
  const wrong = [
    '# HELP a b\n# TYPE a gauge\na 1',
    '# HELP a b\n# TYPE a gauge\na{x="1} 1\n',
    '# HELP a b\n# TYPE a gauge\na{x="1",x="2"} 1\n',
    '# HELP a b\n# TYPE a gauge\na 1\na 2\n',
    '# HELP a b\n# TYPE a gauge\na one\n',
    '# HELP a b\n# TYPE a thing\na 1\n',
    '# HELP a b\n# TYPE a gauge\nb 1\n',
    'a-b 1\n',
  ];
  for (const text of wrong) expect(() => readPrometheus(text), text).toThrow();
  const good = readPrometheus('# HELP a b\n# TYPE a gauge\na{x="q\\"\\n\\\\"} +Inf\n');
  expect(good.get('a')?.samples).toEqual([{ name: 'a', labels: { x: 'q"\n\\' }, value: Infinity }]);
});
