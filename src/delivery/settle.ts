import {
  type ClaimedBatch,
  deferBatch,
  holdBatch,
  insertBatch,
  isAnyFresh,
  type NewBatch,
  settleBatch,
  settleBatches,
} from '#db/batches.ts';
import {
  acceptDeliveries,
  type BatchMember,
  countCutOff,
  countUnanswered,
  endMembers,
  listMembers,
  moveMembers,
  requeueMembers,
} from '#db/batchMembers.ts';
import { isHeldBy } from '#db/leases.ts';
import type { Tx } from '#db/open.ts';
import {
  blockProvider,
  clearFailures,
  countFailure,
  endRefusals,
  getProvider,
  openCircuit,
} from '#db/providers.ts';
import { addMs, type Instant } from '#domain/time.ts';
import { LATER_TRIES, laterDelay, unknownDelay } from './backoff.ts';
import { bounce } from './bounce.ts';
import { refuse } from './commonFault.ts';
import { freezeBatch, splitBody } from './freeze.ts';
import { settleHookCall } from './hookSettle.ts';
import { goesWhole, type MailResult, type Outcome, type Transport } from './transport.ts';

/** After this many calls in a row without an answer, everyone waits, and then one call at a time feels its way. */
export const BREAKER = 5;

/** A call that has come back. */
export type Finished = {
  batch: ClaimedBatch;
  members: readonly BatchMember[];
  outcome: Outcome;
  /** The two new batches, when the outcome asks to isolate a fault; made outside the transaction. */
  halves: readonly Half[];
  /** When it was begun, had arrived and was answered, in ms since the epoch, and how many calls stood in the log when it was claimed. */
  began: number;
  arrived: number;
  answered: number;
  counted: number;
};

export type Half = { batch: NewBatch; seqs: readonly number[] };

const UNANSWERED: Outcome = {
  kind: 'unknown',
  afterMs: null,
  reason: 'The mail server took some of it and gave no answer.',
  unreachable: true,
};

type At = { now: Instant; random: () => number; transport: Transport };
type CallsAt = At & {
  /** Calls in a row without an answer, as last seen. */
  failures: number;
};

/** Makes the halves of a batch that was refused because of something in it; nothing for other outcomes and for a single mail. */
export async function splitFor(
  outcome: Outcome,
  call: { batch: ClaimedBatch; bytes: Buffer; members: Finished['members'] },
  { transport, mark }: { transport: Transport; mark: string },
): Promise<Half[]> {
  if (outcome.kind !== 'payloadFault' || call.members.length < 2 || isIncomplete(call)) return [];
  const { members } = call;
  const middle = Math.ceil(members.length / 2);
  const bodies = splitBody(call.bytes);
  return Promise.all(
    [members.slice(0, middle), members.slice(middle)].map(async (half, index) => ({
      seqs: half.map((member) => member.seq),
      batch: await freezeBatch(transport.name, {
        mark,
        generation: call.batch.generation + 1,
        priority: call.batch.priority,
        members: half,
        bytes: bodies[index] as Buffer,
      }),
    })),
  );
}

/**
 * Writes down the calls that were accepted, all in a few statements.
 * @returns the batches whose fence had moved on: of those nothing is written
 */
export async function settleAccepted(tx: Tx, calls: readonly Finished[], at: CallsAt): Promise<number[]> {
  const accepted = calls.flatMap(({ outcome, ...call }) =>
    outcome.kind === 'accepted' ? [{ ...call, ids: outcome.providerIds }] : [],
  );
  if (!accepted.length) return [];
  const ours = await settleBatches(
    tx,
    accepted.map((call) => call.batch),
    at.now,
  );
  const settled = accepted.filter((call) => ours.has(call.batch.seq));
  await acceptDeliveries(tx, {
    seqs: settled.flatMap((call) => call.members.map((member) => member.seq)),
    providerIds: settled.flatMap((call) => {
      // Where someone was erased meanwhile, the bytes hold more mails than there are members, and which is whose is not known.
      const isKnown = call.ids.length === call.members.length;
      return call.members.map((_, index) => (isKnown ? (call.ids[index] ?? null) : null));
    }),
    now: at.now,
  });
  if (at.failures) await clearFailures(tx, at.transport.name, at.now);
  await endRefusals(tx, at.transport.name);
  return accepted.map((call) => call.batch.seq).filter((seq) => !ours.has(seq));
}

