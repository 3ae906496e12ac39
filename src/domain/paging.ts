import type { CallClock, CallKind } from './calls.ts';
import type { DeliveryState } from './deliveries.ts';
import { HOOK_CHANNELS, type PlaceChannel } from './hooks.ts';
import type { Severity } from './severity.ts';
import type { Instant } from './time.ts';

/** Where staff are called beside mail: chat rooms, and pagers that take what PagerDuty's Events API v2 takes. */
export const PLACE_CHANNELS = [
  ...HOOK_CHANNELS.filter((channel) => channel !== 'webhook'),
  'pager',
] as const satisfies readonly PlaceChannel[];

/** Which of the calls a place gets. */
export const CALLED_FOR = ['all', 'pressing'] as const;
export type CalledFor = (typeof CALLED_FOR)[number];

export const CALLED_FOR_WORDS: Record<CalledFor, { label: string; meaning: string }> = {
  all: { label: 'Every call', meaning: 'Reminders before a word is due, too.' },
  pressing: {
    label: 'What cannot wait',
    meaning:
      'The first word after a declaration, a word that is due or late, a role that nobody has, mail that does not leave. No reminder before, and no question about the pace, or about what could wait for the next business day.',
  },
};

/** PagerDuty's own; others speak the same and have another. */
export const PAGERDUTY_URL = 'https://events.pagerduty.com/v2/enqueue';

/** Whether a place is called about this, as its owner chose. */
export function isCalled(
  place: { severities: readonly Severity[]; calls: CalledFor },
  severity: Severity,
  call: { clock: CallClock; kind: CallKind },
): boolean {
  return place.severities.includes(severity) && (place.calls === 'all' || isPressing(call));
}

/** What wakes someone: nobody has spoken yet, a word is due or late, or nobody is there to say it. */
export function isPressing({ clock, kind }: { clock: CallClock; kind: CallKind }): boolean {
  return kind !== 'before' && clock !== 'pace' && clock !== 'answer';
}

/** What to look at when a place says that a call cannot be taken as it is. */
export function refusalFix(channel: (typeof PLACE_CHANNELS)[number]): string {
  return channel === 'pager'
    ? 'Check its address and its routing key, then send a test.'
    : 'Check its address, then send a test.';
}

/** As the Events API v2 calls them. A chat is told of triggers alone. */
export type PagerAction = 'trigger' | 'acknowledge' | 'resolve';

/**
 * What a pager knows an alert about an incident's clock by, from its first call to its end: at most 255 characters. A call by the key of an
 * alert that someone has acknowledged rings nobody, so what is called after that has the next number.
 */
export function dedupKey(incidentId: string, clock: CallClock, alert: number): string {
  const end = `-${clock}${alert > 1 ? `-${alert}` : ''}`;
  return `foghorn-${incidentId}`.slice(0, 255 - end.length) + end;
}

/** One word that a place was to be told of a clock. */
export type PagingWord = {
  deliverySeq: number;
  action: PagerAction;
  /** What it was about: when that stretch of the clock ran out. */
  due: Instant;
  at: Instant;
  state: DeliveryState;
  /** Calls of it that failed: whoever was called may have it all the same. */
  attempts: number;
};

/** What is so now of the clock and the place. */
export type PagingStanding = {
  isPager: boolean;
  /** Its calls failed, so nothing is sent there until someone lets it. */
  rests: boolean;
  /** Nothing is sent there ever again. */
  gone: boolean;
  /** Whether the word is still awaited that the last call was about. */
  awaited: boolean;
  /** When someone said of this clock that they have it, and still does; null when nobody does. */
  heldSince: Instant | null;
};

export type FollowUp = {
  /** What waits and says nothing true any more. */
  drop: number[];
  say: 'acknowledge' | 'resolve' | null;
  /** Of which alerts it is said. */
  alerts: number[];
  /** Nothing has to follow, whatever happens. */
  close: boolean;
};

/**
 * What follows what a place was told of one clock. The words are in order, the last call at the end of the triggers. Nothing is said while
 * the outcome of something else is open, so a pager hears of an end after the call that it ends, or of neither.
 */
export function followUpOf(words: readonly PagingWord[], standing: PagingStanding): FollowUp {
  const { isPager, rests, gone, awaited, heldSince } = standing;
  const last = words.findLast(({ action }) => action === 'trigger');
  if (!last) return { drop: [], say: null, alerts: [], close: true };
  const over = gone || !awaited;
  const held = heldSince !== null && heldSince >= last.at;
  const drop = words
    .filter(({ state, action }) => state === 'queued' && isStale(action, { over, held, gone }))
    .map(({ deliverySeq }) => deliverySeq);
  const isDropped = ({ deliverySeq }: PagingWord) => drop.includes(deliverySeq);
  const silent = { drop, say: null, alerts: [] };
  const wait: FollowUp = { ...silent, close: false };
  if (words.some(({ state }) => state === 'in_batch')) return wait;
  if (gone) return { ...silent, close: true };
  if (rests) return wait;
  if (!isPager) return { ...silent, close: over };
  const after = words.slice(words.indexOf(last) + 1).filter((word) => !isDropped(word));
  const said = (action: PagerAction) => after.some((word) => word.action === action && isSaid(word));
  const { open, ringing } = alertsOf(words);
  if (over) {
    if (after.some(({ state }) => state === 'queued')) return wait;
    return open.length && !said('resolve')
      ? { drop, say: 'resolve', alerts: open, close: false }
      : { ...silent, close: true };
  }
  return held && ringing.length ? { drop, say: 'acknowledge', alerts: ringing, close: false } : wait;
}

/**
 * The alerts, from 1, that these words are about: another one begins with the first call after each "I have it". The numbers go by what was
 * said and not by what came of it, so that they are the same whenever it is asked.
 */
export function alertsOf(words: readonly Omit<PagingWord, 'deliverySeq' | 'due' | 'at'>[]): {
  /** The one that the next call belongs to. */
  next: number;
  /** Those that the pager may hold open. */
  open: number[];
  /** Of those, the ones of which nobody has said that they have it. */
  ringing: number[];
} {
  let next = 1;
  const open = new Set<number>();
  const ringing = new Set<number>();
  let isHeld = false;
  for (const word of words) {
    const isTaken = word.state === 'accepted' || word.state === 'uncertain';
    if (word.action === 'acknowledge') {
      isHeld = true;
      if (isSaid(word)) ringing.clear();
    } else if (word.action === 'resolve') {
      // It was said of all that there were.
      for (const alerts of isTaken ? [open, ringing] : []) alerts.clear();
    } else {
      if (isHeld) next++;
      isHeld = false;
      // Whatever failed may have come all the same.
      for (const alerts of isTaken || word.attempts > 0 ? [open, ringing] : []) alerts.add(next);
    }
  }
  return { next: isHeld ? next + 1 : next, open: [...open], ringing: [...ringing] };
}

function isStale(action: PagerAction, now: { over: boolean; held: boolean; gone: boolean }): boolean {
  if (now.gone) return true;
  if (action === 'resolve') return false;
  return now.over || (now.held && action === 'trigger');
}

/** Whether it was said, or refused as it is: to say it again would change nothing. What a rest kept back may be said after it. */
function isSaid({ state }: Pick<PagingWord, 'state'>): boolean {
  return state !== 'suppressed' && state !== 'superseded';
}
