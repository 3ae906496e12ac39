import { setImmediate as breathe } from 'node:timers/promises';
import type { ClaimedBatch } from '#db/batches.ts';
import type { Db, Tx } from '#db/open.ts';
import { getProvider, type Provider } from '#db/providers.ts';
import { isSpentForMost, roomFor } from '#domain/quotas.ts';
import { addMs, type Instant, toInstant } from '#domain/time.ts';
import type { Sign } from '#emails/links.ts';
import {
  type Ahead,
  type Candidate,
  openLetters,
  pickAhead,
  pickCandidates,
  prepareBatch,
} from './candidates.ts';
import { claimAll, type Plan } from './claim.ts';
import { thawBody } from './freeze.ts';
import { leaseFrom } from './lease.ts';
import { type Answered, openLedger, rateOf, slotsOf } from './ledger.ts';
import type { Letter, UnsendableMail } from './mail.ts';
import { ACCOUNT_CALL, arrivalOf } from './pace.ts';
import {
  BREAKER,
  type Finished,
  type Half,
  type Member,
  settleAccepted,
  settleCall,
  settleMail,
  splitFor,
} from './settle.ts';
import type { Limits, MailResult, Outcome, Transport } from './transport.ts';

export type Engine = {
  /**
   * One turn: settles what has come back, freezes and claims what fits, in one commit, and begins the calls.
   * @returns whether anything was done, so that another turn may find more
   */
  round(): Promise<boolean>;
  /** Begin nothing new. */
  stopClaiming(): void;
  /** The batches whose calls have not come back, or are not written down. */
  inFlight(): number[];
  /** Whether something waits to be written down. */
  hasResults(): boolean;
  /** Before when there is nothing to do, as far as the provider's wishes and pace tell; null when they tell nothing. */
  restsUntil(): Instant | null;
};

export type EngineDeps = {
  db: Db;
  now: () => Instant;
  random: () => number;
  sign: Sign;
  site: { url: string };
  log: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>;
  transport: Transport;
  owner: string;
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
  members: Member[];
  open: Set<number>;
  /** When the pace lets it begin, in ms since the epoch. */
  opensAt: number;
  /** Calls that stood in the log when it was claimed, itself included. */
  counted: number;
  /** When it did begin; null while it waits for that. */
  began: number | null;
};
type Reported = { started: Started; result: MailResult; written: (stillOurs: boolean) => void };

/** How often the account's figures are asked for. */
const ACCOUNT_EVERY_MS = 3_600_000;