/** Whether the provider said anything at all; a call that was never made says nothing. */
function isAnswer(outcome: Outcome): boolean {
  return !('unreachable' in outcome) || (!outcome.unreachable && outcome.afterMs !== 0);
}

/**
 * Writes down what became of a call. Every branch first passes the fence: when the batch has been claimed by another since, the
 * outcome changes nothing at all.
 * @returns false when the fence had moved on
 */
export async function settleCall(tx: Tx, call: Finished, at: CallsAt): Promise<boolean> {
  const { batch, outcome, halves } = call;
  const { now, random, transport } = at;
  const provider = transport.name;
  if (at.failures && isAnswer(outcome)) await clearFailures(tx, provider, now);
  switch (outcome.kind) {
    case 'accepted':
      return (await settleAccepted(tx, [call], at)).length === 0;
    case 'reported': {
      const left = (await listMembers(tx, batch.seq)).filter((member) => member.state === 'in_batch');
      if (left.length) return settleCall(tx, { ...call, outcome: UNANSWERED }, at);
      return settleBatch(tx, batch, { now, error: null });
    }
    case 'retry': {
      // Refused as a whole, or never begun: what was unknown before the call still is, and nothing else.
      const wait = outcome.afterMs ?? unknownDelay(batch.attempts, random);
      const deferred = await deferBatch(tx, batch, {
        notBefore: addMs(now, wait),
        attempts: batch.attempts,
        unknown: batch.unknown,
        error: outcome.reason,
      });
      if (!deferred) return false;
      if (outcome.unreachable) await pauseWhenFailing(tx, outcome.reason, at);
      else if (wait > 0)
        await blockProvider(tx, { id: provider, until: addMs(now, wait), reason: outcome.reason, now });
      return true;
    }
    case 'unknown': {
      const deferred = await deferBatch(tx, batch, {
        notBefore: addMs(now, outcome.afterMs ?? unknownDelay(batch.attempts, random)),
        attempts: batch.attempts + 1,
        unknown: true,
        error: outcome.reason,
      });
      if (!deferred) return false;
      if (outcome.cutOff && !goesWhole(provider)) await countCutOff(tx, batch.seq, now);
      if (outcome.unreachable) await pauseWhenFailing(tx, outcome.reason, at);
      return true;
    }
    case 'park': {
      const until = parkedUntil(outcome, now);
      const deferred = await deferBatch(tx, batch, {
        notBefore: now,
        attempts: batch.attempts,
        unknown: batch.unknown,
        error: outcome.reason,
      });
      if (!deferred) return false;
      // What is left of the quota may still do for something urgent: that is let past (domain/quotas.ts).
      await blockProvider(tx, { id: provider, until, reason: outcome.reason, now });
      return true;
    }
    case 'payloadFault': {
      // Of calls before this one it says nothing, and one of them may have been taken: a new key could send it twice.
      if (batch.unknown && outcome.bySomeoneElse) {
        const { reason } = outcome;
        const unknown: Outcome = { kind: 'unknown', afterMs: null, reason, unreachable: false };
        return settleCall(tx, { ...call, outcome: unknown }, at);
      }
      if (!(await settleBatch(tx, batch, { now, error: outcome.reason }))) return false;
      // Its bytes cannot be cut where its members are, or what is wrong with them is wrong with all: those who are left go in a new one.
      if (isIncomplete(call) || (halves.length && (await getProvider(tx, provider)).circuit === 'open')) {
        const counts = goesWhole(provider);
        await requeueMembers(tx, { batchSeq: batch.seq }, { counts, notBefore: now, reason: null, now });
        return true;
      }
      for (const half of halves) {
        const batchSeq = await insertBatch(tx, half.batch, { now, notBefore: now, lease: null });
        await moveMembers(tx, half.seqs, { batchSeq, generation: half.batch.generation, now });
      }
      const [only] = call.members;
      if (only && !halves.length)
        await refuse(tx, { batchSeq: batch.seq, seq: only.seq, reason: outcome.reason }, at);
      return true;
    }
    case 'configuration': {
      // Once mended, the mails may have to be built anew (another sender). That needs a new key, which is safe only for a batch that
      // was certainly never taken; one with an unknown past keeps its bytes.
      const ended = batch.unknown
        ? await deferBatch(tx, batch, {
            notBefore: now,
            attempts: batch.attempts,
            unknown: batch.unknown,
            error: outcome.reason,
          })
        : await settleBatch(tx, batch, { now, error: outcome.reason });
      if (!ended) return false;
      // A wrong password is no try of a mail: where no provider has seen a key, none has to be another.
      const counts = goesWhole(provider);
      if (!batch.unknown)
        await requeueMembers(tx, { batchSeq: batch.seq }, { counts, notBefore: now, reason: null, now });
      await openCircuit(tx, { id: provider, reason: `${outcome.reason} ${outcome.fix}`, now });
      return true;
    }
    case 'ownBug':
      return holdBatch(tx, batch, outcome.reason);
  }
}

