import { setImmediate as breathe } from 'node:timers/promises';
import { type ClaimedBatch, claimBatch, insertBatch, listMembers } from '#db/batches.ts';
import { assignToBatch, countSendable, endQueued } from '#db/deliveries.ts';
import type { Db, Tx } from '#db/open.ts';
import { getProvider } from '#db/providers.ts';
import type { Instant } from '#domain/time.ts';
import type { Sign } from '#emails/links.ts';
import { openLetters, type Prepared, pickCandidates, prepareBatch } from './candidates.ts';
import { thawBody } from './freeze.ts';
import { leaseFrom } from './lease.ts';
import type { Letter, UnsendableMail } from './mail.ts';
import {
  BREAKER,
  type Finished,
  type Half,
  type Member,
  settleCall,
  settleMail,
  splitFor,
} from './settle.ts';
import type { MailResult, Outcome, Transport } from './transport.ts';

export type Engine = {
  /**
   * One turn: settles what has come back, freezes and claims what fits, in one commit, and begins the calls.
   * @returns whether anything was done, so that another turn may find more
   */
  round(): Promise<boolean>;
  /** Begin nothing new. */
  stopClaiming(): void;
  /** The batches whose calls have not come back. */
  inFlight(): number[];
  /** Whether something waits to be written down. */
  hasResults(): boolean;
  /** Until when the provider wants no call; null when one may be made. */
  blockedUntil(): Instant | null;
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
};

type Started = { batch: ClaimedBatch; bytes: Buffer; members: Member[]; open: Set<number> };
type Reported = { started: Started; result: MailResult; written: (stillOurs: boolean) => void };

/** The outbox's engine: it holds calls in flight and results not yet written, everything else is in the database. */
export function createEngine(deps: EngineDeps): Engine {
  const { db, now, random, transport, owner, log } = deps;
  const inFlight = new Map<number, Started>();
  const finished: Finished[] = [];
  const reported: Reported[] = [];
  const letters = new Map<number, Letter | UnsendableMail>();
  const stopping = new AbortController();
  let blockedUntil: Instant | null = null;

  return {
    round,
    stopClaiming: () => stopping.abort(),
    inFlight: () => [...inFlight.keys()],
    hasResults: () => finished.length > 0 || reported.length > 0,
    blockedUntil: () => blockedUntil,
  };

  async function round(): Promise<boolean> {
    const picked = await pick();
    const prepared: Prepared[] = [];
    for (const queued of picked.queued) {
      prepared.push(
        await prepareBatch(queued, { letters, transport, now: now(), site: deps.site, sign: deps.sign }),
      );
      // A batch takes some milliseconds to write: in between, pages are served.
      await breathe();
    }
    if (!prepared.length && !picked.ready.length && !finished.length && !reported.length) return false;

    // Results leave their lists only once they are on disk: a commit that fails loses none.
    const calls = [...finished];
    const mails = [...reported];
    const goOn = calls.every(({ outcome }) => mayGoOn(outcome));
    const { started, stillOurs, stale } = await db.write(async (tx) => ({
      stale: await settleCalls(tx, calls),
      stillOurs: await settleMails(tx, mails),
      started: goOn ? await freezeAndClaim(tx, prepared, picked.ready) : [],
    }));
    finished.splice(0, calls.length);
    reported.splice(0, mails.length);
    for (const [index, { written }] of mails.entries()) written(stillOurs[index] as boolean);
    for (const seq of stale)
      log.warn({ batch: seq }, 'A batch had been taken over; its late answer was ignored.');
    for (const call of calls) report(call);
    for (const call of started) void begin(call);
    return true;
  }

  async function pick() {
    const none = { ready: [], queued: [] };
    // Bad news is written down first: it may say that no call should follow.
    if (stopping.signal.aborted || finished.some(({ outcome }) => !mayGoOn(outcome))) return none;
    return db.read(async (tx) => {
      const provider = await getProvider(tx, transport.name);
      const time = now();
      blockedUntil = provider.blockedUntil && provider.blockedUntil > time ? provider.blockedUntil : null;
      if (provider.circuit === 'open' || provider.pausedAt || blockedUntil) return none;
      // After a row of calls without an answer, one at a time feels the way.
      const limit = provider.failures >= BREAKER ? 1 : transport.concurrency;
      // Out of rest, the first call does not wait until others are written.
      const slots = inFlight.size === 0 ? 1 : limit - inFlight.size;
      if (slots <= 0) return none;
      const candidates = await pickCandidates(tx, { transport, slots, now: time });
      await openLetters(tx, letters, candidates.queued);
      return candidates;
    });
  }

  async function settleCalls(tx: Tx, calls: readonly Finished[]): Promise<number[]> {
    const stale: number[] = [];
    for (const call of calls)
      if (!(await settleCall(tx, call, { now: now(), random, transport }))) stale.push(call.batch.seq);
    return stale;
  }

  async function settleMails(tx: Tx, mails: readonly Reported[]): Promise<boolean[]> {
    const stillOurs: boolean[] = [];
    for (const { started, result } of mails)
      stillOurs.push(await settleMail(tx, { ...started, result }, { now: now(), random, transport }));
    return stillOurs;
  }

  async function freezeAndClaim(
    tx: Tx,
    prepared: readonly Prepared[],
    ready: readonly { seq: number }[],
  ): Promise<Started[]> {
    const time = now();
    const lease = leaseFrom(owner, time);
    const started: Started[] = [];
    for (const { seq } of ready) {
      const batch = await claimBatch(tx, seq, { now: time, lease });
      if (!batch) continue;
      const members = await listMembers(tx, seq);
      const open = new Set(members.filter((m) => m.state === 'in_batch').map((m) => m.seq));
      started.push({ batch, bytes: Buffer.alloc(0), members, open });
    }
    for (const { batch, bytes, members, ended } of prepared) {
      for (const { seqs, ...end } of ended) await endQueued(tx, seqs, { ...end, now: time });
      if (!batch) continue;
      const seqs = members.map((member) => member.seq);
      // Someone may have unsubscribed, or another process may have been quicker, since the mails were written: then these bytes are
      // dropped and the next round looks again.
      if ((await countSendable(tx, seqs)) !== seqs.length) continue;
      const seq = await insertBatch(tx, batch, { now: time, notBefore: time, lease });
      await assignToBatch(tx, seqs, seq, time);
      started.push({
        batch: { ...batch, seq, fence: 1, attempts: 0, unknownSince: null },
        bytes,
        members: members.map((member) => ({ ...member, unanswered: 0 })),
        open: new Set(seqs),
      });
    }
    return started;
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
    finished.push({ batch: call.batch, members: call.members, outcome, halves });
    inFlight.delete(call.batch.seq);
    deps.onResult();
  }

  async function send(call: Started): Promise<Outcome> {
    const { batch, members, open } = call;
    if (!call.bytes.length) {
      const bytes = await thawBody(batch);
      if (!bytes) return { kind: 'ownBug', reason: 'The stored bytes are not the ones that were frozen.' };
      call.bytes = bytes;
    }
    return transport.send(
      { key: batch.key, body: call.bytes, members: members.map(({ seq }) => ({ seq, open: open.has(seq) })) },
      { stopping: stopping.signal, report: (result) => reportMail(call, result) },
    );
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

function mayGoOn(outcome: Outcome): boolean {
  return outcome.kind === 'reported' || (outcome.kind === 'accepted' && !outcome.restMs);
}

/** What others say of a call may name people; the log never does. */
function withoutAddresses(text: string): string {
  return text.replace(/[^\s<>"'`(),;]+@[^\s<>"'`(),;]+/g, '<address>');
}
