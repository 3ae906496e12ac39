import { claimBatch, insertBatch, type Lease, settleBatch } from '#db/batches.ts';
import {
  assignToBatch,
  countCutOff,
  endMembers,
  listAgainst,
  listMembers,
  requeueMembers,
} from '#db/batchMembers.ts';
import { areSendable, endQueued } from '#db/deliveries.ts';
import type { Tx } from '#db/open.ts';
import { beginProbe } from '#db/providers.ts';
import { returnEnded } from '#db/toldElsewhere.ts';
import { addMs, type Instant } from '#domain/time.ts';
import type { Started } from './calls.ts';
import { type Ahead, type Candidate, REASON_AGAINST } from './candidates.ts';
import { LEASE_MS } from './lease.ts';
import type { Ledger, Slot } from './ledger.ts';
import { goesWhole, type Transport } from './transport.ts';

/** What may be claimed: a frozen batch, or one that has been written and is frozen now. */
export type Plan = Exclude<Candidate, { kind: 'queued' }>;

export type Claimed = {
  started: Started[];
  /** Written, and without a slot after all: it may go next. */
  left: Ahead[];
  /** Plans that came to nothing, so that another look may find more. */
  dropped: number;
};

/**
 * Freezes and claims, in order, what the ledger has slots for. Membership, key and bytes are on disk, and the calls in the provider's
 * log, when the transaction commits; only then may the calls begin.
 */
export async function claimAll(
  tx: Tx,
  plans: readonly Plan[],
  claim: { ledger: Ledger; transport: Transport; now: Instant; lease: Lease; probe: boolean },
): Promise<Claimed> {
  const { ledger, transport, now, probe } = claim;
  const claimed: Claimed = { started: [], left: [], dropped: 0 };
  const written = plans.flatMap((plan) => (plan.kind === 'ahead' ? [plan.prepared] : []));
  const sound = await soundOf(tx, written, now);
  for (const plan of plans) {
    const [priority, mails] =
      plan.kind === 'ready'
        ? [plan.priority, plan.size]
        : [plan.prepared.priority, plan.prepared.members.length];
    const slot = ledger.slot(priority, mails);
    if (!slot) {
      if (plan.kind === 'ahead') claimed.left.push(plan.prepared);
      continue;
    }
    const started =
      plan.kind === 'ready'
        ? await takeUp(tx, plan.seq, slot, claim)
        : await freeze(tx, plan.prepared, sound.has(plan.prepared), slot, claim);
    if (!started) {
      claimed.dropped++;
      continue;
    }
    ledger.book(started.batch.seq, slot, mails);
    claimed.started.push(started);
  }
  if (probe && claimed.started.length)
    await beginProbe(tx, transport.name, { until: addMs(now, LEASE_MS), now });
  return claimed;
}

type Claim = { now: Instant; lease: Lease };

async function takeUp(
  tx: Tx,
  seq: number,
  slot: Slot,
  { now, lease, transport }: Claim & { transport: Transport },
): Promise<Started | null> {
  const batch = await claimBatch(tx, seq, { now, lease });
  if (!batch) return null;
  if (batch.unknown && !goesWhole(transport.name)) {
    if (batch.cutOff) await countCutOff(tx, seq, now);
    await endAgainst(tx, seq, now);
  }
  const members = await listMembers(tx, seq);
  // It may have waited for weeks, for a quota say. What was certainly never taken is written anew where someone in it left meanwhile.
  const isErased = goesWhole(transport.name) && members.length < batch.size;
  if (!batch.unknown && (isErased || (await listAgainst(tx, seq)).length)) {
    await settleBatch(tx, batch, { now, error: 'Someone in it was not to be told any more.' });
    const counts = goesWhole(transport.name);
    await requeueMembers(tx, { batchSeq: seq }, { counts, notBefore: now, reason: null, now });
    return null;
  }
  const open = new Set(members.filter((member) => member.state === 'in_batch').map((member) => member.seq));
  return { batch, bytes: Buffer.alloc(0), built: false, members, open, ...slot, began: null };
}

/** Of mails that go one by one, each is asked about again: what has begun is a reason to repeat none to who has left. */
async function endAgainst(tx: Tx, batchSeq: number, now: Instant): Promise<void> {
  const against = await listAgainst(tx, batchSeq);
  const groups = Map.groupBy(against, ({ why, unanswered }) => `${why} ${unanswered > 0}`);
  for (const group of groups.values()) {
    const [{ why, unanswered }] = group as [(typeof against)[number]];
    const seqs = group.map(({ seq }) => seq);
    const reason = REASON_AGAINST[why];
    if (!unanswered) await endMembers(tx, seqs, { state: 'suppressed', reason, now });
    else
      await endMembers(tx, seqs, {
        state: 'uncertain',
        reason: `It was handed over without an answer, so it may have arrived. It is not repeated: ${LEFT_SINCE[why]}`,
        decided: true,
        now,
      });
  }
}

const LEFT_SINCE = {
  suppressed: 'the address is on the suppression list.',
  unsubscribed: 'the person has unsubscribed.',
  quarantined: 'nothing is sent there for now.',
};

async function freeze(
  tx: Tx,
  { batch, bytes, members, ended }: Ahead,
  sound: boolean,
  slot: Slot,
  { now, lease }: Claim,
): Promise<Started | null> {
  for (const { seqs, ...end } of ended) await endQueued(tx, seqs, { ...end, now });
  await returnEnded(
    tx,
    ended.flatMap(({ seqs }) => seqs),
    now,
  );
  if (!batch || !sound) return null;
  const seq = await insertBatch(tx, batch, { now, notBefore: now, lease });
  await assignToBatch(tx, members, seq, now);
  return {
    batch: { ...batch, seq, fence: 1, attempts: 0, unknown: false, cutOff: false },
    bytes,
    built: true,
    members: members.map((member) => ({ ...member, unanswered: 0 })),
    open: new Set(members.map((member) => member.seq)),
    ...slot,
    began: null,
  };
}

/**
 * Which of them may go as they were written. Someone may have unsubscribed, stopped or mended it, or another process may have been
 * quicker, since: those bytes are dropped, and the next round looks again.
 */
async function soundOf(tx: Tx, written: readonly Ahead[], now: Instant): Promise<Set<Ahead>> {
  const withMails = written.filter((one) => one.batch);
  if (!withMails.length) return new Set();
  // Almost always all of them may, so they are asked about at once.
  if (
    await areSendable(
      tx,
      withMails.flatMap((one) => one.members),
      now,
    )
  )
    return new Set(withMails);
  const sound = new Set<Ahead>();
  for (const one of withMails) if (await areSendable(tx, one.members, now)) sound.add(one);
  return sound;
}
