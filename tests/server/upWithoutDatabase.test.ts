import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sqlite3 from 'sqlite3';
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { createUser } from '#auth/accounts.ts';
import { saveAccess } from '#auth/pageAccess.ts';
import { openDatabase } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import { PASSWORD } from '../auth/fixtures.ts';
import { smallDisk } from '../chaos/smallDisk.ts';
import { testContext } from '../support/context.ts';
import { makeHarbour } from '../support/harbour.ts';
import { type Answered, ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** DESIGN, promise 4: the page answers when the database is locked, missing or gone. */
let published: string;
let dataDir: string;
let file: string;
const running: TestServer[] = [];
const SYSTEM = { kind: 'system', name: 'test' } as const;

beforeAll(async () => {
  published = mkdtempSync(join(tmpdir(), 'foghorn-published-'));
  const server = await startServer({ dataDir: published });
  const db = await openDatabase(`sqlite:${join(published, 'foghorn.db')}`);
  await makeHarbour(db, { now: new Date().toISOString(), open: 3 });
  await db.write((tx) => bumpPageVersion(tx, new Date().toISOString()));
  while (!(await ask(server.url)).body.includes('Checkout'));
  for (const path of ['/api/v2/summary.json', '/history.atom', '/calendar.ics']) await ask(server.url, path);
  await db.close();
  await server.stop();
});
afterAll(() => rmSync(published, { recursive: true, force: true }));

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'foghorn-away-'));
  cpSync(published, dataDir, { recursive: true });
  file = join(dataDir, 'foghorn.db');
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.kill();
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(options: Parameters<typeof startServer>[0] = {}): Promise<TestServer> {
  const server = await startServer({ dataDir, ...options });
  running.push(server);
  return server;
}

function expectLastGood(answer: Answered): void {
  expect(answer.status).toBe(200);
  expect(answer.body).toContain('Checkout');
  expect(answer.body).toMatch(/<p class="asof">This page is as of <time datetime="[^"]+">\d\d:\d\d UTC/);
  expect(answer.headers['x-foghorn-as-of']).toMatch(/^\d{4}-.*Z$/);
  expect(answer.headers['x-content-type-options']).toBe('nosniff');
}

/** Everything that does not need the database works; what does says so. */
async function expectUpAndHonest(server: TestServer): Promise<void> {
  expectLastGood(await ask(server.url));
  const json = await ask(server.url, '/api/v2/summary.json');
  expect(json.status).toBe(200);
  expect(JSON.parse(json.body).page).toBeDefined();
  expect(json.headers['x-foghorn-as-of']).toBeDefined();
  for (const path of ['/history.atom', '/calendar.ics']) {
    const kept = await ask(server.url, path);
    expect([kept.status, kept.headers['x-foghorn-as-of']], path).toEqual([200, expect.any(String)]);
  }
  // Nobody had asked for it, so there is nothing to fall back on: said in the API's own shape.
  const never = await ask(server.url, '/api/v2/status.json');
  expect(never.status).toBe(503);
  expect(never.headers['access-control-allow-origin']).toBe('*');
  expect(JSON.parse(never.body)).toEqual({ error: expect.any(String) });
  expect((await ask(server.url, '/healthz')).status).toBe(200);
  expect((await ask(server.url, '/readyz')).status).toBe(503);
  const form = await ask(server.url, '/subscribe');
  expect(form.status).toBe(503);
  expect(form.body).toContain('<a href="/">To the status page</a>');
  expect(form.headers['x-content-type-options']).toBe('nosniff');
  // In the language that was asked for, though nobody has ever asked for the status page in it.
  for (const [path, ...said] of [
    ['/subscribe', '<html lang="en">', '<a href="/">', 'As of '],
    ['/de/history/1999-01', '<html lang="de">', '<a href="/de">', 'Stand '],
    ['/ar/nothing/here', '<html lang="ar" dir="rtl">', '<a href="/ar">', 'كما كانت الحال في '],
  ] as const) {
    const { status, body } = await ask(server.url, path);
    expect([path, status]).toEqual([path, 503]);
    for (const each of [...said, 'Checkout']) expect(body).toContain(each);
    expect(body).toMatch(/<time datetime="[^"]+Z">\d\d:\d\d UTC/);
  }
}

