import { isUrgent } from './priority.ts';
import type { Instant } from './time.ts';

/** How many mails a provider's account may send in a day or a month, as far as its answers tell. */
export type Quota = {
  period: 'day' | 'month';
  limit: number | null;
  used: number | null;
  /** When a new period begins. */
  resetsAt: Instant | null;
  /** Whether the limit turns mails away. A paid plan goes on beyond its month for money, so nothing is held back for it. */
  hard: boolean;
  /** The provider has turned mails away for it: until `resetsAt` nobody is tried, or only the most urgent are. */
  spent: 'no' | 'for most' | 'for all';
  /** The provider says nothing of a limit: we count, and the limit, if any, is the operator's word. */
  ours?: boolean;
};

/** Mails a day and a month that the operator says the account may send; null where nothing is said. */
export type Limits = Record<Quota['period'], number | null>;

/** What an answer says of a quota; what it does not say is absent. */
export type QuotaWord = Pick<Quota, 'period'> & Partial<Quota>;

/** This share of a known limit is kept for what is urgent: calls to staff, confirmations, SEV1. */
export const RESERVE = 0.1;

/** What is known after an answer. A period that has ended counts for nothing any more. */
export function learnQuotas(known: readonly Quota[], said: readonly QuotaWord[], now: Instant): Quota[] {
  const learned = known.map((quota) => rolledOver(quota, now));
  for (const word of said) {
    const told = Object.fromEntries(
      Object.entries(word).filter(([, value]) => value !== null && value !== undefined),
    );
    const at = learned.findIndex((quota) => quota.period === word.period);
    const before = learned[at] ?? {
      period: word.period,
      limit: null,
      used: null,
      resetsAt: null,
      hard: false,
      spent: 'no',
    };
    const after: Quota = { ...before, ...told, ...(typeof word.limit === 'number' && { ours: false }) };
    // Where mails are turned away is where the limit is, when the account does not tell.
    if (word.spent) after.limit ??= after.used;
    // More was taken than that: it turns nobody away.
    else if (after.limit !== null && after.used !== null && after.used > after.limit) after.hard = false;
    if (at < 0) learned.push(after);
    else learned[at] = after;
  }
  return learned;
}

/**
 * Counts from now on what the provider does not count for us: by days and months of UTC. Where it says a limit itself, that is the one that
 * holds; else the operator's.
 */
export function keepCount(known: readonly Quota[], limits: Limits, now: Instant): Quota[] {
  const own = (['day', 'month'] as const).flatMap((period): Quota[] => {
    const before = known.find((quota) => quota.period === period);
    if (before && before.ours !== true && (before.limit !== null || before.spent !== 'no')) return [];
    const limit = limits[period];
    return [
      {
        period,
        limit,
        used: before?.used ?? 0,
        resetsAt: before?.resetsAt ?? endOf(period, now),
        hard: limit !== null,
        spent: before?.spent ?? 'no',
        ours: true,
      },
    ];
  });
  return [...known.filter(({ period }) => !own.some((quota) => quota.period === period)), ...own];
}

function endOf(period: Quota['period'], now: Instant): Instant {
  const at = new Date(now);
  const [year, month] = [at.getUTCFullYear(), at.getUTCMonth()];
  return new Date(
    period === 'day' ? Date.UTC(year, month, at.getUTCDate() + 1) : Date.UTC(year, month + 1),
  ).toISOString();
}

/** Counts mails that were taken where the answer itself did not say how many that makes. */
export function countMails(known: readonly Quota[], mails: number, said: readonly QuotaWord[]): Quota[] {
  const told = new Set(said.filter((word) => typeof word.used === 'number').map((word) => word.period));
  return known.map((quota) =>
    quota.used === null || told.has(quota.period) ? quota : { ...quota, used: quota.used + mails },
  );
}

/**
 * How many mails of this priority may still be handed over, beside `underWay` that have been already and are not counted yet; and
 * until when that holds, where it is what the quotas leave.
 */
export function roomFor(
  quotas: readonly Quota[],
  priority: number,
  { now, underWay }: { now: Instant; underWay: number },
): { mails: number; until: Instant | null } {
  let room: { mails: number; until: Instant | null } = { mails: Number.POSITIVE_INFINITY, until: null };
  for (const quota of quotas) {
    // Without a known end nothing is held back for it: the provider says itself when there is no more.
    if (!quota.resetsAt || quota.resetsAt <= now) continue;
    const mails = leftOf(quota, priority, underWay);
    if (mails < room.mails) room = { mails, until: quota.resetsAt };
  }
  return room;
}

/** Whether all but the most urgent wait for a new period. */
export function isSpentForMost(quotas: readonly Quota[], now: Instant): boolean {
  const spent = quotas.filter((quota) => quota.spent !== 'no' && quota.resetsAt && quota.resetsAt > now);
  return spent.length > 0 && spent.every((quota) => quota.spent === 'for most');
}

function leftOf({ limit, used, hard, spent, ours }: Quota, priority: number, underWay: number): number {
  if (spent === 'for all' || (spent === 'for most' && !isUrgent(priority))) return 0;
  // A count of our own may be wrong: it keeps a reserve, and turns nothing away that is urgent. The provider does that itself.
  if (ours && isUrgent(priority)) return Number.POSITIVE_INFINITY;
  if (!hard || spent !== 'no' || limit === null || used === null) return Number.POSITIVE_INFINITY;
  const usable = !isUrgent(priority) ? Math.floor(limit * (1 - RESERVE)) : limit;
  return Math.max(0, usable - used - underWay);
}

function rolledOver(quota: Quota, now: Instant): Quota {
  if (!quota.resetsAt || quota.resetsAt > now) return quota;
  return { ...quota, used: quota.used === null ? null : 0, resetsAt: null, spent: 'no' };
}
