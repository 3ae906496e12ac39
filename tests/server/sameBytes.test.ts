import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { getPageVersion } from '#db/page.ts';
import { addMs, HOUR, MINUTE } from '#domain/time.ts';
import { makeHarbour } from '../support/harbour.ts';
import { ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** DESIGN, promise 4: ETags hold no render time. */
const START = '2026-11-20T14:00:00.000Z';

/** The clock of server and worker stands at START, and goes on only when the test says so. */
const CLOCK = `
  const Real = Date; let now = Real.parse(${JSON.stringify(START)});
  globalThis.Date = class extends Real {
    constructor(...given) { super(...(given.length ? given : [now])); }
    static now() { return now; }
  };
  process.on('SIGUSR2', () => { now += ${3 * MINUTE}; console.log('it is ' + new Date().toISOString()); });`;

let folder: string;
let db: Db;
let server: TestServer;
let paths: string[];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-same-'));
  db = await openDatabase(`sqlite:${join(folder, 'foghorn.db')}`);
  await migrate(db, START);
  const { components } = await makeHarbour(db, { now: START, open: 3, maintenance: true });
  await db.write(async (tx) => {
    await tx.updateTable('page').set({ bumped_until: START }).execute();
    // What would fall due within the hour does so later; what is late already stays so.
    await tx
      .updateTable('incidents')
      .set({ next_update_due: addMs(START, 5 * HOUR) })
      .where('next_update_due', '>', START)
      .execute();
  });
  const all = await db.read((tx) => tx.selectFrom('incidents').select(['id', 'kind']).execute());
  paths = [
    '/',
    '/history',
    '/history/2026-11',
    '/nothing/here',
    '/history.atom',
    '/history.rss',
    '/calendar.ics',
    '/sitemap.xml',
    ...all.map(({ id }) => `/incidents/${id}.json`),
    ...['atom', 'rss'].map((kind) => `/components/${components.get('Checkout')}.${kind}`),
    ...all.map(({ id, kind }) => (kind === 'maintenance' ? `/maintenance/${id}` : `/incidents/${id}`)),
    ...['Checkout', 'Cart', 'Live chat', 'Payouts', 'OAuth'].map(
      (name) => `/components/${components.get(name)}`,
    ),
    ...[
      'summary',
      'status',
      'components',
      'incidents',
      'incidents/unresolved',
      'scheduled-maintenances',
      'scheduled-maintenances/active',
      'scheduled-maintenances/upcoming',
    ].map((name) => `/api/v2/${name}.json`),
  ];
  server = await startServer({
    dataDir: folder,
    env: { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(CLOCK)}` },
  });
});
afterAll(async () => {
  await server?.stop();
  await db?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

async function moveOn(to: string): Promise<void> {
  // To both: they are one group.
  process.kill(-server.pid, 'SIGUSR2');
  const said = new RegExp(`it is ${to}`);
  while (server.logs.filter((line) => said.test(line)).length < 2)
    await new Promise((resolve) => setImmediate(resolve));
}

/** Each path with the bytes that it answers, and their tag. */
async function everything(): Promise<Map<string, string>> {
  const said = async (path: string): Promise<[string, string]> => {
    const { status, headers, body } = await ask(server.url, path);
    return [path, `${status} ${headers.etag} ${headers['x-foghorn-as-of']}\n${body}`];
  };
  return new Map(await Promise.all(paths.map(said)));
}

async function renders(): Promise<number> {
  const { body } = await ask(server.url, '/metrics');
  return Number(/^foghorn_cache_renders_total (\d+)/m.exec(body)?.[1]);
}

test('while nothing changes every kept page is the same, byte for byte, whenever it is rendered', async () => {
  const version = await db.read(getPageVersion);
  const before = await everything();
  const page = before.get('/') as string;
  expect(page).toContain('Major outage since 13:09 UTC');
  expect(page).toContain('still working on it');
  expect(page).toContain('Maintenance under way');
  let made = await renders();
  for (let minutes = 3; minutes <= 60; minutes += 3) {
    await moveOn(addMs(START, minutes * MINUTE));
    if (minutes !== 3 && minutes !== 60) continue;
    const after = await everything();
    const changed = paths.filter((path) => after.get(path) !== before.get(path));
    expect(changed, `${minutes} minutes on`).toEqual([]);
    const now = await renders();
    // Each was truly rendered anew.
    expect(now - made).toBeGreaterThanOrEqual(paths.length);
    made = now;
  }
  expect(await db.read(getPageVersion)).toBe(version);
});
