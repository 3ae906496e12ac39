import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import { mayEnter } from '#auth/door.ts';
import { newId } from '#auth/tokens.ts';
import type { Config } from '#config';
import type { Changed } from '#db/context.ts';
import { getPageAccess, getPageVersion } from '#db/page.ts';
import { robotsText } from '#formats/sitemap.ts';
import type { Foghorn } from '../foghorn.ts';
import { type Answer, textAnswer, withHeaders } from './answer.ts';
import { createPages } from './astro.ts';
import type { LastGood } from './cache/lastGood.ts';
import { createPageCache, type PageCache } from './cache/pageCache.ts';
import { normalPath } from './cache/paths.ts';
import { compressBeside } from './cache/sendable.ts';
import { clientAddress } from './client.ts';
import { finishDynamic, withBody } from './dynamic.ts';
import { createFaults } from './fallback.ts';
import { createAdmission, createGate } from './gate.ts';
import { createHealth } from './health.ts';
import { knownHosts } from './hosts.ts';
import { createHttpServer, type HttpServer } from './http.ts';
import { registerCache, requests } from './metrics.ts';
import { basePath, placed, withoutBase } from './place.ts';
import { route } from './router.ts';
import { secured } from './security.ts';
import { createShared } from './shared.ts';
import { clientFolder, loadStaticFiles } from './staticFiles.ts';

export type Web = {
  cache: PageCache;
  /** Reads who may see the page: before anything is rendered. May reject. */
  learnAccess: (foghorn: Foghorn) => Promise<void>;
  /** Something was committed in this process. */
  changed: (what: Changed) => void;
  /** Listens; known hosts include the loopback names when that is where it listens. @returns the port */
  listen: () => Promise<number>;
  stop: HttpServer['stop'];
};

export type WebOptions = {
  config: Config;
  log: Logger;
  lastGood: LastGood;
  /** The installation, once it is open. */
  opened: () => Foghorn | null;
  wait: (ms: number) => Promise<void>;
};

