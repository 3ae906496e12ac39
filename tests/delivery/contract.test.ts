import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Resend } from 'resend';
import { afterAll, beforeAll, expect, it } from 'vitest';

/**
 * What we lean on in the SDK without its documentation saying so: `post` sends a `body` option as it is. An upgrade that changes this
 * would change the bytes under a key, so it must fail here.
 */
let seen: { body: Buffer; headers: Record<string, unknown>; method: string; url: string } | null = null;
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  seen = {
    body: Buffer.concat(chunks),
    headers: request.headers,
    method: request.method as string,
    url: request.url as string,
  };
  response.writeHead(200, { 'content-type': 'application/json', 'ratelimit-remaining': '4' });
  response.end('{"data":[{"id":"a"}]}');
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));

it('resend.post hands over the bytes of `body` untouched, with key, headers and signal', async () => {
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const resend = new Resend('re_test', { baseUrl });
  // Spacing, order and escapes that no re-encoding would leave as they are.
  const body = Buffer.from('[ {"b":1, "a":"\\u00fc ü"} ]');
  const options = {
    body,
    idempotencyKey: 'b1/abc',
    headers: { 'x-batch-validation': 'strict' },
    signal: AbortSignal.timeout(10_000),
  };
  const reply = await resend.post('/emails/batch', null, options);
  expect(seen?.body.equals(body)).toBe(true);
  expect(seen).toMatchObject({
    method: 'POST',
    url: '/emails/batch',
    headers: {
      'idempotency-key': 'b1/abc',
      'x-batch-validation': 'strict',
      authorization: 'Bearer re_test',
      'content-type': 'application/json',
    },
  });
  expect(reply).toMatchObject({
    data: { data: [{ id: 'a' }] },
    error: null,
    headers: { 'ratelimit-remaining': '4' },
  });
});

it('an aborted call is an answer without status or headers, never a throw', async () => {
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const resend = new Resend('re_test', { baseUrl });
  const reply = await resend.post('/emails/batch', null, { signal: AbortSignal.abort() });
  expect(reply).toMatchObject({ data: null, error: { statusCode: null }, headers: null });
});
