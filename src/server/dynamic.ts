import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import { ANY_PREFIX } from '#i18n/paths.ts';
import { type Answer, headerOf, withHeaders } from './answer.ts';
import { VERSION_HEADER } from './cache/forEveryone.ts';
import { askedFor } from './cache/sendable.ts';
import type { Faults } from './fallback.ts';

const brotli = promisify(brotliCompress);
const deflate = promisify(gzip);

const SMALLEST_WORTH_COMPRESSING = 1400;
/** Pages whose body holds a token that opens something: compressed beside what a visitor typed, its length could give it away. */
const HOLDS_TOKEN = new RegExp(
  `^${ANY_PREFIX}/(subscription|confirm|unsubscribe|admin/(setup|join))(/|$|\\?)`,
);

/** Puts our own words where a route gave a status and no body. */
export async function withBody(answer: Answer, path: string, faults: Faults): Promise<Answer> {
  if (answer.body.length) return answer;
  if (answer.status === 404) return faults.missing(path);
  return answer.status === 500 ? faults.failed(path) : answer;
}

/** What was made for one visitor is kept by no one, unless its route says otherwise; text is compressed quickly. */
export async function finishDynamic(
  request: IncomingMessage,
  answer: Answer,
  target: string,
): Promise<Answer> {
  const kept = withHeaders(answer, {
    [VERSION_HEADER]: null,
    'cache-control': headerOf(answer, 'cache-control') ?? 'no-store',
  });
  const { encoding } = askedFor(request);
  const text = /^(text\/|application\/json)/.test(headerOf(answer, 'content-type') ?? '');
  if (encoding === 'identity' || !text || answer.body.length < SMALLEST_WORTH_COMPRESSING) return kept;
  if (HOLDS_TOKEN.test(target) || headerOf(answer, 'content-encoding')) return kept;
  const body =
    encoding === 'br'
      ? await brotli(answer.body, { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } })
      : await deflate(answer.body);
  return withHeaders({ ...kept, body }, { 'content-encoding': encoding, vary: 'accept-encoding' });
}
