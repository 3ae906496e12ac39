import type { Ctx } from '#db/context.ts';
import { type Instant, MINUTE, msBetween } from '#domain/time.ts';
import { sayClockTicks } from '#services/clockHealth.ts';

const BEAT_MS = 10_000;
/** A duty that is not done for so long is worth a word: until then it may be one that failed and is tried again. */
const UNDONE_MS = MINUTE;

/** Says every ten seconds, and at once when that changes, that this process's clock ticks and what it does not get done. */
export function newHeartbeat(ctx: Ctx): (undone: ReadonlyMap<string, Instant>) => Promise<void> {
  const id = `clock/${ctx.newId()}`;
  let last: { at: Instant; said: string } | null = null;
  return async (undone) => {
    const now = ctx.now();
    const names = [...undone].filter(([, since]) => msBetween(since, now) >= UNDONE_MS).map(([name]) => name);
    const said = names.join(', ');
    // A clock that was set back must not keep it silent for as long as that.
    const isFresh = last !== null && Math.abs(msBetween(last.at, now)) < BEAT_MS;
    if (isFresh && last?.said === said) return;
    await sayClockTicks(ctx, id, names);
    last = { at: now, said };
  };
}
