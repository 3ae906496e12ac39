import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accessOf } from '#auth/routes.ts';
import { listPagingPlaces } from '#services/places.ts';
import { readPrivateExport } from '#services/privateExport.ts';
import { callStaff } from '#services/staffCalls.ts';
import { routePatterns } from '../auth/fixtures.ts';
import {
  FURNISHED_ENV,
  type Furnished,
  furnish,
  pathOf,
  SECRET_KEY,
  signInAs,
} from '../support/furnished.ts';
import { ask } from '../support/http.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type House, openHouse } from './adminHouse.ts';

/** What the page itself says. */
function mainOf(body: string): string {
  const main = /<main[\s\S]*<\/main>/.exec(body)?.[0] ?? body;
  return main.replace(/<script[\s\S]*?<\/script>/g, '').replace(/ data-astro-cid-\w+/g, '');
}

describe('where staff are called, on the screen', () => {
  let house: House;
  let pager: Receiver;
  beforeAll(async () => {
    pager = await startReceiver();
    house = await openHouse(3, { HOOKS_ALLOW_PRIVATE: 'yes' });
  });
  afterAll(async () => {
    await house?.close();
    await pager?.close();
  });

  const FIELDS = {
    channel: 'pager',
    name: 'On-call',
    routingKey: 'R-first-key',
    severities: 'SEV1',
    calls: 'pressing',
    owner: 'owner@example.com',
  };
  const add = async (changes: Record<string, string> = {}) => {
    const answer = await house.post(
      '/admin/settings/paging/new?what=pager',
      { ...FIELDS, url: `${pager.url}/v2/enqueue`, ...changes },
      'owner',
    );
    return { answer, path: String(answer.headers.location ?? '').split('?')[0] as string };
  };
  const look = async (path: string) => mainOf((await house.get(path, 'owner')).body);

  it('adds one, tests it by the way that all calls go, says how it went, changes it and removes it', async () => {
    const { answer, path } = await add();
    expect(answer.status).toBe(303);
    expect(await look('/admin/settings')).toContain('href="/admin/settings/paging"');
    expect(await look('/admin/settings/paging')).toContain('On-call');
    expect(await look(path)).toContain('Not called yet');

    pager.answer = (_call, response) => response.writeHead(202).end();
    expect((await house.post(path, { do: 'try' }, 'owner')).status).toBe(303);
    await pager.called(2);
    expect(pager.calls.map(({ json }) => [json.routing_key, json.event_action])).toEqual([
      ['R-first-key', 'trigger'],
      ['R-first-key', 'resolve'],
    ]);
    expect(pager.calls[0]?.json.dedup_key).toBe(pager.calls[1]?.json.dedup_key);
    expect(pager.calls[0]?.json.payload).toMatchObject({
      severity: 'info',
      summary: expect.stringMatching(/^Test from .*: nothing is wrong$/),
    });
    await expect.poll(() => look(path)).toContain('The sample was taken: 202 Accepted');
    expect((await house.post(path, { do: 'try' }, 'owner')).status).toBe(429);

    const changed = { ...FIELDS, do: 'save', name: 'Night shift', routingKey: '', url: '' };
    expect((await house.post(path, changed, 'owner')).status).toBe(303);
    const after = await look(path);
    expect(after).toContain('Night shift');
    expect(after).toContain('It is kept and never shown');
    expect(after).not.toContain('R-first-key');
    expect(after).not.toContain('/v2/enqueue');
    expect((await house.post(path, { do: 'remove' }, 'owner')).status).toBe(303);
    expect((await house.get(path, 'owner')).status).toBe(404);
    expect(await look('/admin/settings/paging?done=removed')).toContain('By mail alone, so far.');
  });

  it('says on /admin what a refusal means and what to do; to others that an owner can', async () => {
    const { path } = await add({ routingKey: 'R-wrong-key' });
    pager.answer = (_call, response) =>
      response
        .writeHead(400)
        .end('{"message":"Event object is invalid","errors":["Key R-wrong-key is wrong"]}');
    await house.post(path, { do: 'try' }, 'owner');
    await expect.poll(() => look(path)).toContain('It answered 400 Bad Request: Event object is invalid.');
    const now = await look('/admin');
    expect(now).toContain('refused the last call to staff');
    expect(now).toContain('Check its address and its routing key, then send a test.');
    expect(now).toContain(`href="${path}"`);
    const others = mainOf((await house.get('/admin', 'viewer')).body);
    expect(others).toContain('Ask an owner.');
    expect(others).toContain('refused the last call to staff.');
    expect(others).not.toContain('Event object is invalid');
    for (const page of [now, others, await look(path)]) expect(page).not.toContain('R-wrong-key');
    // Once it takes a test, nothing is wrong any more.
    await house.post(path, { ...FIELDS, do: 'save', routingKey: 'R-right-key', url: '' }, 'owner');
    pager.answer = (_call, response) => response.writeHead(202).end();
    await house.db.write((tx) =>
      tx
        .updateTable('notices')
        .set({ created_at: '2026-01-01T00:00:00.000Z' })
        .where('kind', '=', 'test')
        .execute(),
    );
    expect((await house.post(path, { do: 'try' }, 'owner')).status).toBe(303);
    await expect.poll(() => look('/admin')).not.toContain('refused the last call to staff');
    await house.post(path, { do: 'remove' }, 'owner');
  });

  it('says on /admin that a place rests, and lets calls go on', async () => {
    const { path } = await add({ routingKey: 'R-resting' });
    const id = path.split('/').at(-1) as string;
    await house.db.write((tx) =>
      tx
        .updateTable('recipients')
        .set({ quarantined_at: '2026-11-20T14:05:00.000Z', failures: 10 })
        .where('id', '=', id)
        .execute(),
    );
    expect(await look('/admin')).toContain('Staff are not called at “On-call” since');
    expect(await look(path)).toContain('Try again');
    expect((await house.post(path, { do: 'resume' }, 'owner')).headers.location).toBe(`${path}?done=resumed`);
    expect(await look('/admin')).not.toContain('Staff are not called at');
    await house.post(path, { do: 'remove' }, 'owner');
  });

  it('keeps what was typed when something is wrong with it, beside its field', async () => {
    for (const [changes, words] of [
      [{ name: '' }, 'href="#name"'],
      [{ routingKey: '' }, 'The routing key is empty'],
      [{ routingKey: 'two words' }, 'The routing key is one word'],
      [{ severities: '' }, 'Choose severities from SEV1 to SEV4.'],
      [{ severities: 'SEV9' }, 'Choose severities from SEV1 to SEV4.'],
      [{ calls: 'none' }, 'Choose which calls it gets.'],
      [{ owner: 'nobody' }, 'href="#owner"'],
      [{ url: 'file:///etc/passwd' }, 'href="#url"'],
      [{ url: 'http://169.254.169.254/latest' }, 'href="#url"'],
      [{ channel: 'webhook' }, 'Choose what is called.'],
      [{ channel: 'slack', url: '' }, 'The address is empty. Copy it from the chat.'],
    ] as const) {
      const { answer } = await add({ ...changes } as Record<string, string>);
      expect(answer.status, JSON.stringify(changes)).toBe(422);
      expect(mainOf(answer.body), JSON.stringify(changes)).toContain(words);
      if (!('name' in changes)) expect(answer.body).toContain('value="On-call"');
    }
    expect((await house.post('/admin/settings/paging/nowhere', { do: 'try' }, 'owner')).status).toBe(404);
  });

  it('refuses the same room twice, and takes two pagers at one address', async () => {
    const [first, second] = [await add(), await add({ name: 'Second', routingKey: 'R-second-key' })];
    expect(second.answer.status).toBe(303);
    const third = await add({ name: 'Third' });
    expect(third.answer.status).toBe(409);
    expect(third.answer.body).toContain('“On-call” is called there already.');
    for (const { path } of [first, second]) await house.post(path, { do: 'remove' }, 'owner');
  });
});

