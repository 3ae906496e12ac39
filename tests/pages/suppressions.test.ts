import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FURNISHED_ENV, type Furnished, furnish, SECRET_DOMAIN, signInAs } from '../support/furnished.ts';
import { ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';

const GONE = `gone@${SECRET_DOMAIN}`;
let folder: string;
let house: Furnished;
let server: TestServer;
let comms: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-suppressions-'));
  house = await furnish(folder);
  server = await startServer({ dataDir: folder, env: FURNISHED_ENV });
  comms = await signInAs(server.url, house.users.comms.email);
});
afterAll(async () => {
  await server?.stop();
  await house?.foghorn.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const PAGE = '/admin/suppressions';
const see = (cookie = comms, query = '') => ask(server.url, PAGE + query, { headers: { cookie } });
const send = (fields: Record<string, string>, cookie = comms, path = PAGE) =>
  ask(server.url, path, {
    method: 'POST',
    headers: { cookie, origin: server.url, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  });

it('finds one address without writing it anywhere, and a domain by an address that can be kept', async () => {
  const found = await send({ sought: ` ${GONE.toUpperCase()} ` });
  expect(found.status).toBe(200);
  expect(found.body).toContain('Gets no mail');
  expect(found.body).toContain(`A letter about ${GONE}.`);
  const other = await send({ sought: `anna@${SECRET_DOMAIN}` });
  expect(other.body).toContain('Not on the list');
  expect(other.body).toContain(`href="/admin/subscribers/${house.ids['/admin/subscribers/[]']}"`);
  const domain = await send({ sought: `@${SECRET_DOMAIN}` });
  expect([domain.status, domain.headers.location]).toEqual([303, `${PAGE}?domain=${SECRET_DOMAIN}`]);
  expect((await see(comms, `?domain=${SECRET_DOMAIN}`)).body).toContain(GONE);
  expect((await see(comms, '?domain=elsewhere.example')).body).toContain('No address of elsewhere.example');
  expect(server.logs.join('\n')).not.toMatch(/gone|anna/i);
});

it('says what is wrong beside its field, and keeps what was typed', async () => {
  const nothing = await send({ sought: 'mia' });
  expect(nothing.status).toBe(422);
  expect(nothing.body).toMatch(/<a href="#sought"[^>]*>This is no mail address and no domain\./);
  const bad = await send({ do: 'add', address: 'mia@', reason: 'She asked.' });
  expect(bad.status).toBe(422);
  expect(bad.body).toMatch(/<a href="#address"/);
  expect(bad.body).toContain('value="She asked."');
  const twice = await send({ do: 'add', address: GONE, reason: 'Once more.' });
  expect(twice.status).toBe(409);
  expect(twice.body).toContain('This address is suppressed already.');
  const noReason = await send({ do: 'lift', address: GONE, reason: '  ' });
  expect(noReason.status).toBe(422);
  expect(noReason.body).toMatch(/<a href="#reason"[^>]*>The reason is empty\./);
  expect(noReason.body).toContain('Let it be mailed again');
  expect((await see()).body).toContain(GONE);
});

it('lets an address go with a reason, and puts one on the list', async () => {
  const lifted = await send({ do: 'lift', address: GONE, reason: 'The letter was an error.' });
  expect([lifted.status, lifted.headers.location]).toEqual([303, `${PAGE}?done=lift`]);
  expect((await see(comms, '?done=lift')).body).toContain('It may be mailed again');
  expect((await see()).body).toContain('every address may be mailed');
  expect((await send({ sought: GONE })).body).toContain('The letter was an error.');
  expect((await send({ do: 'lift', address: GONE, reason: 'Again.' })).status).toBe(404);
  const anna = `anna@${SECRET_DOMAIN}`;
  expect((await send({ do: 'add', address: anna, reason: 'Asked by telephone.' })).status).toBe(303);
  const subscriber = `/admin/subscribers/${house.ids['/admin/subscribers/[]']}`;
  const file = await ask(server.url, subscriber, { headers: { cookie: comms } });
  const link = /href="(\/admin\/suppressions\?subscriber=[a-z0-9]+)"/.exec(file.body)?.[1] as string;
  const why = await ask(server.url, link, { headers: { cookie: comms } });
  expect(why.body).toContain('Asked by telephone.');
});

it('is reached from what an address heard, and only where nothing is sent to it', async () => {
  const heard = (sought: string) => send({ sought }, comms, '/admin/heard');
  const anna = `anna@${SECRET_DOMAIN}`;
  const opens = new RegExp(`<form[^>]*action="${PAGE}"[^>]*>\\s*<button[^>]*name="sought" value="${anna}"`);
  expect((await heard(anna)).body).toMatch(opens);
  expect((await send({ sought: anna })).body).toContain('Asked by telephone.');
  const all = (await heard(SECRET_DOMAIN)).body;
  expect(all.match(/formaction="\/admin\/suppressions"[^>]*value="[^"]*"/g)).toEqual([
    expect.stringContaining(`value="${anna}"`),
  ]);
  expect((await heard('nobody@elsewhere.example')).body).not.toContain(`action="${PAGE}"`);
});

it('is reached from a name by more of it where many are called so', async () => {
  await house.foghorn.db.write((tx) =>
    tx
      .insertInto('users')
      .values(
        Array.from({ length: 52 }, (_, index) => ({
          id: `namesake${index}`,
          email: `namesake${index}@harbour.example`,
          name: `Quentin ${index}`,
          role: 'viewer' as const,
          password_hash: 'x',
          created_at: '2026-01-01T00:00:00.000Z',
          disabled_at: null,
        })),
      )
      .execute(),
  );
  const { body } = await send({ sought: 'quentin' }, comms, '/admin/heard');
  expect(body.match(/value="namesake\d+@/g)).toHaveLength(50);
  expect(body.replace(/\s+/g, ' ')).toContain(
    '2 more are called so. Write more of the name, or look for the whole mail address.',
  );
  const few = await send({ sought: 'quentin 1' }, comms, '/admin/heard');
  expect(few.body).not.toContain('called so');
});

it('shows who may not know addresses enough to see that something is wrong, and no form to change it', async () => {
  for (const role of ['responder', 'viewer'] as const) {
    const cookie = await signInAs(server.url, house.users[role].email);
    const { status, body } = await see(cookie);
    expect(status).toBe(200);
    expect(body).toContain(`a***@${SECRET_DOMAIN}`);
    expect(body).not.toMatch(/anna@|value="(add|lift)"/);
    const asked = await send({ sought: `anna@${SECRET_DOMAIN}` }, cookie);
    expect(asked.status).toBe(403);
    expect(asked.body).not.toContain('Gets no mail');
  }
});
