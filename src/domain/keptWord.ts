import { businessMsBetween, firstPublicDue, type Pace } from './cadence.ts';
import type { CallKind } from './calls.ts';
import { type AnyStatus, isOver } from './status.ts';
import { addMs, type Instant, MINUTE, msBetween } from './time.ts';

/** A public update, as far as keeping one's word goes. */
export type Said = {
  id: string;
  postedAt: Instant;
  /** What was promised for it when it was posted; null when nothing was. */
  wasDueAt: Instant | null;
  /** What it says the incident's status is. */
  status: AnyStatus;
  /** It was posted by itself, because nobody spoke. */
  automatic?: boolean;
};

export type KeptFacts = {
  /** What it was declared under, with what was agreed for it alone. */
  pace: Pace;
  /** Whether anyone minded its clock from the start: what was imported or written down later owed nobody a first word. */
  minded: boolean;
  declaredAt: Instant;
  /** null while it is open. */
  endedAt: Instant | null;
  /** What is promised now; null when nothing is. */
  nextDue: Instant | null;
  /** The oldest first. */
  said: readonly Said[];
  /** The calls that were made to staff about its public clock. */
  calls: readonly { due: Instant; at: Instant; kind: CallKind }[];
};

/**
 * `awaited`: its time has not come. `overdue`: it has, and nothing was said. `never`: the incident ended without a word. `automatic`: a
 * text was posted by itself in place of the word that nobody gave.
 */
export type Verdict = 'on_time' | 'late' | 'awaited' | 'overdue' | 'never' | 'automatic';

/** One promise and what became of it. */
export type Word = {
  /** null when it was not said, or not yet. */
  updateId: string | null;
  /** The first after the declaration is due by the policy; each after it by what the one before it promised. */
  isFirst: boolean;
  promised: Instant;
  posted: Instant | null;
  verdict: Verdict;
  /** How far past what was promised it was posted, or has come to by now; 0 when on time or awaited. */
  lateMs: number;
  reminders: number;
  /** Calls of the chain after it was late. */
  lateCalls: number;
};

export type Silence = { from: Instant; to: Instant; ms: number };

export type KeptWord = {
  /** In the order of time. */
  words: Word[];
  /** Of the words whose time has come. */
  counted: number;
  onTime: number;
  /** From the declaration, or from when its minutes began anew, to the first public update that a person posted; null before it. Where the policy counts business hours, only those. */
  firstTookMs: number | null;
  /** The longest time without a public update between the first one and the end (or now), in the hours that the policy counts. */
  longestSilence: Silence | null;
  reminders: number;
  lateCalls: number;
};

/** How an incident's public updates compare with what was promised, as it stands at `now`. */
export function keptWord(facts: KeptFacts, now: Instant): KeptWord {
  const words = wordsOf(facts, now);
  const counted = words.filter(({ verdict }) => verdict !== 'awaited');
  const first = facts.said.find(({ automatic }) => !automatic);
  const { reminders, lateCalls } = countCalls(facts);
  return {
    words,
    counted: counted.length,
    onTime: counted.filter(({ verdict }) => verdict === 'on_time').length,
    firstTookMs: first ? firstTook(facts, first.postedAt) : null,
    longestSilence: longestSilence(facts, now),
    reminders,
    lateCalls,
  };
}

/** Whole minutes past what was promised, as clocks show them: 16:15:40 is on time for 16:15, and 16:16 is not. */
export function minutesLate(promised: Instant, at: Instant): number {
  return Math.max(0, Math.floor(msBetween(promised, at) / MINUTE));
}

function wordsOf(facts: KeptFacts, now: Instant): Word[] {
  const { said, nextDue, endedAt, pace, minded, declaredAt } = facts;
  const words: Word[] = said.flatMap(({ id, postedAt, wasDueAt, automatic }, index) => {
    if (wasDueAt === null) return [];
    const word = wordOf(facts, { id, promised: wasDueAt, isFirst: index === 0, at: postedAt });
    return [automatic ? { ...word, verdict: 'automatic' as const } : word];
  });
  if (nextDue !== null)
    words.push(wordOf(facts, { id: null, promised: nextDue, isFirst: !said.length, at: now }));
  // Over inside before a word was said outside: the policy asked for one, if its time came before the end.
  const missed = minded && !said.length && endedAt !== null ? firstPublicDue(pace, declaredAt) : null;
  if (missed !== null && endedAt !== null && minutesLate(missed, endedAt) > 0)
    words.push({
      ...wordOf(facts, { id: null, promised: missed, isFirst: true, at: endedAt }),
      verdict: 'never',
    });
  return words;
}

function wordOf(
  facts: KeptFacts,
  { id, promised, isFirst, at }: { id: string | null; promised: Instant; isFirst: boolean; at: Instant },
): Word {
  const isLate = minutesLate(promised, at) > 0;
  const verdict = id === null ? (isLate ? 'overdue' : 'awaited') : isLate ? 'late' : 'on_time';
  return {
    updateId: id,
    isFirst,
    promised,
    posted: id === null ? null : at,
    verdict,
    lateMs: isLate ? msBetween(promised, at) : 0,
    ...countCalls({ ...facts, calls: facts.calls.filter(({ due }) => due === promised) }),
  };
}

