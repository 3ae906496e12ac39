import type { IncomingMessage } from 'node:http';
import { hashSecret } from '#auth/tokens.ts';
import { AppError, httpStatus } from '#domain/errors.ts';
import type { PageAccess } from '#domain/pageAccess.ts';
import { type Answer, jsonAnswer, textAnswer, withHeaders } from './answer.ts';
import { makeSendable, type Sendable } from './cache/sendable.ts';
import type { Outcome } from './http.ts';
import { isForOthers } from './security.ts';

/**
 * The door of a private page. Until the database has once said who may see the page only what is on disk from before can be shown, and that is taken
 * away when the page is closed.
 */
export type Gate = {
  /** Nobody is asked anything: the hot path may answer. */
  isOpen: () => boolean;
  /** Nothing of the page may be kept where others could read it. */
  isPrivate: () => boolean;
  /** Taken before the database is asked, so that of two answers the one that was asked for last counts. */
  ticket: () => number;
  /** Who may see the page, as the database said. */
  learn: (ticket: number, access: PageAccess) => void;
  /** That was changed in this process: until it is learned anew nobody is let in, however long that takes. */
  changed: (relearn: () => Promise<unknown>) => void;
  /** `admitted` to a private page; else what a request is told that may not see it. */
  ask: (request: IncomingMessage, where: Where) => Promise<'open' | 'admitted' | Answer>;
};

/** `isBehind`: the door stands before this address; what is not passes. `door` is where people give the password. */
type Where = { path: string; target: string; door: string; isBehind: boolean };

export type GateOptions = {
  admits: (request: IncomingMessage, access: PageAccess) => Promise<boolean>;
  /** The page is private by now: what is kept of it outside is to go. */
  onClosed: () => void;
  /** Resolves after so many milliseconds, for bounded waits. */
  wait: (ms: number) => Promise<void>;
  /** What to answer while it is not known who may see the page. */
  unavailable: (path: string) => Promise<Answer>;
};

/** While the database cannot say whose session that is, one that it knew is believed for so long. */
const BELIEVED_MS = 12 * 60 * 60_000;
const MOST_BELIEVED = 10_000;
/** How long a visitor waits for a database that does not answer. */
const PATIENCE_MS = 2_000;
/** After that it is not asked again for so long. */
const REST_MS = 1_000;

export function createGate({ admits, onClosed, wait, unavailable }: GateOptions): Gate {
  let access: PageAccess | null = null;
  let learning: Promise<unknown> | null = null;
  let tickets = 0;
  let learned = 0;
  /** What was asked for before this is of no use any more. */
  let changedAt = 0;
  const isClosed = () => access !== null && access.mode !== 'everyone';

  return {
    isOpen: () => learning === null && !isClosed(),
    isPrivate: () => learning !== null || isClosed(),
    ticket: () => ++tickets,
    learn: (ticket, read) => {
      if (ticket < learned || ticket <= changedAt) return;
      learned = ticket;
      learning = null;
      const wasClosed = isClosed();
      access = read;
      if (isClosed() && !wasClosed) onClosed();
    },
    changed: (relearn) => {
      changedAt = tickets;
      // When it fails, the next look at the page's version tells.
      learning = relearn().catch(() => undefined);
    },
    ask: async (request, where) => {
      if (learning) await Promise.race([learning, wait(PATIENCE_MS)]);
      if (learning) return where.isBehind ? unavailable(where.path) : 'admitted';
      if (!access || access.mode === 'everyone') return 'open';
      try {
        if (!where.isBehind || (await admits(request, access))) return 'admitted';
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        const told = shut(request, access, where);
        // People are told at the door itself how long to wait.
        if (told.status === 303) return told;
        const { message, fix = '', retryAfter = 60 } = error;
        return textAnswer(httpStatus(error), `${message} ${fix}`, { 'retry-after': String(retryAfter) });
      }
      return shut(request, access, where);
    },
  };
}

