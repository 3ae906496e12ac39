import type { APIContext } from 'astro';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { signerFor } from '#auth/tokens.ts';
import { insertDelivery } from '#db/deliveries.ts';
import { insertNotice } from '#db/notices.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { installationMark } from '#domain/receipts.ts';
import { addMs, type Instant, MINUTE } from '#domain/time.ts';
import { applyReceipts } from '#services/receipts.ts';
import { ALL, POST } from '../../src/pages/api/hooks/resend.ts';
import { rendered } from '../delivery/support.ts';
import { type TestCtx, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makePage } from '../support/factory.ts';
import { ask } from '../support/http.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { startServer, type TestServer } from '../support/server.ts';

const SECRET = `whsec_${Buffer.alloc(32, 'quay').toString('base64')}`;
const OTHER_SECRET = `whsec_${Buffer.alloc(32, 'reef').toString('base64')}`;
const START = '2026-11-20T14:00:00.000Z';

let count = 0;

/** A mail to the first person that the provider has taken. */
async function deliver(db: Db, now: Instant): Promise<number> {
  return db.write(async (tx) => {
    const { seq: recipientSeq } = await tx
      .selectFrom('recipients')
      .select('seq')
      .where('address', '=', address(1))
      .executeTakeFirstOrThrow();
    const noticeSeq = await insertNotice(tx, {
      id: `told${String(++count).padStart(8, '0')}`,
      kind: 'update',
      incidentSeq: null,
      updateSeq: null,
      priority: 1,
      rendered: rendered(),
      now,
    });
    const seq = await insertDelivery(tx, { noticeSeq, recipientSeq, priority: 1, now });
    await tx
      .updateTable('deliveries')
      .set({ state: 'accepted', provider_id: 'mail-1' })
      .where('seq', '=', seq)
      .execute();
    return seq;
  });
}

/** As Resend writes it, with what a writer that parses and writes again would lose: spaces, escapes, the order of keys. */
function bodyOf(type: string, deliverySeq: number, mark: string, at: Instant): string {
  return `{"type" : "${type}",\n  "created_at":"${at}", "data": {"tags":{"installation":"${mark}","delivery_id":"${deliverySeq}"},
  "email_id":"mail-1","to":["${address(1)}"],"subject":"Caf\\u00e9 \u{1f50a}", "from":"status@example.com"}}`;
}

/** Signed by the reference library of Standard Webhooks, under the names that Resend gives the headers. */
function signed(
  body: string,
  { secret = SECRET, id = `msg_${++count}`, at }: { secret?: string; id?: string; at: Instant },
): Record<string, string> {
  return {
    'svix-id': id,
    'svix-timestamp': String(Math.floor(Date.parse(at) / 1000)),
    'svix-signature': new Webhook(secret).sign(id, new Date(at), body),
  };
}

const eventsIn = (db: Db) =>
  db.read((tx) => tx.selectFrom('provider_events').selectAll().orderBy('seq').execute());
const stateIn = async (db: Db, seq: number) =>
  (
    await db.read((tx) =>
      tx.selectFrom('deliveries').select('state').where('seq', '=', seq).executeTakeFirstOrThrow(),
    )
  ).state;

