import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OPEN_ROUTES } from '#auth/routes.ts';
import { getPageVersion } from '#db/page.ts';
import { declareIncident, getIncident, postUpdate } from '#services/incidents.ts';
import { isShared } from '../../src/server/cache/paths.ts';
import { askTwice, exportedVersion, listingOf } from '../support/exported.ts';
import { FURNISHED_ENV, type Furnished, furnish, pathOf } from '../support/furnished.ts';
import { type Answered, ask } from '../support/http.ts';
import { findNginx, HAS_BROTLI, NGINX, type Nginx, startNginx } from '../support/nginx.ts';
import { startServer, type TestServer } from '../support/server.ts';

it('nginx is looked for where it is said to be, and missed aloud where it must be', () => {
  expect(findNginx([undefined, process.execPath], true)).toBe(process.execPath);
  expect(findNginx(['/not/there'], false)).toBe(null);
  expect(() => findNginx(['/not/there'], true)).toThrow('nginx was not found');
});

describe.skipIf(!NGINX)('the example configuration of nginx', () => {
  let folder: string;
  let exportDir: string;
  let house: Furnished;
  let server: TestServer;
  let nginx: Nginx;
  /** What the live site answered while it ran: by path and encoding. */
  const live = new Map<string, Answered>();
  let paths: string[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'foghorn-nginx-'));
    exportDir = join(folder, 'export');
    house = await furnish(join(folder, 'data'));
    server = await startServer({
      dataDir: join(folder, 'data'),
      env: { ...FURNISHED_ENV, EXPORT_DIR: exportDir },
    });
    const tree = await exportedVersion(exportDir, await house.foghorn.db.read(getPageVersion));
    paths = listingOf(tree)
      .answers.map(({ path }) => path)
      .filter((path) => !/^(\/de|\/ar)?\/(404|503|api\/404)$/.test(path));
    for (const path of paths)
      for (const encoding of ENCODINGS)
        live.set(`${path} ${encoding}`, await askTwice(server, path, encoding));
    nginx = await startNginx(join(folder, 'nginx'), { exportDir, foghornPort: server.port });
  });
  afterAll(async () => {
    await nginx?.stop();
    await server?.kill();
    await house?.foghorn.close();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  const ENCODINGS = ['identity', 'gzip', ...(HAS_BROTLI ? ['br'] : [])];
  const get = (url: string, path: string, headers: Record<string, string> = {}, method = 'GET') =>
    ask(url, path, { method, headers: { host: new URL(server.url).host, ...headers } });

  /** What a visitor sees of the two must be the same, but for what tells one state of a page from another. */
  const shown = ({ status, headers }: Answered) => {
    const {
      date,
      server: _,
      connection,
      'keep-alive': __,
      etag,
      'accept-ranges': ___,
      'x-request-id': ____,
      ...same
    } = headers;
    const vary = typeof same.vary === 'string' ? same.vary.toLowerCase() : same.vary;
    return { status, ...same, vary };
  };

  it('serves the copy as the live site does: every path, every encoding, every header', async () => {
    expect(paths.length).toBeGreaterThan(40);
    for (const path of paths)
      for (const encoding of ENCODINGS) {
        const theirs = live.get(`${path} ${encoding}`) as Answered;
        const ours = await get(nginx.copy, path, { 'accept-encoding': encoding });
        expect([path, encoding, ours.bytes.equals(theirs.bytes)]).toEqual([path, encoding, true]);
        const own = shown(ours);
        // nginx says so of what it could have compressed, too.
        expect([path, encoding, { ...own, vary: undefined }]).toEqual([
          path,
          encoding,
          { ...shown(theirs), vary: undefined },
        ]);
        if (theirs.headers.vary) expect([path, own.vary]).toEqual([path, 'accept-encoding']);
        const head = await get(nginx.copy, path, { 'accept-encoding': encoding }, 'HEAD');
        expect([path, head.status, head.headers['content-length']]).toEqual([
          path,
          200,
          ours.headers['content-length'],
        ]);
      }
  });

  it('answers 304 to who holds the page, in each encoding apart', async () => {
    const tags = new Set<unknown>();
    for (const encoding of ENCODINGS) {
      const { etag } = (await get(nginx.copy, '/', { 'accept-encoding': encoding })).headers;
      tags.add(etag);
      const again = await get(nginx.copy, '/', {
        'accept-encoding': encoding,
        'if-none-match': String(etag),
      });
      expect([again.status, again.bytes.length]).toEqual([304, 0]);
      expect(again.headers['content-security-policy']).toBe(
        live.get('/ identity')?.headers['content-security-policy'],
      );
    }
    expect(tags.size).toBe(ENCODINGS.length);
  });

  it('finds nothing where the live site has nothing: with its page, its status and its headers', async () => {
    const theirs = await get(server.url, '/nothing/here');
    const odd = [
      '/nothing/here',
      '/incidents/zzz',
      '/index.html',
      '/404.html',
      '/503.html',
      '/history/index.html',
      '/index.html.gz',
      '/api/v2/summary.json.gz',
      '/.foghorn-export/files.json',
      '/.foghorn-export/nginx-maps.conf',
      '/_astro',
      '/api',
    ];
    for (const path of odd) {
      const ours = await get(nginx.copy, path);
      expect([
        path,
        ours.status,
        ours.body === theirs.body || ours.body === (await get(server.url, path)).body,
      ]).toEqual([path, 404, true]);
    }
    expect(shown(await get(nginx.copy, '/nothing/here'))).toMatchObject({
      ...shown(theirs),
      vary: expect.anything(),
    });
    const json = await get(nginx.copy, '/api/v2/nothing.json');
    expect([json.status, JSON.parse(json.body), json.headers['access-control-allow-origin']]).toEqual([
      404,
      JSON.parse((await get(server.url, '/api/v2/nothing.json')).body),
      '*',
    ]);
  });

  it('speaks of what is not there, or away, in the language of the address, and says how things last were', async () => {
    for (const path of [
      '/de/nothing',
      '/ar/incidents/zzz',
      '/de',
      '/defects',
      '/fr/history',
      '/ar/404.html',
    ]) {
      const [ours, theirs] = [await get(nginx.copy, path), await get(server.url, path)];
      expect([path, ours.status, ours.body === theirs.body]).toEqual([path, theirs.status, true]);
      expect([path, { ...shown(ours), vary: '' }]).toEqual([path, { ...shown(theirs), vary: '' }]);
    }
    for (const [path, start] of [
      ['/subscribe', '<html lang="en">'],
      ['/admin/incidents', '<html lang="en">'],
      ['/de/subscribe', '<html lang="de">'],
      ['/ar/confirm/x', '<html lang="ar" dir="rtl">'],
    ] as const) {
      const { status, body, headers } = await get(nginx.copy, path);
      expect([path, status, headers['retry-after']]).toEqual([path, 503, '5']);
      expect(body).toContain(start);
      expect(body).toMatch(/<time datetime="[^"]+">[^<]*\d{4}.*\d\d:\d\d UTC/);
      expect(body).toContain('Checkout is failing');
      expect(headers['content-security-policy']).toMatch(/style-src 'sha256-/);
    }
  });

  it('sends on what the live site sends on: an address in the first language, an incident that is a maintenance', async () => {
    const [incident, maintenance] = [house.ids['/incidents/[]'], house.ids['/maintenance/[]']];
    const asked = [
      ...[
        '/en',
        '/en/history',
        '/en/history/2026-11',
        `/en/incidents/${incident}`,
        '/en/subscribe',
        '/en-XA',
      ],
      ...[
        '/en-XA/on-time',
        '/en/404',
        '/en/nothing',
        '/en/history.atom',
        '/en/api/v2/summary.json',
        '/english',
      ],
      ...['/en/incidents/x.json', '/fr'],
      ...['', '/de', '/ar', '/en', '/fr'].flatMap((start) => [
        `${start}/incidents/${maintenance}`,
        `${start}/maintenance/${incident}`,
        `${start}/maintenance/zzz`,
      ]),
    ];
    const led = ({ status, headers }: Answered) => ({
      status,
      to: headers.location && new URL(String(headers.location), 'http://x').pathname,
    });
    const moved = new Set<number>();
    for (const path of asked) {
      const [ours, theirs] = [led(await get(nginx.copy, path)), led(await get(server.url, path))];
      expect([path, ours]).toEqual([path, theirs]);
      moved.add(ours.status);
    }
    expect([...moved].sort()).toEqual([301, 307, 404]);
    for (const path of ['/en/incidents/x%0d%0aSet-Cookie:%20a=b', '/en//evil.example', '/en/history/%0a']) {
      const { headers } = await get(nginx.copy, path);
      expect([path, headers['set-cookie']]).toEqual([path, undefined]);
      if (headers.location) expect(new URL(String(headers.location)).hostname).toBe('127.0.0.1');
    }
  });

  it('sends the other spelling of an address on, and never elsewhere', async () => {
    for (const path of ['/history/', '/history//', '/history/?a=b']) {
      const moved = await get(nginx.copy, path);
      expect([path, moved.status, moved.headers.location]).toEqual([
        path,
        308,
        expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/history(\?a=b)?$/),
      ]);
    }
    for (const path of ['//evil.example/', '/%0d%0aSet-Cookie:%20a=b/', '/\\evil.example/']) {
      const answer = await get(nginx.copy, path);
      expect([path, answer.headers['set-cookie']]).toEqual([path, undefined]);
      if (answer.headers.location)
        expect(new URL(String(answer.headers.location)).hostname).toBe('127.0.0.1');
    }
  });

  it('lets any origin read what is for others, preflight included', async () => {
    const asked = { origin: 'https://elsewhere.example', 'access-control-request-method': 'GET' };
    const theirs = await get(server.url, '/api/v2/summary.json', asked, 'OPTIONS');
    const ours = await get(nginx.copy, '/api/v2/summary.json', asked, 'OPTIONS');
    expect(ours.status).toBe(theirs.status);
    for (const name of Object.keys(theirs.headers).filter(
      (each) => each.startsWith('access-control-') || each === 'allow',
    ))
      expect([name, ours.headers[name]]).toEqual([name, theirs.headers[name]]);
    expect((await get(nginx.copy, '/', asked, 'OPTIONS')).headers['access-control-allow-origin']).toBe(
      undefined,
    );
  });

  it('says that what needs Foghorn is away, not missing', async () => {
    const patterns = Object.keys(OPEN_ROUTES).filter(
      (pattern) => !/^\/(404|500|robots\.txt|marks\.js|embed\/status\.js|api\/v2\/\[\.\.\.\])$/.test(pattern),
    );
    const needing = patterns
      .map((pattern) => (/^\/(api|admin)/.test(pattern) ? pattern : pathOf(pattern, house.ids)))
      .filter((path) => !isShared(path));
    expect(needing.length).toBeGreaterThan(10);
    for (const path of [...needing, '/de/subscribe', '/ar/unsubscribe/x', '/admin', '/admin/incidents']) {
      const answer = await get(nginx.copy, path);
      expect([path, answer.status, answer.headers['retry-after']]).toEqual([path, 503, '5']);
      expect(answer.body).toMatch(/<title>(Not available right now|Gerade nicht erreichbar|غير متاح الآن)</);
    }
  });

  it('serves what is published later, with its headers, without a reload', async () => {
    const ctx = house.foghorn.contextFor({ kind: 'system', name: 'test' });
    const { id } = await declareIncident(ctx, { title: 'Search is slow', severity: 'SEV2', components: [] });
    const { version } = await getIncident(ctx, id);
    await postUpdate(ctx, {
      incidentId: id,
      version,
      audience: 'public',
      status: 'investigating',
      body: 'We look.',
      components: [],
      notify: false,
    });
    await exportedVersion(exportDir, await house.foghorn.db.read(getPageVersion));
    const ours = await get(nginx.copy, `/incidents/${id}`, { 'accept-encoding': 'gzip' });
    const theirs = await get(server.url, `/incidents/${id}`, { 'accept-encoding': 'gzip' });
    expect(ours.bytes.equals(theirs.bytes)).toBe(true);
    expect(shown(ours)).toEqual({ ...shown(theirs), vary: 'accept-encoding' });
    expect((await get(nginx.copy, '/')).body).toContain('Search is slow');
  });

  it('in front of Foghorn passes it through whole; without it the copy stays up', async () => {
    for (const path of ['/', '/api/v2/summary.json', '/nothing/here', '/subscribe']) {
      const [ours, theirs] = [await get(nginx.front, path), await get(server.url, path)];
      expect([path, ours.status, ours.body === theirs.body]).toEqual([path, theirs.status, true]);
      expect([path, ours.headers.etag, ours.headers['content-security-policy']]).toEqual([
        path,
        theirs.headers.etag,
        theirs.headers['content-security-policy'],
      ]);
      expect(ours.headers['x-foghorn-copy-since']).toBe(undefined);
    }
    const posted = await get(nginx.front, '/subscribe', { origin: 'https://elsewhere.example' }, 'POST');
    expect(posted.status).toBe(403);

    const before = new Map<string, string>();
    for (const path of paths) before.set(path, (await get(server.url, path)).body);
    await server.kill();
    for (const url of [nginx.copy, nginx.front])
      for (const path of paths) {
        const ours = await get(url, path);
        expect([url, path, ours.status, ours.body === before.get(path)]).toEqual([url, path, 200, true]);
        // Who is shown the copy in place of the live site can know, and since when it says so.
        const since = ours.headers['x-foghorn-copy-since'];
        if (url === nginx.copy) expect(since).toBe(undefined);
        else {
          expect(Date.parse(String(since))).toBeLessThan(Date.now() + 60_000);
          expect(Date.parse(String(since))).toBeGreaterThan(Date.now() - 600_000);
        }
      }
    expect((await get(nginx.front, '/nothing/here')).status).toBe(404);
    const away = await get(nginx.front, '/subscribe');
    expect([away.status, away.body]).toEqual([503, expect.stringContaining('Not available right now')]);
    expect((await get(nginx.front, '/subscribe', {}, 'POST')).status).toBe(503);
    expect(readFileSync(join(folder, 'nginx/error.log'), 'utf8')).not.toMatch(/\[(emerg|alert|crit)\]/);
  });
});
