import type { IncomingMessage } from 'node:http';
import { isBehindDoor } from '#auth/routes.ts';
import { sameSecret } from '#auth/tokens.ts';
import type { Languages } from '#i18n/locales.ts';
import { localeOfPath, movedTo, prefixOf } from '#i18n/paths.ts';
import { type Answer, jsonAnswer, textAnswer, withHeaders } from './answer.ts';
import { readBody } from './body.ts';
import type { PageCache } from './cache/pageCache.ts';
import { isShared, normalPath } from './cache/paths.ts';
import type { Sendable } from './cache/sendable.ts';
import { isDirectLoopback } from './client.ts';
import { type Gate, privately } from './gate.ts';
import type { Outcome } from './http.ts';
import { isForOthers } from './security.ts';

export type RouterOptions = {
  siteUrl: string;
  isKnownHost: (host: string) => boolean;
  /** At these the page used to be. */
  formerHosts: readonly string[];
  files: ReadonlyMap<string, Sendable>;
  cache: PageCache;
  /** `worker` answers for its health alone. */
  servesPages: boolean;
  /** The pattern of our route at this path, which is a request target; null when there is none. */
  routeAt: (target: string) => string | null;
  gate: Gate;
  languages: Languages;
  /** Answers what is not the same for everyone. `body` is null when there is none. */
  dynamic: (request: IncomingMessage, target: string, body: Buffer | null) => Promise<Answer>;
  health: { live: () => Answer; ready: () => Promise<Answer>; metrics: () => Promise<Answer> };
  metricsToken: string | null;
};

const MAX_TARGET = 4096;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Decides who answers a request that the hot path did not: every refusal comes before anything is rendered or read. */
export async function route(request: IncomingMessage, options: RouterOptions): Promise<Outcome> {
  const method = request.method ?? 'GET';
  const { target, host } = readTarget(request);
  const reads = method === 'GET' || method === 'HEAD';

  if (target === '/healthz' && reads) return { answer: options.health.live() };
  if (target === '/readyz' && reads) return { answer: await options.health.ready() };
  if ([host, host.replace(/:(80|443)$/, '')].some((one) => options.formerHosts.includes(one)))
    return movedAway(options.siteUrl + (target.startsWith('/') ? target : '/'));
  if (!options.isKnownHost(host)) return misdirected(host, options.siteUrl);
  if (!METHODS.has(method)) return badMethod(method);
  if (target.length > MAX_TARGET)
    return plain(414, 'The address of this request is longer than 4,096 characters.');
  const path = normalPath(target);
  if (path === null) return plain(400, 'The address of this request is not a valid path.');
  if (path === '/metrics') return metrics(request, options);
  if (!options.servesPages)
    return plain(404, `This process serves no pages. They are at ${options.siteUrl}.`);

  const now = reads ? movedTo(path, options.languages) : null;
  // Not for good: the languages may be others tomorrow.
  if (now)
    return plain(307, `This page is at ${now}`, {
      location: encodeURI(now),
      ...(isForOthers(path) && { 'access-control-allow-origin': '*' }),
    });
  const file = options.files.get(path);
  if (file) return reads ? { sendable: file } : notAllowed(path, method);
  // No page is rendered for it, and it is the same wherever it is asked.
  if (method === 'OPTIONS') return notAllowed(path, method);
  const { gate } = options;
  if (gate.isOpen()) {
    const outcome = await routed(request, path, target, options);
    // It may have been closed meanwhile.
    return gate.isOpen() ? outcome : throughDoor(request, path, target, options, async () => outcome);
  }
  return throughDoor(request, path, target, options, () => routed(request, path, target, options));
}

/** What lies at a path of a page that is private, or was when it was last heard of. */
async function throughDoor(
  request: IncomingMessage,
  path: string,
  target: string,
  { gate, languages, routeAt }: RouterOptions,
  answer: () => Promise<Outcome>,
): Promise<Outcome> {
  // What is not there is answered by a page that says how things are.
  const isBehind = path.startsWith('/_') || isBehindDoor(routeAt(target));
  const door = `${prefixOf(localeOfPath(path, languages), languages)}/enter`;
  const asked = await gate.ask(request, { path, target, door, isBehind });
  if (typeof asked === 'object') return { answer: asked };
  if (asked === 'open') return answer();
  if (path === '/robots.txt') return plain(200, 'User-agent: *\nDisallow: /');
  return privately(await answer());
}

