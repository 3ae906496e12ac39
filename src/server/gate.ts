import type { IncomingMessage } from 'node:http';
import { hashSecret } from '#auth/tokens.ts';
import { AppError } from '#domain/errors.ts';
import type { PageAccess } from '#domain/pageAccess.ts';
import { type Answer, jsonAnswer, textAnswer, withHeaders } from './answer.ts';
import { makeSendable, type Sendable } from './cache/sendable.ts';
import type { Outcome } from './http.ts';
import { isForOthers } from './security.ts';

/**
 * The door of a private page. Until the database has once said who may see the page there is nothing to guard: what is on disk from before is there
 * only because everyone might see it.
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
  /** Something was changed in this process, maybe that: until `relearn` has ended, or failed, the hot path waits. */
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
};

/** While the database cannot say whose session that is, one that it knew is believed for so long. */
const BELIEVED_MS = 12 * 60 * 60_000;
const MOST_BELIEVED = 10_000;

export function createGate({ admits, onClosed }: GateOptions): Gate {
  let access: PageAccess | null = null;
  let learning: Promise<void> | null = null;
  let tickets = 0;
  let learned = 0;
  const isClosed = () => access !== null && access.mode !== 'everyone';

  return {
    isOpen: () => learning === null && !isClosed(),
    isPrivate: isClosed,
    ticket: () => ++tickets,
    learn: (ticket, read) => {
      if (ticket < learned) return;
      learned = ticket;
      const wasClosed = isClosed();
      access = read;
      if (isClosed() && !wasClosed) onClosed();
    },
    changed: (relearn) => {
      const mine: Promise<void> = relearn().then(ended, ended);
      function ended(): void {
        if (learning === mine) learning = null;
      }
      learning = mine;
    },
    ask: async (request, where) => {
      while (learning) await learning;
      if (!access || access.mode === 'everyone') return 'open';
      try {
        if (!where.isBehind || (await admits(request, access))) return 'admitted';
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        return textAnswer(429, `${error.message} ${error.fix ?? ''}`, {
          'retry-after': String(error.retryAfter ?? 60),
        });
      }
      return shut(request, access, where);
    },
  };
}

/** Asks the database for sessions, and believes what it said before when it cannot be asked. */
export function createAdmission(ask: GateOptions['admits'], now: () => number): GateOptions['admits'] {
  const believed = new Map<string, number>();
  return async (request, access) => {
    const shown = hashSecret(`${request.headers.cookie ?? ''}\n${access.mode}\n${access.passwordHash ?? ''}`);
    try {
      const admitted = await ask(request, access);
      believed.delete(shown);
      if (admitted) {
        if (believed.size >= MOST_BELIEVED) believed.delete(believed.keys().next().value as string);
        believed.set(shown, now());
      }
      return admitted;
    } catch (error) {
      if (error instanceof AppError) throw error;
      return now() - (believed.get(shown) ?? Number.NEGATIVE_INFINITY) < BELIEVED_MS;
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
  // A browser asks for the password itself where it opens a feed or a file, but not for what a page fetches beside.
  const scheme =
    mode === 'password' && opened
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
