import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Db } from '#db/open.ts';
import { chance, count, SEED } from '../chaos/size.ts';
import { eachDatabase, freshSqlite } from '../support/databases.ts';
import { CALM, type Fate, roughFate } from './process.ts';
import { newScript, type Plot } from './script.ts';
import { SEV1 } from './sev1.ts';
import { openStage } from './stage.ts';
import { tell } from './table.ts';
import { settleTown } from './town.ts';
import { TURNS } from './turns.ts';

/** README.md beside this file says how the tables are renewed, and what to look for in them first. */
const RENEW = process.env.RENEW_STORIES === '1';
if (RENEW && process.env.CI) throw new Error('The tables of the stories are renewed by people, never by CI.');

/** A runaway is stopped; nothing else is judged by time. */
const PATIENCE = { timeout: 1_200_000 };

const TIMES = count('CHAOS_STORIES', { quick: 1, full: 10 });

const STORIES: readonly [file: string, plot: Plot][] = [
  ['sev1.txt', SEV1],
  ['turns.txt', TURNS],
];

for (const [file, plot] of STORIES) {
  const path = join(import.meta.dirname, file);

  eachDatabase(file, (fresh) => {
    it('reads as it is written: who was told what, and when', PATIENCE, async () => {
      const told = await play(plot, await fresh(), CALM);
      if (RENEW) writeFileSync(path, told);
      expect(told).toBe(readFileSync(path, 'utf8'));
    });

    killed(1, fresh);
  });

  // What differs from time to time is when it dies, on the quicker database as well as on both.
  describe.runIf(TIMES > 1)(`${file} (sqlite, and again)`, () => {
    for (let time = 2; time <= TIMES; time++)
      killed(time, async () => {
        const db = await freshSqlite();
        onTestFinished(db.close);
        return db;
      });
  });

  function killed(time: number, fresh: () => Promise<Db>): void {
    it(`reads the same when Foghorn is killed again and again (${time})`, PATIENCE, async () => {
      const fate = roughFate(chance(time));
      const told = await play(plot, await fresh(), fate);
      const met = [...fate.met].map(([what, times]) => `${what} ${times}`).join(', ');
      console.log(`stories: ${file}, seed ${SEED} + ${time}: ${met}`);
      expect(told).toBe(readFileSync(path, 'utf8'));
      // Or it proves nothing.
      expect(fate.met.size).toBeGreaterThan(4);
    });
  }
}

async function play(plot: Plot, db: Db, fate: Fate): Promise<string> {
  const stage = await openStage(db, { start: plot.start, fate });
  try {
    const town = await settleTown(db, stage, plot.duty);
    const script = newScript(town);
    plot.moments(script, town, stage);
    await stage.play(script.moments, plot.until);
    return tell(plot, script, stage.arrivals);
  } finally {
    await stage.close();
  }
}