/** The outbox's engine: it holds calls in flight and results not yet written, everything else is in the database. */
export function createEngine(deps: EngineDeps): Engine {
  const { db, now, random, transport, owner, log } = deps;
  const inFlight = new Map<number, Started>();
  const finished: Finished[] = [];
  const reported: Reported[] = [];
  const accounts: Answered[] = [];
  const letters = new Map<number, Letter | UnsendableMail>();
  const stopping = new AbortController();
  /** Batches written while calls were in flight. Nothing of them is stored, so they bind nobody. */
  let ahead: Ahead[] = [];
  let provider: Provider | null = null;
  /** An answer has come that names no limit, so none is kept to. */
  let unlimited = false;
  let restsUntil: Instant | null = null;
  /** Slots in a row that went to more urgent work while less urgent work grew old. */
  let passedOver = 0;
  /** What the last calls that were accepted took, in ms. */
  let trips: readonly number[] = [];
  let account: { asking: boolean; at: number } = { asking: false, at: 0 };

  return {
    round,
    stopClaiming: () => stopping.abort(),
    inFlight: atWork,
    hasResults: () => finished.length + reported.length + accounts.length > 0,
    restsUntil: () => restsUntil,
  };

  async function round(): Promise<boolean> {
    const { candidates, aged } = await look();
    const plans: Plan[] = [];
    for (const candidate of candidates)
      plans.push(
        candidate.kind === 'queued'
          ? { kind: 'ahead', prepared: await write(candidate.deliveries) }
          : candidate,
      );
    const written = plans.flatMap((plan) => (plan.kind === 'ahead' ? [plan.prepared] : []));
    const asks = wantsAccount();
    if (!plans.length && !finished.length && !reported.length && !accounts.length && !asks)
      return writeAhead();

    // Results leave their lists only once they are on disk: a commit that fails loses none.
    const calls = [...finished];
    const mails = [...reported];
    const figures = [...accounts];
    const goOn = calls.every(({ outcome }) => mayGoOn(outcome));
    const result = await db.write(async (tx) => {
      const time = now();
      const stale = await settleCalls(tx, calls, time);
      const stillOurs = await settleMails(tx, mails, time);
      const ledger = await openLedger(tx, { transport, provider, unlimited, calls, figures, now: time });
      const claimed = goOn
        ? await claimAll(tx, plans, {
            ledger,
            transport,
            now: time,
            lease: leaseFrom(owner, time),
            probe: probe(),
          })
        : { started: [], left: written, dropped: 0 };
      // What people wait for goes first.
      const asked = asks && goOn ? ledger.slot(1, 0) : null;
      if (asked) ledger.book(ACCOUNT_CALL, asked, 0);
      await ledger.write();
      return { stale, stillOurs, asked, unlimited: ledger.unlimited, ...claimed };
    });
    finished.splice(0, calls.length);
    reported.splice(0, mails.length);
    accounts.splice(0, figures.length);
    unlimited = result.unlimited;
    for (const [index, { written }] of mails.entries()) written(result.stillOurs[index] as boolean);
    for (const seq of result.stale)
      log.warn({ batch: seq }, 'A batch had been taken over; its late answer was ignored.');
    for (const call of calls) report(call);
    ahead = [...result.left, ...ahead.filter((one) => !written.includes(one))];
    countTurns(result.started, aged);
    for (const call of result.started) void begin(call);
    if (result.asked) void askAccount(result.asked);
    if (result.started.length) await writeAhead();
    return calls.length + mails.length + figures.length + result.started.length + result.dropped > 0;
  }

  /** What may begin now, the most urgent first. Priority is decided here, when a slot is free, and not before. */
  async function look(): Promise<{ candidates: Candidate[]; aged: number | null }> {
    restsUntil = null;
    // Bad news is written down first: it may say that no call should follow.
    if (stopping.signal.aborted || finished.some(({ outcome }) => !mayGoOn(outcome))) return NOTHING;
    const time = now();
    ahead = ahead.filter((one) => one.writtenAt > addMs(time, -STALE_MS));
    return db.read(async (tx) => {
      provider = await getProvider(tx, transport.name);
      if (provider.circuit === 'open' || provider.pausedAt) return NOTHING;
      const blocked = provider.blockedUntil !== null && provider.blockedUntil > time;
      if (blocked) restsUntil = provider.blockedUntil;
      const urgentOnly = blocked && isSpentForMost(provider.quotas, time);
      if (blocked && !urgentOnly) return NOTHING;
      // After a row of calls without an answer, one at a time feels the way.
      const limit = probe()
        ? 1
        : Math.max(transport.concurrency, Math.min(MOST_CALLS, provider.rate?.limit ?? 0));
      // Out of rest, the first call does not wait until others are written.
      const free = inFlight.size === 0 && !ahead.length ? 1 : limit - inFlight.size;
      if (free <= 0) return NOTHING;
      const slots = slotsOf(provider, { transport, unlimited, inFlight, finished, free, now: time });
      if (slots.opensAt !== null) restsUntil = toInstant(slots.opensAt);
      if (!slots.urgent) return NOTHING;
      const underWay = [...inFlight.values()].reduce((sum, { members }) => sum + members.length, 0);
      const picked = await pickCandidates(tx, {
        transport,
        slots,
        now: time,
        ahead,
        busy: atWork(),
        room: (priority) =>
          urgentOnly && priority > 0
            ? 0
            : roomFor(provider?.quotas ?? [], priority, { now: time, underWay }).mails,
        oldFirst: passedOver + Math.max(1, slots.other) >= OLD_EVERY,
      });
      await openLetters(
        tx,
        letters,
        picked.candidates.flatMap((one) => (one.kind === 'queued' ? [one.deliveries] : [])),
      );
      return picked;
    });
  }

  async function write(deliveries: Parameters<typeof prepareBatch>[0]): Promise<Ahead> {
    const time = now();
    const prepared = await prepareBatch(deliveries, {
      letters,
      transport,
      now: time,
      site: deps.site,
      sign: deps.sign,
    });
    // A batch takes some milliseconds to write: in between, pages are served.
    await breathe();
    return { ...prepared, writtenAt: time };
  }

  /** While calls are in flight, writes what will probably follow them. @returns whether there was something to write */
  async function writeAhead(): Promise<boolean> {
    const wanted = transport.concurrency - ahead.length;
    const idle = !inFlight.size || !provider || rateOf(provider, { transport, unlimited }) || probe();
    if (idle || wanted <= 0 || stopping.signal.aborted || finished.length) return false;
    const next = await db.read(async (tx) => {
      const batches = await pickAhead(tx, { transport, now: now(), ahead, batches: wanted });
      await openLetters(tx, letters, batches);
      return batches;
    });
    for (const deliveries of next) {
      ahead.push(await write(deliveries));
      if (finished.length) break;
    }
    return next.length > 0;
  }

  function atWork(): number[] {
    return [...inFlight.keys(), ...finished.map(({ batch }) => batch.seq)];
  }

  function quickest(): number | null {
    return trips.length ? Math.min(...trips) : null;
  }

  function probe(): boolean {
    return (provider?.failures ?? 0) >= BREAKER;
  }

  async function settleCalls(tx: Tx, calls: readonly Finished[], time: Instant): Promise<number[]> {
    const at = { now: time, random, transport, failures: provider?.failures ?? 0 };
    const stale = await settleAccepted(tx, calls, at);
    for (const call of calls)
      if (call.outcome.kind !== 'accepted' && !(await settleCall(tx, call, at))) stale.push(call.batch.seq);
    return stale;
  }

  async function settleMails(tx: Tx, mails: readonly Reported[], time: Instant): Promise<boolean[]> {
    const stillOurs: boolean[] = [];
    for (const { started, result } of mails)
      stillOurs.push(await settleMail(tx, { ...started, result }, { now: time, random, transport }));
    return stillOurs;
  }

  /** Less urgent work that has grown old gets one of every few slots, so that none starves. */
  function countTurns(started: readonly Started[], aged: number | null): void {
    if (aged === null || started.some(({ batch }) => batch.priority === aged)) passedOver = 0;
    else passedOver += started.length;
  }

  async function begin(call: Started): Promise<void> {
    inFlight.set(call.batch.seq, call);
    let outcome: Outcome;
    let halves: Half[] = [];
    try {
      outcome = await send(call);
      halves = await splitFor(outcome, call, transport);
    } catch (error) {
      log.error({ err: error }, 'A transport threw in place of answering.');
      const reason = 'Foghorn failed while it was sending.';
      outcome = { kind: 'unknown', afterMs: null, reason, unreachable: true };
    }
    const { batch, members, counted } = call;
    const answered = Date.parse(now());
    // Only after an answer is it certain that no connection still reads them.
    if (outcome.kind === 'accepted' && call.built) transport.release?.(call.bytes);
    const began = call.began ?? answered;
    const arrived = arrivalOf(began, answered, quickest());
    if (outcome.kind === 'accepted') trips = [...trips.slice(1 - TRIPS), answered - began];
    finished.push({ batch, members, outcome, halves, began, arrived, answered, counted });
    inFlight.delete(batch.seq);
    deps.onResult();
  }

  async function send(call: Started): Promise<Outcome> {
    const { batch, members, open } = call;
    if (!call.bytes.length) {
      const bytes = await thawBody(batch);
      if (!bytes) return { kind: 'ownBug', reason: 'The stored bytes are not the ones that were frozen.' };
      call.bytes = bytes;
    }
    await deps.waitUntil(call.opensAt);
    call.began = Date.parse(now());
    return transport.send(
      { key: batch.key, body: call.bytes, members: members.map(({ seq }) => ({ seq, open: open.has(seq) })) },
      { stopping: stopping.signal, report: (result) => reportMail(call, result) },
    );
  }

  /** The account's own figures are asked for now and then, once it is known how many calls are allowed. */
  function wantsAccount(): boolean {
    if (!transport.readAccount || account.asking || stopping.signal.aborted) return false;
    if (!provider || (!provider.rate && !unlimited)) return false;
    return Date.parse(now()) - account.at >= ACCOUNT_EVERY_MS;
  }

  async function askAccount({ opensAt, counted }: { opensAt: number; counted: number }): Promise<void> {
    account = { asking: true, at: Date.parse(now()) };
    await deps.waitUntil(opensAt);
    const began = Date.parse(now());
    const limits: Limits | null = (await transport.readAccount?.().catch(() => null)) ?? null;
    const answered = Date.parse(now());
    const arrived = arrivalOf(began, null, null);
    accounts.push({ id: ACCOUNT_CALL, limits, began, arrived, answered, counted });
    account = { asking: false, at: began };
    deps.onResult();
  }

  function reportMail(started: Started, result: MailResult): Promise<boolean> {
    return new Promise((written) => {
      reported.push({ started, result, written });
      deps.onResult();
    });
  }

  function report({ batch, outcome }: Finished): void {
    const fields = { batch: batch.seq, attempt: batch.attempts + 1 };
    const reason = 'reason' in outcome ? withoutAddresses(outcome.reason) : '';
    if (outcome.kind === 'ownBug')
      log.error({ ...fields, reason }, 'A batch is held: the provider says that it contradicts itself.');
    else if (outcome.kind === 'configuration')
      log.error({ ...fields, reason, fix: outcome.fix }, 'Sending has stopped until someone mends it.');
    else if (outcome.kind !== 'accepted' && outcome.kind !== 'reported')
      log.warn({ ...fields, outcome: outcome.kind, reason }, 'A batch was not accepted.');
  }
}

const NOTHING = { candidates: [], aged: null };
/** However many calls a provider allows, no more are open at a time: each holds a batch's bytes. */
const MOST_CALLS = 10;
/** Calls whose time is kept, to know how long the quickest takes. */
const TRIPS = 20;
/** What was written ahead is forgotten after this: people and notices change. */
const STALE_MS = 2_000;
/** One of so many slots goes to the oldest of what is less urgent and has waited long. */
const OLD_EVERY = 8;

function mayGoOn(outcome: Outcome): boolean {
  return outcome.kind === 'reported' || outcome.kind === 'accepted';
}

/** What others say of a call may name people; the log never does. */
function withoutAddresses(text: string): string {
  return text.replace(/[^\s<>"'`(),;]+@[^\s<>"'`(),;]+/g, '<address>');
}
