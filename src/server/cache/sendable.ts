import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { Answer } from '../answer.ts';

export type Encoding = 'br' | 'gzip' | 'identity';

/** One encoding of an answer with its header block ready to write: sending it costs one lookup and one write. */
export type Variant = {
  etag: string;
  head: string[];
  notModified: string[];
  body: Buffer;
  /** What it took the place of: whoever holds that holds the same page. */
  before?: Pick<Variant, 'etag' | 'notModified'>;
};

/**
 * An answer that is sent many times. Each encoding is made once, when it is first asked for, and then kept. `tag` depends on the
 * body alone, so that a render that changed nothing is still a 304 for everyone.
 */
export type Sendable = {
  answer: Answer;
  tag: string;
  variants: Partial<Record<Encoding, Variant>>;
  making: Partial<Record<Encoding, Promise<Variant>>>;
  /** Set once `compressBeside` has taken it on. */
  beside?: Promise<void>;
};

const SMALLEST_WORTH_COMPRESSING = 512;
const COMPRESSIBLE =
  /^(text\/|application\/(json|xml|javascript|atom\+xml|rss\+xml|manifest\+json)|image\/svg)/;
const ENCODINGS: readonly Encoding[] = ['br', 'gzip', 'identity'];
const SUFFIX: Record<Encoding, string> = { br: '-br', gzip: '-gz', identity: '' };
const BEST_SUFFIX = '-bb';

/** A visitor waits for it: 10 ms for a large page. */
const QUICK_QUALITY = 9;
/** About a twelfth smaller, and six times slower. */
const BEST_QUALITY = 11;

/** Small blocks, each with a code of its own: a page is styles, then markup, then a table, then a script. 1 to 2 % smaller, as quick. */
const GZIP = { level: 9, memLevel: 5 };

const brotli = promisify(brotliCompress);
const deflate = promisify(gzip);

export function makeSendable(answer: Answer): Sendable {
  const tag = createHash('sha256').update(answer.body).digest('base64url').slice(0, 22);
  const sendable: Sendable = { answer, tag, variants: {}, making: {} };
  if (!isCompressible(answer)) {
    const only = toVariant(sendable, 'identity', answer.body, null);
    for (const encoding of ENCODINGS) sendable.variants[encoding] = only;
  }
  return sendable;
}

/** The encoding asked for, at once when it exists. */
export function variantOf(sendable: Sendable, encoding: Encoding): Variant | Promise<Variant> {
  const ready = sendable.variants[encoding];
  if (ready) return ready;
  sendable.making[encoding] ??= compress(sendable.answer.body, encoding).then((body) => {
    const variant = toVariant(sendable, encoding, body, SUFFIX[encoding]);
    sendable.variants[encoding] = variant;
    delete sendable.making[encoding];
    return variant;
  });
  return sendable.making[encoding];
}

const MAX_WAITING = 64;
let waiting = 0;
let working: Promise<void> = Promise.resolve();

/**
 * Makes the encodings that nobody has asked for yet, then a smaller one for the many, beside the work of the moment and one answer
 * after the other: it never holds more than one thread. When many wait already it does nothing, and may be asked again.
 * @param isWanted whether the answer is still sent when its turn comes
 */
export function compressBeside(sendable: Sendable, isWanted: () => boolean): void {
  if (sendable.beside || waiting >= MAX_WAITING) return;
  waiting += 1;
  sendable.beside = working = working.then(async () => {
    try {
      if (isWanted() && isCompressible(sendable.answer)) await makeAll(sendable);
    } catch {
      // What was made on demand stays in use.
    } finally {
      waiting -= 1;
    }
  });
}

/** What is sent of an answer that is asked for again, in each encoding that makes it smaller. */
export async function bestForms({ answer }: Sendable): Promise<Partial<Record<'br' | 'gzip', Buffer>>> {
  if (!isCompressible(answer)) return {};
  const [br, gzip] = await Promise.all([brotliOf(answer.body, BEST_QUALITY), compress(answer.body, 'gzip')]);
  return { br, gzip };
}

async function makeAll(sendable: Sendable): Promise<void> {
  for (const encoding of ENCODINGS) await variantOf(sendable, encoding);
  const { etag, notModified } = sendable.variants.br as Variant;
  const body = await brotliOf(sendable.answer.body, BEST_QUALITY);
  sendable.variants.br = {
    ...toVariant(sendable, 'br', body, BEST_SUFFIX),
    before: { etag, notModified },
  };
}

/** Bytes that it may come to hold: the body and, roughly, its compressed forms. */
export function weight(sendable: Sendable): number {
  return Math.ceil(sendable.answer.body.length * 1.5) + 4096;
}

