import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { saveAccess } from '#auth/pageAccess.ts';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import { smallDisk } from '../chaos/smallDisk.ts';
import { testContext } from '../support/context.ts';
import { currentTree, exportedVersion, faultsOf, filesBelow, listingOf } from '../support/exported.ts';
import { makeComponent, makeIncident, makePage, makeUpdate } from '../support/factory.ts';
import { startServer, type TestServer, type TestServerOptions } from '../support/server.ts';

let folder: string;
let exportDir: string;
let db: Db;
let incident: number;
const running: TestServer[] = [];
const LEFT = [
  '.foghorn-export/nginx-headers.conf',
  '.foghorn-export/nginx-maps.conf',
  ...['', 'ar/', 'de/'].flatMap((folder) => [`${folder}404.html`, `${folder}503.html`]),
].sort();
const SYSTEM = { kind: 'system', name: 'test' } as const;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-swap-'));
  exportDir = join(folder, 'export');
  db = await openDatabase(`sqlite:${join(folder, 'data/foghorn.db')}`);
  await migrate(db, new Date().toISOString());
  const now = new Date().toISOString();
  await makePage(db, { updated_at: now });
  await makeComponent(db);
  ({ seq: incident } = await makeIncident(db, { started_at: now, published_at: now }));
  await makeUpdate(db, incident, { posted_at: now });
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.kill();
  await db.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await startServer({
    ...options,
    dataDir: join(folder, 'data'),
    env: { FOGHORN_ROLE: 'web', LOG_LEVEL: 'info', EXPORT_DIR: exportDir, ...options.env },
  });
  running.push(server);
  return server;
}

/** Changes what every page that names the incident says. @returns the page version */
async function rename(title: string): Promise<number> {
  return db.write(async (tx) => {
    await tx.updateTable('incidents').set({ title }).where('seq', '=', incident).execute();
    await bumpPageVersion(tx, new Date().toISOString());
    return (await tx.selectFrom('page').select('version').executeTakeFirstOrThrow()).version;
  });
}

const read = (tree: string, file: string) => readFileSync(join(tree, file), 'utf8');
const inodeOf = (tree: string, file: string) => statSync(join(tree, file)).ino;
const dateOf = (tree: string, file: string) => Math.floor(statSync(join(tree, file)).mtimeMs / 1000);

/** The one before the last goes a moment after the last has come. */
async function twoLeft(): Promise<void> {
  while (readdirSync(join(exportDir, 'generations')).length > 2) await wait(5);
}

/** Each title that a file of the tree shows. */
function titlesIn(tree: string): string[] {
  const titles = filesBelow(tree)
    .filter((file) => !/\.(br|gz)$/.test(file) && !file.startsWith('.'))
    .flatMap((file) => [...read(tree, file).matchAll(/Title \d+/g)].map(([title]) => title));
  return [...new Set(titles)];
}

it('follows every change, writes only what changed, and keeps two trees', async () => {
  await start();
  const first = await exportedVersion(exportDir, await rename('Title 1'));
  const dates: number[] = [];
  for (const title of ['Title 2', 'Title 3', 'Title 4']) {
    const before = currentTree(exportDir);
    const tree = await exportedVersion(exportDir, await rename(title));
    expect(faultsOf(tree)).toEqual([]);
    expect([titlesIn(tree), titlesIn(before)]).toEqual([[title], [expect.any(String)]]);
    for (const file of ['share.png', 'robots.txt', 'embed/status.js.br'])
      expect([file, inodeOf(tree, file)]).toEqual([file, inodeOf(before, file)]);
    expect(inodeOf(tree, 'index.html')).not.toBe(inodeOf(before, 'index.html'));
    // However soon one change follows another: nginx tells two states of a page apart by date and length alone.
    dates.push(dateOf(tree, 'index.html'));
    expect(dateOf(tree, 'index.html.gz')).toBe(dateOf(tree, 'index.html'));
    await twoLeft();
  }
  expect(dates).toEqual([...new Set(dates)].sort());
  expect(existsSync(first)).toBe(false);
  const beside = readdirSync(exportDir).filter((name) => !name.startsWith('.lock'));
  expect(beside.sort()).toEqual(['current', 'generations']);
});

it('is of one version throughout, also when changes come while it is written, and the last one gets there', async () => {
  const server = await start();
  await exportedVersion(exportDir, await rename('Title 1'));
  const seen = new Set<string>();
  const mixed: string[][] = [];
  let last = 0;
  let changes = 1;
  while (seen.size < 4) {
    last = await rename(`Title ${++changes}`);
    await wait(30);
    const tree = currentTree(exportDir);
    if (seen.has(tree)) continue;
    seen.add(tree);
    const titles = titlesIn(tree);
    if (titles.length !== 1) mixed.push(titles);
  }
  expect(mixed).toEqual([]);
  expect(changes).toBeGreaterThan(seen.size + 2);
  expect(titlesIn(await exportedVersion(exportDir, last))).toEqual([`Title ${changes}`]);
  expect(server.logs.filter((line) => /"level":(40|50|60)/.test(line))).toEqual([]);
});