/** What lies at a path, for whoever may see it. */
async function routed(
  request: IncomingMessage,
  path: string,
  target: string,
  options: RouterOptions,
): Promise<Outcome> {
  const method = request.method ?? 'GET';
  const reads = method === 'GET' || method === 'HEAD';
  if (isShared(path)) return reads ? shared(path, options) : notAllowed(path, method);
  if (path.length > 1 && path.endsWith('/') && reads) return moved(path, target);
  if (path.startsWith('/_') || options.routeAt(target) === null) return missing(path, options);

  const body = await readBody(request);
  if (body.outcome === 'too_large')
    return plain(413, 'The body of this request is larger than 1 MB, which is all that is taken.');
  if (body.outcome === 'gone') return plain(400, 'The request ended before its body did.');
  return { answer: await options.dynamic(request, target, body.bytes) };
}

async function shared(path: string, { cache }: RouterOptions): Promise<Outcome> {
  const { kind, sendable } = await cache.get(path);
  // Who asks for JSON is told in JSON; pages have a page of their own for this.
  if (kind === 'failed' && path.endsWith('.json')) return inJson(503, UNREADABLE, { 'retry-after': '5' });
  return { sendable };
}

/** One and the same answer for every path at which there is nothing: it is rendered once a language, whatever is asked for. */
async function missing(path: string, options: RouterOptions): Promise<Outcome> {
  if (path.startsWith('/api/'))
    return {
      answer: {
        status: 404,
        headers: [
          ['content-type', 'application/json; charset=utf-8'],
          ['cache-control', 'no-store'],
        ],
        body: Buffer.from(JSON.stringify({ error: { message: 'There is nothing at this address.' } })),
      },
    };
  const { languages } = options;
  return shared(`${prefixOf(localeOfPath(path, languages), languages)}/404`, options);
}

async function metrics(request: IncomingMessage, options: RouterOptions): Promise<Outcome> {
  const bearer = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  const allowed = bearer
    ? options.metricsToken !== null && sameSecret(bearer, options.metricsToken)
    : isDirectLoopback(request);
  if (allowed) return { answer: await options.health.metrics() };
  return plain(
    401,
    'Metrics are for this machine, or for who sends METRICS_TOKEN as Authorization: Bearer TOKEN.',
  );
}

/** The path alone decides; an absolute-form target (RFC 9112, section 3.2.2) names its host itself. */
function readTarget(request: IncomingMessage): { target: string; host: string } {
  const target = request.url ?? '/';
  const host = (request.headers.host ?? '').toLowerCase();
  if (!/^https?:\/\//i.test(target)) return { target, host };
  const url = URL.parse(target);
  return url ? { target: url.pathname + url.search, host: url.host } : { target, host };
}

function misdirected(host: string, siteUrl: string): Outcome {
  const asked = host ? 'under another name' : 'without a Host';
  return plain(
    421,
    `This status page is at ${siteUrl}, but was asked for ${asked}. If that name is right, set SITE_URL to it.`,
  );
}

/** For good, with the method and the body that it had: whoever calls us there is to call us here. */
function movedAway(to: string): Outcome {
  return plain(308, `This page is at ${to}`, { location: to });
}

function badMethod(method: string): Outcome {
  const known = method === 'TRACE' || method === 'CONNECT';
  return plain(known ? 405 : 501, 'Foghorn does not know this method.', { allow: [...METHODS].join(', ') });
}

function notAllowed(path: string, method: string): Outcome {
  const allow = isShared(path) ? 'GET, HEAD, OPTIONS' : 'GET, HEAD, POST, OPTIONS';
  if (method !== 'OPTIONS')
    return path.endsWith('.json')
      ? inJson(405, 'This can only be read.', { allow })
      : plain(405, 'This can only be read.', { allow });
  const answer = withHeaders(textAnswer(204, '', { allow }), { 'content-type': null });
  return { answer: withHeaders({ ...answer, body: Buffer.alloc(0) }, isForOthers(path) ? PREFLIGHT : {}) };
}

const UNREADABLE = 'We cannot read our own records at this moment and are trying again every few seconds.';

/** What a page of another origin may ask here, which is to read, conditionally too. */
const PREFLIGHT = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, HEAD, OPTIONS',
  'access-control-allow-headers': '*',
  'access-control-max-age': '86400',
};

/** A refusal by the public API, in its own shape. */
function inJson(status: number, error: string, headers: Record<string, string>): Outcome {
  const cors = { 'access-control-allow-origin': '*' };
  return { answer: withHeaders(jsonAnswer(status, { error }), { ...cors, ...headers }) };
}

/** `path` has no double slash, so where it leads is always here. */
function moved(path: string, target: string): Outcome {
  const query = target.indexOf('?');
  const to = encodeURI(path.slice(0, -1)) + (query === -1 ? '' : target.slice(query));
  return plain(308, `This page is at ${to}`, { location: to });
}

function plain(status: number, text: string, headers: Record<string, string> = {}): Outcome {
  return { answer: textAnswer(status, text, headers) };
}