/**
 * Writes down what became of one mail of a batch that is still being sent.
 * @returns false when the batch is no longer held under this fence: then nothing is written and nothing more may be sent
 */
export async function settleMail(
  tx: Tx,
  { batch, members, result }: { batch: ClaimedBatch; members: BatchMember[]; result: MailResult },
  { now, random, transport }: At,
): Promise<boolean> {
  if (!(await isHeldBy(tx, batch))) return false;
  if (transport.lane === 'hook') {
    await settleHookCall(tx, result, { now, random });
    return true;
  }
  const seqs = [result.deliverySeq];
  const member = members.find((known) => known.seq === result.deliverySeq);
  switch (result.kind) {
    case 'accepted':
      await acceptDeliveries(tx, { seqs, providerIds: [result.providerId], now });
      await endRefusals(tx, transport.name);
      break;
    case 'refused':
      await refuse(
        tx,
        { batchSeq: batch.seq, seq: result.deliverySeq, reason: result.reason },
        { now, transport },
      );
      break;
    case 'bounced':
      await bounce(tx, result, now);
      break;
    case 'later': {
      // Beyond a round of tries someone has asked for another.
      const tries = ((member?.attempts ?? 0) % LATER_TRIES) + 1;
      if (tries >= LATER_TRIES)
        await endMembers(tx, seqs, {
          state: 'refused',
          reason: `Given up after ${tries} tries over a day. ${result.reason}`,
          now,
        });
      else
        await requeueMembers(
          tx,
          { batchSeq: batch.seq, seqs },
          { counts: true, notBefore: addMs(now, laterDelay(tries, random)), reason: result.reason, now },
        );
      break;
    }
    case 'unanswered':
      // The server may have it. The same bytes with the same Message-ID go once more; after that, no one knows.
      if (member?.unanswered)
        await endMembers(tx, seqs, {
          state: 'uncertain',
          reason: `Handed over twice without an answer, so it may have arrived. ${result.reason}`,
          now,
        });
      else await countUnanswered(tx, seqs, { reason: result.reason, now });
  }
  return true;
}

/** Whether someone's mail is in the bytes who is no member any more: erased, or in the queue again. */
function isIncomplete({ batch, members }: { batch: ClaimedBatch; members: Finished['members'] }): boolean {
  return members.length < batch.size;
}

/** When a quota that is used up begins anew, or is at least worth another try. */
export function parkedUntil({ until, afterMs }: Extract<Outcome, { kind: 'park' }>, now: Instant): Instant {
  return until && until > now ? until : addMs(now, afterMs);
}

/** Once each batch had so many calls without an answer, the fault may be in what they hold: later words no longer wait for them. */
const ITS_OWN_FAULT = 20;

async function pauseWhenFailing(tx: Tx, reason: string, at: At): Promise<void> {
  const provider = at.transport.name;
  const failures = await countFailure(tx, provider, at.now);
  if (failures < BREAKER) return;
  await blockProvider(tx, {
    id: provider,
    until: addMs(at.now, Math.max(1_000, unknownDelay(failures - BREAKER + 1, at.random))),
    reason,
    away: await isAnyFresh(tx, provider, ITS_OWN_FAULT),
    now: at.now,
  });
}
