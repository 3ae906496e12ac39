import { randomInt } from 'node:crypto';
import { seededRandom } from '../support/chance.ts';

/** `npm run chaos` sets CHAOS=full: as much of everything as was promised. Otherwise it is as much as fits into every run of the tests. */
export const FULL = process.env.CHAOS === 'full';

/** A count that an environment variable may set. */
export function count(name: string, { quick, full }: { quick: number; full: number }): number {
  return Number(process.env[name] ?? (FULL ? full : quick));
}

/** The full run looks for what no run before it has met; the quick one is the same each time. CHAOS_SEED runs one again. */
export const SEED = Number(process.env.CHAOS_SEED ?? (FULL ? randomInt(2 ** 31) : 20_261_120));

/** Chance that a failing run can be run again with. */
export const chance = (salt = 0) => seededRandom(SEED + salt);

/** A runaway is stopped; nothing else is judged by time. */
export const PATIENCE = { timeout: FULL ? 3_600_000 : 600_000 };
