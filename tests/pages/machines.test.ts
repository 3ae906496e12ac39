import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { openDatabase } from '#db/open.ts';
import { readCalendar } from '../support/calendar.ts';
import { readAtom, readRss } from '../support/feeds.ts';
import { type Harbour, makeHarbour } from '../support/harbour.ts';
import { ask } from '../support/http.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { DOCUMENTS, ONE } from '../support/statuspageSchema.ts';

/** What machines read, over the wire: the public API, the feeds and the calendar. */

let folder: string;
let server: TestServer;
let harbour: Harbour;
let maintenance: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-machines-'));
  const now = new Date().toISOString();
  const db = await openDatabase(`sqlite:${join(folder, 'foghorn.db')}`);
  await migrate(db, now);
  harbour = await makeHarbour(db, { now, open: 3, maintenance: true });
  ({ id: maintenance } = await db.read((tx) =>
    tx.selectFrom('incidents').select('id').where('kind', '=', 'maintenance').executeTakeFirstOrThrow(),
  ));
  // Time has been looked at up to now: the page does not change under the tests when the server's clock first looks.
  await db.write((tx) => tx.updateTable('page').set({ bumped_until: now }).execute());
  await db.close();
  server = await startServer({ dataDir: folder });
});
afterAll(async () => {
  await server?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const json = 'application/json; charset=utf-8';
const atom = 'application/atom+xml; charset=utf-8';
const rss = 'application/rss+xml; charset=utf-8';

/** Every address, with its type and who reads it. */
function documents(): { path: string; type: string; read: (body: string) => unknown }[] {
  const component = `/components/${harbour.components.get('Checkout')}`;
  const parsed = (schema: { parse: (value: unknown) => unknown }) => (body: string) =>
    schema.parse(JSON.parse(body));
  return [
    ...Object.entries(DOCUMENTS).map(([name, schema]) => ({
      path: `/api/v2/${name}`,
      type: json,
      read: parsed(schema),
    })),
    ...[harbour.open[0]!.id, maintenance].map((id) => ({
      path: `/incidents/${id}.json`,
      type: json,
      read: parsed(ONE),
    })),
    { path: '/history.atom', type: atom, read: readAtom },
    { path: '/history.rss', type: rss, read: readRss },
    { path: `${component}.atom`, type: atom, read: readAtom },
    { path: `${component}.rss`, type: rss, read: readRss },
    { path: '/calendar.ics', type: 'text/calendar; charset=utf-8', read: readCalendar },
  ];
}

describe('what machines read', () => {
  it('is whole, of its type, and for any origin', async () => {
    expect(documents()).toHaveLength(15);
    for (const { path, type, read } of documents()) {
      const { status, headers, body } = await ask(server.url, path, {
        headers: { origin: 'https://elsewhere.example' },
      });
      expect([status, headers['content-type']], path).toEqual([200, type]);
      expect(() => read(body), path).not.toThrow();
      expect(headers['access-control-allow-origin'], path).toBe('*');
      expect(headers['access-control-expose-headers'], path).toBe('etag');
      expect(headers['cross-origin-resource-policy'], path).toBe('cross-origin');
      expect(headers['x-foghorn-version'], path).toBeUndefined();
      expect(headers['set-cookie'], path).toBeUndefined();
    }
  });

  it('answers HEAD, and a conditional request with 304, and is kept as pages are', async () => {
    for (const { path, type } of documents()) {
      const { headers, body } = await ask(server.url, path);
      expect(headers['cache-control'], path).toBe(
        'public, max-age=0, s-maxage=5, stale-while-revalidate=15, stale-if-error=86400',
      );
      const head = await ask(server.url, path, { method: 'HEAD' });
      expect([head.status, head.body, head.headers.etag, head.headers['content-type']], path).toEqual([
        200,
        '',
        headers.etag,
        type,
      ]);
      const again = await ask(server.url, path, { headers: { 'if-none-match': headers.etag as string } });
      expect([again.status, again.body, again.headers['access-control-allow-origin']], path).toEqual([
        304,
        '',
        '*',
      ]);
      const packed = await ask(server.url, path, { headers: { 'accept-encoding': 'gzip' } });
      expect(packed.headers['content-encoding'], path).toBe(body.length < 512 ? undefined : 'gzip');
      // One answer, whatever is asked for beside it: no client can fill the cache, and the lists are what the dialect says.
      const asked = await ask(server.url, `${path}?page=2&per_page=1&callback=x`);
      expect(asked.headers.etag, path).toBe(headers.etag);
    }
  });

  it('tells a browser of another origin that it may ask, conditionally too, and refuses to be written', async () => {
    for (const { path, type } of documents()) {
      const asked = await ask(server.url, path, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://elsewhere.example',
          'access-control-request-method': 'GET',
          'access-control-request-headers': 'if-none-match',
        },
      });
      expect([asked.status, asked.body], path).toEqual([204, '']);
      expect(asked.headers, path).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET, HEAD, OPTIONS',
        'access-control-allow-headers': '*',
      });
      const refused = await ask(server.url, path, { method: 'POST' });
      expect([refused.status, refused.headers.allow], path).toEqual([405, 'GET, HEAD, OPTIONS']);
      if (type === json) expect(JSON.parse(refused.body)).toEqual({ error: 'This can only be read.' });
    }
  });

  it('says in its own shape that something is not there', async () => {
    for (const path of [
      '/api/v2/nothing.json',
      '/api/v2/incidents/abcdefghijkl.json',
      '/api/v2/a/b/c',
      '/api/v2',
      '/incidents/nothere.json',
    ]) {
      const { status, headers, body } = await ask(server.url, path);
      expect(status, path).toBe(404);
      expect(headers['content-type'], path).toMatch(/^application\/json/);
      expect(JSON.parse(body), path).toEqual({ error: expect.any(String) });
      expect(headers['access-control-allow-origin'], path).toBe('*');
    }
    for (const path of ['/components/nothere.atom', '/components/nothere.rss']) {
      const { status, headers } = await ask(server.url, path);
      expect([status, headers['content-type']], path).toEqual([404, 'text/plain; charset=utf-8']);
    }
  });

  it('is found from the pages: each names a feed of what it shows, and links what a reader may want', async () => {
    const component = `/components/${harbour.components.get('Checkout')}`;
    for (const [path, feed] of [
      ['/', '/history.atom'],
      ['/history', '/history.atom'],
      [component, `${component}.atom`],
      [`/incidents/${harbour.open[0]!.id}`, '/history.atom'],
    ] as const) {
      const { body } = await ask(server.url, path);
      const [, href] = /<link rel="alternate" href="([^"]+)" type="application\/atom\+xml">/.exec(body) ?? [];
      expect(href, path).toBe(feed);
      expect((await ask(server.url, feed)).status).toBe(200);
    }
    const links = async (path: string) =>
      [...(await ask(server.url, path)).body.matchAll(/<a href="([^"]+\.(?:atom|rss|ics))"/g)].map(
        ([, to]) => to,
      );
    const all = ['/history.atom', '/history.rss', '/calendar.ics'];
    expect(await links('/history')).toEqual(all);
    expect(await links('/subscribe')).toEqual(all);
    expect(await links(component)).toEqual([`${component}.atom`, `${component}.rss`]);
  });
});
