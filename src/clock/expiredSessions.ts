import type { Ctx } from '#db/context.ts';
import { deleteExpiredSessions } from '#db/sessions.ts';
import { hourly } from './hourly.ts';

/**
 * A duty that deletes the sessions that have expired, at most once an hour: nobody can sign in with them anyway. Each process may do
 * it: deleting twice harms nothing.
 * @returns how many there were; null when it was not time
 */
export function expiredSessionsDuty(): (ctx: Ctx) => Promise<number | null> {
  return hourly((ctx, now) => ctx.db.write((tx) => deleteExpiredSessions(tx, now)));
}
