import type { Ctx } from '#db/context.ts';
import { sendDigests } from '#services/digests.ts';

/**
 * A duty that sends the digests that are due, when it is first called and then once a minute, since an hour that is set is one to the
 * minute; while there are more to write, each time that it is called.
 * @returns how many were promised; null when it was not time
 */
export function dailyDigestsDuty(): (ctx: Ctx) => Promise<number | null> {
  let doneIn = '';
  return async (ctx) => {
    const minute = ctx.now().slice(0, 16);
    if (minute === doneIn) return null;
    const { promised, more } = await sendDigests(ctx);
    if (!more) doneIn = minute;
    return promised;
  };
}