test('missing at the start: the last good page, until it is put back; no empty new one takes its place', async () => {
  const away = `${file}.away`;
  renameSync(file, away);
  const server = await start({ until: 'listening' });
  await server.logged(/There is no database at/);
  await expectUpAndHonest(server);
  const robots = await ask(server.url, '/robots.txt');
  expect([robots.status, robots.headers['cache-control']]).toEqual([200, 'no-store']);
  renameSync(away, file);
  await server.logged(/"msg":"ready"/);
  const answer = await ask(server.url);
  expect(answer.body).toContain('Checkout');
  expect(answer.body).not.toContain('class="asof"');
  expect((await ask(server.url, '/readyz')).status).toBe(200);
  expect((await ask(server.url, '/robots.txt')).body.trim()).toBe(robots.body.trim());
});

test('damaged at the start', async () => {
  const whole = readFileSync(file);
  writeFileSync(file, Buffer.alloc(whole.length, 'x'));
  const server = await start({ until: 'listening' });
  await server.logged(/The database cannot be used/);
  await expectUpAndHonest(server);
});

test('locked by another process at the start, until it lets go', async () => {
  const other = new sqlite3.Database(file);
  const run = (text: string) =>
    new Promise<void>((resolve, reject) => other.exec(text, (error) => (error ? reject(error) : resolve())));
  await run('pragma locking_mode = exclusive; begin exclusive; update page set version = version; commit');
  const server = await start({ until: 'listening' });
  await expectUpAndHonest(server);
  await new Promise((resolve) => other.close(resolve));
  await server.logged(/"msg":"ready"/);
  expect((await ask(server.url)).body).not.toContain('class="asof"');
});

/** Lets the test move the server's clock on by five minutes, so that what it keeps is too old to be shown as fresh. */
const FIVE_MINUTES_ON = `
  const real = Date.now; let ahead = 0; Date.now = () => real() + ahead;
  process.on('SIGUSR2', () => { ahead += 300_000; console.log('moved on'); });`;