describe('the secrets of the places where staff are called', () => {
  let folder: string;
  let house: Furnished;
  let server: TestServer;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foghorn-paging-'));
    house = await furnish(folder);
    server = await startServer({ dataDir: folder, env: FURNISHED_ENV });
  });
  afterAll(async () => {
    await server?.stop();
    await house?.foghorn.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  it('stand on no page, in no mail, no audit row, no log, no metric and no export', async () => {
    const { foghorn, ids, users } = house;
    const system = foghorn.contextFor({ kind: 'system', name: 'test' });
    const later = new Date(Date.now() + 45 * 60_000).toISOString();
    await callStaff({ ...system, now: () => later });
    const calls = await foghorn.db.read((tx) =>
      tx.selectFrom('deliveries').select('seq').where('lane', '=', 'hook').execute(),
    );
    expect(calls.length).toBeGreaterThan(2);
    const places = await listPagingPlaces(system);
    expect(places).toHaveLength(2);
    const cookie = await signInAs(server.url, users.owner.email);
    const paths = [
      ...routePatterns().map((pattern) => pathOf(pattern, ids)),
      ...calls.flatMap(({ seq }) => [`/admin/deliveries/mail/${seq}`, `/admin/deliveries/mail/${seq}/html`]),
      ...places.map(({ id }) => `/admin/settings/paging/${id}`),
      '/metrics',
      '/admin/deliveries?show=waiting',
    ];
    for (const path of paths) {
      const { body } = await ask(server.url, path, { headers: { cookie } });
      expect(body, path).not.toContain(SECRET_KEY);
    }
    expect(routePatterns().filter((pattern) => accessOf(pattern) === 'session').length).toBeGreaterThan(50);
    for (const sought of [
      '#incidents',
      'On-call',
      `owner@private.example`,
      `https://hooks.slack.example/services/${SECRET_KEY}`,
    ]) {
      const { body, status } = await ask(server.url, '/admin/heard', {
        method: 'POST',
        headers: { cookie, origin: server.url, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ sought }).toString(),
      });
      expect([200, 303], sought).toContain(status);
      if (!sought.includes(SECRET_KEY)) expect(body, sought).not.toContain(SECRET_KEY);
    }
    const rows = await foghorn.db.read(async (tx) => ({
      audit: await tx.selectFrom('audit').selectAll().execute(),
      notices: await tx.selectFrom('notices').selectAll().execute(),
      words: await tx.selectFrom('paging_words').selectAll().execute(),
    }));
    expect(rows.audit.filter(({ action }) => action === 'paging.add')).toHaveLength(2);
    expect(JSON.stringify(rows)).not.toContain(SECRET_KEY);
    const files = await readPrivateExport(foghorn.contextFor({ kind: 'system', name: 'test' }));
    expect(JSON.stringify(files)).not.toContain(SECRET_KEY);
    const list = files.find(({ path }) => path === 'contacts/paging.csv')?.text ?? '';
    expect(list).toContain('On-call,Pager,SEV1 SEV2 SEV3 SEV4,Every call,owner@private.example');
    expect(server.logs.join('\n')).not.toContain(SECRET_KEY);
  });
});
