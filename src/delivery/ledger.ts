import { countUnderWay } from '#db/batches.ts';
import type { Tx } from '#db/open.ts';
import { type Call, getProvider, notePace, type Provider } from '#db/providers.ts';
import { isUrgent } from '#domain/priority.ts';
import { countMails, keepCount, learnQuotas, type Quota, type QuotaWord, roomFor } from '#domain/quotas.ts';
import type { Instant } from '#domain/time.ts';
import type { Started } from './calls.ts';
import {
  arrivalOf,
  learnRate,
  nextOpening,
  pruned,
  type Rate,
  UNTOLD,
  withAnswer,
  withCall,
  withStrangers,
} from './pace.ts';
import { type Finished, parkedUntil } from './settle.ts';
import type { Limits, Transport } from './transport.ts';

/** A slot is given so long before it opens, so that the call begins the moment it does. */
export const LEAD_MS = 150;

/** A call that has come back, with what it said of the account. */
export type Answered = {
  id: number;
  limits: Limits | null;
  began: number;
  /** By when it had arrived there, as far as the pace goes. */
  arrived: number;
  answered: number;
  counted: number;
};

/** A place in the provider's window. */
export type Slot = { opensAt: number; counted: number };

/** What a transaction knows of the pace and the quotas, and gives out. */
export type Ledger = {
  /** A place for a call of so many mails; null when there is none now, for the pace or for a quota. */
  slot(priority: number, mails: number): Slot | null;
  book(id: number, slot: Slot, mails: number): void;
  /** Keeps what has been learned and given out. */
  write(): Promise<void>;
  readonly unlimited: boolean;
};

type Kept = { transport: Transport; unlimited: boolean };

/** The pace to keep to; null when none is known of, or none can be. */
export function rateOf(provider: Provider, { transport, unlimited }: Kept): Rate | null {
  if (transport.rate) return transport.rate;
  if (!transport.paced) return null;
  return provider.rate ?? (unlimited ? null : UNTOLD);
}

/** What is known of the quotas now, our own count included. */
export function quotasOf({ quotas }: Provider, { limits }: Transport, now: Instant): Quota[] {
  const known = learnQuotas(quotas, [], now);
  return limits ? keepCount(known, limits, now) : known;
}

/** How many calls may begin now, urgent ones and others, and when (ms since the epoch) another look is worth it. */
export function slotsOf(
  provider: Provider,
  {
    inFlight,
    finished,
    free,
    now,
    ...kept
  }: Kept & {
    inFlight: ReadonlyMap<number, Started>;
    finished: readonly Finished[];
    free: number;
    now: Instant;
  },
): { urgent: number; other: number; opensAt: number | null } {
  const rate = rateOf(provider, kept);
  if (!rate) {
    const forAll = kept.transport.concurrency - (kept.transport.keptForUrgent ?? 0) - inFlight.size;
    return { urgent: free, other: Math.max(0, Math.min(free, forAll)), opensAt: null };
  }
  const time = Date.parse(now);
  let calls = provider.calls;
  for (const { batch, began, arrived } of finished)
    calls = withAnswer(calls, { id: batch.seq, began, arrived });
  for (const [id, { began }] of inFlight)
    if (began !== null) calls = withAnswer(calls, { id, began, arrived: arrivalOf(began, null, null) });
  const count = (urgent: boolean) => {
    let log = pruned(calls, rate, time);
    for (let slots = 0; ; slots++) {
      const opensAt = nextOpening(log, rate, { now: time, urgent });
      if (slots === free || opensAt > time + LEAD_MS) return { slots, opensAt };
      log = withCall(log, Number.MAX_SAFE_INTEGER - slots, opensAt);
    }
  };
  const [urgent, other] = [count(true), count(false)];
  const late = [urgent, other].filter(({ slots }) => slots < free).map(({ opensAt }) => opensAt - LEAD_MS);
  return { urgent: urgent.slots, other: other.slots, opensAt: late.length ? Math.min(...late) : null };
}

