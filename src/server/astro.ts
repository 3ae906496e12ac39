import type { IncomingMessage } from 'node:http';
import { createApp } from 'astro/app/entrypoint';
import type { Logger } from 'pino';
import type { Languages } from '#i18n/locales.ts';
import { localised } from '#i18n/paths.ts';
import { wordsIn } from '#i18n/words.ts';
import type { Foghorn } from '../foghorn.ts';
import { type Answer, toAnswer } from './answer.ts';

/**
 * Astro, fed with requests that are built from SITE_URL, so that nothing it makes can hold a Host that someone invented. A page is one
 * route in every language: the address's language comes to it beside the request, and routes never see it.
 */
export type Pages = {
  /** The pattern of the route that lies at a request target, as auth/routes.ts names it; null when there is none. */
  routeAt: (target: string) => string | null;
  /** A page for everyone: without cookies, query or headers. */
  renderShared: (foghorn: Foghorn, path: string) => Promise<Answer>;
  renderFor: (
    foghorn: Foghorn,
    request: IncomingMessage,
    input: { target: string; body: Buffer | null; clientAddress: string; requestId: string },
  ) => Promise<Answer>;
};

/** What a proxy or Node itself decides; never the page's business. */
const NOT_PASSED_ON = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'expect',
  'te',
  'trailer',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-original-url',
  'x-rewrite-url',
]);

export function createPages(siteUrl: string, languages: Languages, log: Logger): Pages {
  const app = createApp({ streaming: false });
  const { origin } = new URL(siteUrl);
  app.logger.setDestination({
    write: ({ level, label, message }) => {
      if (level === 'error') log.error({ label }, message);
      else if (level === 'warn') log.warn({ label }, message);
    },
  });

  async function render(
    foghorn: Foghorn,
    asked: string,
    init: RequestInit,
    clientAddress: string,
    requestId: string,
  ): Promise<Answer> {
    const { locale, target } = localised(asked, languages);
    const request = new Request(origin + target, init);
    const locals: App.Locals = {
      ctx: foghorn.contextFor({ kind: 'visitor' }),
      words: wordsIn(locale, languages),
      user: null,
      clientAddress,
      requestId,
      resendWebhookSecret: null,
    };
    return toAnswer(await app.render(request, { locals, clientAddress, addCookieHeader: true }));
  }

  return {
    routeAt: (target) => app.match(new Request(origin + localised(target, languages).target))?.route ?? null,
    renderShared: (foghorn, path) => render(foghorn, path, {}, '', 'shared'),
    renderFor: (foghorn, request, { target, body, clientAddress, requestId }) => {
      const headers = new Headers();
      for (let i = 0; i < request.rawHeaders.length; i += 2) {
        const name = (request.rawHeaders[i] as string).toLowerCase();
        if (!NOT_PASSED_ON.has(name)) headers.append(name, request.rawHeaders[i + 1] as string);
      }
      // What a HEAD is answered must be as long as what a GET is; Node leaves the body out.
      const method = request.method === 'HEAD' ? 'GET' : (request.method as string);
      const init: RequestInit = { method, headers };
      if (body && method !== 'GET') init.body = new Uint8Array(body);
      return render(foghorn, target, init, clientAddress, requestId);
    },
  };
}
