import type { ClaimedBatch } from '#db/batches.ts';
import type { BatchMember } from '#db/batchMembers.ts';
import type { Provider } from '#db/providers.ts';
import type { Instant } from '#domain/time.ts';
import { thawBody } from './freeze.ts';
import type { Answered, Slot } from './ledger.ts';
import { ACCOUNT_CALL, arrivalOf, quickestOf, TRIPS } from './pace.ts';
import { type Finished, type Half, splitFor } from './settle.ts';
import type { Limits, MailResult, Outcome, Transport } from './transport.ts';

export type CallDeps = {
  now: () => Instant;
  log: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>;
  transport: Transport;
  /** Called when a call or a mail has come back: a round will settle it. */
  onResult: () => void;
  /** Resolves once `now` has reached this moment (ms since the epoch). */
  waitUntil: (ms: number) => Promise<void>;
};

export type Started = {
  batch: ClaimedBatch;
  bytes: Buffer;
  /** Whether the transport made the bytes, just now; otherwise they come from the database. */
  built: boolean;
  members: BatchMember[];
  open: Set<number>;
  /** When the pace lets it begin, in ms since the epoch. */
  opensAt: number;
  /** Calls that stood in the log when it was claimed, itself included. */
  counted: number;
  /** When it did begin; null while it waits for that. */
  began: number | null;
};
export type Reported = { started: Started; result: MailResult; written: (stillOurs: boolean) => void };

/** The calls that have begun, and what has come back and is not written down yet. */
export type Calls = {
  readonly inFlight: ReadonlyMap<number, Started>;
  /** Whoever has written these down takes them out. */
  readonly finished: Finished[];
  readonly reported: Reported[];
  readonly accounts: Answered[];
  begin(call: Started): void;
  /** The account's own figures are asked for now and then, once it is known how many calls are allowed. */
  wantsAccount(provider: Provider, unlimited: boolean): boolean;
  askAccount(slot: Slot): void;
  /** The batches whose calls have not come back, or have and are not written down. */
  atWork(): number[];
  hasResults(): boolean;
};

/** How often the account's figures are asked for. */
const ACCOUNT_EVERY_MS = 3_600_000;

export function createCalls(
  { now, log, transport, mark, onResult, waitUntil }: CallDeps & { mark: string },
  stopping: AbortSignal,
): Calls {
  const inFlight = new Map<number, Started>();
  const finished: Finished[] = [];
  const reported: Reported[] = [];
  const accounts: Answered[] = [];
  /** What the last calls that were accepted took, in ms. */
  let trips: readonly number[] = [];
  let account: { asking: boolean; at: number } = { asking: false, at: 0 };

  return {
    inFlight,
    finished,
    reported,
    accounts,
    begin: (call) => void follow(call),
    wantsAccount,
    askAccount: (slot) => void readAccount(slot),
    atWork: () => [...inFlight.keys(), ...finished.map(({ batch }) => batch.seq)],
    hasResults: () => finished.length + reported.length + accounts.length > 0,
  };

  async function follow(call: Started): Promise<void> {
    inFlight.set(call.batch.seq, call);
    let outcome: Outcome;
    let halves: Half[] = [];
    try {
      outcome = await send(call);
      halves = await splitFor(outcome, call, { transport, mark });
    } catch (error) {
      log.error({ err: error }, 'A transport threw in place of answering.');
      const reason = 'Foghorn failed while it was sending.';
      outcome = { kind: 'unknown', afterMs: null, reason, unreachable: true, cutOff: true };
    }
    const { batch, members, counted } = call;
    const answered = Date.parse(now());
    // Only after an answer is it certain that no connection still reads them.
    if (outcome.kind === 'accepted' && call.built) transport.release?.(call.bytes);
    const began = call.began ?? answered;
    const arrived = arrivalOf(began, answered, quickestOf(trips));
    if (outcome.kind === 'accepted') trips = [...trips.slice(1 - TRIPS), answered - began];
    finished.push({ batch, members, outcome, halves, began, arrived, answered, counted });
    inFlight.delete(batch.seq);
    onResult();
  }

  async function send(call: Started): Promise<Outcome> {
    const { batch, members, open } = call;
    if (!call.bytes.length) {
      const bytes = await thawBody(batch);
      if (!bytes) return { kind: 'ownBug', reason: 'The stored bytes are not the ones that were frozen.' };
      call.bytes = bytes;
    }
    await waitUntil(call.opensAt);
    call.began = Date.parse(now());
    return transport.send(
      {
        key: batch.key,
        priority: batch.priority,
        body: call.bytes,
        size: batch.size,
        members: members.map(({ seq }) => ({ seq, open: open.has(seq) })),
      },
      { stopping, report: (result) => reportMail(call, result) },
    );
  }

  function wantsAccount(provider: Provider, unlimited: boolean): boolean {
    if (!transport.readAccount || account.asking || stopping.aborted) return false;
    if (!provider.rate && !unlimited) return false;
    return Math.abs(Date.parse(now()) - account.at) >= ACCOUNT_EVERY_MS;
  }

  async function readAccount({ opensAt, counted }: Slot): Promise<void> {
    account = { asking: true, at: Date.parse(now()) };
    await waitUntil(opensAt);
    const began = Date.parse(now());
    const limits: Limits | null = (await transport.readAccount?.().catch(() => null)) ?? null;
    const answered = Date.parse(now());
    const arrived = arrivalOf(began, null, null);
    accounts.push({ id: ACCOUNT_CALL, limits, began, arrived, answered, counted });
    account = { asking: false, at: began };
    onResult();
  }

  function reportMail(started: Started, result: MailResult): Promise<boolean> {
    return new Promise((written) => {
      reported.push({ started, result, written });
      onResult();
    });
  }
}
