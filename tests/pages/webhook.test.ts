import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessOf } from '#auth/routes.ts';
import { signerFor } from '#auth/tokens.ts';
import { findHookAt } from '#db/hooks.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { expandNextChunk } from '#delivery/expander.ts';
import { addMs, HOUR } from '#domain/time.ts';
import { recipientLinks } from '#emails/links.ts';
import { addHookSubscriber } from '#services/hookRecords.ts';
import { getIncident, postUpdate } from '#services/incidents.ts';
import { routePatterns } from '../auth/fixtures.ts';
import { FURNISHED_ENV, type Furnished, furnish, pathOf, signInAs } from '../support/furnished.ts';
import { type Answered, ask } from '../support/http.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startServer, type TestServer } from '../support/server.ts';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const post = (url: string, target: string, fields: Record<string, string>, headers = {}) =>
  ask(url, target, {
    method: 'POST',
    headers: { ...FORM, ...headers },
    body: new URLSearchParams(fields).toString(),
  });
const h1 = ({ body }: Answered) => /<h1[^>]*>([\s\S]*?)<\/h1>/.exec(body)?.[1]?.trim();

describe('a webhook, from the form to its last call', () => {
  const SECRET_KEY = 's'.repeat(40);
  let server: TestServer;
  let db: Db;
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await startReceiver();
    server = await startServer({ env: { SECRET_KEY, HOOKS_ALLOW_PRIVATE: 'yes' } });
    db = await openDatabase(`sqlite:${server.dataDir}/foghorn.db`);
  });
  afterAll(async () => {
    await db?.close();
    await server?.stop();
    await receiver?.close();
  });
  const hook = async (url: string) => {
    const found = await db.read((tx) => findHookAt(tx, 'webhook', url));
    return found as NonNullable<typeof found>;
  };
  /** The link in the mail that its owner has got. */
  const linkOf = async (url: string) => {
    const { id, createdAt } = await hook(url);
    return recipientLinks('', signerFor(SECRET_KEY), id, createdAt).hook_url;
  };
  const subscribe = (url: string, owner = 'owner@example.com') =>
    post(server.url, '/subscribe/webhook', { url, owner });

  it('answers alike whoever has the address called already, and says what is wrong beside the field', async () => {
    const first = await subscribe(`${receiver.url}/alike`);
    const again = await subscribe(`${receiver.url}/alike`, 'other@example.com');
    expect([first.status, first.headers.location]).toEqual([303, '/subscribe/webhook?asked']);
    expect([again.status, again.headers.location]).toEqual([303, '/subscribe/webhook?asked']);
    expect(h1(await ask(server.url, '/subscribe/webhook?asked'))).toBe('Look in your mail.');

    const typed = 'https://user:pass@example.com/"><b>';
    const wrong = await subscribe(typed, 'nobody');
    expect(wrong.status).toBe(422);
    expect(wrong.body).toContain('value="https://user:pass@example.com/&quot;><b>"');
    expect(wrong.body).toContain('This is no mail address.');
    const userinfo = await subscribe(typed);
    expect(userinfo.status).toBe(422);
    expect(userinfo.body).toMatch(/<a href="#url"[^>]*>The address holds a user name or password\./);
    expect(/<input id="url"[\s\S]*? aria-describedby="([^"]*)"/.exec(userinfo.body)?.[1]).toBe(
      'url-problem url-hint',
    );
    for (const url of ['ftp://example.com/x', 'http://169.254.169.254/latest', 'http://[::]/', 'gopher://x/'])
      expect((await subscribe(url)).status, url).toBe(422);
    const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
    expect(
      (await post(server.url, '/subscribe/webhook', { url: receiver.url, owner: 'a@example.com' }, foreign))
        .status,
    ).toBe(403);
  });

  it('is confirmed by a press, told its secret once, tried, changed and ended', async () => {
    const url = `${receiver.url}/life`;
    await subscribe(url);
    const link = await linkOf(url);
    for (const method of ['GET', 'HEAD']) {
      const seen = await ask(server.url, link, { method });
      expect([seen.status, seen.headers['cache-control']]).toEqual([200, 'no-store']);
    }
    expect(await hook(url)).toMatchObject({ state: 'pending' });
    expect(h1(await ask(server.url, `${link}x`))).toBe('This link does not work.');

    const confirmed = await post(server.url, link, { do: 'confirm' });
    expect([confirmed.status, confirmed.headers['cache-control']]).toEqual([200, 'no-store']);
    const secret = /whsec_[A-Za-z0-9+/=]+/.exec(confirmed.body)?.[0] as string;
    expect(h1(confirmed)).toBe('Keep this secret.');
    expect((await ask(server.url, link)).body).not.toContain('whsec_');
    const twice = await post(server.url, link, { do: 'confirm' });
    expect([twice.status, twice.headers.location]).toEqual([303, `${link}?done=confirmed`]);

    // A sample goes the way of all calls, so what comes of it is shown.
    const tried = await post(server.url, link, { do: 'try' });
    expect([tried.status, tried.headers.location]).toEqual([303, `${link}#sample`]);
    await receiver.called(1);
    const [call] = receiver.calls as [Receiver['calls'][0]];
    expect(new Webhook(secret).verify(call.body, call.headers)).toMatchObject({
      incident: { name: 'Sample: nothing is wrong', status: 'resolved' },
    });
    let page = await ask(server.url, link);
    while (page.body.includes('on its way')) page = await ask(server.url, link);
    expect(page.body).toMatch(/The sample was taken: 204 No Content, after \d+ ms\./);

    const rotated = await post(server.url, link, { do: 'rotate' });
    const fresh = /whsec_[A-Za-z0-9+/=]+/.exec(rotated.body)?.[0] as string;
    expect(fresh).not.toBe(secret);
    expect(await hook(url)).toMatchObject({ secret: fresh, oldSecretUntil: expect.any(String) });
    expect((await post(server.url, link, { do: 'nonsense' })).status).toBe(422);

    // The link in the call itself: opened it asks, posted it ends, as with mail.
    const out = new URL(call.json.meta.unsubscribe).pathname;
    expect(h1(await ask(server.url, out))).toBe('Stop the calls?');
    expect(await hook(url)).toMatchObject({ state: 'confirmed' });
    const oneClick = await post(server.url, out, { 'List-Unsubscribe': 'One-Click' });
    expect([oneClick.status, oneClick.body]).toEqual([200, '']);
    expect(h1(await ask(server.url, out))).toBe('Nothing more is called.');
    expect(h1(await ask(server.url, link))).toBe('Nothing is called there.');
    expect((await post(server.url, link, { do: 'try' })).status).toBe(409);
    expect(receiver.calls).toHaveLength(1);
  });

  it('writes no address, secret or link into the log', async () => {
    const url = `${receiver.url}/failing`;
    receiver.answer = (_call, response) => response.writeHead(500).end();
    await subscribe(url);
    const link = await linkOf(url);
    const { body } = await post(server.url, link, { do: 'confirm' });
    const secret = /whsec_[A-Za-z0-9+/=]+/.exec(body)?.[0] as string;
    const before = receiver.calls.length;
    await post(server.url, link, { do: 'try' });
    await receiver.called(before + 1);
    let page = await ask(server.url, link);
    while (page.body.includes('on its way')) page = await ask(server.url, link);
    expect(page.body).toContain('It answered 500 Internal Server Error.');
    const log = server.logs.join('\n');
    for (const hidden of [
      secret,
      secret.slice(6),
      link.split('/').at(-1) as string,
      '/failing',
      'owner@example.com',
    ])
      expect(log).not.toContain(hidden);
  });
});

