import type { Ctx } from '#db/context.ts';
import { deleteExpiredSessions } from '#db/sessions.ts';
import { HOUR, type Instant, msBetween } from '#domain/time.ts';

/**
 * A duty that deletes the sessions that have expired, when it is first done and then at most once an hour: nobody can sign in with
 * them anyway. Each process may do it: deleting twice harms nothing. One that fails is due again at once.
 * @returns how many there were; null when it was not time
 */
export function expiredSessionsDuty(): (ctx: Ctx) => Promise<number | null> {
  let doneAt: Instant | null = null;
  return async (ctx) => {
    const now = ctx.now();
    if (doneAt !== null && now >= doneAt && msBetween(doneAt, now) < HOUR) return null;
    const deleted = await ctx.db.write((tx) => deleteExpiredSessions(tx, now));
    doneAt = now;
    return deleted;
  };
}
