import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Answer } from '#server/answer.ts';
import { acceptedEncoding, compressBeside, makeSendable, send, variantOf } from '#server/cache/sendable.ts';
import { ask } from '../support/http.ts';

function page(text: string): Answer {
  return { status: 200, headers: [['content-type', 'text/html']], body: Buffer.from(text.repeat(200)) };
}

describe('the encoding that a visitor accepts', () => {
  test.each([
    ['', 'identity'],
    ['gzip, deflate, br', 'br'],
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['BR', 'br'],
    ['br;q=0, gzip', 'gzip'],
    ['br;q=0.5, gzip;q=0.8', 'gzip'],
    ['br; q=1.0 , gzip; q=0.8', 'br'],
    ['*', 'br'],
    ['identity', 'identity'],
    ['gzip;q=0, br;q=0, *;q=0', 'identity'],
    ['br;q=what', 'identity'],
    [',,;;', 'identity'],
  ])('%j gets %s', (header, encoding) => {
    expect(acceptedEncoding(header)).toBe(encoding);
  });

  test('made-up headers are not remembered without end', () => {
    for (let i = 0; i < 10_000; i++) acceptedEncoding(`x${i}`);
    expect(acceptedEncoding('gzip, br')).toBe('br');
  });
});

describe('one answer in its encodings', () => {
  test('each says which bytes it is, and all unpack to the same', async () => {
    const sendable = makeSendable(page('hello '));
    compressBeside(sendable, () => true);
    await sendable.beside;
    const { br, gzip, identity } = sendable.variants;
    expect(brotliDecompressSync(br!.body)).toEqual(identity!.body);
    expect(gunzipSync(gzip!.body)).toEqual(identity!.body);
    expect(new Set([br!.etag, gzip!.etag, identity!.etag]).size).toBe(3);
    for (const variant of [br!, gzip!, identity!]) {
      expect(variant.head).toContain('vary');
      expect(variant.head[variant.head.indexOf('content-length') + 1]).toBe(String(variant.body.length));
    }
  });

  test('is compressed once, however many ask at once', async () => {
    const sendable = makeSendable(page('hello '));
    const made = await Promise.all([variantOf(sendable, 'br'), variantOf(sendable, 'br')]);
    expect(made[0]).toBe(made[1]);
    expect(await variantOf(sendable, 'br')).toBe(made[0]);
  });

  test('has a tag of its bytes alone: the same page rendered again is the same', async () => {
    const [a, b] = [makeSendable(page('hello ')), makeSendable(page('hello '))];
    expect((await variantOf(a, 'br')).etag).toBe((await variantOf(b, 'br')).etag);
    expect((await variantOf(a, 'br')).etag).not.toBe(
      (await variantOf(makeSendable(page('other ')), 'br')).etag,
    );
  });

  test('what is small or already compressed goes as it is', async () => {
    const small = makeSendable({ ...page(''), body: Buffer.from('tiny') });
    expect(small.variants.br?.body.toString()).toBe('tiny');
    expect(small.variants.br?.head).not.toContain('content-encoding');
    const image = makeSendable({ ...page('x'), headers: [['content-type', 'image/png']] });
    expect(image.variants.br?.head).not.toContain('content-encoding');
  });
});

describe('the work of compressing', () => {
  /** Large and varied enough that each quality of brotli gives other bytes. */
  const text = readFileSync(new URL('./sendable.test.ts', import.meta.url), 'utf8').repeat(2);
  const long = (more = '') =>
    makeSendable({ ...page(''), body: Buffer.from(text.replaceAll('sendable', `sendable${more}`)) });
  const brotli = (body: Buffer, quality: number) =>
    brotliCompressSync(body, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: quality,
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
        [constants.BROTLI_PARAM_SIZE_HINT]: body.length,
      },
    });

  test('that a visitor waits for is of quality 9 at most', async () => {
    const sendable = long();
    const { body } = await variantOf(sendable, 'br');
    const qualities = [5, 6, 7, 8, 9].filter((quality) => brotli(sendable.answer.body, quality).equals(body));
    expect(qualities).toHaveLength(1);
  });

  test('is done better beside: a smaller copy takes its place, with a tag of its own', async () => {
    const sendable = long();
    const quick = await variantOf(sendable, 'br');
    compressBeside(sendable, () => true);
    expect(await variantOf(sendable, 'br')).toBe(quick);
    await sendable.beside;
    const best = await variantOf(sendable, 'br');
    expect(best.body.length).toBeLessThan(quick.body.length);
    expect(best.body).toEqual(brotli(sendable.answer.body, 11));
    expect(best.etag).not.toBe(quick.etag);
    expect(sendable.variants.gzip).toBeDefined();
  });

  test('costs no one who holds the first copy another download', async () => {
    const sendable = long();
    const quick = await variantOf(sendable, 'br');
    compressBeside(sendable, () => true);
    await sendable.beside;
    const best = await variantOf(sendable, 'br');
    const server = createServer((request, response) =>
      send(response, 200, best, request.headers['if-none-match']),
    ).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (const etag of [quick.etag, best.etag]) {
      const answer = await ask(url, '/', { headers: { 'if-none-match': etag } });
      expect([answer.status, answer.headers.etag]).toEqual([304, etag]);
    }
    expect((await ask(url, '/', { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    await new Promise((resolve) => server.close(resolve));
  });

  test('is left when nobody is sent the answer any more, and never waited for by more than a few', async () => {
    const gone = long();
    compressBeside(gone, () => false);
    await gone.beside;
    expect(gone.variants.br).toBeUndefined();
    const many = Array.from({ length: 100 }, (_, i) => long(String(i)));
    for (const each of many) compressBeside(each, () => false);
    expect(many.filter((each) => each.beside)).toHaveLength(64);
    await many[0]?.beside;
    await many[63]?.beside;
    compressBeside(many[99]!, () => true);
    await many[99]?.beside;
    expect(many[99]?.variants.br?.before).toBeDefined();
  });
});