describe('the pages of staff', () => {
  const CHAT_SECRET = 'chatsecretabcdefghijkl';
  let folder: string;
  let house: Furnished;
  let server: TestServer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foghorn-hooks-'));
    house = await furnish(folder);
    server = await startServer({ dataDir: folder, env: FURNISHED_ENV });
  });
  afterAll(async () => {
    await server?.kill();
    await house?.foghorn.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  it('show a chat’s address and a signing secret nowhere, whoever looks and however it is searched', async () => {
    const ctx = house.foghorn.contextFor({ kind: 'system', name: 'test' });
    const url = `https://hooks.slack.com/services/T000/B000/${CHAT_SECRET}`;
    const chat = await addHookSubscriber(
      { ...ctx, hooks: { ...ctx.hooks, resolve: async () => ['93.184.215.14'] } },
      { channel: 'slack', url, name: null, owner: 'owner@private.example' },
    );
    const incidentId = house.ids['/admin/incidents/[]'] as string;
    const { version } = await getIncident(ctx, incidentId);
    await postUpdate(ctx, {
      incidentId,
      version,
      audience: 'public',
      status: 'identified',
      body: 'Found.',
      components: [],
      notify: true,
    });
    const released = () => addMs(ctx.now(), HOUR);
    while (await expandNextChunk({ db: house.foghorn.db, now: released }));
    const rows = await house.foghorn.db.read((tx) =>
      tx
        .selectFrom('deliveries as d')
        .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
        .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
        .select(['d.seq', 'n.id'])
        .where('r.id', '=', chat.id)
        .execute(),
    );
    expect(rows).toHaveLength(1);
    const secrets = (
      await house.foghorn.db.read((tx) =>
        tx.selectFrom('recipients').select('secret').where('secret', 'is not', null).execute(),
      )
    ).map(({ secret }) => (secret as string).replace(/^whsec_/, ''));
    // A webhook's and a pager's.
    expect(secrets).toHaveLength(2);

    const cookie = await signInAs(server.url, house.users.owner.email);
    const paths = routePatterns()
      .filter((pattern) => accessOf(pattern) === 'session')
      .map((pattern) => pathOf(pattern, house.ids));
    const own = rows.flatMap(({ seq, id }) => [
      `/admin/deliveries/${id}`,
      ...['waiting', 'sent', 'failed', 'left_out'].map((show) => `/admin/deliveries/${id}?show=${show}`),
      `/admin/deliveries/mail/${seq}`,
      `/admin/deliveries/mail/${seq}/html`,
      `/admin/subscribers/hooks/${chat.id}`,
      `/admin/subscribers/${chat.id}`,
      `/admin/subscribers/${chat.id}.json`,
    ]);
    let named = 0;
    const shown: string[] = [];
    const look = (what: string, { body }: Answered) => {
      if (body.includes('hooks.slack.com')) named++;
      for (const hidden of [CHAT_SECRET, 'services/T000', ...secrets])
        if (body.includes(hidden)) shown.push(`${hidden.slice(0, 12)} at ${what}`);
    };
    for (const path of [...paths, ...own]) look(path, await ask(server.url, path, { headers: { cookie } }));
    const signed = { cookie, origin: server.url };
    for (const sought of ['hooks.slack.com', chat.id, 'owner@private.example'])
      look(`heard of ${sought}`, await post(server.url, '/admin/heard', { sought }, signed));
    look('subscribers', await post(server.url, '/admin/subscribers', { find: 'hooks.slack.com' }, signed));
    expect(shown).toEqual([]);
    // The lists of webhooks, of the message's people, and so on: it was looked for where it stands.
    expect(named).toBeGreaterThanOrEqual(4);
  });
});