/** The call that says that an incident was declared reminds nobody of anything: it is left out. */
function countCalls({ calls, declaredAt }: Pick<KeptFacts, 'calls' | 'declaredAt'>) {
  const lateCalls = calls.filter(({ kind }) => kind === 'late').length;
  const declared = calls.filter(({ kind, at }) => kind === 'first' && at === declaredAt).length;
  return { reminders: calls.length - lateCalls - declared, lateCalls };
}

/** What lies between an update that says it is over and one that reopens it was no silence: nothing was to be said. */
function longestSilence({ pace, said, endedAt }: KeptFacts, now: Instant): Silence | null {
  const silences = said.flatMap((one, index): Silence[] => {
    if (isOver(one.status)) return [];
    const to = said[index + 1]?.postedAt ?? endedAt ?? now;
    return [{ from: one.postedAt, to, ms: elapsedMs(pace, one.postedAt, to) }];
  });
  return silences.reduce<Silence | null>((most, one) => (most && most.ms >= one.ms ? most : one), null);
}

/** What did not fit in the rest of a working day began anew with the next one, and so does the count: who was on time took no longer than allowed. */
function firstTook({ pace, declaredAt }: KeptFacts, postedAt: Instant): number {
  const due = firstPublicDue(pace, declaredAt);
  const allowed = (pace.policy.firstPublicUpdate ?? 0) * MINUTE;
  const begin = due === null ? declaredAt : addMs(due, -allowed);
  const beganAnew =
    begin > declaredAt && begin < postedAt && elapsedMs(pace, begin, due as Instant) === allowed;
  return elapsedMs(pace, beganAnew ? begin : declaredAt, postedAt);
}

/** Milliseconds that a policy counts: all of them, or those within business hours. */
function elapsedMs({ policy, hours }: Pace, from: Instant, to: Instant): number {
  return policy.businessHoursOnly ? businessMsBetween(hours, from, to) : Math.max(0, msBetween(from, to));
}

/**
 * Whether a first word was owed from the declaration on. It was not while the incident was restricted, nor where the policy asks for none:
 * the time to it then measures nothing, and would tell for how long something was kept back.
 */
export function owedFirst({ words }: Pick<KeptWord, 'words'>): boolean {
  return words.some(({ isFirst }) => isFirst);
}

/** Several incidents' words taken together. */
export type KeptSum = {
  incidents: number;
  counted: number;
  onTime: number;
  /** Of the first updates that were owed: how many were said, the median time to them, and how many came in time. */
  first: { said: number; medianMs: number | null; counted: number; onTime: number };
  longestSilence: (Silence & { incidentId: string }) | null;
  reminders: number;
  lateCalls: number;
};

export function sumUp(all: readonly { id: string; kept: KeptWord }[]): KeptSum {
  const kept = all.map((one) => one.kept);
  const firsts = kept
    .flatMap(({ words }) => words)
    .filter(({ isFirst, verdict }) => isFirst && verdict !== 'awaited');
  const took = kept.filter(owedFirst).flatMap(({ firstTookMs }) => firstTookMs ?? []);
  return {
    incidents: all.length,
    counted: total(kept.map(({ counted }) => counted)),
    onTime: total(kept.map(({ onTime }) => onTime)),
    first: {
      said: took.length,
      medianMs: medianOf(took),
      counted: firsts.length,
      onTime: firsts.filter(({ verdict }) => verdict === 'on_time').length,
    },
    longestSilence: all.reduce<KeptSum['longestSilence']>((most, { id, kept: { longestSilence: own } }) => {
      return own && (!most || own.ms > most.ms) ? { ...own, incidentId: id } : most;
    }, null),
    reminders: total(kept.map(({ reminders }) => reminders)),
    lateCalls: total(kept.map(({ lateCalls }) => lateCalls)),
  };
}

/** 0.96, rounded down to whole hundredths, so that only a word that was always kept is 1; null when there is nothing to count. */
export function keptShare({ onTime, counted }: { onTime: number; counted: number }): number | null {
  return counted ? Math.floor((onTime * 100) / counted) / 100 : null;
}

/** The same in English: "96%". */
export function keptPercent(sum: { onTime: number; counted: number }): string | null {
  const share = keptShare(sum);
  return share === null ? null : `${Math.round(share * 100)}%`;
}

/** The formula in words, to stand beside the figure. */
export const KEPT_FORMULA =
  'Updates on time = public updates posted by the time that was promised ÷ public updates whose promised time has come. The first update of an incident is due by the policy of its severity, counted from when we declared it; each later one by the time that the update before it promised. An update that never came counts as late, and so does a text that was posted automatically because nobody spoke.';

/** The value in the middle, or between the two there; null of nothing. */
export function medianOf(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
