import { afterAll, beforeAll, expect, it } from 'vitest';
import { signerFor } from '#auth/tokens.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { findSubscriber } from '#db/recipients.ts';
import { addMs, DAY } from '#domain/time.ts';
import { recipientLinks } from '#emails/links.ts';
import { makeComponent, makeGroup } from '../support/factory.ts';
import { type Answered, ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';

const SECRET_KEY = 's'.repeat(40);
let server: TestServer;
let db: Db;

beforeAll(async () => {
  server = await startServer({ env: { SECRET_KEY } });
  db = await openDatabase(`sqlite:${server.dataDir}/foghorn.db`);
});
afterAll(async () => {
  await db?.close();
  await server?.stop();
});

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const post = (target: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
  ask(server.url, target, {
    method: 'POST',
    headers: { ...FORM, ...headers },
    body: new URLSearchParams(fields).toString(),
  });
const h1 = ({ body }: Answered) => /<h1[^>]*>([\s\S]*?)<\/h1>/.exec(body)?.[1]?.trim();
const person = async (address: string) => (await db.read((tx) => findSubscriber(tx, address)))!;

/** The paths in the mails that someone has got, as they were written so long ago. */
async function linksOf(address: string, ago = 0) {
  const { id, askedAt } = await person(address);
  const links = recipientLinks('', signerFor(SECRET_KEY), id, addMs(askedAt!, -ago));
  const { confirm_url: confirm, manage_url: manage, unsubscribe_url: unsubscribe } = links;
  return { confirm, manage, unsubscribe };
}

/** What was mailed to someone, with the paths that it led to. */
async function mailsTo(address: string) {
  const { id } = await person(address);
  const rows = await db.read((tx) =>
    tx
      .selectFrom('deliveries as d')
      .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
      .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
      .select(['n.kind', 'n.created_at'])
      .where('r.id', '=', id)
      .orderBy('d.seq')
      .execute(),
  );
  return rows.map(({ kind, created_at }) => ({
    kind,
    links: recipientLinks('', signerFor(SECRET_KEY), id, created_at),
  }));
}

async function subscribed(address: string) {
  await post('/subscribe', { address, whole: 'yes' });
  const links = await linksOf(address);
  expect((await post(links.confirm, {})).status).toBe(303);
  return links;
}

it('answers byte for byte the same for a new, a waiting and a known address', async () => {
  await subscribed('known@example.com');
  await post('/subscribe', { address: 'waiting@example.com', whole: 'yes' });
  const answers = [];
  for (const address of ['new@example.com', 'waiting@example.com', 'known@example.com'])
    answers.push(await post('/subscribe', { address, whole: 'yes' }));
  const seen = answers.map(({ status, headers, body }) => {
    const { date: _, 'x-request-id': __, ...rest } = headers;
    return { status, body, headers: rest };
  });
  expect(seen[0]).toMatchObject({ status: 303, headers: { location: '/subscribe?asked' } });
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[2]).toEqual(seen[0]);
  expect(h1(await ask(server.url, '/subscribe?asked'))).toBe('Look in your mail.');
});

it('says what is wrong with an address, beside it, and keeps what was typed', async () => {
  const answer = await post('/subscribe', { address: '"><b>mia', whole: 'yes' });
  expect(answer.status).toBe(422);
  expect(answer.body).toContain('value="&quot;><b>mia"');
  expect(answer.body).toMatch(/<a href="#address"[^>]*>This is no mail address\./);
  expect(answer.body).toMatch(
    /<input id="address".*? aria-invalid="true" aria-describedby="address-problem">/,
  );
  expect(
    (await post('/subscribe', { address: 'a@example.com' }, { origin: 'https://evil.example' })).status,
  ).toBe(403);
});

it('opens every link without changing anything, as mail scanners do', async () => {
  await post('/subscribe', { address: 'scanned@example.com', whole: 'yes' });
  const { confirm, manage, unsubscribe } = await linksOf('scanned@example.com');
  for (const path of [confirm, manage, unsubscribe])
    for (const method of ['GET', 'HEAD']) {
      const answer = await ask(server.url, path, { method });
      expect(answer.status).toBe(200);
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.body).not.toContain('scanned');
    }
  expect(await person('scanned@example.com')).toMatchObject({ state: 'pending', unsubscribedAt: null });
});

it('confirms by a press, and says so however often it is opened', async () => {
  const { confirm } = await subscribed('twice@example.com');
  expect((await post(confirm, {})).status).toBe(303);
  expect(h1(await ask(server.url, confirm))).toBe('You get updates.');
  const broken = await ask(server.url, `${confirm}x`);
  expect(broken.status).toBe(404);
  expect(h1(broken)).toBe('This link does not work.');
});

it('unsubscribes in one click as RFC 8058 asks: no cookie, any origin, 200 with nothing, never a redirect', async () => {
  const { unsubscribe } = await subscribed('oneclick@example.com');
  const foreign = { origin: 'https://mail.example', 'sec-fetch-site': 'cross-site', cookie: 'session=x' };
  const boundary = 'x-boundary';
  const answers = [
    await post(unsubscribe, { 'List-Unsubscribe': 'One-Click' }, foreign),
    await ask(server.url, unsubscribe, {
      method: 'POST',
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
      body: `--${boundary}\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--${boundary}--\r\n`,
    }),
    await ask(server.url, unsubscribe, { method: 'POST' }),
  ];
  for (const { status, body, headers } of answers)
    expect({ status, body, cookie: headers['set-cookie'] }).toEqual({
      status: 200,
      body: '',
      cookie: undefined,
    });
  expect(await person('oneclick@example.com')).toMatchObject({ state: 'unsubscribed' });
  const wrong = await post(`${unsubscribe}x`, { 'List-Unsubscribe': 'One-Click' });
  expect(wrong.status).toBe(404);
  expect(wrong.body.length).toBeLessThan(200);
});

