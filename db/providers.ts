import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

/** What is known of a way out, shared by every process that uses it. */
export type Provider = {
  id: string;
  /** No call before this. */
  blockedUntil: Instant | null;
  blockedReason: string | null;
  /** Open: nothing is sent until an operator acts. */
  circuit: 'closed' | 'open';
  circuitReason: string | null;
  /** Calls in a row that had no answer. */
  failures: number;
  /** Since when an operator wants nothing sent, and who that was. */
  pausedAt: Instant | null;
  pausedBy: string | null;
};

export async function getProvider(tx: Tx, id: string): Promise<Provider> {
  const row = await tx.selectFrom('providers').selectAll().where('id', '=', id).executeTakeFirst();
  return {
    id,
    blockedUntil: row?.blocked_until ?? null,
    blockedReason: row?.blocked_reason ?? null,
    circuit: row?.circuit ?? 'closed',
    circuitReason: row?.circuit_reason ?? null,
    failures: row?.failures ?? 0,
    pausedAt: row?.paused_at ?? null,
    pausedBy: row?.paused_by ?? null,
  };
}

/** Makes the row, or clears what stood in it: whoever starts or resumes a provider wants it tried. */
export async function resetProvider(tx: Tx, id: string, now: Instant): Promise<void> {
  const clear = {
    blocked_until: null,
    blocked_reason: null,
    circuit: 'closed' as const,
    circuit_reason: null,
    failures: 0,
    paused_at: null,
    paused_by: null,
    updated_at: now,
  };
  await tx
    .insertInto('providers')
    .values({ id, ...clear })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(clear))
    .execute();
}

/** Nothing is sent through it until someone resumes it; a pause that already is keeps its time and its name. */
export async function pauseProvider(tx: Tx, pause: { id: string; by: string; now: Instant }): Promise<void> {
  const paused = { paused_at: pause.now, paused_by: pause.by, updated_at: pause.now };
  await tx
    .insertInto('providers')
    .values({
      id: pause.id,
      blocked_until: null,
      blocked_reason: null,
      circuit: 'closed',
      circuit_reason: null,
      failures: 0,
      ...paused,
    })
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet(paused).where('providers.paused_at', 'is', null),
    )
    .execute();
}

/** Makes the row when there is none and closes an open circuit; what the provider asked us to wait for still holds. */
export async function closeCircuit(tx: Tx, id: string, now: Instant): Promise<void> {
  const closed = { circuit: 'closed' as const, circuit_reason: null, updated_at: now };
  await tx
    .insertInto('providers')
    .values({ id, blocked_until: null, blocked_reason: null, failures: 0, ...closed })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(closed))
    .execute();
}

/** Nobody calls before `until`; a later time that is already set stands. */
export async function blockProvider(
  tx: Tx,
  block: { id: string; until: Instant; reason: string; now: Instant },
): Promise<void> {
  await tx
    .updateTable('providers')
    .set({ blocked_until: block.until, blocked_reason: block.reason, updated_at: block.now })
    .where('id', '=', block.id)
    .where((eb) => eb.or([eb('blocked_until', 'is', null), eb('blocked_until', '<', block.until)]))
    .execute();
}

export async function openCircuit(
  tx: Tx,
  circuit: { id: string; reason: string; now: Instant },
): Promise<void> {
  await tx
    .updateTable('providers')
    .set({ circuit: 'open', circuit_reason: circuit.reason, updated_at: circuit.now })
    .where('id', '=', circuit.id)
    .execute();
}

/** @returns how many calls in a row have had no answer now */
export async function countFailure(tx: Tx, id: string, now: Instant): Promise<number> {
  const row = await tx
    .updateTable('providers')
    .set((eb) => ({ failures: eb('failures', '+', 1), updated_at: now }))
    .where('id', '=', id)
    .returning('failures')
    .executeTakeFirst();
  return row?.failures ?? 1;
}

export async function clearFailures(tx: Tx, id: string, now: Instant): Promise<void> {
  await tx
    .updateTable('providers')
    .set({ failures: 0, updated_at: now })
    .where('id', '=', id)
    .where('failures', '>', 0)
    .execute();
}
