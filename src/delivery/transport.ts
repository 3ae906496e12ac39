import type { TransportName } from '#db/batches.ts';
import type { Lane } from '#db/deliveries.ts';
import type { Limits as AccountLimits, QuotaWord } from '#domain/quotas.ts';
import type { Instant } from '#domain/time.ts';
import type { Mail } from './mail.ts';
import type { Rate, RateWord } from './pace.ts';

/**
 * A way out. `build` decides a batch's exact bytes before anything is sent; `send` hands over those bytes and nothing else, so
 * that a repeat is the same call. Bytes are a JSON array with one entry a mail, which is how a batch is split.
 */
export type Transport = {
  readonly name: TransportName;
  /** Which deliveries it takes: mail, or calls of webhooks and chats. */
  readonly lane: Lane;
  /** Mails in a batch, at most. */
  readonly batchSize: number;
  /** Calls at a time. */
  readonly concurrency: number;
  /** Of those, so many are kept for what is urgent, where calls may last; none when left out. */
  readonly keptForUrgent?: number;
  /**
   * Tells the account key from others, and nothing else of it. What a key has handed over is only known to the account that it is of, so
   * whatever has no answer yet is not repeated with another before someone has said that it is of the same.
   */
  readonly keyMark?: string;
  /** Its answers say how many calls are allowed, so until the first answer one call goes at a time. */
  readonly paced?: boolean;
  /** The pace that the operator has set; then nothing is learned of it. */
  readonly rate?: Rate;
  /** Its account has limits a day and a month, and may not tell them: mails are counted, and this is what the operator says of them. */
  readonly limits?: AccountLimits;
  build(mails: readonly Mail[], frozenAt: Instant): Promise<Buffer>;
  /** Never throws for what the other side does: every outcome is a value. */
  send(batch: FrozenBatch, call: Call): Promise<Outcome>;
  /** Takes back the bytes that `build` made, once nobody needs them. */
  release?(bytes: Buffer): void;
  /** Asks what the account allows; null when it does not say, or may not be asked. Counts as a call. */
  readAccount?(): Promise<Limits | null>;
  /** Ends connections; with calls still open they end as unknown. */
  close(): Promise<void>;
};

/**
 * Whether a batch's bytes go as they are or not at all, whoever is still in it. Otherwise each mail that is left goes by itself, in the
 * order of the bytes, and is settled before the next one begins.
 */
export function goesWhole(transport: TransportName): boolean {
  return transport === 'resend' || transport === 'file';
}

export type FrozenBatch = {
  /** The idempotency key. */
  key: string;
  /** As PRIORITY has it. */
  priority: number;
  body: Buffer;
  /** Mails in the bytes; fewer may be members still. */
  size: number;
  /** The deliveries in the order of the body; `open` is false for what a former call has settled. */
  members: readonly { seq: number; open: boolean }[];
};

export type Call = {
  /** Aborted when the process wants to stop: begin nothing new. What is under way is finished. */
  stopping: AbortSignal;
  /**
   * For a transport that settles one mail at a time: resolves once the result is on disk. False: the batch is no longer ours, so
   * nothing more of it may be sent.
   */
  report(result: MailResult): Promise<boolean>;
};

/** What became of one mail. */
export type MailResult = { deliverySeq: number } & (
  | { kind: 'accepted'; providerId: string | null }
  /** Refused for now: worth another try later, and not before `afterMs` when that was asked for. */
  | { kind: 'later'; reason: string; afterMs?: number }
  | { kind: 'refused'; reason: string }
  /** There is no such mailbox, and there will be none: the address is not to be tried again. */
  | { kind: 'bounced'; reason: string }
  /** Not tried, because others were being called there: in a moment. It does not count as a try. */
  | { kind: 'busy'; afterMs: number }
  /** Whoever gets it wants nothing more, ever. */
  | { kind: 'gone'; reason: string }
  /** Handed over, and no answer came. */
  | { kind: 'unanswered'; reason: string }
);

/**
 * What became of a call, for the batch as a whole. `afterMs: null` leaves the wait to the backoff; `unreachable` says that the
 * other side was not there at all, of which several in a row make everyone wait.
 */
export type Outcome = OutcomeOfCall & {
  /** What the answer says of the pace and the quotas; absent when there was no answer. */
  limits?: Limits;
};

export type Limits = {
  /** null when the answer names no limit. */
  rate: RateWord | null;
  quotas: readonly QuotaWord[];
};

type OutcomeOfCall =
  /** All taken; an entry for each mail in the bytes, null when the provider gave no id. */
  | { kind: 'accepted'; providerIds: readonly (string | null)[] }
  /** Each mail was reported; what was not stays in the batch. */
  | { kind: 'reported' }
  /** Nothing was taken and nothing is wrong with the batch: the same call again, later. It does not count as an attempt. */
  | { kind: 'retry'; afterMs: number | null; reason: string; unreachable: boolean }
  /** It may have been taken: the same key and the same bytes, later. `cutOff`: in the middle of one mail of several. */
  | { kind: 'unknown'; afterMs: number | null; reason: string; unreachable: boolean; cutOff?: true }
  /** Refused as a whole because of something in it: isolate what. `bySomeoneElse`: by a proxy on the way, which knows nothing of earlier calls. */
  | { kind: 'payloadFault'; reason: string; bySomeoneElse?: boolean }
  /** Refused because of how the account or this installation is set up: stop until someone mends it. */
  | { kind: 'configuration'; reason: string; fix: string }
  /** A quota is used up until `until`; when that is not known or no time at all, try again after `afterMs`. */
  | { kind: 'park'; period: 'day' | 'month'; until: Instant | null; afterMs: number; reason: string }
  /** The provider says that we contradict ourselves: stop this batch, tell someone. */
  | { kind: 'ownBug'; reason: string };