eachDatabase('the address for Resend’s webhooks', (fresh) => {
  /** What the address does after its answer, which must end before the next test takes the database. */
  const atWork = new Set<Promise<unknown>>();
  const watched = <A extends unknown[], R>(work: (...given: A) => Promise<R>) => {
    return (...given: A): Promise<R> => {
      const doing = work(...given);
      atWork.add(doing);
      const done = () => void atWork.delete(doing);
      doing.then(done, done);
      return doing;
    };
  };
  afterEach(async () => {
    do {
      await Promise.allSettled(atWork);
      await new Promise((resolve) => setImmediate(resolve));
    } while (atWork.size);
  });

  async function house() {
    const opened = await fresh();
    const db = { ...opened, read: watched(opened.read), write: watched(opened.write) } as Db;
    await makePage(db);
    await makeSubscribers(db, 1);
    const ctx = testContext(db, { actor: { kind: 'visitor' } });
    const mark = installationMark(ctx.sign, ctx.site.url);
    const seq = await deliver(db, ctx.now());
    return { ctx, seq, body: (type: string) => bodyOf(type, seq, mark, ctx.now()) };
  }

  async function post(
    ctx: TestCtx,
    body: string,
    headers: Record<string, string>,
    secret: string | null = SECRET,
  ) {
    const request = new Request('https://status.example.com/api/hooks/resend', {
      method: 'POST',
      headers,
      body,
    });
    const locals = {
      ctx,
      user: null,
      clientAddress: '192.0.2.1',
      requestId: 'r',
      resendWebhookSecret: secret,
    };
    const answer = await POST({ request, locals } as unknown as APIContext);
    return { status: answer.status, text: await answer.text(), headers: answer.headers };
  }

  it('keeps what is signed as it came before it answers, and then applies it', async () => {
    const { ctx, seq, body } = await house();
    const text = body('email.delivered');
    expect(await post(ctx, text, signed(text, { at: ctx.now(), id: 'msg_first' }))).toMatchObject({
      status: 200,
    });
    expect(await eventsIn(ctx.db)).toMatchObject([
      { provider: 'resend', event_id: 'msg_first', type: 'email.delivered', body: text, delivery_seq: seq },
    ]);
    await applyReceipts(ctx);
    expect(await stateIn(ctx.db, seq)).toBe('delivered');
    expect((await eventsIn(ctx.db))[0]).toMatchObject({ outcome: 'Applied.', applied_at: ctx.now() });
  });

  it('knows the headers by the names of the standard too', async () => {
    const { ctx, body } = await house();
    const text = body('email.delivered');
    const headers = Object.fromEntries(
      Object.entries(signed(text, { at: ctx.now() })).map(([name, value]) => [
        name.replace('svix', 'webhook'),
        value,
      ]),
    );
    expect((await post(ctx, text, headers)).status).toBe(200);
  });

  it('keeps nothing of what someone else signed, of what was changed on its way, and of what bears no signature', async () => {
    const { ctx, seq, body } = await house();
    const text = body('email.complained');
    const good = signed(text, { at: ctx.now() });
    const wrong: [string, string, Record<string, string>][] = [
      ['another secret', text, signed(text, { secret: OTHER_SECRET, at: ctx.now() })],
      ['one space more', `${text} `, good],
      ['another writing of the same', JSON.stringify(JSON.parse(text)), good],
      ['another id', text, { ...good, 'svix-id': 'msg_other' }],
      ['another time', text, { ...good, 'svix-timestamp': String(Number(good['svix-timestamp']) + 1) }],
      [
        'another version of signatures',
        text,
        { ...good, 'svix-signature': `v2,${good['svix-signature']?.slice(3)}` },
      ],
      ['half a signature', text, { ...good, 'svix-signature': good['svix-signature']?.slice(0, 20) ?? '' }],
      ['nothing', text, {}],
      ...Object.keys(good).map((name): [string, string, Record<string, string>] => [
        `no ${name}`,
        text,
        Object.fromEntries(Object.entries(good).filter(([each]) => each !== name)),
      ]),
    ];
    for (const [what, sent, headers] of wrong)
      expect((await post(ctx, sent, headers)).status, what).toBe(401);
    expect(await eventsIn(ctx.db)).toEqual([]);
    expect(await stateIn(ctx.db, seq)).toBe('accepted');
    // The same, as it was signed.
    expect((await post(ctx, text, good)).status).toBe(200);
  });

  it('takes what is at most five minutes away from its clock, either way', async () => {
    const { ctx, body } = await house();
    const text = body('email.delivered');
    for (const [away, status] of [
      [5 * MINUTE, 200],
      [-5 * MINUTE, 200],
      [5 * MINUTE + 1_000, 401],
      [-5 * MINUTE - 1_000, 401],
    ] as const) {
      const answer = await post(ctx, text, signed(text, { at: addMs(START, away) }));
      expect(answer.status, String(away)).toBe(status);
      if (status === 401) expect(answer.text).toContain('five minutes');
    }
    expect(await eventsIn(ctx.db)).toHaveLength(2);
  });

  it('answers a repeat as it answered the first one, and keeps it once', async () => {
    const { ctx, seq, body } = await house();
    const text = body('email.delivered');
    const headers = signed(text, { at: ctx.now(), id: 'msg_again' });
    const first = await post(ctx, text, headers);
    const [second, third] = await Promise.all([post(ctx, text, headers), post(ctx, text, headers)]);
    for (const answer of [second, third])
      expect([answer.status, answer.text]).toEqual([first.status, first.text]);
    await applyReceipts(ctx);
    // Resend's own tries go on for a day, each signed anew with the same id.
    ctx.clock.advance(10 * 60 * MINUTE);
    expect((await post(ctx, text, signed(text, { at: ctx.now(), id: 'msg_again' }))).status).toBe(200);
    expect(await applyReceipts(ctx)).toBe(0);
    expect(await eventsIn(ctx.db)).toHaveLength(1);
    expect(await stateIn(ctx.db, seq)).toBe('delivered');
  });

  it('is content when one of several signatures is right, as while a secret is being changed', async () => {
    const { ctx, body } = await house();
    const text = body('email.delivered');
    const id = 'msg_both';
    const ours = signed(text, { id, at: ctx.now() });
    const theirs = signed(text, { id, at: ctx.now(), secret: OTHER_SECRET })['svix-signature'];
    const both = { ...ours, 'svix-signature': `v1a,AAAA ${theirs} ${ours['svix-signature']}` };
    expect((await post(ctx, text, both)).status).toBe(200);
    const neither = { ...ours, 'svix-signature': `${theirs} v1a,${ours['svix-signature']?.slice(3)}` };
    expect((await post(ctx, text, neither)).status).toBe(401);
  });

  it('keeps kinds of events that it does not know, and makes nothing of them', async () => {
    const { ctx, seq, body } = await house();
    const bodies = [body('email.teleported'), body('domain.updated'), '[]', '{"type":7}', ''];
    for (const text of bodies)
      expect((await post(ctx, text, signed(text, { at: ctx.now() }))).status, text).toBe(200);
    await applyReceipts(ctx);
    expect((await eventsIn(ctx.db)).map(({ type, outcome }) => [type, outcome])).toEqual(
      ['email.teleported', 'domain.updated', 'unreadable', 'unreadable', 'unreadable'].map((type) => [
        type,
        'Nothing that we act on.',
      ]),
    );
    expect(await stateIn(ctx.db, seq)).toBe('accepted');
  });

  it('refuses what no event can be, however well it is signed', async () => {
    const { ctx } = await house();
    const long = `"${'x'.repeat(256 * 1024)}"`;
    expect((await post(ctx, long, signed(long, { at: ctx.now() }))).status).toBe(413);
    const nul = '{"type":"\0"}';
    expect((await post(ctx, nul, signed(nul, { at: ctx.now() }))).status).toBe(400);
    expect(await eventsIn(ctx.db)).toEqual([]);
  });

  it('says what to set when no secret is set, and keeps nothing', async () => {
    const { ctx, body } = await house();
    const text = body('email.delivered');
    const answer = await post(ctx, text, signed(text, { at: ctx.now() }), null);
    expect(answer.status).toBe(503);
    expect(answer.text).toContain('RESEND_WEBHOOK_SECRET');
    expect(await eventsIn(ctx.db)).toEqual([]);
  });

  it('tells whoever opens it that it is only posted to', async () => {
    const answer = await ALL({} as APIContext);
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

describe('the built server', () => {
  const SECRET_KEY = 's'.repeat(40);
  let server: TestServer;
  let db: Db;

  beforeAll(async () => {
    server = await startServer({
      env: { SECRET_KEY, RESEND_WEBHOOK_SECRET: SECRET, FOGHORN_ROLE: 'web' },
    });
    db = await openDatabase(`sqlite:${server.dataDir}/foghorn.db`);
    await makeSubscribers(db, 1);
  });
  afterAll(async () => {
    await db?.close();
    await server?.stop();
  });

  const now = () => new Date().toISOString();
  const mark = () => installationMark(signerFor(SECRET_KEY), server.url);
  const post = (body: string | Buffer, headers: Record<string, string>, to = server) =>
    ask(to.url, '/api/hooks/resend', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });

  /** Asks again, at most so often: far more than one receipt takes. */
  async function applied(seq: number): Promise<string> {
    for (let asked = 0; asked < 1_000; asked++) {
      const state = await stateIn(db, seq);
      if (state !== 'accepted') return state;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error('The receipt was never applied.');
  }

  it('verifies the very bytes that came, keeps them, and applies them by itself after its answer', async () => {
    const seq = await deliver(db, now());
    const body = bodyOf('email.delivered', seq, mark(), now());
    // As a machine sends it: from nowhere that a browser knows, and no cookie counts.
    const foreign = { origin: 'https://resend.com', 'sec-fetch-site': 'cross-site', cookie: 'session=x' };
    const answer = await post(body, { ...signed(body, { at: now(), id: 'msg_http' }), ...foreign });
    expect(answer).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect((await eventsIn(db)).find((event) => event.event_id === 'msg_http')?.body).toBe(body);
    expect(await applied(seq)).toBe('delivered');
  });

  it('turns away what is not signed for it, is too old, or is too long; it is read by nobody', async () => {
    const seq = await deliver(db, now());
    const body = bodyOf('email.complained', seq, mark(), now());
    const before = await eventsIn(db);
    const old = addMs(now(), -6 * MINUTE);
    expect((await post(body, signed(body, { at: now(), secret: OTHER_SECRET }))).status).toBe(401);
    expect((await post(body, signed(body, { at: old }))).status).toBe(401);
    expect((await post(body, {})).status).toBe(401);
    const long = 'x'.repeat(300_000);
    expect((await post(long, signed(long, { at: now() }))).status).toBe(413);
    const half = Buffer.concat([Buffer.from('{"type":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
    expect((await post(half, signed(half.toString('latin1'), { at: now() }))).status).toBe(401);
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect(await ask(server.url, '/api/hooks/resend', { method }), method).toMatchObject({
        status: 405,
        headers: { allow: 'POST' },
      });
    expect(await eventsIn(db)).toEqual(before);
    expect(await stateIn(db, seq)).toBe('accepted');
  });

  it('says so when it has no secret', async () => {
    const bare = await startServer({ env: { FOGHORN_ROLE: 'web' } });
    try {
      const body = '{}';
      const answer = await post(body, signed(body, { at: now() }), bare);
      expect(answer.status).toBe(503);
      expect(answer.body).toContain('RESEND_WEBHOOK_SECRET');
    } finally {
      await bare.stop();
    }
  });
});
