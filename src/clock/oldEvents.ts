import type { Ctx } from '#db/context.ts';
import { tidyEvents } from '#services/receipts.ts';
import { hourly } from './hourly.ts';

/** A duty that gives up and forgets what the mail provider told us, at most once an hour. Each process may do it. */
export function oldEventsDuty(): (ctx: Ctx) => Promise<number | null> {
  return hourly(tidyEvents);
}
