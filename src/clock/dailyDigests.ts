import type { Ctx } from '#db/context.ts';
import { sendDigests } from '#services/digests.ts';

/**
 * A duty that sends the digests that are due, when it is first called and then once a minute: an hour that is set is one to the minute.
 * @returns how many were promised; null when it was not time
 */
export function dailyDigestsDuty(): (ctx: Ctx) => Promise<number | null> {
  let doneIn = '';
  return async (ctx) => {
    const minute = ctx.now().slice(0, 16);
    if (minute === doneIn) return null;
    const promised = await sendDigests(ctx);
    doneIn = minute;
    return promised;
  };
}
