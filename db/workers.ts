import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

/** One process that hands mail over, or keeps the clock. */
export type Worker = { id: string; role: string; beatAt: Instant; loops: Loops };

/** For how long, in ms, each loop of a worker had not got through a turn when it beat. Those that it has not are left out. */
export type Loops = { expanding?: number; sending?: number };

/** Says that the worker is alive, and how its loops are: a heart may beat on where the work has come to a stop. */
export async function beatWorker(
  tx: Tx,
  worker: { id: string; role: string; now: Instant; loops?: Loops },
): Promise<void> {
  const beat = { role: worker.role, beat_at: worker.now, loops: JSON.stringify(worker.loops ?? {}) };
  await tx
    .insertInto('workers')
    .values({ id: worker.id, ...beat })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(beat))
    .execute();
}

export async function deleteWorkers(tx: Tx, ids: readonly string[]): Promise<void> {
  if (ids.length) await tx.deleteFrom('workers').where('id', 'in', ids).execute();
}

export async function listWorkers(tx: Tx): Promise<Worker[]> {
  const rows = await tx.selectFrom('workers').selectAll().orderBy('beat_at', 'desc').execute();
  return rows.map((row) => ({
    id: row.id,
    role: row.role,
    beatAt: row.beat_at,
    loops: JSON.parse(row.loops),
  }));
}

/** A process that keeps the clock, among the workers: what it does not get done stands behind its role. */
const CLOCK = 'clock:';

export type ClockBeat = { beatAt: Instant; undone: string[] };

/** Says that the clock of a process ticks. */
export function beatClock(
  tx: Tx,
  { id, undone, now }: { id: string; undone: readonly string[]; now: Instant },
): Promise<void> {
  return beatWorker(tx, { id, role: CLOCK + JSON.stringify(undone), now });
}

/** Whoever ticked last first. */
export async function listClocks(tx: Tx): Promise<ClockBeat[]> {
  return (await listWorkers(tx))
    .filter(({ role }) => role.startsWith(CLOCK))
    .map(({ role, beatAt }) => ({ beatAt, undone: JSON.parse(role.slice(CLOCK.length)) as string[] }));
}
