import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Answer } from '#server/answer.ts';
import { acceptedEncoding, makeRest, makeSendable, variantOf } from '#server/cache/sendable.ts';

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
    await makeRest(sendable);
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
