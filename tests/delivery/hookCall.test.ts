import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { callHook, type Resolve } from '#delivery/transports/hookCall.ts';
import type { HookRules } from '#domain/hooks.ts';
import { type Receiver, startReceiver } from '../support/receiver.ts';

const OPEN: HookRules = { allowHttp: true, allowPrivate: true };
/** As an installation is that has set nothing, but for plain http, which these receivers speak. */
const CLOSED: HookRules = { allowHttp: true, allowPrivate: false };
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
async function receiver(): Promise<Receiver> {
  const started = await startReceiver();
  ends.push(started.close);
  return started;
}

const call = (
  url: string,
  {
    rules = OPEN,
    resolve = async () => ['127.0.0.1'],
    timeoutMs = 5_000,
  }: { rules?: HookRules; resolve?: Resolve; timeoutMs?: number } = {},
) =>
  callHook(
    { url, headers: { 'content-type': 'application/json' }, body: '{}' },
    { rules, resolve, timeoutMs, signal: new AbortController().signal },
  );
const words = async (answer: ReturnType<typeof call>) => {
  const result = await answer;
  return result.kind === 'failed' ? result.reason : result.words;
};

describe('which address is connected to', () => {
  it('is the very one that was looked at: nobody is asked a second time', async () => {
    const server = await receiver();
    const asked: string[] = [];
    // A name server that changes its mind: the first answer is looked at, and there is no second.
    const resolve: Resolve = async (host) => {
      asked.push(host);
      return asked.length === 1 ? ['127.0.0.1'] : ['127.0.0.2'];
    };
    expect(await words(call(`http://receiver.example:${server.port}/x`, { resolve }))).toBe('204 No Content');
    expect(asked).toEqual(['receiver.example']);
    expect(server.calls[0]?.headers.host).toBe(`receiver.example:${server.port}`);
  });

  it('is refused when the name has come to lead inside since it was saved (DNS rebinding)', async () => {
    const server = await receiver();
    const url = `http://receiver.example:${server.port}/x`;
    expect(await words(call(url, { rules: CLOSED }))).toContain('private network');
    for (const address of ['169.254.169.254', '::1', '::ffff:127.0.0.1', '10.0.0.5', '0.0.0.0'])
      expect(await words(call(url, { rules: CLOSED, resolve: async () => [address] })), address).toMatch(
        /is not called/,
      );
    expect(server.calls).toEqual([]);
  });

  it('is refused when but one of several leads inside', async () => {
    const server = await receiver();
    const resolve = async () => ['93.184.215.14', '127.0.0.1'];
    expect(
      await words(call(`http://receiver.example:${server.port}/x`, { rules: CLOSED, resolve })),
    ).toContain('private');
    expect(server.calls).toEqual([]);
  });

  it('is refused where it is written as numbers, by default', async () => {
    const server = await receiver();
    for (const host of ['127.0.0.1', '2130706433', '0x7f.1', '[::ffff:127.0.0.1]', 'localhost'])
      expect(await words(call(`http://${host}:${server.port}/x`, { rules: CLOSED })), host).toContain(
        'private network',
      );
    const https = await words(call(server.url, { rules: { allowHttp: false, allowPrivate: false } }));
    expect(https).toContain('Only https://');
    expect(server.calls).toEqual([]);
  });
});

describe('what comes of a call', () => {
  it('says in words why there was no answer', async () => {
    const gone = await startReceiver();
    await gone.close();
    expect(await words(call(gone.url))).toBe('Nothing listens there: the connection was refused.');
    const nowhere = async () => Promise.reject(Object.assign(new Error(), { code: 'ENOTFOUND' }));
    expect(await words(call('http://receiver.example', { resolve: nowhere }))).toBe(
      'Its host does not exist.',
    );
    expect(await words(call('http://receiver.example', { resolve: async () => [] }))).toBe(
      'Its host has no address.',
    );

    const server = await receiver();
    server.answer = (_call, response) => response.destroy();
    expect(await words(call(server.url))).toBe('The connection was cut before an answer came.');
    server.answer = () => undefined;
    expect(await words(call(server.url, { timeoutMs: 100 }))).toMatch(/^No answer within/);
    // A name server that says nothing is waited for no longer than a receiver.
    const mute = () => new Promise<never>(() => undefined);
    expect(await words(call('http://receiver.example', { resolve: mute, timeoutMs: 100 }))).toMatch(
      /^No answer within/,
    );
    expect(await words(call(server.url.replace('http:', 'https:')))).toBe(
      'It does not speak TLS as a web server does.',
    );
  });

  it('takes what is no HTTP for no answer', async () => {
    const hungUp = Promise.withResolvers<void>();
    const tcp = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('close', () => hungUp.resolve());
      // It says its word and waits for more, as a mail server does.
      socket.resume();
      socket.write('220 mail.example.com ESMTP\r\n');
    });
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    ends.push(() => new Promise((resolve) => tcp.close(resolve)));
    expect(await words(call(`http://127.0.0.1:${(tcp.address() as AddressInfo).port}`))).toBe(
      'What answered is no web server.',
    );
    // Nothing is left open towards it.
    await hungUp.promise;
  });

  it('reads when to come back, in seconds or as a time', async () => {
    const server = await receiver();
    const date = new Date(0).toUTCString();
    const later = new Date(90_000).toUTCString();
    for (const [headers, ms] of [
      [{ 'retry-after': '120' }, 120_000],
      [{ 'retry-after': '0.5' }, 500],
      [{ 'retry-after': later, date }, 90_000],
      [{ 'retry-after': date, date: later }, null],
      [{ 'retry-after': 'soon' }, null],
      [{}, null],
    ] as const) {
      server.answer = (_call, response) => response.writeHead(429, headers).end();
      expect(await call(server.url), JSON.stringify(headers)).toMatchObject({
        status: 429,
        retryAfterMs: ms,
      });
    }
  });

  it('keeps of an answer one short line', async () => {
    const server = await receiver();
    server.answer = (_call, response) =>
      response
        .writeHead(400, { 'content-type': 'text/plain' })
        .end(`invalid\u0000\n\u202epayload ${'x'.repeat(5_000)}`);
    const answer = await call(server.url);
    expect(answer).toMatchObject({ status: 400 });
    const { text } = answer as { text: string };
    expect(text.startsWith('invalid payload xxx')).toBe(true);
    expect(text).toHaveLength(200);
  });
});
