import type { Ctx } from '#db/context.ts';
import { toldUpTo } from '#db/digests.ts';
import { promiseNow } from '#db/fanouts.ts';
import type { Tx } from '#db/open.ts';
import { type Recipient, setPace } from '#db/recipients.ts';
import { DIGEST_REACH, readsDigests } from '#domain/subscriberPace.ts';
import { addMs, DAY, type Instant } from '#domain/time.ts';
import { tellSoFar } from './digests.ts';

type Pace = Pick<Recipient, 'mode' | 'timeZone'> & { hourBefore?: boolean | undefined };

/**
 * A subscriber chooses how often to hear, and by whose clock. Their next digest begins where those that they had ended, in whatever zone
 * that was. Who heard otherwise until now is told what happened since the last one of the zone, of at most a day: mail of it that has not left
 * does not go to them any more, and what was said longer ago they chose not to hear. Who has digests no more is told at once what the
 * next one would have said, and gets the mail that waits for its time: they chose to hear more, not to miss that.
 */
export async function choosePace(tx: Tx, ctx: Ctx, person: Recipient, pace: Pace): Promise<void> {
  const now = ctx.now();
  if (person.state === 'confirmed' && readsDigests(person.mode) && !readsDigests(pace.mode)) {
    await promiseNow(tx, person.seq, now);
    await tellSoFar(tx, ctx, person, await notToldSince(tx, person, now));
  }
  await setPace(tx, person.seq, { ...pace, digestFrom: await digestFrom(tx, person, pace, now) });
}

async function digestFrom(tx: Tx, before: Recipient, pace: Pace, now: Instant): Promise<Instant | null> {
  if (before.state !== 'confirmed' || !readsDigests(pace.mode)) return null;
  if (!readsDigests(before.mode)) {
    const [aDayAgo, last] = [
      addMs(now, -DAY),
      await toldUpTo(tx, { seq: before.seq, timeZone: pace.timeZone }),
    ];
    return last !== null && last > aDayAgo ? last : aDayAgo;
  }
  if (before.digestFrom === null && pace.timeZone === before.timeZone) return null;
  return notToldSince(tx, before, now);
}

/** Since when who has digests has not been told by them. */
export async function notToldSince(tx: Tx, before: Recipient, now: Instant): Promise<Instant> {
  return before.digestFrom ?? (await toldUpTo(tx, before)) ?? addMs(now, -DIGEST_REACH);
}
