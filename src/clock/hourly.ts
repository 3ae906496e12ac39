import type { Ctx } from '#db/context.ts';
import { HOUR, type Instant, msBetween } from '#domain/time.ts';

/**
 * The duty, when it is first due and then at most once an hour. One that fails is due again at once.
 * @returns what it gives; null when it was not time
 */
export function hourly<T>(duty: (ctx: Ctx, now: Instant) => Promise<T>): (ctx: Ctx) => Promise<T | null> {
  let doneAt: Instant | null = null;
  return async (ctx) => {
    const now = ctx.now();
    if (doneAt !== null && now >= doneAt && msBetween(doneAt, now) < HOUR) return null;
    const result = await duty(ctx, now);
    doneAt = now;
    return result;
  };
}