/** Writes the answer, or 304 (RFC 9110, section 13.1.2) when the visitor holds these very bytes. Node sends no body to a HEAD. */
export function send(
  response: ServerResponse,
  status: number,
  variant: Variant,
  ifNoneMatch: string | undefined,
): void {
  const held = ifNoneMatch !== undefined && status === 200 ? heldOf(variant, ifNoneMatch) : undefined;
  if (held) {
    response.writeHead(304, held.notModified);
    response.end();
    return;
  }
  response.writeHead(status, variant.head);
  response.end(variant.body);
}

/** The few request headers that the cache reads, without building the whole headers object. */
export type AskedFor = { host: string; encoding: Encoding; ifNoneMatch: string | undefined };

export function askedFor(request: IncomingMessage): AskedFor {
  const raw = request.rawHeaders;
  let host = '';
  let accepts = '';
  let ifNoneMatch: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    // Names are told apart by their length first: most headers cost one comparison of numbers.
    if (name.length === 4) {
      if (host === '' && name.toLowerCase() === 'host') host = raw[i + 1] as string;
    } else if (name.length === 15) {
      if (name.toLowerCase() === 'accept-encoding') accepts = raw[i + 1] as string;
    } else if (name.length === 13) {
      if (name.toLowerCase() === 'if-none-match') ifNoneMatch = raw[i + 1] as string;
    }
  }
  return { host, encoding: acceptedEncoding(accepts), ifNoneMatch };
}

const REMEMBERED_HEADERS = 64;
const remembered = new Map<string, Encoding>([['', 'identity']]);

/** The best encoding that an Accept-Encoding header allows (RFC 9110, section 12.5.3); brotli before gzip at equal weight. */
export function acceptedEncoding(header: string): Encoding {
  const known = remembered.get(header);
  if (known) return known;
  const weights = new Map<string, number>();
  for (const part of header.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim());
    const q = parameters.find((text) => text.startsWith('q='));
    weights.set(name, q ? Number(q.slice(2)) || 0 : 1);
  }
  const weightOf = (name: string) => weights.get(name) ?? weights.get('*') ?? 0;
  const br = weightOf('br');
  const gz = Math.max(weightOf('gzip'), weights.get('x-gzip') ?? 0);
  const best: Encoding = br > 0 && br >= gz ? 'br' : gz > 0 ? 'gzip' : 'identity';
  if (remembered.size >= REMEMBERED_HEADERS) remembered.clear();
  remembered.set(header, best);
  return best;
}

/** The one of these that the visitor holds: its 304 bears its own tag (RFC 9111, section 4.3.4). */
function heldOf(variant: Variant, ifNoneMatch: string): Variant['before'] {
  if (matchesTag(ifNoneMatch, variant.etag)) return variant;
  return variant.before && matchesTag(ifNoneMatch, variant.before.etag) ? variant.before : undefined;
}

/** Weak comparison, as If-None-Match asks: proxies that recompress mark our tags as weak. */
function matchesTag(ifNoneMatch: string, etag: string): boolean {
  if (ifNoneMatch === etag || ifNoneMatch === '*') return true;
  return ifNoneMatch.split(',').some((part) => part.trim().replace(/^W\//, '') === etag);
}

function isCompressible(answer: Answer): boolean {
  const type = answer.headers.find(([name]) => name === 'content-type')?.[1] ?? '';
  return answer.body.length >= SMALLEST_WORTH_COMPRESSING && COMPRESSIBLE.test(type);
}

function compress(body: Buffer, encoding: Encoding): Promise<Buffer> {
  if (encoding === 'identity') return Promise.resolve(body);
  if (encoding === 'gzip') return deflate(body, GZIP);
  return brotliOf(body, QUICK_QUALITY);
}

function brotliOf(body: Buffer, quality: number): Promise<Buffer> {
  return brotli(body, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: quality,
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_SIZE_HINT]: body.length,
    },
  });
}

/** @param suffix tells the encodings of one body apart; null when there is but one */
function toVariant(sendable: Sendable, encoding: Encoding, body: Buffer, suffix: string | null): Variant {
  const etag = `"${sendable.tag}${suffix ?? ''}"`;
  const common: string[] = ['etag', etag];
  if (suffix !== null) common.push('vary', 'accept-encoding');
  const head = [...common, 'content-length', String(body.length)];
  if (encoding !== 'identity') head.push('content-encoding', encoding);
  const notModified = [...common];
  for (const [name, value] of sendable.answer.headers) {
    head.push(name, value);
    // A 304 renews the stored headers; what describes the bytes stays as it was.
    if (!name.startsWith('content-') || name === 'content-security-policy') notModified.push(name, value);
  }
  return { etag, head, notModified, body };
}
