import { setImmediate as breathe } from 'node:timers/promises';
import type { Db, Tx } from '#db/open.ts';
import { getProvider, type Provider } from '#db/providers.ts';
import { isUrgent } from '#domain/priority.ts';
import { isSpentForMost, roomFor } from '#domain/quotas.ts';
import { installationMark } from '#domain/receipts.ts';
import { withoutAddresses } from '#domain/text.ts';
import { addMs, type Instant, toInstant } from '#domain/time.ts';
import type { Sign } from '#emails/links.ts';
import { type CallDeps, createCalls, type Reported, type Started } from './calls.ts';
import {
  type Ahead,
  type Candidate,
  openLetters,
  pickAhead,
  pickCandidates,
  prepareBatch,
} from './candidates.ts';
import { claimAll, type Plan } from './claim.ts';
import { leaseFrom } from './lease.ts';
import { openLedger, quotasOf, rateOf, slotsOf } from './ledger.ts';
import type { Letter, UnsendableMail } from './mail.ts';
import { ACCOUNT_CALL } from './pace.ts';
import { BREAKER, type Finished, settleAccepted, settleCall, settleMail } from './settle.ts';
import type { Outcome } from './transport.ts';

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

export type EngineDeps = CallDeps & {
  db: Db;
  random: () => number;
  sign: Sign;
  site: { url: string };
  owner: string;
};

