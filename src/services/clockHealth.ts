import type { Ctx } from '#db/context.ts';
import { beatClock, listClocks } from '#db/workers.ts';
import { addMs, durationText, type Instant, MINUTE, msBetween } from '#domain/time.ts';
import type { HealthItem } from './deliveryHealth.ts';

/** A clock ticks every second and says so every ten; after this long without a word it stands still. */
const SILENT_MS = MINUTE;

/** How the clocks of all processes are together: what one does need not be done by another. */
export type ClockStanding = {
  /** The newest tick of any; null when there never was one, or none for days. */
  lastTick: Instant | null;
  /** What no clock that ticks gets done, by name. */
  undone: string[];
};

/** From the clock: it has ticked, and has not got these done. */
export async function sayClockTicks(ctx: Ctx, id: string, undone: readonly string[]): Promise<void> {
  // The time is taken once it is this one's turn to write: a wait is no reason to look dead.
  await ctx.db.write((tx) => beatClock(tx, { id, undone, now: ctx.now() }));
}

export async function readClock(ctx: Ctx): Promise<ClockStanding> {
  const clocks = await ctx.db.read(listClocks);
  const alive = clocks.filter(({ beatAt }) => beatAt >= addMs(ctx.now(), -SILENT_MS));
  const [first, ...others] = alive;
  return {
    lastTick: clocks[0]?.beatAt ?? null,
    undone: first ? first.undone.filter((name) => others.every(({ undone }) => undone.includes(name))) : [],
  };
}

/** For the top of the admin: what is done because time passes is not done. Where no process ever ran, others say that (deliveryHealth.ts). */
export async function readClockTrouble(ctx: Ctx): Promise<HealthItem[]> {
  const { lastTick, undone } = await readClock(ctx);
  const silentMs = lastTick ? msBetween(lastTick, ctx.now()) : 0;
  if (silentMs > SILENT_MS)
    return [
      {
        level: 'trouble',
        message: `The clock has stood still for ${durationText(silentMs)}: nobody is called when a word is due, planned work neither begins nor ends, no daily mail is written.`,
        fix: 'Look after the due times yourself meanwhile. Start Foghorn with FOGHORN_ROLE=all, or start a worker. If one runs, its log says what it waits for: start it anew.',
      },
    ];
  if (!undone.length) return [];
  return [
    {
      level: 'trouble',
      message: `The clock does not get this done: ${undone.join(', ')}.`,
      fix: 'Look after it yourself meanwhile. The log of the worker, or of Foghorn where there is none, says why; start it anew if that is no help.',
    },
  ];
}
