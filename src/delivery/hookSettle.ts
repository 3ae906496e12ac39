import { acceptDeliveries, endMembers } from '#db/batchMembers.ts';
import { endQueued } from '#db/deliveries.ts';
import {
  type CalledHook,
  hastenCalls,
  hookOfDelivery,
  quarantineHook,
  requeueCall,
  setFailures,
} from '#db/hookCalls.ts';
import type { Tx } from '#db/open.ts';
import { hasNewerWord, NEWER_CALL } from '#db/pagingWords.ts';
import { addMs, HOUR, type Instant, MINUTE, msBetween } from '#domain/time.ts';
import type { MailResult } from './transport.ts';

/**
 * The waits between the calls of one delivery: soon at first, because news is fresh, then for about a day, because whoever is
 * called may be in trouble too. After the last it is given up.
 */
const WAITS = [
  5_000,
  30_000,
  2 * MINUTE,
  5 * MINUTE,
  15 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  6 * HOUR,
  10 * HOUR,
] as const;
/** An endpoint may ask for a pause, but not for ever. */
const LONGEST_PAUSE = 12 * HOUR;

/** So many calls that failed within this long, whatever was taken in between, and nothing is sent there any more. */
export const QUARANTINE_AFTER = 10;
export const QUARANTINE_WITHIN = HOUR;

/** Writes down what became of one call, on the delivery and on the endpoint. The caller has passed the fence. */
export async function settleHookCall(
  tx: Tx,
  result: MailResult,
  { now, random }: { now: Instant; random: () => number },
): Promise<void> {
  const seqs = [result.deliverySeq];
  const hook = await hookOfDelivery(tx, result.deliverySeq);
  if (!hook) return;
  switch (result.kind) {
    case 'accepted':
      await acceptDeliveries(tx, { seqs, providerIds: [result.providerId], now });
      if (!hook.failures) return;
      await setFailures(tx, hook.recipientSeq, { failures: 0, failedAt: hook.failedAt });
      // Whoever is back hears at once what it missed, and not when each wait ends.
      return hastenCalls(tx, hook.recipientSeq, now);
    case 'busy':
      return requeueCall(tx, result.deliverySeq, {
        tried: false,
        notBefore: addMs(now, result.afterMs),
        reason: null,
        now,
      });
    case 'gone':
      return settleGone(tx, hook, result, now);
    // A call has no mailbox that could be missing.
    case 'bounced':
    case 'refused':
      return endMembers(tx, seqs, { state: 'refused', reason: result.reason, now });
    default:
      return settleFailure(tx, hook, result, { now, random });
  }
}

/** The endpoint says itself that it is there no more. Its owner is told, and should it come back, it is told what it missed. */
async function settleGone(
  tx: Tx,
  hook: CalledHook,
  { deliverySeq, reason }: { deliverySeq: number; reason: string },
  now: Instant,
): Promise<void> {
  if (hook.noticeKind === 'test') await endMembers(tx, [deliverySeq], { state: 'refused', reason, now });
  else await requeueCall(tx, deliverySeq, { tried: true, notBefore: now, reason, now });
  await quarantineHook(tx, hook.recipientSeq, now);
}

async function settleFailure(
  tx: Tx,
  hook: CalledHook,
  result: Extract<MailResult, { kind: 'later' | 'unanswered' }>,
  { now, random }: { now: Instant; random: () => number },
): Promise<void> {
  const { deliverySeq, reason } = result;
  const afterMs = 'afterMs' in result ? result.afterMs : undefined;
  const end = (words: string) => endMembers(tx, [deliverySeq], { state: 'refused', reason: words, now });
  // A trial is one call: whoever pressed the button waits for its answer.
  if (hook.noticeKind === 'test') return end(reason);
  // Beyond a round of calls someone has asked for another.
  const calls = (hook.attempts % (WAITS.length + 1)) + 1;
  const wait = WAITS[calls - 1];
  const mustRest = await countFailure(tx, hook, { now, isPause: afterMs !== undefined });
  if (!wait) {
    await end(`Given up after ${calls} calls over a day. ${reason}`);
    await quarantineHook(tx, hook.recipientSeq, now);
    return;
  }
  const jittered = Math.round(wait * (0.75 + random() / 2));
  await requeueCall(tx, deliverySeq, {
    tried: true,
    notBefore: addMs(now, Math.max(jittered, Math.min(afterMs ?? 0, LONGEST_PAUSE))),
    reason,
    now,
  });
  if (await hasNewerWord(tx, deliverySeq))
    await endQueued(tx, [deliverySeq], { state: 'superseded', reason: NEWER_CALL, now });
  // With everything else that waits for it.
  if (mustRest) await quarantineHook(tx, hook.recipientSeq, now);
}

/** @returns whether the endpoint has failed too often now */
async function countFailure(
  tx: Tx,
  hook: CalledHook,
  { now, isPause }: { now: Instant; isPause: boolean },
): Promise<boolean> {
  // Who asks for a pause is there, and well enough to say so.
  if (isPause) return false;
  const failedAt = [...hook.failedAt, now].slice(-QUARANTINE_AFTER);
  await setFailures(tx, hook.recipientSeq, { failures: hook.failures + 1, failedAt });
  return failedAt.length === QUARANTINE_AFTER && msBetween(failedAt[0] as Instant, now) <= QUARANTINE_WITHIN;
}