const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(FIVE_MINUTES_ON)}`];

async function moveOn(server: TestServer): Promise<void> {
  process.kill(server.pid, 'SIGUSR2');
  await server.logged(/moved on/);
}

test('another process holds the write lock: pages are still rendered', async () => {
  const server = await start({ nodeArgs });
  const other = new sqlite3.Database(file);
  await new Promise<void>((resolve, reject) =>
    other.exec('begin immediate', (error) => (error ? reject(error) : resolve())),
  );
  await moveOn(server);
  const answer = await ask(server.url);
  expect(answer.status).toBe(200);
  expect(answer.body).not.toContain('class="asof"');
  expect((await ask(server.url, '/history')).status).toBe(200);
  await new Promise((resolve) => other.close(resolve));
});

test('destroyed while it runs', async () => {
  const server = await start({ nodeArgs });
  expect((await ask(server.url)).body).not.toContain('class="asof"');
  for (const suffix of ['', '-wal']) truncateSync(`${file}${suffix}`, 0);
  await moveOn(server);
  expectLastGood(await ask(server.url));
  expect((await ask(server.url, '/readyz')).status).toBe(503);
  expect(server.logs.join('\n')).toContain('A page could not be rendered');
});

test('read-only at the start, folder and all: the last good page, until it can be written again', async ({
  skip,
}) => {
  const disk = await smallDisk();
  onTestFinished(disk.close);
  // Without a file system of our own there is none to make read-only: who may write everything is not stopped by a mode.
  if (disk.way !== 'tmpfs') return skip('this system lets nobody mount');
  cpSync(published, join(disk.outside, 'data'), { recursive: true });
  const remount = (way: 'ro' | 'rw') => {
    const [command = '', ...through] = disk.through;
    execFileSync(command, [...through, 'mount', '-o', `remount,${way}`, disk.inside]);
  };
  remount('ro');
  const inside = { dataDir: join(disk.inside, 'data'), through: disk.through };
  const server = await start({ ...inside, until: 'listening' });
  await server.logged(/The database cannot be used/);
  await expectUpAndHonest(server);
  remount('rw');
  await server.logged(/"msg":"ready"/);
  expect((await ask(server.url)).body).not.toContain('class="asof"');
  await server.kill();
});

test('another process keeps it to itself for a quarter of an hour: everything public is rendered as ever', async () => {
  const server = await start({ nodeArgs });
  const other = new sqlite3.Database(file);
  await new Promise<void>((resolve, reject) =>
    other.exec('begin exclusive', (error) => (error ? reject(error) : resolve())),
  );
  for (let minutes = 0; minutes < 15; minutes += 5) {
    await moveOn(server);
    for (const path of ['/', '/api/v2/summary.json', '/history.atom', '/calendar.ics']) {
      const answer = await ask(server.url, path);
      expect([path, answer.status, answer.headers['x-foghorn-as-of']]).toEqual([path, 200, undefined]);
    }
  }
  await new Promise((resolve) => other.close(resolve));
});

test('removed while it runs: /readyz says so', async () => {
  const server = await start();
  expect((await ask(server.url, '/readyz')).status).toBe(200);
  rmSync(file);
  const answer = await ask(server.url, '/readyz');
  expect(answer.status).toBe(503);
  expect(answer.body).toContain('removed or replaced');
});

test('a private page stays private without a database: who was let in sees the last good one, also signed in, and nobody else', async () => {
  const db = await openDatabase(`sqlite:${file}`);
  const ctx = { ...testContext(db), now: () => new Date().toISOString(), actor: SYSTEM };
  await createUser(ctx, { email: 'vera@example.com', name: 'Vera Lind', role: 'viewer', password: PASSWORD });
  await saveAccess(ctx, { mode: 'password', password: 'three quiet piers' });
  await db.close();
  const server = await start({ nodeArgs });
  const send = (path: string, fields: Record<string, string>) =>
    ask(server.url, path, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' },
      body: new URLSearchParams(fields).toString(),
    });
  const cookieOf = ({ headers }: Answered) => String(headers['set-cookie']).split(';')[0] as string;
  const door = cookieOf(await send('/enter', { password: 'three quiet piers' }));
  const session = cookieOf(await send('/admin/login', { email: 'vera@example.com', password: PASSWORD }));
  const see = (cookie: string) => ask(server.url, '/', { headers: { cookie } });
  for (const cookie of [door, session]) expect((await see(cookie)).body).toContain('Checkout');

  for (const suffix of ['', '-wal']) truncateSync(`${file}${suffix}`, 0);
  await moveOn(server);
  for (const cookie of [door, session]) expectLastGood(await see(cookie));
  // A page that nobody asked for before says that it is away, and not how things are: that is for those who were let in.
  const never = await ask(server.url, '/history/1999-01', { headers: { cookie: door } });
  expect([never.status, never.body.includes('<time'), never.body.includes('Checkout')]).toEqual([
    503,
    false,
    false,
  ]);
  for (const cookie of ['', session.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'))])
    expect((await see(cookie)).status).toBe(401);
  await server.kill();

  // Nothing of it is left on disk, and what is lost is not taken for new.
  rmSync(file);
  const again = await start({ until: 'listening' });
  await again.logged(/There is no database at/);
  const answer = await ask(again.url);
  expect([answer.status, answer.body.includes('Checkout')]).toEqual([503, false]);
});
