import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dump, FURNISHED_ENV, type Furnished, furnish, pathOf, signInAs } from '../support/furnished.ts';
import { ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** What no browser sends, but anyone can: refused as the sender's fault, with nothing changed and no fault of ours in the log. */
describe('a form that is broken', () => {
  let folder: string;
  let house: Furnished;
  let server: TestServer;
  let cookie: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foghorn-broken-'));
    house = await furnish(folder);
    server = await startServer({ dataDir: folder, env: FURNISHED_ENV });
    cookie = await signInAs(server.url, house.users.owner.email);
  });
  afterAll(async () => {
    expect(server?.logs.filter((line) => /"level":(50|60)/.test(line))).toEqual([]);
    await server?.stop();
    await house?.foghorn.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  const FORMS = [
    '/subscribe',
    '/admin/login',
    '/admin/account',
    '/admin/settings',
    '/admin/settings/paging/new',
    '/admin/settings/paging/[id]',
    '/admin/users',
    '/admin/components',
    '/admin/components/[id]',
    '/admin/deliveries',
    '/admin/deliveries/[id]',
    '/admin/deliveries/uncertain',
    '/admin/heard',
    '/admin/incidents/[id]',
    '/admin/incidents/new',
    '/admin/maintenance/[id]',
    '/admin/subscribers',
    '/admin/subscribers/import',
    '/admin/templates/new',
    '/subscription/[token]',
  ];

  function send(path: string, type: string, body: string) {
    const headers = { cookie, origin: server.url, 'content-type': type };
    return ask(server.url, path, { method: 'POST', headers, body });
  }

  it.each([
    ['cut off', 'multipart/form-data; boundary=x', '--x\r\ncontent-disposition: form-data'],
    ['without a boundary', 'multipart/form-data', 'do=post'],
    ['JSON', 'application/json', '{"do":"post"}'],
    [
      'a NUL in a value',
      'application/x-www-form-urlencoded',
      'email=a%00b&do=role&user=%00&move=component:%00:up',
    ],
    ['a NUL in a name', 'application/x-www-form-urlencoded', 'component%3A%00=major_outage'],
  ])('%s', async (_, type, body) => {
    const before = await dump(house.foghorn);
    for (const pattern of FORMS) {
      const { status } = await send(pathOf(pattern, house.ids), type, body);
      expect(status, pattern).toBe(422);
    }
    expect(await dump(house.foghorn)).toEqual(before);
  });

  it('names that every JavaScript object has are names like any other', async () => {
    const path = pathOf('/admin/incidents/[id]', house.ids);
    for (const name of ['constructor', '__proto__', 'toString'])
      for (const verb of ['post', 'preview', 'edit', 'role', 'correct', name]) {
        const { status } = await send(
          path,
          'application/x-www-form-urlencoded',
          new URLSearchParams({
            do: verb,
            version: '2',
            audience: 'public',
            status: name,
            severity: name,
            role: name,
            update: name,
            next: name,
            [`component:${name}`]: name,
            [name]: name,
            body: '{{status}} {{severity}} {{next_update}}',
          }).toString(),
        );
        expect([303, 422], `${verb} with ${name}`).toContain(status);
        expect((await ask(server.url, path, { headers: { cookie } })).status).toBe(200);
      }
  });
});
