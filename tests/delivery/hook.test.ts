import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Hooks } from '#db/context.ts';
import { listCalls } from '#db/hookCalls.ts';
import { findHook } from '#db/hooks.ts';
import type { Db } from '#db/open.ts';
import { LEASE_MS } from '#delivery/lease.ts';
import { hookTransport } from '#delivery/transports/hook.ts';
import type { HookChannel } from '#domain/hooks.ts';
import { DAY, HOUR, MINUTE } from '#domain/time.ts';
import { createComponent } from '#services/components.ts';
import { listFanouts, listFanoutsOf, readMail, retryRefused } from '#services/deliveries.ts';
import { dropRest } from '#services/dropRest.ts';
import { stopSending } from '#services/fanoutControl.ts';
import { tellQuarantined } from '#services/hookMail.ts';
import {
  addHookSubscriber,
  resumeHookSubscriber,
  rotateHookSecret,
  saveHookChoice,
  tryHookSubscriber,
} from '#services/hookRecords.ts';
import { incidentHouse } from '../services/incidentHouse.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { batches, expandAll, rigEngine, SITE } from './support.ts';

const OPEN: Hooks = { allowHttp: true, allowPrivate: true, resolve: async () => ['127.0.0.1'] };

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function receiver(): Promise<Receiver> {
  const started = await startReceiver();
  ends.push(started.close);
  return started;
}

