import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { callHook, type Resolve } from '#delivery/transports/hookCall.ts';
import type { HookRules } from '#domain/hooks.ts';
import { AUTHORITY, EXPIRED, KEY, RECEIVER, SELF_SIGNED } from '../support/certificates.ts';
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

  it('takes what is no HTTP for no answer, and leaves nothing open', async () => {
    // It says its word and waits for more, as a mail server does.
    const tcp = await speaker((socket) => socket.write('220 mail.example.com ESMTP\r\n'));
    expect(await words(call(tcp.url))).toBe('What answered is no web server.');
    await tcp.hungUp;
  });

  it.each([
    [
      'changes to another protocol',
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
      '101 Switching Protocols',
    ],
    [
      'has more headers than any',
      `HTTP/1.1 200 OK\r\n${`X: ${'y'.repeat(1_000)}\r\n`.repeat(17)}\r\n`,
      'Its answer has too many headers.',
    ],
    [
      'ends in the middle of its headers',
      'HTTP/1.1 200 OK\r\nContent-Le',
      'The connection was cut before an answer came.',
    ],
  ])('does not take what %s', async (_, bytes, said) => {
    const tcp = await speaker((socket) => socket.end(bytes));
    expect(await words(call(tcp.url))).toBe(said);
    await tcp.hungUp;
  });

  it('waits for none that drips, not even word that it goes on', async () => {
    for (const [first, drop] of [
      ['HTTP/1.1 200 OK\r\n', 'X: y\r\n'],
      ['', 'HTTP/1.1 102 Processing\r\n\r\n'],
    ] as const) {
      const tcp = await speaker((socket) => {
        socket.write(first);
        const dripping = setInterval(() => socket.write(drop), 5);
        socket.on('close', () => clearInterval(dripping));
      });
      expect(await words(call(tcp.url, { timeoutMs: 200 }))).toMatch(/^No answer within/);
      await tcp.hungUp;
    }
  });

  it('unpacks nothing: what is packed to burst stays as small as it came', async () => {
    const server = await receiver();
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    server.answer = (_call, response) =>
      response.writeHead(500, { 'content-encoding': 'gzip', 'content-length': bomb.length }).end(bomb);
    const answer = await call(server.url);
    expect(server.calls[0]?.headers).not.toHaveProperty('accept-encoding');
    expect((answer as { text: string }).text.length).toBeLessThanOrEqual(200);
  });

  it('stops at once when Foghorn does', async () => {
    const server = await receiver();
    server.answer = () => undefined;
    const closing = new AbortController();
    const answer = callHook(
      { url: server.url, headers: {}, body: '{}' },
      { rules: OPEN, resolve: async () => [], timeoutMs: 30_000, signal: closing.signal },
    );
    await server.called(1);
    closing.abort();
    expect(await words(answer)).toBe('Foghorn was stopped.');
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

describe('a call by https', () => {
  const trusted = getCACertificates();
  afterEach(() => setDefaultCACertificates(trusted));

  async function secure(cert: string): Promise<{ port: number; asked: { host: string; sni: unknown }[] }> {
    const asked: { host: string; sni: unknown }[] = [];
    const server = createHttpsServer({ key: KEY, cert }, (request, response) => {
      const { servername } = request.socket as Socket & { servername?: string };
      asked.push({ host: request.headers.host as string, sni: servername });
      response.writeHead(204).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => new Promise((resolve) => server.close(resolve)));
    return { port: (server.address() as AddressInfo).port, asked };
  }

  it('goes to the address that was looked at, and its certificate must be for the name', async () => {
    setDefaultCACertificates([AUTHORITY]);
    const { port, asked } = await secure(RECEIVER);
    expect(await words(call(`https://receiver.example:${port}/x`))).toBe('204 No Content');
    expect(asked).toEqual([{ host: `receiver.example:${port}`, sni: 'receiver.example' }]);
    for (const host of ['other.example', '127.0.0.1'])
      expect(await words(call(`https://${host}:${port}/x`)), host).toBe(
        'Its certificate is for another host.',
      );
    expect(asked).toHaveLength(1);
  });

  it('is not made past a certificate that is over, or that nobody vouches for', async () => {
    const nobody = 'Its certificate is signed by nobody that is trusted.';
    const url = async (cert: string) => `https://receiver.example:${(await secure(cert)).port}/x`;
    expect(await words(call(await url(RECEIVER)))).toBe(nobody);
    setDefaultCACertificates([AUTHORITY]);
    expect(await words(call(await url(EXPIRED)))).toBe('Its certificate has expired.');
    expect(await words(call(await url(SELF_SIGNED)))).toBe(nobody);
  });
});

/** Takes a connection and says what it likes. `hungUp` resolves once the other side has closed it. */
async function speaker(speak: (socket: Socket) => unknown): Promise<{ url: string; hungUp: Promise<void> }> {
  const hungUp = Promise.withResolvers<void>();
  const tcp = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('close', () => hungUp.resolve());
    socket.resume();
    speak(socket);
  });
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  ends.push(() => new Promise((resolve) => tcp.close(resolve)));
  return { url: `http://127.0.0.1:${(tcp.address() as AddressInfo).port}`, hungUp: hungUp.promise };
}
