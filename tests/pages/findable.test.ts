import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPEN_ROUTES } from '#auth/routes.ts';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import { type ReadPage, readSitemap } from '../support/feeds.ts';
import { type Harbour, makeHarbour } from '../support/harbour.ts';
import { ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';

/** What search engines and chats make of the page. */

const SITE = 'https://status.harbour.example';
let folder: string;
let db: Db;
let server: TestServer;
let harbour: Harbour;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-findable-'));
  const now = new Date().toISOString();
  db = await openDatabase(`sqlite:${join(folder, 'foghorn.db')}`);
  await migrate(db, now);
  harbour = await makeHarbour(db, { now, open: 3, maintenance: true });
  server = await startServer({ dataDir: folder, env: { SITE_URL: SITE } });
});
afterAll(async () => {
  await server?.stop();
  await db?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const get = (path: string) => ask(server.url, path, { headers: { host: new URL(SITE).host } });

/** The addresses of the sitemap, without the site, with when each last changed. */
async function sitemap(): Promise<Map<string, string | null>> {
  return new Map([...(await readPages()).entries()].map(([path, { changedAt }]) => [path, changedAt]));
}

/** The pages of the sitemap by their addresses without the site. */
async function readPages(): Promise<Map<string, ReadPage>> {
  const { status, headers, body } = await get('/sitemap.xml');
  expect([status, headers['content-type']]).toEqual([200, 'application/xml; charset=utf-8']);
  const pages = [...readSitemap(body)];
  expect(pages.filter(([url]) => !url.startsWith(`${SITE}/`))).toEqual([]);
  return new Map(pages.map(([url, page]) => [url.slice(SITE.length), page]));
}

function tag(html: string, pattern: RegExp): string | null {
  return pattern.exec(html)?.[1] ?? null;
}

describe('the sitemap', () => {
  it('names every page once by the address that the page itself says is its own', async () => {
    const pages = await readPages();
    const incidents = await db.read((tx) => tx.selectFrom('incidents').select(['id', 'kind']).execute());
    for (const { id, kind } of incidents)
      expect(pages.has(`/${kind === 'maintenance' ? 'maintenance' : 'incidents'}/${id}`), id).toBe(true);
    for (const id of harbour.components.values()) expect(pages.has(`/components/${id}`)).toBe(true);
    for (const path of ['/', `/history/${new Date().toISOString().slice(0, 7)}`])
      expect(pages.has(path), path).toBe(true);
    for (const [path, { languages }] of pages) {
      const { status, body } = await get(path);
      expect(status, path).toBe(200);
      expect(tag(body, /<link rel="canonical" href="([^"]+)">/), path).toBe(SITE + path);
      expect(body, path).not.toContain('noindex');
      // What the page itself says of its languages, and each of those is there and says the same.
      const said = [...body.matchAll(/<link rel="alternate" hreflang="([^"]+)" href="([^"]+)">/g)];
      expect(Object.fromEntries(said.map(([, code, href]) => [code, href])), path).toEqual(languages);
      expect(Object.keys(languages), path).toEqual(['en', 'de', 'ar', 'x-default']);
      expect(languages['x-default'], path).toBe(languages.en);
      for (const url of Object.values(languages))
        expect(pages.get(url.slice(SITE.length))?.languages, url).toEqual(languages);
    }
  });

  it('says when the last public word was posted or changed, and nothing of what is said inside', async () => {
    const { id, seq } = harbour.open[0]!;
    const rows = await db.read((tx) =>
      tx
        .selectFrom('updates')
        .select(['seq', 'posted_at', 'edited_at'])
        .where('incident_seq', '=', seq)
        .where('audience', '=', 'public')
        .execute(),
    );
    const times = rows.map((row) => ({ seq: row.seq, at: row.edited_at ?? row.posted_at }));
    const [newest, before] = times.sort((a, b) => (a.at < b.at ? 1 : -1));
    expect((await sitemap()).get(`/incidents/${id}`)).toBe(newest!.at);
    await db.write(async (tx) => {
      await tx.updateTable('updates').set({ audience: 'internal' }).where('seq', '=', newest!.seq).execute();
      await bumpPageVersion(tx, new Date().toISOString());
    });
    await expect.poll(async () => (await sitemap()).get(`/incidents/${id}`)).toBe(before!.at);
  });

  it('names how many updates came on time only where that is shown', async () => {
    for (const showKept of [true, false]) {
      await db.write(async (tx) => {
        await tx
          .updateTable('page')
          .set({ settings: JSON.stringify({ showKept }) })
          .execute();
        await bumpPageVersion(tx, new Date().toISOString());
      });
      await expect.poll(async () => (await sitemap()).has('/on-time')).toBe(showKept);
      expect((await get('/on-time')).status).toBe(showKept ? 200 : 404);
    }
  });
});

it('an incident with a postmortem says how long it took until it was over', async () => {
  const { id } = await db.read((tx) =>
    tx
      .selectFrom('incidents')
      .select('id')
      .where('kind', '=', 'incident')
      .where('status', '=', 'resolved')
      .where('published_at', 'is not', null)
      .orderBy('seq')
      .executeTakeFirstOrThrow(),
  );
  await db.write(async (tx) => {
    await tx.updateTable('incidents').set({ status: 'postmortem' }).where('id', '=', id).execute();
    await bumpPageVersion(tx, new Date().toISOString());
  });
  await expect.poll(async () => (await get(`/incidents/${id}`)).body).toMatch(/Resolved after \d+ /);
});

describe('robots.txt', () => {
  it('lets crawlers read what the sitemap names, and nothing that only one person was given', async () => {
    const { status, headers, body } = await get('/robots.txt');
    expect([status, headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(body).toContain(`\nSitemap: ${SITE}/sitemap.xml\n`);
    const closed = [...body.matchAll(/^Disallow: (\S+)$/gm)].map(([, path]) => path as string);
    const isClosed = (path: string) => closed.some((start) => path.startsWith(start));
    for (const path of (await sitemap()).keys()) expect(isClosed(path), path).toBe(false);
    for (const pattern of Object.keys(OPEN_ROUTES).filter((one) => one.endsWith('/[]')))
      if (!/^\/(history|incidents|maintenance|components|embed\/frame|logo)\//.test(pattern))
        expect(isClosed(pattern.replace('[]', 'secret')), pattern).toBe(true);
    expect(isClosed('/admin')).toBe(true);
  });
});

describe('a link that is shared in a chat', () => {
  it('shows the title, the address and a picture that says nothing of a state, for every page that is found', async () => {
    for (const path of ['/', '/subscribe', `/incidents/${harbour.open[0]!.id}`]) {
      const { body } = await get(path);
      const property = (name: string) =>
        tag(body, new RegExp(`<meta property="og:${name}" content="([^"]*)">`));
      expect(property('url'), path).toBe(SITE + path);
      expect(property('type'), path).toBe('website');
      expect(property('site_name'), path).toBe('Harbour status');
      expect(tag(body, /<title>([^<]*)<\/title>/), path).toBe(`${property('title')} · Harbour status`);
      expect(property('image'), path).toBe(`${SITE}/share.png`);
      const description = tag(body, /<meta name="description" content="([^"]*)">/);
      expect(description, path).toMatch(/.{20}/);
      expect(property('description'), path).toBe(description);
    }
    // Whoever reads the link alone is not to think that it is everywhere.
    const { body } = await get(`/incidents/${harbour.open[0]!.id}`);
    expect(tag(body, /<title>([^<]*)<\/title>/)).toContain('(Europe)');
  });

  it('finds the picture: a PNG of 1200 by 630 that any page may show', async () => {
    const answer = await fetch(`${server.url}/share.png`, { headers: { host: new URL(SITE).host } });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/png']);
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(bytes.subarray(1, 4).toString()).toBe('PNG');
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([1200, 630]);
  });
});

describe('an address with nothing at it', () => {
  it('still says what works and what does not, and is not kept by search engines', async () => {
    const { status, body } = await get('/nothing/here');
    expect(status).toBe(404);
    expect(body).toContain('noindex');
    expect(body).not.toContain('og:');
    expect(body.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ')).toContain(
      'Checkout is failing for some customers',
    );
  });
});