it('lets a person unsubscribe by a press, and undo it', async () => {
  const { unsubscribe } = await subscribed('person@example.com');
  expect(h1(await ask(server.url, unsubscribe))).toBe('Stop the mails?');
  expect(await post(unsubscribe, { do: 'unsubscribe' })).toMatchObject({ status: 303 });
  expect(h1(await ask(server.url, unsubscribe))).toBe('No more mail comes.');
  const undone = await post(unsubscribe, { do: 'undo' });
  expect(h1(await ask(server.url, undone.headers.location as string))).toBe('You get updates again.');
  expect(await person('person@example.com')).toMatchObject({ state: 'confirmed' });
});

it('lets a person choose by groups and components, and refuses a choice of nothing', async () => {
  const { manage } = await subscribed('chooser@example.com');
  const group = await makeGroup(db);
  const component = await makeComponent(db, { name: 'Search' });
  await makeComponent(db, { group_id: group.id });
  const saved = await ask(server.url, manage, {
    method: 'POST',
    headers: FORM,
    body: `whole=no&group=${group.id}&component=${component.id}&do=save`,
  });
  expect(saved.status).toBe(303);
  const page = await ask(server.url, saved.headers.location as string);
  expect(page.body).toMatch(new RegExp(`value="${group.id}" checked`));
  expect(page.body).toMatch(new RegExp(`value="${component.id}" checked`));
  expect((await person('chooser@example.com')).choice).toEqual({
    wholePage: false,
    scopes: [
      { kind: 'component', id: component.id },
      { kind: 'group', id: group.id },
    ],
  });
  const nothing = await post(manage, { whole: 'no', do: 'save' });
  expect(nothing.status).toBe(422);
  expect(nothing.body).toContain('Choose at least one component, or the whole page.');
  expect((await person('chooser@example.com')).choice.scopes).toHaveLength(2);
  await post(manage, { do: 'unsubscribe' });
  expect(h1(await ask(server.url, manage))).toBe('No more mail comes.');
});

it('asks a list by mail before it is unsubscribed: one click is answered 202, a press is told where to look', async () => {
  const address = 'everyone@lists.example';
  const { manage, unsubscribe } = await subscribed(address);
  expect((await post(manage, { whole: 'yes', shared: 'yes', do: 'save' })).status).toBe(303);
  expect((await ask(server.url, manage)).body).toContain('Several people read this address, so a mail asks');
  for (let i = 0; i < 2; i++)
    expect(await post(unsubscribe, { 'List-Unsubscribe': 'One-Click' })).toMatchObject({
      status: 202,
      body: '',
    });
  expect(h1(await ask(server.url, unsubscribe))).toBe('Stop the mails for everyone?');
  const pressed = await post(unsubscribe, { do: 'unsubscribe' });
  expect(h1(await ask(server.url, pressed.headers.location as string))).toBe('Look in that mailbox.');
  const stopped = await post(manage, { do: 'unsubscribe' });
  expect((await ask(server.url, stopped.headers.location as string)).body).toContain(
    'A mail went to the address.',
  );
  expect(await person(address)).toMatchObject({ state: 'confirmed' });

  const mails = await mailsTo(address);
  expect(mails.map(({ kind }) => kind)).toEqual(['confirm', 'leave']);
  const link = mails[1]?.links.leave_url as string;
  for (const method of ['GET', 'HEAD']) {
    const page = await ask(server.url, link, { method });
    expect(page).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
    expect(page.body).not.toContain('everyone@');
  }
  expect(await person(address)).toMatchObject({ state: 'confirmed' });
  expect((await post(link, { do: 'unsubscribe' })).status).toBe(303);
  expect(h1(await ask(server.url, link))).toBe('No more mail comes.');
  expect((await mailsTo(address)).map(({ kind }) => kind)).toEqual(['confirm', 'leave', 'unsubscribed']);
  // The way back that this last mail holds.
  await post(unsubscribe, { do: 'undo' });
  expect(await person(address)).toMatchObject({ state: 'confirmed' });
});

it('changes nothing by a link older than a day, and mails a fresh one to the address itself', async () => {
  const address = 'forwarded@example.com';
  await subscribed(address);
  const old = await linksOf(address, 2 * DAY);
  const page = await ask(server.url, old.manage);
  expect([page.status, h1(page)]).toEqual([200, 'This link is older than a day.']);
  expect(page.body).not.toContain('forwarded@');
  expect(page.body).not.toContain('name="whole"');
  expect(page.body).toContain(old.unsubscribe);
  for (const fields of [
    { whole: 'no', do: 'save' },
    { whole: 'yes', shared: 'yes', do: 'save' },
    { do: 'unsubscribe' },
  ])
    expect([410, 422]).toContain((await post(old.manage, fields as Record<string, string>)).status);
  expect(await person(address)).toMatchObject({ state: 'confirmed', shared: false });
  const asked = await post(old.manage, { do: 'link' });
  expect((await ask(server.url, asked.headers.location as string)).body).toContain(
    'A fresh link is on its way',
  );
  const mails = await mailsTo(address);
  expect(mails.map(({ kind }) => kind)).toEqual(['confirm', 'manage']);
  const fresh = mails[1]?.links.manage_url as string;
  expect((await post(fresh, { whole: 'yes', do: 'save' })).status).toBe(303);
  // Whoever has an old mail may still leave, and its owner hears of it.
  expect((await post(old.unsubscribe, { 'List-Unsubscribe': 'One-Click' })).status).toBe(200);
  expect((await mailsTo(address)).map(({ kind }) => kind)).toEqual(['confirm', 'manage', 'unsubscribed']);
});
