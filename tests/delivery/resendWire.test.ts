import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Transport } from '#delivery/transport.ts';
import { resendTransport } from '#delivery/transports/resend.ts';
import { MARK, SENDER } from './support.ts';

type Seen = { path: string; headers: IncomingMessage['headers']; body: Buffer };

let server: Server;
let seen: Seen[];
let moved: string | null;
let transport: Transport;

beforeEach(async () => {
  seen = [];
  moved = null;
  server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { url, headers } = request;
      seen.push({ path: url as string, headers, body: Buffer.concat(parts) });
      if (moved && url !== moved) response.writeHead(307, { location: moved }).end();
      else response.setHeader('content-type', 'application/json').end('{"data":[{"id":"a"}]}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  transport = resendTransport({ apiKey: 're_test', baseUrl, sender: SENDER, mark: MARK });
});
afterEach(() => {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
});

const send = (body: Buffer) =>
  transport.send(
    { key: 'b1/key', priority: 1, body, size: 1, members: [{ seq: 1, open: true }] },
    { stopping: new AbortController().signal, report: async () => true },
  );

it('a batch goes out as the stored bytes, of a length that is said before', async () => {
  // More than any buffer on the way holds at once, and not one byte like its neighbour.
  const body = Buffer.alloc(3_000_001, createHash('sha512').update('foghorn').digest());
  expect(await send(body)).toMatchObject({ kind: 'accepted', providerIds: ['a'] });
  const [request] = seen;
  expect(seen.length).toBe(1);
  expect(request?.headers['content-length']).toBe('3000001');
  expect(request?.headers['transfer-encoding']).toBeUndefined();
  expect(request?.headers).toMatchObject({
    'content-type': 'application/json',
    'idempotency-key': 'b1/key',
    'x-batch-validation': 'strict',
    authorization: 'Bearer re_test',
  });
  expect(request?.body.equals(body)).toBe(true);
});

it('the account key follows no redirect', async () => {
  moved = '/elsewhere';
  const outcome = await send(Buffer.from('[]'));
  expect(outcome).toMatchObject({ kind: 'unknown', unreachable: true });
  expect(seen.map(({ path }) => path)).toEqual(['/emails/batch']);
});