/** The outbox's engine: it holds calls in flight and results not yet written, everything else is in the database. */
export function createEngine(deps: EngineDeps): Engine {
  const { db, now, random, transport, owner, log } = deps;
  const stopping = new AbortController();
  const mark = installationMark(deps.sign, deps.site.url);
  const calls = createCalls({ ...deps, mark }, stopping.signal);
  const { inFlight, finished, reported, accounts } = calls;
  const letters = new Map<number, Letter | UnsendableMail>();
  /** Batches written while calls were in flight. Nothing of them is stored, so they bind nobody. */
  let ahead: Ahead[] = [];
  /** How many of the results are being written down. */
  let writingDown = 0;
  let provider: Provider | null = null;
  /** An answer has come that names no limit, so none is kept to. */
  let unlimited = false;
  let restsUntil: Instant | null = null;
  /** Slots in a row that went to more urgent work while less urgent work grew old. */
  let passedOver = 0;

  return {
    round,
    stopClaiming: () => stopping.abort(),
    inFlight: calls.atWork,
    hasResults: calls.hasResults,
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
    const asks = provider !== null && calls.wantsAccount(provider, unlimited);
    if (!plans.length && !finished.length && !reported.length && !accounts.length && !asks)
      return writeAhead();

    // Results leave their lists only once they are on disk: a commit that fails loses none.
    const answers = [...finished];
    const mails = [...reported];
    const figures = [...accounts];
    const goOn = answers.every(({ outcome }) => mayGoOn(outcome));
    // What follows is written while the database writes.
    writingDown = answers.length;
    const next = writeAhead(written);
    const writing = db.write(async (tx) => {
      const time = now();
      const stale = await settleCalls(tx, answers, time);
      const stillOurs = await settleMails(tx, mails, time);
      const ledger = await openLedger(tx, {
        transport,
        provider,
        unlimited,
        calls: answers,
        figures,
        now: time,
      });
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
    const result = await writing.catch(async (error) => {
      await Promise.allSettled([next]);
      ahead = [];
      writingDown = 0;
      throw error;
    });
    writingDown = 0;
    finished.splice(0, answers.length);
    reported.splice(0, mails.length);
    accounts.splice(0, figures.length);
    unlimited = result.unlimited;
    for (const [index, { written }] of mails.entries()) written(result.stillOurs[index] as boolean);
    for (const seq of result.stale)
      log.warn({ batch: seq }, 'A batch had been taken over; its late answer was ignored.');
    for (const call of answers) report(call);
    ahead = [...result.left, ...ahead.filter((one) => !written.includes(one))];
    countTurns(result.started, aged);
    for (const call of result.started) calls.begin(call);
    if (result.asked) calls.askAccount(result.asked);
    await next;
    // Who was let go of stands before those who were written ahead, and is looked at first.
    if (result.dropped) ahead = [];
    if (result.started.length) await writeAhead();
    return answers.length + mails.length + figures.length + result.started.length + result.dropped > 0;
  }

  /** What may begin now, the most urgent first. Priority is decided here, when a slot is free, and not before. */
  async function look(): Promise<{ candidates: Candidate[]; aged: number[] }> {
    restsUntil = null;
    // Bad news is written down first: it may say that no call should follow.
    if (stopping.signal.aborted || finished.some(({ outcome }) => !mayGoOn(outcome))) return NOTHING;
    const time = now();
    ahead = ahead.filter((one) => one.writtenAt > addMs(time, -STALE_MS) && one.writtenAt <= time);
    return db.read(async (tx) => {
      const stored = await getProvider(tx, transport.name);
      provider = { ...stored, quotas: quotasOf(stored, transport, time) };
      if (provider.circuit === 'open' || provider.pausedAt) return NOTHING;
      const blocked = provider.blockedUntil !== null && provider.blockedUntil > time;
      if (blocked) restsUntil = provider.blockedUntil;
      const urgentOnly = blocked && isSpentForMost(provider.quotas, time);
      if (blocked && !urgentOnly) return NOTHING;
      // After a row of calls without an answer, one at a time feels the way.
      const limit = probe() ? 1 : transport.concurrency;
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
        busy: calls.atWork(),
        room: (priority) =>
          urgentOnly && !isUrgent(priority)
            ? 0
            : roomFor(provider?.quotas ?? [], priority, { now: time, underWay }).mails,
        oldFirst: passedOver + Math.max(1, slots.other) >= OLD_EVERY,
        probe: probe(),
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
      mark,
    });
    // A batch takes some milliseconds to write: in between, pages are served.
    await breathe();
    return { ...prepared, writtenAt: time };
  }

  /**
   * While calls are in flight, writes what will probably follow them, until one comes back.
   * @param taken what is being claimed, and so will not be ahead any more
   * @returns whether there was something to write
   */
  async function writeAhead(taken: readonly Ahead[] = []): Promise<boolean> {
    const wanted =
      Math.min(transport.concurrency, MOST_AHEAD) - ahead.filter((one) => !taken.includes(one)).length;
    const idle = !inFlight.size || !provider || rateOf(provider, { transport, unlimited }) || probe();
    if (idle || wanted <= 0 || stopping.signal.aborted || hasNews()) return false;
    const next = await db.read(async (tx) => {
      const known = [...taken, ...ahead.filter((one) => !taken.includes(one))];
      const batches = await pickAhead(tx, { transport, now: now(), ahead: known, batches: wanted });
      await openLetters(tx, letters, batches);
      return batches;
    });
    for (const deliveries of next) {
      ahead.push(await write(deliveries));
      if (hasNews()) break;
    }
    return next.length > 0;
  }

  function hasNews(): boolean {
    return finished.length > writingDown;
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
  function countTurns(started: readonly Started[], aged: readonly number[]): void {
    if (!aged.length || started.some(({ batch }) => aged.includes(batch.priority))) passedOver = 0;
    else passedOver += started.length;
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

const NOTHING = { candidates: [], aged: [] };
/** Batches that are written before there is a call for them: each holds its bytes. */
const MOST_AHEAD = 4;
/** What was written ahead is forgotten after this: people and notices change. */
const STALE_MS = 2_000;
/** One of so many slots goes to the oldest of what is less urgent and has waited long. */
const OLD_EVERY = 8;

function mayGoOn(outcome: Outcome): boolean {
  return outcome.kind === 'reported' || outcome.kind === 'accepted';
}
