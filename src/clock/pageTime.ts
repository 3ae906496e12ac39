import type { Ctx } from '#db/context.ts';
import { claimBumpedUntil, didSomethingFallDue, getBumpedUntil } from '#db/due.ts';
import { bumpPageVersion } from '#db/page.ts';
import { addMs, dayIn, MINUTE } from '#domain/time.ts';

/** A clock that is set back by no more makes no difference, nor do two machines whose clocks differ by less. */
const A_LITTLE = 10 * MINUTE;

/**
 * A page changes by time alone when a day begins in its zone, an update falls due, or a maintenance starts or should have ended, or the clock
 * is put right: then its version rises once, whichever process notices.
 * @returns whether this call raised it
 */
export async function bumpPageByTime(ctx: Ctx): Promise<boolean> {
  const now = ctx.now();
  // Nearly always there is nothing to do, and then nothing is written.
  const due = await ctx.db.read(async (tx) => {
    const page = await getBumpedUntil(tx);
    if (!page) return null;
    const { bumpedUntil, timeZone } = page;
    // What was rendered by a clock that had leapt ahead is of another time, and nothing would be new for as long.
    if (bumpedUntil > addMs(now, A_LITTLE)) return bumpedUntil;
    if (bumpedUntil >= now) return null;
    const newDay = dayIn(bumpedUntil, timeZone) !== dayIn(now, timeZone);
    return newDay || (await didSomethingFallDue(tx, bumpedUntil, now)) ? bumpedUntil : null;
  });
  if (due === null) return false;
  const bumped = await ctx.db.write(async (tx) => {
    if (!(await claimBumpedUntil(tx, due, now))) return false;
    await bumpPageVersion(tx, now);
    return true;
  });
  if (bumped) ctx.changed('page');
  return bumped;
}
