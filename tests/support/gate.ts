import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isStaffCall } from './fakeResend.ts';

export type Gate = {
  url: string;
  /** Lets so many more calls through, those that wait first. */
  let: (calls: number) => void;
  /** How many calls are held now. */
  held: () => number;
  close: () => Promise<void>;
};

/**
 * Holds each call that brings the mail provider something for subscribers until the test lets it through, one at a time or all that
 * come. Others are never held: mails to staff leave when the clock says so, and the account's figures are asked for after the first
 * answer, whichever call that was.
 */
export async function startGate(behind: string): Promise<Gate> {
  const waiting: (() => void)[] = [];
  let allowed = 0;
  const pass = () => {
    while (allowed > 0 && waiting.length > 0) {
      allowed -= 1;
      waiting.shift()?.();
    }
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (body.length && ![JSON.parse(body.toString('utf8'))].flat().every(isStaffCall))
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        pass();
      });
    const headers = new Headers();
    for (const name of [
      'authorization',
      'content-type',
      'idempotency-key',
      'user-agent',
      'x-batch-validation',
    ])
      if (request.headers[name]) headers.set(name, String(request.headers[name]));
    const { method = 'GET', url } = request;
    const answer = await fetch(behind + url, { method, headers, body: body.length ? body : undefined });
    response.writeHead(answer.status, { 'content-type': 'application/json' });
    response.end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    let: (calls) => {
      allowed += calls;
      pass();
    },
    held: () => waiting.length,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