eachDatabase('calls of webhooks and chats', (fresh) => {
  async function house(
    options: { timeoutMs?: number; gateMs?: number; owner?: string; isStill?: boolean } = {},
  ) {
    const home = await incidentHouse(fresh);
    const ctx = { ...home.ctx, hooks: OPEN };
    const transport = hookTransport({
      rules: OPEN,
      resolve: OPEN.resolve,
      siteUrl: SITE,
      // What the signature is checked against is the real time, unless it is to stand still.
      ...(options.isStill && { now: () => Date.parse(ctx.now()) }),
      ...options,
    });
    ends.push(transport.close);
    const rig = await rigEngine(home.db, transport, { clock: ctx.clock, owner: options.owner });
    const add = (url: string, channel: HookChannel = 'webhook', owner = 'owner@example.com') =>
      addHookSubscriber(ctx, { channel, url, name: null, owner });
    /** Declares and tells everyone, up to the rows of the outbox. */
    const post = async (changes: Parameters<typeof home.say>[1] = {}) => {
      const { id } = await home.declare();
      await say(id, { status: 'investigating', ...changes });
      return id;
    };
    const say = async (id: string, changes: Parameters<typeof home.say>[1] = {}) => {
      await home.say(id, { notify: true, ...changes });
      await expandAll(home.db, ctx.now);
    };
    return { ...home, ...rig, ctx, add, post, say };
  }

  const rows = (db: Db) =>
    db.read((tx) =>
      tx
        .selectFrom('deliveries as d')
        .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
        .select([
          'd.seq',
          'd.state',
          'd.reason',
          'd.lane',
          'd.attempts',
          'd.provider_id',
          'd.not_before',
          'n.kind',
        ])
        .orderBy('d.seq')
        .execute(),
    );
  const hookRows = async (db: Db) => (await rows(db)).filter((row) => row.lane === 'hook');

  it('calls with the incident and then each component, in Statuspage’s shape, signed as Standard Webhooks asks', async () => {
    const { add, post, drain, db, checkout, say } = await house();
    const server = await receiver();
    const { secret } = await add(`${server.url}/hook?key=1`);
    const id = await post({ body: 'We are **looking** into it.' });
    await drain();
    expect(server.calls.map((call) => call.path)).toEqual(['/hook?key=1', '/hook?key=1']);
    const [first, second] = server.calls as [Receiver['calls'][0], Receiver['calls'][0]];
    expect(first.json).toMatchObject({
      meta: {
        unsubscribe: expect.stringContaining(`${SITE}/unsubscribe/`),
        generated_at: expect.any(String),
      },
      page: { id: 'harbourpage1', status_indicator: 'critical', status_description: 'Major System Outage' },
      incident: {
        id,
        name: 'Checkout is failing',
        status: 'investigating',
        impact: 'critical',
        incident_updates: [
          { status: 'investigating', body: expect.stringContaining('We are looking into it.') },
        ],
        components: [{ id: checkout.id, status: 'major_outage' }],
      },
    });
    expect(second.json).toMatchObject({
      page: { id: 'harbourpage1' },
      component: { id: checkout.id, name: 'Checkout', status: 'major_outage' },
      component_update: {
        component_id: checkout.id,
        old_status: 'operational',
        new_status: 'major_outage',
      },
    });
    expect(second.json).not.toHaveProperty('incident');
    for (const call of server.calls) {
      expect(new Webhook(secret as string).verify(call.body, call.headers)).toEqual(call.json);
      expect(() => new Webhook(`whsec_${btoa('x'.repeat(24))}`).verify(call.body, call.headers)).toThrow();
      expect(call.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'Foghorn' });
    }
    expect(first.headers['webhook-id']).not.toBe(second.headers['webhook-id']);
    const [row] = await hookRows(db);
    expect(row).toMatchObject({ state: 'accepted', reason: null });
    expect(row?.provider_id).toMatch(/^204 No Content, after \d+ ms$/);

    await say(id, { status: 'identified', body: 'A broken link.' });
    await drain();
    expect(server.calls).toHaveLength(3);
    expect(server.calls[2]?.json.incident.incident_updates).toHaveLength(2);
  });

  it('tells of components only what was chosen, under the same ids as the others', async () => {
    const { ctx, add, post, drain, db, shop, checkout, cart } = await house();
    const server = await receiver();
    const other = await createComponent(ctx, { name: 'Search', groupId: null });
    const choose = async (path: string, scopes: { groups?: string[]; components?: string[] }) => {
      const { id } = await add(`${server.url}${path}`);
      await saveHookChoice(ctx, id, { wholePage: false, groups: [], components: [], ...scopes });
    };
    await add(`${server.url}/all`);
    await choose('/cart', { components: [cart.id] });
    await choose('/shop', { groups: [shop.id] });
    await choose('/search', { components: [other.id] });
    await post({
      components: [checkout, cart, other].map(({ id }) => ({ id, status: 'major_outage' as const })),
    });
    await drain();
    const told = (path: string) =>
      server.calls
        .filter((call) => call.path === path)
        .map(({ json }) => (json.incident ? 'Incident' : json.component.name));
    const [first, ...all] = told('/all');
    expect([first, ...all.sort()]).toEqual(['Incident', 'Cart', 'Checkout', 'Search']);
    expect(told('/cart')).toEqual(['Incident', 'Cart']);
    expect(told('/shop').sort()).toEqual(['Cart', 'Checkout', 'Incident']);
    expect(told('/search')).toEqual(['Incident', 'Search']);
    // What is left out moves no id: a repeat after another choice is not taken for something else.
    const nth = (path: string, component: string) =>
      String(
        server.calls.find((call) => call.path === path && call.json.component?.id === component)?.headers[
          'webhook-id'
        ],
      )
        .split('_')
        .at(-1);
    expect(nth('/cart', cart.id)).toBe(nth('/all', cart.id));
    expect(nth('/search', other.id)).toBe(nth('/all', other.id));
    const rows = await db.read((tx) =>
      tx
        .selectFrom('deliveries as d')
        .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
        .select(['d.seq', 'r.address'])
        .execute(),
    );
    const cartRow = rows.find(({ address }) => address.endsWith('/cart'));
    const { calls } = await readMail(ctx, cartRow?.seq as number);
    expect(calls?.map((body) => JSON.parse(body))).toEqual(
      server.calls.filter(({ path }) => path === '/cart').map(({ json }) => json),
    );
  });

  it('tells a repeat by the same id and the same bytes, signed anew', async () => {
    const { add, post, drain, clock } = await house();
    const server = await receiver();
    const { secret } = await add(server.url);
    server.answer = (_call, response, nth) => response.writeHead(nth === 1 ? 500 : 200).end('x');
    await post({ components: [] });
    await drain();
    expect(server.calls).toHaveLength(1);
    clock.advance(10_000);
    await drain();
    const [first, again] = server.calls as [Receiver['calls'][0], Receiver['calls'][0]];
    expect(again.headers['webhook-id']).toBe(first.headers['webhook-id']);
    expect(again.body).toBe(first.body);
    new Webhook(secret as string).verify(again.body, again.headers);
  });

  it('writes what waited for an answer when its process died once more, under the same id', async () => {
    const { add, post, db, engine, clock } = await house({ owner: 'gone:1:1' });
    const server = await receiver();
    await add(server.url);
    // It is taken, and the answer never comes: then the process is gone.
    server.answer = () => undefined;
    await post({ components: [] });
    while (await engine.round());
    await server.called(1);
    expect((await hookRows(db)).map((row) => row.state)).toEqual(['in_batch']);
    server.answer = (_call, response) => response.writeHead(200).end();
    clock.advance(LEASE_MS + 1);
    const heir = hookTransport({ rules: OPEN, resolve: OPEN.resolve, siteUrl: SITE });
    ends.push(heir.close);
    await (await rigEngine(db, heir, { clock, owner: 'heir:2:2' })).drain();
    expect((await hookRows(db)).map((row) => row.state)).toEqual(['accepted']);
    const id = server.calls[0]?.headers['webhook-id'];
    const again = server.calls.filter((call) => call.headers['webhook-id'] === id);
    expect(again).toHaveLength(2);
    expect(again[1]?.body).toBe(again[0]?.body);
  });

  it('follows no redirect: it is a failure, and says where it led', async () => {
    const { add, post, drain, db } = await house();
    const [server, elsewhere] = [await receiver(), await receiver()];
    await add(server.url);
    server.answer = (_call, response) => response.writeHead(302, { location: `${elsewhere.url}/new` }).end();
    await post();
    await drain();
    expect(elsewhere.calls).toEqual([]);
    const [row] = await hookRows(db);
    expect(row).toMatchObject({ state: 'queued', attempts: 1 });
    expect(row?.reason).toBe(
      `It answered 302 Found to ${elsewhere.url}/new. Redirects are not followed: subscribe the address that it leads to.`,
    );
  });

  it('waits 30 seconds for an answer', async () => {
    const { add, post, drain } = await house();
    const server = await receiver();
    await add(server.url);
    const timeout = vi.spyOn(AbortSignal, 'timeout');
    await post({ components: [] });
    await drain();
    expect(timeout).toHaveBeenCalledWith(30_000);
    timeout.mockRestore();
  });

  it('gives up waiting for an answer, and tries again later', async () => {
    const { add, post, drain, db } = await house({ timeoutMs: 150 });
    const server = await receiver();
    await add(server.url);
    server.answer = () => undefined;
    await post();
    await drain();
    expect(await hookRows(db)).toMatchObject([
      { state: 'queued', attempts: 1, reason: 'No answer within 0 seconds.' },
    ]);
  });

  it('takes a 2xx as taken, however long or slow the rest of the answer is', async () => {
    const { add, post, drain, db } = await house();
    const server = await receiver();
    await add(server.url);
    server.answer = (_call, response) => {
      response.writeHead(200);
      response.write('a beginning that never ends');
    };
    await post();
    await drain();
    expect((await hookRows(db)).map((row) => row.state)).toEqual(['accepted']);
  });

  it('reads no more of a huge answer than its beginning', async () => {
    const { add, post, drain, db } = await house();
    const server = await receiver();
    await add(`${server.url}/services/T/B/x`, 'slack');
    let sent = 0;
    server.answer = (_call, response) => {
      response.writeHead(500);
      const chunk = Buffer.alloc(64 * 1024, 'x');
      const more = () => {
        while (sent < 200 * 1024 * 1024 && !response.destroyed) {
          sent += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', more);
        }
      };
      more();
    };
    await post();
    await drain();
    const [row] = await hookRows(db);
    expect(row?.state).toBe('queued');
    expect(row?.reason?.length).toBeLessThan(300);
    expect(sent).toBeLessThan(20 * 1024 * 1024);
  });

  it('waits as long as it is asked to, and does not hold that against the receiver', async () => {
    const { add, post, drain, db, clock } = await house();
    const server = await receiver();
    const { id } = await add(server.url);
    server.answer = (_call, response) => response.writeHead(429, { 'retry-after': '3600' }).end();
    await post();
    await drain();
    clock.advance(59 * MINUTE);
    await drain();
    expect(server.calls).toHaveLength(1);
    expect(await db.read((tx) => findHook(tx, id))).toMatchObject({ failures: 0 });
    clock.advance(MINUTE);
    await drain();
    expect(server.calls).toHaveLength(2);
  });

  it('takes 410 at its word: nothing more is called, its owner is told, and it may come back', async () => {
    const { ctx, add, post, say, drain, db } = await house();
    const server = await receiver();
    const { id } = await add(server.url);
    server.answer = (_call, response) => response.writeHead(410).end();
    const incident = await post();
    await drain();
    expect(server.calls).toHaveLength(1);
    expect(await db.read((tx) => findHook(tx, id))).toMatchObject({
      state: 'confirmed',
      quarantinedAt: ctx.now(),
    });
    expect((await hookRows(db)).map((row) => row.state)).toEqual(['suppressed']);
    await say(incident, { body: 'Even more.' });
    await drain();
    expect(server.calls).toHaveLength(1);

    expect(await tellQuarantined(ctx)).toBe(1);
    const { text } = await db.read((tx) =>
      tx.selectFrom('notices').select('text').where('kind', '=', 'quarantined').executeTakeFirstOrThrow(),
    );
    expect(text).toContain('It answered 410 Gone. That says that it is there no more.');
    server.answer = (_call, response) => response.writeHead(200).end();
    await resumeHookSubscriber(ctx, id);
    await drain();
    expect(server.calls[1]?.json.incident.incident_updates).toHaveLength(2);
  });

  it('brings back nothing of a message whose rest was dropped meanwhile', async () => {
    const { ctx, add, post, drain, db } = await house();
    const server = await receiver();
    const { id } = await add(server.url);
    // Someone whose mail waits, so that the message is not through.
    await makeSubscribers(db, 1);
    server.answer = (_call, response) => response.writeHead(410).end();
    const incident = await post();
    await drain();
    expect(server.calls).toHaveLength(1);
    const [message] = await listFanoutsOf(ctx, incident);
    await stopSending(ctx, message?.noticeId as string);
    await dropRest(ctx, message?.noticeId as string);
    await expandAll(db, ctx.now);
    server.answer = (_call, response) => response.writeHead(200).end();
    await resumeHookSubscriber(ctx, id);
    await drain();
    expect(server.calls).toHaveLength(1);
    expect((await hookRows(db)).map((row) => row.state)).toEqual(['suppressed']);
  });

  it('takes 404 of a chat for the same, and of a webhook for a failure', async () => {
    const { add, post, drain, db } = await house();
    const server = await receiver();
    const chat = await add(`${server.url}/services/T/B/x`, 'slack');
    const webhook = await add(server.url);
    server.answer = (_call, response) => response.writeHead(404).end('no_service');
    await post();
    await drain();
    expect((await db.read((tx) => findHook(tx, chat.id)))?.quarantinedAt).not.toBeNull();
    expect(await db.read((tx) => findHook(tx, webhook.id))).toMatchObject({
      quarantinedAt: null,
      failures: 1,
    });
    const reasons = (await hookRows(db)).map((row) => row.reason);
    expect(reasons[0]).toContain('It answered 404 Not Found: no_service.');
    // What a stranger's server says is not kept.
    expect(reasons[1]).toBe('It answered 404 Not Found.');
  });

  it('tries for about a day, ever more seldom, then gives up and leaves the receiver alone', async () => {
    const { ctx, add, post, drain, db, clock } = await house();
    const server = await receiver();
    const { id } = await add(server.url);
    server.answer = (_call, response) => response.writeHead(503).end();
    await post({ components: [] });
    const start = clock.now();
    const waits: number[] = [];
    let seen = 0;
    for (let minute = 0; (await hookRows(db))[0]?.state !== 'refused' && minute < 5_000; minute++) {
      await drain();
      if (server.calls.length > seen) waits.push((Date.parse(clock.now()) - Date.parse(start)) / MINUTE);
      seen = server.calls.length;
      const [row] = await hookRows(db);
      clock.set(row?.not_before && row.not_before > clock.now() ? row.not_before : clock.now());
    }
    expect(server.calls).toHaveLength(12);
    expect(waits.at(-1)).toBeGreaterThan(20 * 60);
    expect(waits.at(-1)).toBeLessThan(30 * 60);
    // Seven in the first hour: one delivery alone is no reason to stop.
    expect(waits.filter((at) => at <= 60).length).toBe(7);
    expect((await hookRows(db))[0]?.reason).toMatch(/^Given up after 12 calls over a day\. It answered 503/);
    expect((await db.read((tx) => findHook(tx, id)))?.quarantinedAt).not.toBeNull();
    // Whoever lets calls go on and sends it again begins anew.
    await resumeHookSubscriber(ctx, id);
    await retryRefused(ctx, (await listFanouts(ctx)).fanouts[0]!.noticeId);
    await drain();
    expect(await hookRows(db)).toMatchObject([{ state: 'queued' }]);
    server.answer = (_call, response) => response.writeHead(204).end();
    clock.advance(MINUTE);
    await drain();
    expect(await hookRows(db)).toMatchObject([{ state: 'accepted' }]);
  });

  it('stops after ten failures within an hour, tells the owner once, and goes on when told to', async () => {
    const { ctx, add, post, say, drain, db, clock } = await house();
    const server = await receiver();
    const { id } = await add(server.url);
    server.answer = (_call, response) => response.writeHead(500).end();
    const incidents: string[] = [];
    // Ten incidents at once: each is one call that fails.
    for (let n = 0; n < 9; n++) incidents.push(await post());
    await drain();
    expect(server.calls).toHaveLength(9);
    expect((await db.read((tx) => findHook(tx, id)))?.quarantinedAt).toBeNull();
    expect(await tellQuarantined(ctx)).toBe(0);
    incidents.push(await post({ body: 'The tenth.' }));
    await drain();
    expect(server.calls).toHaveLength(10);
    expect((await db.read((tx) => findHook(tx, id)))?.quarantinedAt).toBe(clock.now());

    // What comes meanwhile is kept back too.
    clock.advance(MINUTE);
    await say(incidents[9] as string, { status: 'identified', body: 'Found.' });
    clock.advance(HOUR);
    await drain();
    expect(server.calls).toHaveLength(10);

    expect(await tellQuarantined(ctx)).toBe(1);
    expect(await tellQuarantined(ctx)).toBe(0);
    const mails = (await rows(db)).filter((row) => row.kind === 'quarantined');
    expect(mails).toMatchObject([{ lane: 'mail', state: 'queued' }]);
    const notice = await db.read((tx) =>
      tx.selectFrom('notices').selectAll().where('kind', '=', 'quarantined').executeTakeFirstOrThrow(),
    );
    expect(notice.text).toContain('It answered 500 Internal Server Error.');
    expect(notice.text).toContain(server.url);

    server.answer = (_call, response) => response.writeHead(200).end();
    await resumeHookSubscriber(ctx, id);
    await drain();
    // The newest of each incident: of the tenth the second update, not the first.
    const told = server.calls.slice(10).filter((call) => call.json.incident);
    expect(told).toHaveLength(10);
    expect(
      told.filter((call) => call.json.incident.id === incidents[9]).map((call) => call.json.incident.status),
    ).toEqual(['identified']);
    expect(await db.read((tx) => findHook(tx, id))).toMatchObject({ failures: 0, quarantinedAt: null });
  });

  it('goes on with the newest that may be told: what was dropped keeps nothing before it back', async () => {
    const { ctx, add, post, say, drain, db, clock } = await house();
    const server = await receiver();
    const { id } = await add(server.url);
    server.answer = (_call, response) => response.writeHead(500).end();
    const incidents: string[] = [];
    for (let n = 0; n < 10; n++) incidents.push(await post({ body: 'What is true.' }));
    await drain();
    expect((await db.read((tx) => findHook(tx, id)))?.quarantinedAt).toBe(clock.now());
    const last = incidents[9] as string;
    clock.advance(MINUTE);
    await say(last, { status: 'identified', body: 'What is wrong.' });
    const { noticeId } = (await listFanoutsOf(ctx, last))[0]!;
    await stopSending(ctx, noticeId);
    await dropRest(ctx, noticeId);
    await expandAll(db, ctx.now);
    await drain();
    server.answer = (_call, response) => response.writeHead(200).end();
    await resumeHookSubscriber(ctx, id);
    await drain();
    const told = server.calls
      .slice(10)
      .filter((call) => call.json.incident?.id === last)
      .map((call) => call.json.incident.status);
    expect(told).toEqual(['investigating']);
  });

  it('tells everything that waits at once when the receiver is back', async () => {
    const { add, post, drain, db, clock } = await house();
    const server = await receiver();
    await add(server.url);
    server.answer = (_call, response) => response.writeHead(503).end();
    const first = await post({ components: [] });
    for (let call = 0; call < 5; call++) {
      await drain();
      clock.set((await hookRows(db))[0]?.not_before as string);
    }
    await drain();
    // The first waits for half an hour by now.
    const inTwentyMinutes = new Date(Date.parse(clock.now()) + 20 * MINUTE).toISOString();
    expect((await hookRows(db))[0]?.not_before.localeCompare(inTwentyMinutes)).toBe(1);
    server.answer = (_call, response) => response.writeHead(200).end();
    server.calls.length = 0;
    await post({ components: [], body: 'Another matter.' });
    await drain();
    const told = server.calls.flatMap(({ json }) => json.incident?.id ?? []);
    expect(told).toHaveLength(2);
    expect(told).toContain(first);
    expect((await hookRows(db)).map(({ state }) => state)).toEqual(['accepted', 'accepted']);
  });

  it('counts failures, and any hour that holds ten', async () => {
    const { add, post, drain, db, clock } = await house();
    const server = await receiver();
    const { id } = await add(server.url);
    const hook = () => db.read((tx) => findHook(tx, id));
    let status = 500;
    server.answer = (_call, response) => response.writeHead(status).end();
    for (let n = 0; n < 5; n++) await post();
    await drain();
    expect(await hook()).toMatchObject({ failures: 5 });
    status = 200;
    await post();
    await drain();
    expect(await hook()).toMatchObject({ failures: 0 });
    status = 500;
    for (let n = 0; n < 4; n++) await post();
    await drain();
    expect(await hook()).toMatchObject({ failures: 4 });
    // Those again and five more, when the first four are more than an hour old: nine in this hour.
    clock.advance(HOUR + 1);
    for (let n = 0; n < 5; n++) await post();
    await drain();
    expect(await hook()).toMatchObject({ failures: 13, quarantinedAt: null });
    // The tenth of an hour that began with none of the first.
    await post();
    await drain();
    expect(await hook()).toMatchObject({ failures: 14, quarantinedAt: clock.now() });
  });

  it.each([
    ['an hour', MINUTE, true],
    ['many hours', HOUR, false],
  ])('rests one that fails every other call, over %s: %i ms between them', async (_, apart, rests) => {
    const { add, post, drain, db, clock } = await house();
    const server = await receiver();
    const { id } = await add(server.url);
    const hook = () => db.read((tx) => findHook(tx, id));
    const failed = new Set<string>();
    server.answer = ({ headers }, response) => {
      const message = /^msg_[0-9a-f]+/.exec(String(headers['webhook-id']))?.[0] as string;
      const isFirst = !failed.has(message);
      failed.add(message);
      response.writeHead(isFirst ? 500 : 204).end();
    };
    for (let n = 0; n < 12 && !(await hook())?.quarantinedAt; n++) {
      await post();
      // The first call of it fails, and the next, of the same, is taken.
      await drain();
      clock.advance(apart / 2);
      await drain();
      clock.advance(apart / 2);
    }
    expect((await hook())?.quarantinedAt !== null).toBe(rests);
    expect(failed.size).toBe(rests ? 10 : 12);
  });

  it('signs with the old secret too for a day after a new one was taken', async () => {
    const { ctx, add, post, drain, clock } = await house({ isStill: true });
    const server = await receiver();
    const { id, secret } = await add(server.url);
    const fresh = await rotateHookSecret(ctx, id);
    expect(fresh).not.toBe(secret);
    const known = async (key: string) => {
      const before = server.calls.length;
      await post({ components: [] });
      await drain();
      const { headers, body } = server.calls[before] as Receiver['calls'][0];
      const at = new Date(Number(headers['webhook-timestamp']) * 1000);
      expect(at.toISOString()).toBe(ctx.now());
      const expected = new Webhook(key).sign(headers['webhook-id'] as string, at, body);
      return headers['webhook-signature']?.split(' ').includes(expected);
    };
    expect(await known(secret as string)).toBe(true);
    expect(await known(fresh)).toBe(true);
    clock.advance(DAY);
    expect(await known(secret as string)).toBe(false);
    expect(await known(fresh)).toBe(true);
  });

  it('sends a sample at once, tells its answer in words, and tries it once', async () => {
    const { ctx, add, drain, db, clock } = await house();
    const server = await receiver();
    const { id, secret } = await add(server.url);
    const { seq } = (await db.read((tx) => findHook(tx, id))) as { seq: number };
    await tryHookSubscriber(ctx, id);
    await expect(tryHookSubscriber(ctx, id)).rejects.toMatchObject({ code: 'too_many' });
    await drain();
    const [call] = server.calls as [Receiver['calls'][0]];
    new Webhook(secret as string).verify(call.body, call.headers);
    expect(call.json.incident.name).toBe('Sample: nothing is wrong');
    server.answer = (_call, response) => response.writeHead(404).end();
    clock.advance(MINUTE);
    await tryHookSubscriber(ctx, id);
    await drain();
    clock.advance(DAY);
    await drain();
    expect(server.calls).toHaveLength(2);
    expect(await db.read((tx) => listCalls(tx, seq, 10))).toMatchObject([
      { kind: 'test', state: 'refused', reason: 'It answered 404 Not Found.' },
      { kind: 'test', state: 'accepted' },
    ]);
    expect(await db.read((tx) => findHook(tx, id))).toMatchObject({ failures: 0 });
  });

  it('keeps a receiver that hangs from holding up the others', async () => {
    const { ctx, add, post, db, engine } = await house({ gateMs: 20 });
    const [slow, quick] = [await receiver(), await receiver()];
    slow.answer = () => undefined;
    for (let n = 0; n < 150; n++) await add(`${slow.url}/${n}`);
    await add(quick.url);
    await post({ components: [] });
    const done = quick.called(1);
    let stop = false;
    const turning = (async () => {
      while (!stop) {
        if (!(await engine.round())) await new Promise((resolve) => setImmediate(resolve));
        ctx.clock.advance(1_000);
      }
    })();
    await done;
    stop = true;
    await turning;
    // Of the one that hangs so many are under way and no more.
    expect(slow.calls.length).toBeLessThanOrEqual(8);
    expect((await hookRows(db)).filter((row) => row.attempts > 0)).toEqual([]);
  });

  it('of a message that says nothing to a receiver is refused with the reason, and stops no other', async () => {
    const { add, post, drain, db } = await house();
    const server = await receiver();
    await add(server.url);
    await post({ body: 'Nothing for them.' });
    await db.write((tx) =>
      tx.updateTable('notices').set({ payload: '{"webhook":[]}' }).where('payload', 'is not', null).execute(),
    );
    await post({ body: 'Something.' });
    await drain();
    expect((await hookRows(db)).map(({ state, reason }) => reason ?? state)).toEqual([
      'This message has nothing for this receiver.',
      'accepted',
    ]);
  });

  it('takes no mail, and mail takes no calls', async () => {
    const { add, post, drain, db } = await house();
    const server = await receiver();
    await add(server.url);
    await makeSubscribers(db, 3);
    await post();
    await drain();
    expect((await rows(db)).map((row) => [row.lane, row.state])).toEqual([
      ['hook', 'accepted'],
      ['mail', 'queued'],
      ['mail', 'queued'],
      ['mail', 'queued'],
    ]);
    expect((await batches(db)).map((batch) => batch.transport)).toEqual(['hook']);
  });

  it('writes nothing for webhooks while there are none', async () => {
    const { post, db } = await house();
    await post();
    const notices = await db.read((tx) => tx.selectFrom('notices').select('payload').execute());
    expect(notices).toEqual([{ payload: null }]);
  });

  describe('each chat in its own shape', () => {
    const NASTY = 'Hello <!channel> <@U1> @everyone **bold** [evil](https://evil.example/x_y_z) `code` & <b>';

    it.each(['slack', 'teams', 'discord'] as const)('%s', async (channel) => {
      const { add, post, drain } = await house();
      const server = await receiver();
      await add(server.url, channel);
      await post({ body: NASTY });
      await drain();
      expect(server.calls).toHaveLength(1);
      const [{ body, headers }] = server.calls as [Receiver['calls'][0]];
      expect(headers).not.toHaveProperty('webhook-signature');
      expect(body).toContain('Checkout is failing');
      expect(body).toContain(`${SITE}/incidents/`);
      expect(body).toContain('Next update by');
      expect(body.replaceAll('\\\\', '')).toContain('Checkout: Major outage');
    });
  });
});
