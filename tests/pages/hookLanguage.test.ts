import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { signerFor } from '#auth/tokens.ts';
import { findHookAt } from '#db/hooks.ts';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { addMs, DAY } from '#domain/time.ts';
import { recipientLinks } from '#emails/links.ts';
import { type Answered, ask } from '../support/http.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { makeGreek } from './greek.ts';
import { strayWords } from './strayWords.ts';

/** Having an address called, choosing and ending it, in the reader's language. */
const SECRET_KEY = 's'.repeat(40);
let folder: string;
let db: Db;
let server: TestServer;
let receiver: Receiver;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-hook-language-'));
  db = await openDatabase(`sqlite:${join(folder, 'foghorn.db')}`);
  const now = new Date().toISOString();
  await migrate(db, now);
  await makeGreek(db, now);
  receiver = await startReceiver();
  const env = { SECRET_KEY, LANGUAGES: 'en, de, ar, en-XA', HOOKS_ALLOW_PRIVATE: 'yes' };
  server = await startServer({ dataDir: folder, env });
});

afterAll(async () => {
  await server?.stop();
  await receiver?.close();
  await db?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const post = (target: string, fields: Record<string, string>) =>
  ask(server.url, target, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' },
    body: new URLSearchParams(fields).toString(),
  });
const get = (target: string) => ask(server.url, target);
const hookAt = async (url: string) => (await db.read((tx) => findHookAt(tx, 'webhook', url)))!;
const change = (url: string, changes: Record<string, unknown>) =>
  db.write((tx) => tx.updateTable('recipients').set(changes).where('address', '=', url).execute());

async function linkOf(url: string, locale: string, ago = 0) {
  const { id } = await hookAt(url);
  return recipientLinks(`/${locale}`, signerFor(SECRET_KEY), id, addMs(new Date().toISOString(), -ago))
    .hook_url;
}

it('every page of it, and whatever it refuses, is said in the reader’s words', async () => {
  const stray: string[] = [];
  const look = async (name: string, answered: Answered | Promise<Answered>) => {
    const { body } = await answered;
    expect([name, body]).toEqual([name, expect.stringContaining('<html lang="en-XA">')]);
    // What the address says of itself is nobody's words.
    const own = body.replace(/204 No Content|500 Internal Server Error/g, '');
    stray.push(...strayWords(own).map((text) => `${name}: ${text}`));
  };
  const form = '/en-XA/subscribe/webhook';
  const owner = 'owner@example.com';
  const url = `${receiver.url}/hook`;
  const wrong = (name: string, typed: string, to = owner) =>
    look(name, post(form, { url: typed, owner: to }));
  await look('form', get(form));
  await wrong('no address', '', '');
  await wrong('no owner', url, 'nobody');
  await wrong('no web address', 'hook');
  await wrong('not for the web', 'ftp://example.com/x');
  await wrong('with a password', 'https://a:b@example.com/x');
  await wrong('a port of others', 'https://example.com:25/x');
  await wrong('secrets of a cloud', 'http://169.254.169.254/latest');
  await wrong('nothing there', 'https://nothing.invalid/x');
  await look('no form', ask(server.url, form, { method: 'POST', body: 'x' }));
  const asked = await post(form, { url, owner });
  expect(asked.headers.location).toBe(`${form}?asked`);
  await look('asked', get(`${form}?asked`));
  const { locale } = await db.read((tx) =>
    tx.selectFrom('recipients').select('locale').where('address', '=', url).executeTakeFirstOrThrow(),
  );
  // Of mails about it, too.
  expect(locale).toBe('en-XA');

  const link = await linkOf(url, 'en-XA');
  await look('to confirm', get(link));
  await look('confirmed too late', get(await linkOf(url, 'en-XA', 8 * DAY)));
  await look('broken', get('/en-XA/webhook/x'));
  await look('confirmed', post(link, { do: 'confirm' }));
  expect((await post(link, { do: 'confirm' })).headers.location).toBe(`${link}?done=confirmed`);
  await look('twice', get(`${link}?done=confirmed`));
  await look('looked after', get(link));
  await look('nothing chosen', post(link, { do: 'save', whole: 'no', mode: 'policy' }));
  await look('no such pace', post(link, { do: 'save', whole: 'yes', mode: 'never' }));
  expect((await post(link, { do: 'save', whole: 'yes', mode: 'policy' })).headers.location).toBe(
    `${link}?done=saved`,
  );
  await look('saved', get(`${link}?done=saved`));
  await look('no such button', post(link, { do: 'dance' }));
  await look('a new secret', post(link, { do: 'rotate' }));
  await look('a fresh link', get(`${link}?done=mailed`));

  expect((await post(link, { do: 'try' })).headers.location).toBe(`${link}#sample`);
  await look('too soon again', post(link, { do: 'try' }));
  await receiver.called(1);
  await expect
    .poll(async () => (await get(link)).body, { timeout: 60_000 })
    .toMatch(/⟦The sample was taken: ⟧204 No Content⟦, after ⟧\d+⟦ ms\.⟧/);
  await look('the sample was taken', get(link));

  const old = await linkOf(url, 'en-XA', 2 * DAY);
  await look('an old link', get(old));
  await look('which changes nothing', post(old, { do: 'rotate' }));
  await change(url, { quarantined_at: new Date().toISOString() });
  await look('at rest', get(link));
  expect((await post(link, { do: 'resume' })).headers.location).toBe(`${link}?done=resumed`);
  await look('which goes on', get(`${link}?done=resumed`));
  expect((await post(link, { do: 'remove' })).status).toBe(303);
  await look('removed', get(link));
  await look('nothing to change', post(link, { do: 'try' }));
  for (let n = 0; n < 30; n++) await post(form, { url: `${url}/${n}`, owner });
  const held = await post(form, { url: `${url}/last`, owner });
  expect(held.status).toBe(429);
  await look('too many', held);
  expect(stray).toEqual([]);
});

it('is led to from the page of its language, and leads back there', async () => {
  for (const locale of ['de', 'ar']) {
    expect((await get(`/${locale}/subscribe`)).body).toContain(`href="/${locale}/subscribe/webhook"`);
    const { body } = await get(`/${locale}/subscribe/webhook`);
    expect(body).toContain(`<form method="post" action="/${locale}/subscribe/webhook"`);
    expect(body).toContain(`href="/${locale}/subscribe"`);
    expect(body).toMatch(/<a hreflang="en" href="\/subscribe\/webhook" lang="en">English<\/a>/);
  }
});
