import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { saveAccess } from '#auth/pageAccess.ts';
import { signerFor } from '#auth/tokens.ts';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { findSubscriber } from '#db/recipients.ts';
import { addMs, DAY } from '#domain/time.ts';
import { recipientLinks } from '#emails/links.ts';
import { testContext } from '../support/context.ts';
import { type Answered, ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { makeGreek } from './greek.ts';
import { strayWords } from './strayWords.ts';

/** Subscribing, choosing and leaving, in the reader's language. */
const SECRET_KEY = 's'.repeat(40);
let folder: string;
let db: Db;
let server: TestServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-own-language-'));
  db = await openDatabase(`sqlite:${join(folder, 'foghorn.db')}`);
  const now = new Date().toISOString();
  await migrate(db, now);
  await makeGreek(db, now);
  server = await startServer({ dataDir: folder, env: { SECRET_KEY, LANGUAGES: 'en, de, ar, en-XA' } });
});

afterAll(async () => {
  await server?.stop();
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
const person = async (address: string) => (await db.read((tx) => findSubscriber(tx, address)))!;
const change = (address: string, changes: Record<string, unknown>) =>
  db.write((tx) => tx.updateTable('recipients').set(changes).where('address', '=', address).execute());

async function linksOf(address: string, ago = 0) {
  const { id } = await person(address);
  const at = addMs(new Date().toISOString(), -ago);
  const links = recipientLinks('/en-XA', signerFor(SECRET_KEY), id, at);
  const { confirm_url: confirm, manage_url: manage, unsubscribe_url: leave, leave_url: asked } = links;
  return { confirm, manage, leave, asked };
}

const PACE = { whole: 'yes', mode: 'policy', timeZone: '' };

it('every page of it, and whatever it refuses, is said in the reader’s words', async () => {
  const stray: string[] = [];
  const look = async (name: string, answered: Answered | Promise<Answered>) => {
    const { body } = await answered;
    expect([name, body]).toEqual([name, expect.stringContaining('<html lang="en-XA">')]);
    stray.push(...strayWords(body).map((text) => `${name}: ${text}`));
  };
  const address = 'mia@example.com';
  await look('form', get('/en-XA/subscribe'));
  await look('no address', post('/en-XA/subscribe', { ...PACE, address: '' }));
  await look('a wrong one', post('/en-XA/subscribe', { ...PACE, address: 'mia' }));
  await look('nothing chosen', post('/en-XA/subscribe', { address, ...PACE, whole: 'no' }));
  await look('no such pace', post('/en-XA/subscribe', { address, ...PACE, mode: 'never' }));
  await look('no form', ask(server.url, '/en-XA/subscribe', { method: 'POST', body: 'x' }));
  const asked = await post('/en-XA/subscribe', { ...PACE, address });
  expect(asked.headers.location).toBe('/en-XA/subscribe?asked');
  await look('asked', get('/en-XA/subscribe?asked'));
  expect((await person(address)).locale).toBe('en-XA');

  const { confirm, manage, leave, asked: all } = await linksOf(address);
  const old = await linksOf(address, 8 * DAY);
  await look('to confirm', get(confirm));
  await look('confirmed too late', get(old.confirm));
  await look('broken', get('/en-XA/confirm/x'));
  await look('not yet confirmed', get(manage));
  expect((await post(confirm, {})).headers.location).toBe(confirm);
  await look('confirmed', get(confirm));
  await look('to choose', get(manage));
  await look('wrong choice', post(manage, { ...PACE, whole: 'no', do: 'save' }));
  await look('wrong zone', post(manage, { ...PACE, timeZone: 'Sea/Mist', do: 'save' }));
  const saved = await post(manage, { ...PACE, do: 'save', language: 'de' });
  expect(saved.headers.location).toBe(`${manage}?done=saved`);
  await look('chosen', get(`${manage}?done=saved`));
  expect((await person(address)).locale).toBe('de');
  await look('an old link', get(old.manage));
  await look('which changes nothing', post(old.manage, { ...PACE, do: 'save' }));
  await look('a fresh one', get(`${old.manage}?done=mailed`));
  await look('no such link', get('/en-XA/subscription/x'));

  await look('to leave', get(leave));
  await change(address, { shared: 1 });
  await look('a shared address', get(manage));
  await look('to leave for all', get(leave));
  await look('all are asked', get(`${leave}?asked`));
  await look('all were asked', get(`${manage}?done=asked`));
  await look('the mail to all', get(all));
  await look('which is old', get(old.asked));
  await change(address, { shared: 0 });
  expect((await post(leave, { do: 'unsubscribe' })).headers.location).toBe(leave);
  await look('gone', get(leave));
  await look('nothing to choose', get(manage));
  await look('nothing to change', post(manage, { ...PACE, do: 'save' }));
  expect((await post(leave, { do: 'undo' })).headers.location).toBe(`${leave}?undone`);
  await look('back', get(`${leave}?undone`));
  await change(address, {
    state: 'unsubscribed',
    unsubscribed_at: addMs(new Date().toISOString(), -8 * DAY),
  });
  await look('too late to undo', post(leave, { do: 'undo' }));
  expect(stray).toEqual([]);
});

it('mail programs unsubscribe by the link of any language, without a cookie or a word', async () => {
  await post('/de/subscribe', { ...PACE, address: 'tom@example.com' });
  expect((await person('tom@example.com')).locale).toBe('de');
  const { confirm, leave } = await linksOf('tom@example.com');
  await post(confirm, {});
  const answer = await ask(server.url, leave.replace('/en-XA/', '/de/'), {
    method: 'POST',
    body: 'List-Unsubscribe=One-Click',
  });
  expect([answer.status, answer.body]).toEqual([200, '']);
  expect((await person('tom@example.com')).state).toBe('unsubscribed');
});

it('a page that holds someone’s link is compressed in no language: its length could give the link away', async () => {
  const { manage } = await linksOf('mia@example.com');
  for (const path of [manage, manage.replace('/en-XA', '/de'), manage.replace('/en-XA', '')]) {
    const answer = await fetch(server.url + path, { headers: { 'accept-encoding': 'br' } });
    expect(answer.headers.get('content-encoding')).toBeNull();
    expect(answer.headers.get('cache-control')).toBe('no-store');
  }
});

it('the door of a private page, too', async () => {
  const ctx = { ...testContext(db), now: () => new Date().toISOString() };
  await saveAccess(
    { ...ctx, actor: { kind: 'system', name: 'test' } },
    { mode: 'password', password: 'three quiet piers' },
  );
  const stray: string[] = [];
  await expect.poll(async () => (await get('/en-XA')).status).toBe(401);
  for (const answered of [get('/en-XA/enter'), post('/en-XA/enter', { password: 'wrong' })])
    stray.push(...strayWords((await answered).body));
  for (let i = 0; i < 20; i++) await post('/en-XA/enter', { password: `wrong ${i}` });
  const held = await post('/en-XA/enter', { password: 'wrong' });
  expect([held.status, held.body.includes('<html lang="en-XA">')]).toEqual([429, true]);
  expect([...stray, ...strayWords(held.body)]).toEqual([]);
});
