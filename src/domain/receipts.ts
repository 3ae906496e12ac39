import type { DeliveryState } from './deliveries.ts';
import type { Instant } from './time.ts';

/**
 * What a provider says of a mail it was given, in our words: a receipt. `listed` and `unlisted` speak of an address on the provider's
 * own suppression list and name no mail; `other` is whatever else it may send us.
 */
export const MAIL_RECEIPTS = [
  'sent',
  'delayed',
  'failed',
  'suppressed',
  'delivered',
  'bounced',
  'complained',
] as const;
export type MailReceipt = (typeof MAIL_RECEIPTS)[number];

export type Receipt = {
  kind: MailReceipt | 'listed' | 'unlisted' | 'other';
  /** The installation that the mail was marked with; null when it bears no mark. */
  installation: string | null;
  deliverySeq: number | null;
  /** What the provider calls the mail. */
  providerId: string | null;
  /** To whom it went, or which address was listed; lower case. */
  addresses: readonly string[];
  /** Of a bounce: true when the address will never work, false when it may later. */
  permanent: boolean;
  /** Why the provider suppresses the address, as far as it says. */
  cause: 'bounce' | 'complaint' | 'manual' | null;
  /** For the delivery's reader; null when the state says all. */
  reason: string | null;
};

/**
 * How far each receipt is along a mail's way. A delivery only ever moves on, so receipts may come in any order and more than once. A
 * mail that arrived was not refused, whatever else was said of it; one that bounced had been taken by a server on its way before.
 */
const RANK: Record<MailReceipt, number> = {
  sent: 1,
  delayed: 2,
  failed: 3,
  suppressed: 4,
  delivered: 5,
  bounced: 6,
  complained: 7,
};

const STATE_AFTER: Record<MailReceipt, DeliveryState> = {
  sent: 'accepted',
  delayed: 'accepted',
  failed: 'refused',
  suppressed: 'suppressed',
  delivered: 'delivered',
  bounced: 'bounced',
  complained: 'complained',
};

/** What we knew without the provider's word counts least: `uncertain` ends with the first receipt. */
const STATE_RANK: Record<DeliveryState, number> = {
  queued: 0,
  in_batch: 0,
  superseded: 0,
  uncertain: 0,
  accepted: 1,
  refused: 3,
  suppressed: 4,
  delivered: 5,
  bounced: 6,
  complained: 7,
};

/** Where a receipt takes a delivery, and from which states; from any other it changes nothing. */
export type Step = {
  state: DeliveryState;
  reason: string | null;
  from: readonly DeliveryState[];
  /** Also from `accepted`, as long as nothing is said there yet: a delay is more than having been sent. */
  fromAcceptedInSilence: boolean;
};

export function stepOf({ kind, reason }: { kind: MailReceipt; reason: string | null }): Step {
  const states = Object.keys(STATE_RANK) as DeliveryState[];
  return {
    state: STATE_AFTER[kind],
    reason,
    from: states.filter((state) => STATE_RANK[state] < STATE_RANK[STATE_AFTER[kind]]),
    fromAcceptedInSilence: kind === 'delayed',
  };
}

/** The receipt of one mail that says most; of two that say the same the earlier. */
export function furthest<T extends { kind: MailReceipt; at: Instant }>(receipts: readonly T[]): T {
  return receipts.reduce((best, one) => {
    const ahead = RANK[one.kind] - RANK[best.kind];
    return ahead > 0 || (ahead === 0 && one.at < best.at) ? one : best;
  });
}

/**
 * Whether the receipt is about an earlier try: the delivery is on its way again, and this is the mail that failed before. Only that
 * it did arrive after all still counts.
 */
export function isOfEarlierTry(
  delivery: { state: DeliveryState; providerId: string | null },
  receipt: { kind: MailReceipt; providerId: string | null },
): boolean {
  return (
    (delivery.state === 'queued' || delivery.state === 'in_batch') &&
    delivery.providerId !== null &&
    delivery.providerId === receipt.providerId &&
    RANK[receipt.kind] < RANK.delivered
  );
}

/** So many incidents of which an address could not be reached, within so long, and it is left alone. */
export const SOFT_BOUNCES = { incidents: 5, days: 30 } as const;

/**
 * The mark that this installation's mails bear, so that their receipts are told from those of others that send by the same account.
 * A copy of the database under another address or key bears another mark.
 */
export function installationMark(sign: (purpose: string, value: string) => string, siteUrl: string): string {
  return sign('installation', siteUrl);
}