/** Asks the database for sessions, and believes what it said before when it does not answer. */
export function createAdmission(
  ask: GateOptions['admits'],
  { now, wait }: { now: () => number; wait: (ms: number) => Promise<void> },
): GateOptions['admits'] {
  const believed = new Map<string, number>();
  let restsUntil = 0;
  return async (request, access) => {
    const { cookie, authorization } = request.headers;
    // A password is looked at each time, and takes its time: that says nothing of the database.
    if (!cookie || authorization) return ask(request, access);
    const shown = hashSecret(`${cookie}\n${access.mode}\n${access.passwordHash}`);
    const isBelieved = () => now() - (believed.get(shown) ?? Number.NEGATIVE_INFINITY) < BELIEVED_MS;
    if (now() < restsUntil && isBelieved()) return true;
    const asked = ask(request, access);
    try {
      const admitted = await Promise.race([
        asked,
        wait(PATIENCE_MS).then(() => Promise.reject(new Error('The database does not answer.'))),
      ]);
      believed.delete(shown);
      if (admitted) {
        if (believed.size >= MOST_BELIEVED) believed.delete(believed.keys().next().value as string);
        believed.set(shown, now());
      }
      return admitted;
    } catch (error) {
      if (error instanceof AppError) throw error;
      asked.catch(() => undefined);
      restsUntil = now() + REST_MS;
      return isBelieved();
    }
  };
}

const PRIVATE = 'This status page is private.';

/** People who open a page are led to where they can come in; programs are told how. */
function shut(request: IncomingMessage, { mode }: PageAccess, { path, target, door }: Where): Answer {
  const fetched = request.headers['sec-fetch-mode'];
  const opened =
    /^(GET|HEAD)$/.test(request.method ?? '') && (fetched === undefined || fetched === 'navigate');
  const forPeople = opened && !isForOthers(path) && request.headers.accept?.includes('text/html');
  if (forPeople) {
    const location = `${mode === 'password' ? door : '/admin/login'}?next=${encodeURIComponent(target)}`;
    return textAnswer(303, `${PRIVATE} Its door is at ${location}`, { location });
  }
  // A browser asks for the password itself where someone opens a feed or a file, but not for what a page fetches or frames.
  const dest = request.headers['sec-fetch-dest'];
  const isOpened = opened && (dest === undefined || dest === 'document');
  const scheme =
    mode === 'password' && isOpened
      ? 'Basic realm="Status page", charset="UTF-8"'
      : 'Session realm="Status page"';
  const fix =
    mode === 'password'
      ? 'Send its password by HTTP Basic authentication, with any user name.'
      : 'Sign in, in a browser, to see it.';
  const answer = path.endsWith('.json')
    ? jsonAnswer(401, { error: `${PRIVATE} ${fix}` })
    : textAnswer(401, `${PRIVATE} ${fix}`);
  return withHeaders(answer, {
    'www-authenticate': scheme,
    ...(isForOthers(path) && { 'access-control-allow-origin': '*' }),
  });
}

const ALONE = {
  'cache-control': 'private, no-cache',
  // RFC 9213: for caches that were told to keep everything.
  'cdn-cache-control': 'no-store',
  'x-robots-tag': 'noindex',
};
const twins = new WeakMap<Sendable, Sendable>();

/** The same for whoever was let in: their browser may keep it, nobody between. */
export function privately(outcome: Outcome): Outcome {
  if ('answer' in outcome) {
    const said = outcome.answer.headers.find(([name]) => name === 'cache-control')?.[1];
    const kept = said && /\bno-store\b/.test(said) ? { 'cache-control': said } : {};
    return { answer: withHeaders(outcome.answer, { ...ALONE, ...kept }) };
  }
  let twin = twins.get(outcome.sendable);
  if (!twin) {
    twin = makeSendable(withHeaders(outcome.sendable.answer, ALONE));
    twins.set(outcome.sendable, twin);
  }
  return { sendable: twin };
}