/** Wires pages, cache, files and health to one HTTP server. */
export function createWeb({ config, log, lastGood, opened, wait }: WebOptions): Web {
  const { siteUrl } = config;
  const pages = createPages(siteUrl, config.languages, log);
  const base = basePath(siteUrl);
  const finish = (answer: Answer, path: string) => placed(secured(answer, path, siteUrl), base);
  const faults = createFaults({
    languages: config.languages,
    lastWord: async () => {
      const word = gate.isPrivate() ? null : await cache.lastWord();
      // It may have been closed meanwhile.
      return gate.isPrivate() ? null : word;
    },
    now: Date.now,
  });
  const renderShared = createShared(pages, siteUrl, faults);
  const gate = createGate({
    // Files of pages that were public: they would be shown to anyone when there is no database to ask.
    onClosed: () => lastGood.clear(),
    wait,
    unavailable: faults.unavailable,
    admits: createAdmission(
      (request, access) =>
        mayEnter(required(opened()).contextFor({ kind: 'visitor' }), access, {
          cookies: request.headers.cookie ?? null,
          authorization: request.headers.authorization ?? null,
          address: clientAddress(request, config.trustedHops),
        }),
      { now: Date.now, wait },
    ),
  });
  const learnAccess = async ({ db }: Foghorn) => {
    const ticket = gate.ticket();
    gate.learn(ticket, await db.read(getPageAccess));
  };
  let hosts = new Set<string>();
  const isKnownHost = (host: string) => hosts.has(host);

  const cache = createPageCache({
    lastGood: { ...lastGood, keep: (path, kept) => void (gate.isPrivate() || lastGood.keep(path, kept)) },
    wait,
    now: Date.now,
    render: (path) => renderShared(required(opened()), path),
    readVersion: async () => {
      const ticket = gate.ticket();
      return required(opened()).db.read(async (tx) => {
        gate.learn(ticket, await getPageAccess(tx));
        return getPageVersion(tx);
      });
    },
    unavailable: async (path) => finish(await faults.unavailable(path), path),
    broken: async (path) => finish(await faults.failed(path), path),
    onFailure: (path, error) => {
      if (opened() && complain(path)) log.error({ path, err: error }, 'A page could not be rendered.');
    },
  });
  registerCache(cache);

  const files = loadStaticFiles(clientFolder(), finish);
  for (const file of files.values()) compressBeside(file, () => true);

  /** While there is no installation. Crawlers that get no answer to their first question stay away from everything. */
  const unopened = async (target: string) =>
    normalPath(target) === '/robots.txt'
      ? textAnswer(
          200,
          robotsText(
            siteUrl,
            config.languages.slice(1).map((locale) => `/${locale}`),
          ),
        )
      : faults.unavailable(target);

  const options = {
    siteUrl,
    isKnownHost,
    formerHosts: config.formerHosts,
    cache,
    files,
    servesPages: config.role !== 'worker',
    routeAt: pages.routeAt,
    gate,
    languages: config.languages,
    health: createHealth(opened, wait),
    metricsToken: config.metricsToken,
    dynamic: async (request: IncomingMessage, target: string, body: Buffer | null) => {
      const foghorn = opened();
      if (!foghorn) return unopened(target);
      const requestId = newId();
      requestIds.set(request, requestId);
      const address = clientAddress(request, config.trustedHops);
      const answer = await pages.renderFor(foghorn, request, {
        target,
        body,
        requestId,
        clientAddress: address,
      });
      return withHeaders(await withBody(answer, target, faults), { 'x-request-id': requestId });
    },
  };

  const http = createHttpServer({
    ...(base && { locate: (target: string) => withoutBase(target, base) }),
    peek: (target) => (gate.isOpen() ? cache.peek(target) : null),
    isKnownHost,
    bareHeaders: finish(textAnswer(400, ''), '/').headers.filter(([name]) => !name.startsWith('content-t')),
    answer: async (request) => {
      const outcome = await route(request, options);
      if ('sendable' in outcome) return outcome;
      const target = request.url ?? '/';
      return { answer: await finishDynamic(request, finish(outcome.answer, target), target) };
    },
    failure: async (request, error) => {
      log.error({ requestId: requestIds.get(request), err: error }, 'A request failed.');
      const target = request.url ?? '/';
      return finish(await faults.failed(target), target);
    },
    answered: (request, status, ms) => {
      requests.inc({ status: `${Math.floor(status / 100)}xx` });
      const requestId = requestIds.get(request);
      // Reads of kept pages and files, and refusals, which anyone can cause at any rate, are counted alone.
      if (!requestId) return;
      const fields = { requestId, method: request.method, path: speakable(request.url ?? ''), status };
      log.info({ ...fields, ms: Math.round(ms) }, 'request');
    },
  });

  return {
    cache,
    learnAccess,
    changed: (what) => {
      if (what === 'page') cache.changed();
      if (what === 'access') gate.changed(async () => learnAccess(required(opened())));
    },
    stop: http.stop,
    listen: () =>
      new Promise((resolve, reject) => {
        http.server.once('error', reject);
        http.server.listen({ port: config.port, host: config.host }, () => {
          const address = http.server.address();
          const port = typeof address === 'object' && address ? address.port : config.port;
          hosts = knownHosts({ siteUrl, listensOn: config.host, port });
          resolve(port);
        });
      }),
  };
}

const COMPLAINT_MS = 60_000;
const complaints = new Map<string, number>();

/** Whether it is time to say again that a path fails: while a database is away that is every second and path. */
function complain(path: string): boolean {
  const now = Date.now();
  if (now - (complaints.get(path) ?? 0) < COMPLAINT_MS) return false;
  if (complaints.size >= 1000) complaints.clear();
  complaints.set(path, now);
  return true;
}

const requestIds = new WeakMap<IncomingMessage, string>();

/** The path without its query, and without what is long enough to be a token: links in mails carry them. */
function speakable(target: string): string {
  return (target.split('?')[0] as string).replace(/[^/]{20,}/g, '…');
}

function required(foghorn: Foghorn | null): Foghorn {
  if (foghorn) return foghorn;
  throw new Error('The database is not open yet.');
}