/** Reads the account's page, with what the answers that are being settled have said. */
export async function openLedger(
  tx: Tx,
  {
    transport,
    provider: seen,
    unlimited,
    calls: finished,
    figures,
    now,
  }: Kept & {
    /** As it was looked at before. */
    provider: Provider | null;
    calls: readonly Finished[];
    figures: readonly Answered[];
    now: Instant;
  },
): Promise<Ledger> {
  const answers = [...finished.map(asAnswer), ...figures.map(asFigures)].sort(
    (a, b) => a.answered - b.answered,
  );
  const says = answers.some(({ limits }) => limits && (limits.rate || limits.quotas.length));
  const blank = !seen?.rate && !seen?.quotas.length && unlimited && !says;
  if (!transport.rate && (!transport.paced || blank)) return openEnded(now, unlimited);

  const provider = await getProvider(tx, transport.name);
  const time = Date.parse(now);
  let calls: readonly Call[] = provider.calls;
  let quotas = quotasOf(provider, transport, now);
  let rate = transport.rate ?? provider.rate;
  for (const answer of answers) {
    const { limits } = answer;
    const said = limits?.rate ?? null;
    calls = withAnswer(calls, answer);
    if (said) {
      rate = learnRate(rate, said);
      calls = withStrangers(calls, rate, said, answer);
      unlimited = false;
    } else if (limits && (answer.accepted || !rate)) {
      // An answer that names no limit: there is none, or none any more.
      unlimited = true;
      rate = null;
    }
    const words = [...(limits?.quotas ?? []), ...answer.words];
    if (answer.accepted) quotas = countMails(quotas, answer.accepted, words);
    quotas = learnQuotas(quotas, words, now);
  }
  const keeps = rate ?? (unlimited ? null : UNTOLD);
  calls = keeps ? pruned(calls, keeps, time) : [];
  const holdsBack = quotas.some((quota) => quota.hard && quota.resetsAt);
  let underWay = holdsBack ? await countUnderWay(tx, transport.name) : 0;

  const slot = (priority: number, mails: number): Slot | null => {
    if (mails > roomFor(quotas, priority, { now, underWay }).mails) return null;
    const opensAt = keeps ? nextOpening(calls, keeps, { now: time, urgent: isUrgent(priority) }) : time;
    return opensAt > time + LEAD_MS ? null : { opensAt, counted: calls.length + 1 };
  };
  const book = (id: number, { opensAt }: Slot, mails: number): void => {
    if (keeps) calls = withCall(calls, id, opensAt);
    underWay += mails;
  };
  return {
    unlimited,
    slot,
    book,
    write: () => notePace(tx, { id: transport.name, rate, calls, quotas }),
  };
}

/** Nothing limits, so nothing is kept. */
function openEnded(now: Instant, unlimited: boolean): Ledger {
  const slot = { opensAt: Date.parse(now), counted: 0 };
  return {
    unlimited,
    slot: () => slot,
    book: () => undefined,
    write: async () => undefined,
  };
}

type Answer = Answered & {
  /** Mails that were taken. */
  accepted: number;
  /** What the outcome itself says of a quota. */
  words: QuotaWord[];
};

function asAnswer({ batch, members, outcome, began, arrived, answered, counted }: Finished): Answer {
  return {
    id: batch.seq,
    limits: outcome.limits ?? null,
    began,
    arrived,
    answered,
    counted,
    accepted: outcome.kind === 'accepted' ? members.length : 0,
    words:
      outcome.kind === 'park'
        ? [
            {
              period: outcome.period,
              resetsAt: parkedUntil(outcome, new Date(answered).toISOString()),
              hard: true,
              spent: !isUrgent(batch.priority) ? 'for most' : 'for all',
            },
          ]
        : [],
  };
}

function asFigures(figures: Answered): Answer {
  return { ...figures, accepted: 0, words: [] };
}
