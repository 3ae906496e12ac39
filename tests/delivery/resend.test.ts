import { afterEach, beforeEach, expect, it } from 'vitest';
import { getProvider } from '#db/providers.ts';
import { addMs, HOUR, MINUTE } from '#domain/time.ts';
import { getDeliveryHealth } from '#services/deliveryHealth.ts';
import { resumeProvider } from '#services/outbox.ts';
import { testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeIncident } from '../support/factory.ts';
import { type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { batches, expandAll, fakeTransport, postNotice, rigEngine, states } from './support.ts';

let fake: FakeResend;
beforeEach(async () => {
  fake = await startFakeResend();
});
afterEach(() => fake.close());

eachDatabase('a batch and what Resend makes of it', (fresh) => {
  async function posted(people: number, timeoutMs?: number) {
    const db = await fresh();
    await makeSubscribers(db, people);
    const rig = await rigEngine(db, fakeTransport(fake, timeoutMs));
    const noticeSeq = await postNotice(db, rig.clock.now());
    await expandAll(db, rig.clock.now);
    return { db, noticeSeq, ...rig };
  }

  const doubled = () => [...fake.counts].filter(([, count]) => count > 1);

  it('accepted: everyone once, ids kept, bytes let go', async () => {
    const { db, drain } = await posted(250);
    await drain();
    expect(await states(db)).toEqual({ accepted: 250 });
    expect(fake.counts.size).toBe(250);
    expect(doubled()).toEqual([]);
    const rows = await db.read((tx) =>
      tx.selectFrom('deliveries').select(['provider_id', 'batch_seq']).execute(),
    );
    expect(new Set(rows.map((row) => row.provider_id)).size).toBe(250);
    expect((await batches(db)).map((batch) => [batch.size, batch.state, batch.body])).toEqual([
      [100, 'settled', null],
      [100, 'settled', null],
      [50, 'settled', null],
    ]);
  });

  it.each([
    ['the connection is cut after the mails were taken', { kind: 'takeAndDrop' as const }],
    [
      'the mails are taken and a proxy answers 502',
      { kind: 'takeAndAnswer' as const, status: 502, body: '<html>' },
    ],
    ['the answer is JSON null with 500', { kind: 'takeAndAnswer' as const, status: 500, body: 'null' }],
    ['a 200 that cannot be read', { kind: 'takeAndAnswer' as const, status: 200, body: '{"data":' }],
    ['a 200 without a result', { kind: 'takeAndAnswer' as const, status: 200, body: '{}' }],
    ['a 200 without ids', { kind: 'takeAndAnswer' as const, status: 200, body: '{"data":[]}' }],
    [
      'a 200 with fewer ids than mails',
      { kind: 'takeAndAnswer' as const, status: 200, body: '{"data":[{"id":"a"},{"id":"b"}]}' },
    ],
  ])('unknown, %s: the same key and the same bytes, and no one twice', async (_, mishap) => {
    const { db, drain, clock } = await posted(30);
    fake.next(mishap);
    await drain();
    expect(await states(db)).toEqual({ in_batch: 30 });
    const [waiting] = await batches(db);
    expect(waiting).toMatchObject({ state: 'frozen', attempts: 1, lease_owner: null, lease_until: null });
    expect(waiting!.not_before > clock.now()).toBe(true);
    clock.advance(MINUTE);
    await drain();
    expect(await states(db)).toEqual({ accepted: 30 });
    expect(fake.calls).toHaveLength(2);
    expect(fake.calls[1]).toMatchObject({ key: fake.calls[0]!.key, hash: fake.calls[0]!.hash });
    expect(doubled()).toEqual([]);
  });

  it.each([
    ['never answered', { kind: 'hang' as const }, 0],
    ['taken, with an answer that never ends', { kind: 'takeAndHang' as const }, 30],
  ])('unknown when the time is up: %s', async (_, mishap, taken) => {
    const { db, drain, clock, transport } = await posted(30, 1_000);
    fake.next(mishap);
    await drain();
    transport.send = fakeTransport(fake).send;
    expect(await states(db)).toEqual({ in_batch: 30 });
    expect(fake.taken).toBe(taken);
    clock.advance(MINUTE);
    await drain();
    expect(await states(db)).toEqual({ accepted: 30 });
    expect(doubled()).toEqual([]);
  });

  it('unknown, then turned away by something on the way: that says nothing of the first call, so no one gets it twice', async () => {
    const { db, drain, clock } = await posted(30);
    fake.next({ kind: 'takeAndDrop' });
    await drain();
    fake.next({ kind: 'answer', status: 400, body: '<html>Blocked</html>' });
    clock.advance(MINUTE);
    await drain();
    clock.advance(HOUR);
    await drain();
    expect(await states(db)).toEqual({ accepted: 30 });
    expect(new Set(fake.calls.map(({ key }) => key)).size).toBe(1);
    expect(doubled()).toEqual([]);
  });

  it('unknown for 23 hours: never repeated, because the key protects no longer', async () => {
    const { db, drain, clock } = await posted(10);
    fake.next({ kind: 'takeAndDrop' });
    await drain();
    clock.advance(23 * HOUR + MINUTE);
    await drain();
    expect(fake.calls).toHaveLength(1);
    expect(await states(db)).toEqual({ in_batch: 10 });
  });

  it('409 concurrent: waits, and asks again with the same key', async () => {
    const { db, drain, clock } = await posted(10);
    fake.next({
      kind: 'answer',
      status: 409,
      body: '{"statusCode":409,"name":"concurrent_idempotent_requests","message":"In progress."}',
    });
    await drain();
    expect((await batches(db))[0]).toMatchObject({ state: 'frozen', attempts: 1 });
    clock.advance(5_000);
    await drain();
    expect(await states(db)).toEqual({ accepted: 10 });
    expect(fake.calls[0]!.key).toBe(fake.calls[1]!.key);
    expect((await db.read((tx) => getProvider(tx, 'resend'))).failures).toBe(0);
  });

  it.each([
    [409, 'invalid_idempotent_request'],
    [400, 'invalid_idempotency_key'],
  ])('%i %s: held and logged, no new key is ever made', async (status, name) => {
    const { db, drain, clock, logged } = await posted(10);
    fake.next({ kind: 'answer', status, body: JSON.stringify({ statusCode: status, name, message: 'No.' }) });
    await drain();
    clock.advance(HOUR);
    await drain();
    expect(fake.calls).toHaveLength(1);
    expect((await batches(db))[0]).toMatchObject({
      state: 'held',
      last_error: `Resend: No. (${status}, ${name})`,
    });
    expect(await states(db)).toEqual({ in_batch: 10 });
    expect(logged.filter((line) => line.level === 'error')).toHaveLength(1);
  });

  it('429 by rate: waits as told, for all batches, and it counts as no attempt', async () => {
    const { db, drain, clock } = await posted(150);
    fake.next({
      kind: 'answer',
      status: 429,
      body: '{"statusCode":429,"name":"rate_limit_exceeded","message":"Too many."}',
      headers: { 'retry-after': '7' },
    });
    await drain();
    const waiting = (await batches(db)).find((batch) => batch.state === 'frozen');
    expect(waiting).toMatchObject({ attempts: 0, first_attempt_at: null });
    const provider = await db.read((tx) => getProvider(tx, 'resend'));
    expect(Date.parse(provider.blockedUntil!) - Date.parse(clock.now())).toBe(7_000);
    const before = fake.calls.length;
    clock.advance(6_999);
    await drain();
    expect(fake.calls).toHaveLength(before);
    clock.advance(1);
    await drain();
    expect(await states(db)).toEqual({ accepted: 150 });
    expect(doubled()).toEqual([]);
  });

  it.each([
    [429, '{"statusCode":429,"name":"rate_limit_exceeded","message":"Too many."}'],
    [503, '{"statusCode":503,"name":"unavailable","message":"Later."}'],
  ])(
    '%i with a wait that no provider can mean: at most an hour, and the key still protects',
    async (status, body) => {
      const { db, drain, clock } = await posted(10);
      fake.next({ kind: 'answer', status, body, headers: { 'retry-after': '1e300' } });
      await drain();
      clock.advance(HOUR);
      await drain();
      expect(await states(db)).toEqual({ accepted: 10 });
      expect(doubled()).toEqual([]);
    },
  );

  it.each([
    [429, 'rate_limit_exceeded', 1_000],
    [429, 'monthly_quota_exceeded', HOUR],
    [409, 'concurrent_idempotent_requests', 2_000],
  ])('%i %s with a wait of no time: it is not asked again in the same breath', async (status, name, wait) => {
    const { db, drain, clock } = await posted(10);
    // After the reset that the account tells.
    clock.set('2199-01-01T00:00:00.000Z');
    const body = JSON.stringify({ statusCode: status, name, message: 'No.' });
    const headers = { 'retry-after': '0', 'ratelimit-reset': '0' };
    fake.next(...Array.from({ length: 3 }, () => ({ kind: 'answer' as const, status, body, headers })));
    for (const calls of [1, 2, 3]) {
      await drain();
      expect(fake.calls).toHaveLength(calls);
      clock.advance(wait);
    }
    await drain();
    expect(await states(db)).toEqual({ accepted: 10 });
  });

  it.each([
    ['daily_quota_exceeded', '2026-11-21T00:00:00.000Z'],
    ['monthly_quota_exceeded', '2026-12-01T00:00:00.000Z'],
  ])('429 %s: parked until %s, which the account tells', async (name, reset) => {
    await fake.close();
    fake = await startFakeResend({
      resets: { daily: '2026-11-21T00:00:00.000Z', monthly: '2026-12-01T00:00:00.000Z' },
    });
    const { db, drain, clock } = await posted(120);
    const spent = { statusCode: 429, name, message: 'You have reached your quota.' };
    fake.always({ kind: 'answer', status: 429, body: JSON.stringify(spent) });
    await drain();
    const provider = await db.read((tx) => getProvider(tx, 'resend'));
    expect(provider).toMatchObject({
      blockedUntil: reset,
      blockedReason: `Resend: You have reached your quota. (429, ${name})`,
      circuit: 'closed',
    });
    expect((await batches(db)).every((batch) => batch.attempts === 0)).toBe(true);
    const before = fake.calls.length;
    clock.set(addMs(reset, -1));
    await drain();
    expect(fake.calls).toHaveLength(before);
    fake.always(null);
    clock.set(reset);
    await drain();
    expect(await states(db)).toEqual({ accepted: 120 });
    expect(doubled()).toEqual([]);
    // What was turned away was not taken: it goes under the key that it had.
    expect(new Set(fake.calls.map((call) => call.key)).size).toBe(2);
  });

  it('429 by quota without a known reset: tried again after an hour', async () => {
    const { db, drain, clock } = await posted(10);
    const spent = { statusCode: 429, name: 'monthly_quota_exceeded', message: 'No.' };
    fake.next({ kind: 'answer', status: 429, body: JSON.stringify(spent) });
    // Its month ended before the clock of this test.
    clock.set('2199-01-01T00:00:00.000Z');
    await drain();
    expect((await db.read((tx) => getProvider(tx, 'resend'))).blockedUntil).toBe('2199-01-01T01:00:00.000Z');
    clock.advance(HOUR);
    await drain();
    expect(await states(db)).toEqual({ accepted: 10 });
  });

  it('422: the fault is isolated, refused with its reason, and all others get theirs once', async () => {
    const { db, drain, logged } = await posted(100);
    fake.refuse(address(13));
    fake.refuse(address(77), {
      statusCode: 422,
      name: 'invalid_parameter',
      message: `Nobody is ${address(77)}.`,
    });
    await drain();
    expect(await states(db)).toEqual({ accepted: 98, refused: 2 });
    expect(doubled()).toEqual([]);
    const refused = await db.read((tx) =>
      tx.selectFrom('deliveries').select('reason').where('state', '=', 'refused').orderBy('seq').execute(),
    );
    expect(refused.map((row) => row.reason)).toEqual([
      'Resend: Invalid `to` field. (422, validation_error)',
      `Resend: Nobody is ${address(77)}. (422, invalid_parameter)`,
    ]);
    expect(JSON.stringify(logged)).not.toContain('@');
    // Each new batch has a key of its own; only a definite refusal allows that.
    expect(new Set(fake.calls.map((call) => call.key)).size).toBe(fake.calls.length);
  });

  it('422 about what every mail has in common is a fault of the settings: one call, and nobody is refused', async () => {
    const { db, drain } = await posted(120);
    const message =
      'Invalid `reply_to` field. The email address needs to follow the `email@example.com` format.';
    fake.always({
      kind: 'answer',
      status: 422,
      body: JSON.stringify({ statusCode: 422, name: 'validation_error', message }),
    });
    await drain();
    expect(fake.calls.length).toBeLessThanOrEqual(2);
    expect(await states(db)).toEqual({ queued: 120 });
    expect((await db.read((tx) => getProvider(tx, 'resend'))).circuitReason).toMatch(/MAIL_REPLY_TO/);
  });

  it('a fault that all mails share stops the provider once five in a row were refused with its words, and nobody is lost', async () => {
    const { db, drain, clock } = await posted(300);
    const people = Array.from({ length: 300 }, (_, index) => address(index + 1));
    for (const one of people)
      fake.refuse(one, { statusCode: 422, name: 'validation_error', message: `Something is odd, ${one}.` });
    await drain();
    const provider = await db.read((tx) => getProvider(tx, 'resend'));
    expect(provider).toMatchObject({
      circuit: 'open',
      circuitReason: expect.stringContaining('Something is odd'),
    });
    expect(provider.circuitReason).not.toContain(address(1));
    expect(await states(db)).toEqual({ queued: 300 });
    const before = fake.calls.length;
    clock.advance(HOUR);
    await drain();
    expect(fake.calls).toHaveLength(before);
    // Mended, nothing of the old bytes goes out, and one start is enough.
    for (const one of people) fake.refuse(one, null);
    await resumeProvider(testContext(db, { clock }), 'resend');
    await drain();
    expect(await states(db)).toEqual({ accepted: 300 });
    expect(doubled()).toEqual([]);
    expect(new Set(fake.calls.map((call) => call.key)).size).toBe(fake.calls.length);
  });

  /** Two messages about an incident each, to twenty people each. */
  async function twoMessages() {
    const db = await fresh();
    await makeSubscribers(db, 40);
    // Of audiences, which are named one by one.
    await db.write((tx) => tx.updateTable('recipients').set({ kind: 'stakeholder' }).execute());
    const rig = await rigEngine(db, fakeTransport(fake));
    const seqs = (
      await db.read((tx) => tx.selectFrom('recipients').select('seq').orderBy('seq').execute())
    ).map(({ seq }) => seq);
    const post = async (people: readonly number[]) => {
      const { seq } = await makeIncident(db);
      const filter = { components: [], groups: [], people: [...people] };
      const notice = await postNotice(db, rig.clock.now(), { filter, kind: 'stakeholder' });
      await db.write((tx) =>
        tx.updateTable('notices').set({ incident_seq: seq }).where('seq', '=', notice).execute(),
      );
      await expandAll(db, rig.clock.now);
      return notice;
    };
    const odd = (from: number, to: number, fault = true) => {
      for (let n = from; n <= to; n++)
        fake.refuse(
          address(n),
          fault ? { statusCode: 422, name: 'validation_error', message: 'Something is odd.' } : null,
        );
    };
    const stopped = async () =>
      (
        await db.read((tx) =>
          tx
            .selectFrom('notices')
            .select(['seq', 'stopped_by'])
            .where('stopped_at', 'is not', null)
            .execute(),
        )
      ).map((row) => [row.seq, row.stopped_by]);
    const circuit = async () => (await db.read((tx) => getProvider(tx, 'resend'))).circuit;
    return { ...rig, db, seqs, post, odd, stopped, circuit };
  }

  it('a fault of one message stops that message alone: it waits with everyone it was refused to, and others go on', async () => {
    const { db, clock, drain, seqs, post, odd, stopped, circuit } = await twoMessages();
    odd(1, 20);
    const first = await post(seqs.slice(0, 20));
    await drain();
    const words = 'Foghorn, because everyone was refused in the same words:';
    expect(await stopped()).toEqual([[first, expect.stringContaining(`${words} `)]]);
    expect([await circuit(), await states(db)]).toEqual(['closed', { queued: 20 }]);
    const health = await getDeliveryHealth(testContext(db, { clock }));
    expect([health, ...health.more].map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^A message was stopped by Foghorn, because .*Something is odd/),
    );
    const record = () =>
      db.read((tx) =>
        tx
          .selectFrom('audit')
          .select(['actor_label', 'action', 'subject_kind', 'subject_id', 'detail'])
          .execute(),
      );
    const { id } = await db.read((tx) =>
      tx.selectFrom('notices').select('id').where('seq', '=', first).executeTakeFirstOrThrow(),
    );
    const line = {
      actor_label: 'Foghorn, automatically',
      action: 'delivery.stopByFault',
      subject_kind: 'notice',
      subject_id: id,
      detail: JSON.stringify({ text: '5 people in a row were refused in the same words' }),
    };
    expect(await record()).toEqual([line]);
    const calls = fake.calls.length;
    await post(seqs.slice(20));
    await drain();
    expect([await circuit(), await states(db)]).toEqual(['closed', { accepted: 20, queued: 20 }]);
    expect(fake.calls).toHaveLength(calls + 1);
    // Let go on as it is, it is stopped again; mended, everyone gets it once.
    const goOn = async () => {
      await db.write((tx) => tx.updateTable('notices').set({ stopped_at: null, stopped_by: null }).execute());
      await expandAll(db, clock.now);
      await drain();
    };
    await goOn();
    expect([(await stopped()).length, await states(db)]).toEqual([1, { accepted: 20, queued: 20 }]);
    expect(await record()).toEqual([line, line]);
    odd(1, 20, false);
    await goOn();
    expect(await states(db)).toEqual({ accepted: 40 });
    expect(doubled()).toEqual([]);
  });

  it('a message that a fault stopped hides none that somebody stopped', async () => {
    const { db, clock, drain, seqs, post, odd } = await twoMessages();
    const said = async () => {
      const health = await getDeliveryHealth(testContext(db, { clock }));
      return [health, ...health.more].map(({ message }) => message);
    };
    odd(1, 20);
    await post(seqs.slice(0, 20));
    await drain();
    expect((await said()).filter((words) => words.includes('stopped'))).toHaveLength(1);
    const other = await post(seqs.slice(20));
    const stop = { stopped_at: clock.now(), stopped_by: 'Sam' };
    await db.write((tx) => tx.updateTable('notices').set(stop).where('seq', '=', other).execute());
    const [fault, hand] = (await said()).filter((words) => words.includes('stopped'));
    expect(fault).toMatch(/^A message was stopped by Foghorn/);
    expect(hand).toMatch(/^1 message is stopped\. Nothing of it leaves/);
  });

  it('the same words for a second message show that the fault is nobody’s: the provider stops', async () => {
    const { db, drain, seqs, post, odd, circuit } = await twoMessages();
    odd(1, 40);
    await post(seqs.slice(0, 20));
    await drain();
    expect(await circuit()).toBe('closed');
    await post(seqs.slice(20));
    await drain();
    expect([await circuit(), await states(db)]).toEqual(['open', { queued: 40 }]);
  });

  it('many addresses that are wrong in the same way are refused each, and stop nobody', async () => {
    const { db, drain } = await posted(40);
    for (let n = 1; n <= 12; n++) fake.refuse(address(n));
    await drain();
    expect(await states(db)).toEqual({ accepted: 28, refused: 12 });
    expect((await db.read((tx) => getProvider(tx, 'resend'))).circuit).toBe('closed');
  });

  it.each([
    [401, 'missing_api_key', 'RESEND_API_KEY to a key of the same team'],
    [401, 'restricted_api_key', 'RESEND_API_KEY to a key of the same team'],
    [403, 'invalid_api_key', 'RESEND_API_KEY to a key of the same team'],
    [403, 'validation_error', 'Verify the domain'],
    [404, 'not_found', 'RESEND_BASE_URL'],
    [405, 'method_not_allowed', 'RESEND_BASE_URL'],
    [422, 'invalid_from_address', 'MAIL_FROM'],
    [451, 'security_error', 'support'],
  ])(
    '%i %s: the circuit opens with what to do, nothing is lost, and it goes on once resumed',
    async (status, name, fix) => {
      const { db, drain, clock } = await posted(120);
      const body = JSON.stringify({ statusCode: status, name, message: 'No.' });
      fake.always({ kind: 'answer', status, body });
      await drain();
      const provider = await db.read((tx) => getProvider(tx, 'resend'));
      expect(provider.circuit).toBe('open');
      expect(provider.circuitReason).toContain(fix);
      const before = fake.calls.length;
      clock.advance(HOUR);
      await drain();
      expect(fake.calls).toHaveLength(before);
      fake.always(null);
      await db.write((tx) => tx.updateTable('providers').set({ circuit: 'closed' }).execute());
      await drain();
      expect(await states(db)).toEqual({ accepted: 120 });
      expect(doubled()).toEqual([]);
    },
  );

  it('five calls in a row without an answer: everyone pauses, then one call at a time feels the way', async () => {
    const { db, drain, clock } = await posted(800);
    const provider = () => db.read((tx) => getProvider(tx, 'resend'));
    fake.always({ kind: 'drop' });
    while ((await provider()).failures < 5) {
      await drain();
      clock.advance(100);
    }
    const calls = fake.calls.length;
    const { blockedUntil, circuit } = await provider();
    expect(circuit).toBe('closed');
    expect(Date.parse(blockedUntil!) - Date.parse(clock.now())).toBeGreaterThan(500);
    await drain();
    expect(fake.calls).toHaveLength(calls);
    clock.set(blockedUntil!);
    await drain();
    expect(fake.calls).toHaveLength(calls + 1);
    fake.always(null);
    clock.advance(10 * MINUTE);
    await drain();
    expect(await states(db)).toEqual({ accepted: 800 });
    expect((await provider()).failures).toBe(0);
    expect(doubled()).toEqual([]);
  });
});
