import { createConnection } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Db, openDatabase } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import { makeHarbour } from '../support/harbour.ts';
import { ask } from '../support/http.ts';
import { readPrometheus } from '../support/prometheus.ts';
import { startServer, type TestServer } from '../support/server.ts';

const TOKEN = 'a-metrics-token-of-some-length';
let server: TestServer;
let db: Db;

beforeAll(async () => {
  server = await startServer({ env: { METRICS_TOKEN: TOKEN, TRUSTED_HOPS: '1', LOG_LEVEL: 'trace' } });
  db = await openDatabase(`sqlite:${join(server.dataDir, 'foghorn.db')}`);
  await makeHarbour(db, { now: new Date().toISOString(), open: 3 });
  await db.write((tx) => bumpPageVersion(tx, new Date().toISOString()));
  await until(async () => (await ask(server.url)).body.includes('Checkout'));
});
afterAll(async () => {
  await db.close();
  await server.stop();
});

/** Asks again until it is so; only the test's own limit ends it otherwise. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo()));
}

const host = () => ({ host: new URL(server.url).host });

describe('every response carries the security headers', () => {
  test.each([
    ['a page', 200, '/', {}],
    ['a page that is not there', 404, '/nothing-here', {}],
    ['an incident that is not there', 404, '/incidents/nothinghere1', {}],
    ['a file', 200, '/favicon.svg', {}],
    ['JSON', 404, '/api/nothing', {}],
    ['health', 200, '/healthz', {}],
    ['a redirect', 308, '/history/', {}],
    ['another host', 421, '/', { headers: { host: 'evil.example' } }],
    ['a method that changes nothing', 405, '/', { method: 'POST' }],
    ['TRACE', 405, '/', { method: 'TRACE' }],
    ['a method nobody knows', 501, '/', { method: 'PROPFIND' }],
    ['a path that is none', 400, '/%zz', {}],
    ['a very long path', 414, `/${'a'.repeat(5000)}`, {}],
    ['a body past 1 MB', 413, '/subscribe', { method: 'POST', body: Buffer.alloc(1024 * 1024 + 1) }],
  ])('%s (%i)', async (_, status, target, options) => {
    const answer = await ask(server.url, target, options);
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'x-frame-options': 'DENY',
    });
    const csp = String(answer.headers['content-security-policy']);
    expect(csp).toContain("default-src 'none'");
    expect(csp).toContain("frame-ancestors 'none'");
    expect(csp).not.toContain('unsafe-inline');
    expect(answer.headers['x-foghorn-version']).toBeUndefined();
  });

  test('and so does a 304', async () => {
    const { headers } = await ask(server.url);
    const again = await ask(server.url, '/', {
      headers: { ...host(), 'if-none-match': String(headers.etag) },
    });
    expect(again.status).toBe(304);
    expect(again.headers['x-content-type-options']).toBe('nosniff');
  });
});

describe('the name it is asked under', () => {
  test('an unknown one is refused, naming SITE_URL and not what was sent', async () => {
    for (const target of ['/', '/admin/login', '/api/v2/summary.json']) {
      const { status, body } = await ask(server.url, target, { headers: { host: 'evil.example' } });
      expect(status).toBe(421);
      expect(body).toContain(server.url);
      expect(body).not.toContain('evil');
    }
  });

  test('an absolute target names its own host', async () => {
    expect((await ask(server.url, 'http://evil.example/', { headers: host() })).status).toBe(421);
    expect((await ask(server.url, `${server.url}/`, { headers: host() })).status).toBe(200);
  });

  test('loopback names count while it listens there; health needs no name', async () => {
    const known = { host: `localhost:${server.port}` };
    expect((await ask(server.url, '/', { headers: known })).status).toBe(200);
    for (const target of ['/healthz', '/readyz'])
      expect((await ask(server.url, target, { headers: { host: '10.0.0.7' } })).status).toBe(200);
  });

  test('no header of the visitor shows up in a page', async () => {
    const headers = { ...host(), 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'gopher' };
    for (const target of ['/', '/subscribe', '/nothing-here'])
      expect((await ask(server.url, target, { headers })).body).not.toContain('evil.example');
  });
});

describe('kept pages', () => {
  test('come in the encoding that is accepted, all the same page', async () => {
    const [br, gzip, plain] = await Promise.all(
      ['br, gzip', 'gzip', ''].map((accepts) =>
        ask(server.url, '/', { headers: { ...host(), 'accept-encoding': accepts } }),
      ),
    );
    expect(br?.headers['content-encoding']).toBe('br');
    expect(gzip?.headers['content-encoding']).toBe('gzip');
    expect(plain?.headers['content-encoding']).toBeUndefined();
    expect(br?.body).toBe(plain?.body);
    expect(gzip?.body).toBe(plain?.body);
    for (const answer of [br, gzip, plain]) {
      expect(answer?.headers.vary).toBe('accept-encoding');
      expect(answer?.headers['content-length']).toBe(String(answer?.bytes.length));
    }
  });

  test('are not sent again to who has them, however a proxy writes the tag', async () => {
    const { headers } = await ask(server.url, '/', { headers: { ...host(), 'accept-encoding': 'br' } });
    const etag = String(headers.etag);
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await ask(server.url, '/', {
        headers: { ...host(), 'accept-encoding': 'br', 'if-none-match': tag },
      });
      expect(again.status, tag).toBe(304);
      expect(again.bytes).toHaveLength(0);
      expect(again.headers.etag).toBe(etag);
    }
    const other = await ask(server.url, '/', { headers: { ...host(), 'if-none-match': '"other"' } });
    expect(other.status).toBe(200);
  });

  test('HEAD says what GET would, without the body', async () => {
    for (const target of ['/', '/favicon.svg', '/subscribe', '/nothing-here']) {
      const [get, head] = [await ask(server.url, target), await ask(server.url, target, { method: 'HEAD' })];
      expect(head.status).toBe(get.status);
      expect(head.bytes).toHaveLength(0);
      expect(head.headers['content-length'], target).toBe(get.headers['content-length']);
      expect(head.headers.etag).toBe(get.headers.etag);
    }
  });

  test('are one for all query strings and spellings of the path', async () => {
    const { headers } = await ask(server.url, '/history');
    for (const target of ['/history?page=2', '/history?', '//history', '/%68istory', '/x/../history'])
      expect((await ask(server.url, target)).headers.etag, target).toBe(headers.etag);
  });

  test('say how long a shared cache may keep them', async () => {
    expect((await ask(server.url)).headers['cache-control']).toMatch(
      /^public, max-age=0, s-maxage=\d+, stale-while-revalidate=\d+, stale-if-error=\d+$/,
    );
    expect((await ask(server.url, '/subscribe')).headers['cache-control']).toMatch(/no-store|private/);
  });

  test('a change in another process shows by itself', async () => {
    const before = (await ask(server.url)).headers.etag;
    await db.write(async (tx) => {
      await tx.updateTable('page').set({ name: 'Renamed harbour' }).execute();
      await bumpPageVersion(tx, new Date().toISOString());
    });
    await until(async () => (await ask(server.url)).headers.etag !== before);
    expect((await ask(server.url)).body).toContain('Renamed harbour');
  });

  test('one answer for all paths at which there is nothing', async () => {
    const renders = async () =>
      Number(/^foghorn_cache_renders_total (\d+)/m.exec((await ask(server.url, '/metrics')).body)?.[1]);
    await ask(server.url, '/nothing-0');
    const before = await renders();
    for (let i = 1; i < 50; i++) expect((await ask(server.url, `/nothing-${i}`)).status).toBe(404);
    expect((await renders()) - before).toBeLessThanOrEqual(1);
  });
});

describe('bodies', () => {
  test('one that is declared too large is refused before it is sent', async () => {
    const socket = createConnection(server.port, '127.0.0.1');
    const length = 50 * 1024 * 1024;
    socket.write(
      `POST /subscribe HTTP/1.1\r\nHost: ${host().host}\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`,
    );
    const first = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
    socket.destroy();
    expect(first.toString()).toMatch(/^HTTP\/1\.1 413 /);
  });

  test('one that grows too large is cut off while it comes, and the sender gets to read why', async () => {
    const chunk = `${(65_536).toString(16)}\r\n${'a'.repeat(65_536)}\r\n`;
    const socket = createConnection(server.port, '127.0.0.1');
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes;
    });
    const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
    socket.on('error', () => undefined);
    socket.write(`POST /subscribe HTTP/1.1\r\nHost: ${host().host}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    for (let i = 0; i < 40; i++) socket.write(chunk);
    socket.write('0\r\n\r\n');
    await closed;
    expect(text).toMatch(/^HTTP\/1\.1 413 [\s\S]*larger than 1 MB/);
  });
});

describe('metrics', () => {
  test('for this machine, or for who has the token', async () => {
    const families = readPrometheus((await ask(server.url, '/metrics')).body);
    expect(families.get('foghorn_cache_hits_total')?.type).toBe('counter');
    expect(families.get('foghorn_outbox_readable')?.samples).toMatchObject([{ value: 1 }]);
    const through = { ...host(), 'x-forwarded-for': '127.0.0.1' };
    expect((await ask(server.url, '/metrics', { headers: through })).status).toBe(401);
    for (const [token, status] of [
      [TOKEN, 200],
      [`${TOKEN}x`, 401],
    ] as const) {
      const headers = { ...through, authorization: `Bearer ${token}` };
      expect((await ask(server.url, '/metrics', { headers })).status).toBe(status);
    }
  });
});

describe('the log', () => {
  test('names each request that was not a kept page, without address or token', async () => {
    const token = 'q'.repeat(44);
    const headers = { ...host(), 'x-forwarded-for': '203.0.113.99' };
    await ask(server.url, `/confirm/${token}?mail=someone@example.com`, { headers });
    const line = await server.logged(/"path":"\/confirm/);
    expect(JSON.parse(line)).toMatchObject({
      method: 'GET',
      path: '/confirm/…',
      requestId: expect.any(String),
    });
    const log = server.logs.join('\n');
    for (const secret of [token, '203.0.113.99', 'someone@example.com']) expect(log).not.toContain(secret);
  });

  test('has no line for a kept page', async () => {
    const before = server.logs.length;
    for (let i = 0; i < 20; i++) await ask(server.url);
    await ask(server.url, '/subscribe?marker');
    await server.logged(/"path":"\/subscribe"/);
    expect(server.logs.slice(before).filter((line) => line.includes('"path":"/"'))).toEqual([]);
  });
});
