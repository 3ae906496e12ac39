import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { textAnswer } from '#server/answer.ts';
import { createHttpServer, type HttpOptions, type HttpServer } from '#server/http.ts';

const open: HttpServer[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.stop(0);
});

async function listen(options: Partial<HttpOptions> = {}): Promise<{ port: number; http: HttpServer }> {
  const http = createHttpServer({
    peek: () => null,
    isKnownHost: () => true,
    answer: async () => ({ answer: textAnswer(200, 'hello') }),
    failure: async () => textAnswer(500, 'failed'),
    answered: () => undefined,
    bareHeaders: [['x-content-type-options', 'nosniff']],
    timeouts: { headers: 200, request: 400 },
    ...options,
  });
  http.server.listen(0, '127.0.0.1');
  await once(http.server, 'listening');
  open.push(http);
  return { http, port: (http.server.address() as { port: number }).port };
}

/** Sends raw bytes and gives everything that comes back until the server closes. */
function raw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(text));
  });
}

test('a client gets 10 s for its headers, 30 s for its request, 65 s between requests, 120 s to read', async () => {
  const { http } = await listen({ timeouts: undefined });
  expect(http.server).toMatchObject({
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    keepAliveTimeout: 65_000,
    timeout: 120_000,
  });
});

test('headers that never end are closed, with a reason', async () => {
  const { port } = await listen();
  const text = await raw(port, 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  expect(text).toMatch(/^HTTP\/1\.1 408 /);
  expect(text).toContain('x-content-type-options: nosniff');
});

test('so is a body that never ends', async () => {
  const { port } = await listen({ answer: () => new Promise(() => undefined) });
  expect(await raw(port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc')).toMatch(
    /^HTTP\/1\.1 408 /,
  );
});

test.each([
  ['what is not HTTP', 'hello\r\n\r\n', 400],
  ['headers past 16 KB', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(17_000)}\r\n\r\n`, 431],
  ['CONNECT', 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n', 405],
  [
    'two lengths for one body',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    400,
  ],
  [
    'a length and chunks, as request smuggling has it',
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    400,
  ],
])('%s is refused with the security headers', async (_, bytes, status) => {
  const { port } = await listen();
  const text = await raw(port, bytes);
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(text).toContain('x-content-type-options: nosniff');
  expect(text).toContain('connection: close');
});

test('an answer that throws is a 500, and the server goes on', async () => {
  const { port } = await listen({ answer: () => Promise.reject(new Error('boom')) });
  for (let i = 0; i < 2; i++)
    expect(await raw(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 500 /,
    );
});

test('stop: what runs is finished, what is idle is closed, nothing new is accepted', async () => {
  const begun = Promise.withResolvers<void>();
  const finished = Promise.withResolvers<void>();
  const { http, port } = await listen({
    timeouts: { headers: 10_000, request: 10_000 },
    answer: async () => {
      begun.resolve();
      await finished.promise;
      return { answer: textAnswer(200, 'done') };
    },
  });
  const running = raw(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await begun.promise;
  const stopped = http.stop(60_000);
  await expect(
    new Promise((resolve, reject) => connect(port, '127.0.0.1').on('error', reject).on('connect', resolve)),
  ).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  finished.resolve();
  expect(await running).toMatch(/^HTTP\/1\.1 200 [\s\S]*done/);
  expect(await stopped).toBe(0);
});

test('stop: what does not end in time is cut', async () => {
  const begun = Promise.withResolvers<void>();
  const { http, port } = await listen({
    timeouts: { headers: 10_000, request: 10_000 },
    answer: () => {
      begun.resolve();
      return new Promise(() => undefined);
    },
  });
  const running = raw(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await begun.promise;
  expect(await http.stop(10)).toBe(1);
  expect(await running).toBe('');
});
