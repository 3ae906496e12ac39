import { randomUUID } from 'node:crypto';
import type { APIContext, MiddlewareHandler } from 'astro';
import { safeNext } from '#auth/next.ts';
import { refuse } from '#auth/refusal.ts';
import { accessOf } from '#auth/routes.ts';
import { presentedSession, readSession } from '#auth/sessions.ts';
import { unsafeMethodProblem } from '#auth/unsafeMethods.ts';
import { AppError, httpStatus } from '#domain/errors.ts';
import { HOUSE_LOCALE, isLocale, type Locale } from '#i18n/locales.ts';
import { wordsIn } from '#i18n/words.ts';
import { getFoghorn } from '#server/context.ts';

/**
 * Who is asking, and may they: closed unless `auth/routes.ts` opens the route. Public routes read no cookie and touch no database
 * here, so that what they answer can be kept for everyone. An installation that will not open throws, and the server answers.
 */
export const onRequest: MiddlewareHandler = async (context, next) => {
  const { request, locals, routePattern } = context;
  const access = accessOf(routePattern);
  // A file that is made when the site is built: nobody asks, and there is no database.
  if (context.isPrerendered && access === 'public') return next();
  const foghorn = await getFoghorn();
  // The server fills these in; `astro dev` has none of ours.
  locals.clientAddress ??= import.meta.env.DEV ? context.clientAddress : 'unknown';
  locals.requestId ??= randomUUID();
  locals.words ??= wordsIn(devLocale(context), foghorn.config.languages);
  locals.user = null;
  locals.resendWebhookSecret = foghorn.config.resendWebhookSecret;
  locals.ctx = foghorn.contextFor({ kind: 'visitor' });

  const { headers, method } = request;
  const problem = unsafeMethodProblem({ method, headers, access, siteUrl: foghorn.config.siteUrl });
  if (problem)
    return refuse(request, {
      status: 403,
      what: problem,
      fix: 'Open the page here and send the form again.',
      link: foghorn.config.siteUrl,
    });
  if (access === 'public' || access === 'machine') return next();
  if (access === 'bearer')
    return refuse(request, {
      status: 401,
      what: 'This needs a token of the management API.',
      fix: 'Send it as Authorization: Bearer TOKEN.',
    });

  let cookie: string | null = null;
  const presented = presentedSession(foghorn.config.siteUrl, headers.get('cookie'));
  if (presented) {
    const session = await readSession(locals.ctx, presented);
    cookie = session.cookie;
    locals.user = session.user;
    if (session.user) locals.ctx = foghorn.contextFor(session.user);
  }
  const answer =
    access === 'session' && !locals.user ? notSignedIn(context) : await next().catch(inWords(context));
  return kept(answer, cookie);
};

/** The server sets the language; `astro dev` tells it in a header (astro.config.mjs). */
function devLocale({ request }: APIContext): Locale {
  const asked = import.meta.env.DEV ? request.headers.get('x-foghorn-locale') : null;
  return asked && isLocale(asked) ? asked : HOUSE_LOCALE;
}

/** What a page or a route of the admin refused and left to us: not there, not allowed, not so. Anything else is a fault. */
function inWords({ request }: APIContext): (error: unknown) => Response {
  return (error) => {
    if (!(error instanceof AppError)) throw error;
    const { message, fix = 'Go back and try again.' } = error;
    return refuse(request, {
      status: httpStatus(error),
      what: message,
      fix,
      link: '/admin',
      linkText: 'What is open now',
    });
  };
}

/** People who open a page are taken to sign in and back; a form or a script is told. */
function notSignedIn({ request, url, routePattern }: APIContext): Response {
  const mode = request.headers.get('sec-fetch-mode');
  const opensPage = /^(GET|HEAD)$/.test(request.method) && (mode === null || mode === 'navigate');
  if (opensPage && /^\/admin(\/|$)/.test(routePattern)) {
    const back = safeNext(url.pathname + url.search, '');
    const query = back ? `?next=${encodeURIComponent(back)}` : '';
    return new Response(null, { status: 303, headers: { Location: `/admin/login${query}` } });
  }
  return refuse(request, {
    status: 401,
    what: 'You are not signed in, or your session has ended.',
    fix: 'Sign in in another tab, then reload this page: your browser sends the form again, with all that you typed.',
    link: '/admin/login',
  });
}

/** What a signed-in person sees is kept by no cache; a renewed session goes with it, unless the page set or removed one itself. */
function kept(answer: Response, cookie: string | null): Response {
  // A copy, because the headers of a Response.redirect() cannot be changed.
  const response = new Response(answer.body, answer);
  response.headers.set('Cache-Control', 'no-store');
  const name = cookie?.split('=')[0];
  const setByPage = response.headers.getSetCookie().some((own) => own.startsWith(`${name}=`));
  if (cookie && !setByPage) response.headers.append('Set-Cookie', cookie);
  return response;
}
