import { toldUpTo } from '#db/digests.ts';
import type { Tx } from '#db/open.ts';
import { type Recipient, setPace } from '#db/recipients.ts';
import { DIGEST_REACH, readsDigests } from '#domain/subscriberPace.ts';
import { addMs, DAY, type Instant } from '#domain/time.ts';

type Pace = Pick<Recipient, 'mode' | 'timeZone'> & { hourBefore?: boolean | undefined };

/**
 * A subscriber chooses how often to hear, and by whose clock. Their next digest begins where those that they had ended, in whatever zone
 * that was. Who heard otherwise until now is told what happened since the last one of the zone, of at most a day: mail of it that has not left
 * does not go to them any more, and what was said longer ago they chose not to hear.
 */
export async function choosePace(tx: Tx, person: Recipient, pace: Pace, now: Instant): Promise<void> {
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
  // Nothing has been told them since they moved before.
  if (before.digestFrom !== null) return before.digestFrom;
  if (pace.timeZone === before.timeZone) return null;
  return (await toldUpTo(tx, before)) ?? addMs(now, -DIGEST_REACH);
}
