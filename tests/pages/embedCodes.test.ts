import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FURNISHED_ENV, type Furnished, furnish, signInAs } from '../support/furnished.ts';
import { ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';

let folder: string;
let house: Furnished;
let server: TestServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-embed-codes-'));
  house = await furnish(folder);
  server = await startServer({ dataDir: folder, env: FURNISHED_ENV });
});
afterAll(async () => {
  await server?.kill();
  await house?.foghorn.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

it('the lines to copy are offered in each language, and what they lead to is there in it', async () => {
  const cookie = await signInAs(server.url, house.users.owner.email);
  const id = house.ids['/embed/[]'] as string;
  const lines = async (query: string) => {
    const { body } = await ask(server.url, `/admin/components/embed?${query}`, { headers: { cookie } });
    return [...body.matchAll(/<textarea[^>]*>([\s\S]*?)<\/textarea>/g)]
      .map(([, text]) =>
        (text as string).replace(
          /&(quot|gt|lt);/g,
          (_, name) => ({ quot: '"', gt: '>', lt: '<' })[name as 'gt'] as string,
        ),
      )
      .join('\n');
  };
  const plain = await lines(`of=${id}`);
  expect(plain).toContain(`<foghorn-status of="${id}"><a href="${server.url}/components/${id}">Status of `);
  expect(plain).toContain(`src="${server.url}/embed/frame/${id}"`);
  expect(plain).not.toContain('lang=');
  expect(await lines('lang=xx')).toContain(`<a href="${server.url}"><img src="${server.url}/badge.svg"`);

  const german = await lines(`of=${id}&lang=de`);
  expect(german).toContain(
    `<foghorn-status of="${id}" lang="de"><a href="${server.url}/de/components/${id}">Status von `,
  );
  expect(german).toContain(`<script src="${server.url}/embed/status.js" async></script>`);
  expect(german).toContain(`<iframe src="${server.url}/de/embed/frame/${id}" title="Status von `);
  expect(german).toContain(`<img src="${server.url}/de/badge/${id}.svg" alt="Status von `);
  expect(await lines('lang=ar')).toContain(
    `<a href="${server.url}/ar"><img src="${server.url}/ar/badge.svg"`,
  );
  for (const [, url = ''] of german.matchAll(/(?:href|src)="([^"]+)"/g))
    expect([url, (await fetch(url)).status]).toEqual([url, 200]);
});