it('is whole whenever its process is killed, and goes on by itself', async () => {
  const server = await start();
  await exportedVersion(exportDir, await rename('Title 1'));
  let title = 1;
  const killed: number[] = [];
  for (let round = 0; round < 4; round++) {
    const others = killed.join('|') || '-';
    const line = await server.logged(new RegExp(`"pid":(?!(${others}),)[0-9]+,.*"msg":"exported"`));
    const { pid } = JSON.parse(line);
    killed.push(pid);
    const standing = currentTree(exportDir);
    const version = await rename(`Title ${++title}`);
    // At another moment each time; in the middle of a tree whenever one has begun.
    while (readdirSync(join(exportDir, 'generations')).length < 3 && currentTree(exportDir) === standing)
      await wait(1);
    await wait(round * 25);
    process.kill(pid, 'SIGKILL');
    expect(faultsOf(currentTree(exportDir))).toEqual([]);
    const after = await exportedVersion(exportDir, version);
    expect([faultsOf(after), titlesIn(after)]).toEqual([[], [`Title ${title}`]]);
  }
  await twoLeft();
  expect(server.logs.join('\n')).toContain('The export ended by itself');
});

it('keeps the last tree when the disk is full, says so, and goes on when there is room', async () => {
  const disk = await smallDisk();
  exportDir = join(disk.inside, 'export');
  const outside = join(disk.outside, 'export');
  try {
    const server = await start({ through: disk.through });
    const standing = await exportedVersion(outside, await rename('Title 1'));
    disk.fill(server.pid);
    const version = await rename('Title 2');
    await server.logged(/The export could not be written/);
    expect([faultsOf(standing), titlesIn(standing)]).toEqual([[], ['Title 1']]);
    expect(currentTree(outside)).toBe(standing);
    disk.free(server.pid);
    expect(titlesIn(await exportedVersion(outside, version))).toEqual(['Title 2']);
    for (const one of running.splice(0)) await one.kill();
  } finally {
    disk.close();
  }
});

it('is written by one process at a time, and by the other when that is gone', async () => {
  const first = await start();
  await exportedVersion(exportDir, await rename('Title 1'));
  const second = await start();
  await second.logged(/Another process keeps the export/);
  await exportedVersion(exportDir, await rename('Title 2'));
  expect(second.logs.join('\n')).not.toContain('"msg":"exported"');
  await first.kill();
  expect(titlesIn(await exportedVersion(exportDir, await rename('Title 3')))).toEqual(['Title 3']);
  await second.logged(/"msg":"exported"/);
});

it('touches nothing that is not its own', async () => {
  mkdirSync(join(exportDir, 'current'), { recursive: true });
  mkdirSync(join(exportDir, 'generations/mine'), { recursive: true });
  writeFileSync(join(exportDir, 'current/mine.txt'), 'mine');
  const server = await start();
  await server.logged(/is no link of ours/);
  expect(read(exportDir, 'current/mine.txt')).toBe('mine');
  rmSync(join(exportDir, 'current'), { recursive: true });
  await exportedVersion(exportDir, await rename('Title 1'));
  expect(existsSync(join(exportDir, 'generations/mine'))).toBe(true);
});

it('stands as it was when nothing has changed since the last start', async () => {
  const first = await start();
  const tree = await exportedVersion(exportDir, await rename('Title 1'));
  expect(await first.stop()).toBe(0);
  const second = await start({ env: { PORT: String(first.port), SITE_URL: first.url } });
  expect(JSON.parse(await second.logged(/"msg":"exported"/))).toMatchObject({ changed: false });
  expect(currentTree(exportDir)).toBe(tree);
  expect(faultsOf(tree)).toEqual([]);
  expect(listingOf(tree).answers.length).toBeGreaterThan(25);
});

it('takes all of it away when the page becomes private, also what stood before a start, and writes it again', async () => {
  const ctx = { ...testContext(db), now: () => new Date().toISOString(), actor: SYSTEM };
  const server = await start();
  const before = await exportedVersion(exportDir, await rename('Title 1'));
  for (const name of ['404.html', '503.html', 'de/503.html']) expect(read(before, name)).toContain('Title 1');
  await saveAccess(ctx, { mode: 'signIn', password: '' });
  await server.logged(/the exported files were taken away/i);
  // What nginx needs to start is there, or whatever else it serves would be gone at its next reload.
  expect(filesBelow(currentTree(exportDir)).sort()).toEqual(LEFT);
  // In each language, and without a word of how things are.
  expect(titlesIn(currentTree(exportDir))).toEqual([]);
  expect(read(currentTree(exportDir), 'de/503.html')).toContain('Diese Seite ist gerade nicht erreichbar.');
  expect(readdirSync(join(exportDir, 'generations')).length).toBe(1);
  await saveAccess(ctx, { mode: 'everyone', password: '' });
  while (!existsSync(join(currentTree(exportDir), '.foghorn-export/files.json'))) await wait(50);
  expect(titlesIn(await exportedVersion(exportDir, await rename('Title 2')))).toEqual(['Title 2']);
  expect(faultsOf(currentTree(exportDir))).toEqual([]);
  await server.stop();
  await saveAccess(ctx, { mode: 'signIn', password: '' });
  await start();
  while (filesBelow(currentTree(exportDir)).length !== LEFT.length) await wait(50);
  expect(filesBelow(currentTree(exportDir)).sort()).toEqual(LEFT);
});
