import type { Ctx } from '#db/context.ts';
import { deleteDraftsBefore } from '#db/drafts.ts';
import { addMs, DAY } from '#domain/time.ts';
import { hourly } from './hourly.ts';

/** What nobody came back to for so long is about something else by now: an incident long closed, or one that was never declared. */
const KEPT_FOR = 30 * DAY;

/**
 * A duty that deletes the drafts that nobody touched for 30 days, whatever they are of, at most once an hour. Each process may do it.
 * @returns how many there were; null when it was not time
 */
export function oldDraftsDuty(): (ctx: Ctx) => Promise<number | null> {
  return hourly((ctx, now) => ctx.db.write((tx) => deleteDraftsBefore(tx, addMs(now, -KEPT_FOR))));
}
