import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type ReceivedCall = {
  path: string;
  headers: Record<string, string>;
  /** As it came. */
  body: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks wherever it likes
  json: any;
};

/** A real web server that is called; what it answers is set by each test. */
export type Receiver = {
  /** http://127.0.0.1:PORT */
  url: string;
  port: number;
  calls: ReceivedCall[];
  /** What to do with a call. The default takes it. */
  answer: (call: ReceivedCall, response: ServerResponse, nth: number) => unknown;
  /** Resolves once so many calls have come. */
  called: (times: number) => Promise<void>;
  close: () => Promise<void>;
};

export async function startReceiver(): Promise<Receiver> {
  const waiting: { times: number; resolve: () => void }[] = [];
  const server = createServer((request, response) => void take(request, response));
  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString('utf8');
    const call = {
      path: request.url as string,
      headers: request.headers as Record<string, string>,
      body,
      json: body ? JSON.parse(body) : null,
    };
    receiver.calls.push(call);
    for (const one of waiting) if (receiver.calls.length >= one.times) one.resolve();
    receiver.answer(call, response, receiver.calls.length);
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const receiver: Receiver = {
    url: `http://127.0.0.1:${port}`,
    port,
    calls: [],
    answer: (_call, response) => response.writeHead(204).end(),
    called: (times) =>
      new Promise((resolve) => {
        if (receiver.calls.length >= times) resolve();
        else waiting.push({ times, resolve });
      }),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return receiver;
}
