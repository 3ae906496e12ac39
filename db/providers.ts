import type { Quota } from '#domain/quotas.ts';
import { addMs, type Instant, MINUTE } from '#domain/time.ts';
import type { Tx } from './open.ts';

/** A call of the last window: the batch's seq (or what stands for one), when it began, and by when it had arrived; ms since the epoch. */
export type Call = readonly [id: number, began: number, arrived: number];

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
  /** Calls that it allows in any such window; null while that is not known, or when there is no limit. */
  rate: { limit: number; windowMs: number } | null;
  calls: readonly Call[];
  quotas: readonly Quota[];
  /** Single mails that were refused in a row in the same words, while none was taken: the delivery, the recipient, the message (seqs). */
  refusals: readonly RefusedMail[];
};

export type RefusedMail = { seq: number; to: number; notice: number; words: string };

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
    rate:
      row?.rate_limit && row.rate_window_ms ? { limit: row.rate_limit, windowMs: row.rate_window_ms } : null,
    calls: JSON.parse(row?.calls ?? '[]'),
    quotas: JSON.parse(row?.quotas ?? '[]'),
    refusals: JSON.parse(row?.refusals ?? '[]'),
  };
}

/** Writes down what the last calls were and what the provider has said of its pace and quotas. */
export async function notePace(
  tx: Tx,
  { id, rate, calls, quotas }: Pick<Provider, 'id' | 'rate' | 'calls' | 'quotas'>,
): Promise<void> {
  await tx
    .updateTable('providers')
    .set({
      rate_limit: rate?.limit ?? null,
      rate_window_ms: rate?.windowMs ?? null,
      calls: JSON.stringify(calls),
      quotas: JSON.stringify(quotas),
    })
    .where('id', '=', id)
    .execute();
}

/**
 * Makes the row, or clears what stood in it: whoever starts or resumes a provider wants it tried. What is known of its quotas stands as long
 * as none was used up: of them a part is kept for what is urgent. Otherwise the plan may be another now.
 */
export async function resetProvider(tx: Tx, id: string, now: Instant): Promise<void> {
  const { circuit, quotas } = await getProvider(tx, id);
  const stands = circuit === 'closed' && quotas.every(({ spent }) => spent === 'no');
  const clear = {
    blocked_until: null,
    blocked_reason: null,
    circuit: 'closed' as const,
    circuit_reason: null,
    failures: 0,
    paused_at: null,
    paused_by: null,
    // What we counted ourselves was counted, whatever the plan.
    quotas: JSON.stringify(
      stands ? quotas : quotas.flatMap((quota) => (quota.ours ? [{ ...quota, spent: 'no' as const }] : [])),
    ),
    refusals: '[]',
    back_at: now,
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
  const closed = { circuit: 'closed' as const, circuit_reason: null, refusals: '[]', updated_at: now };
  await tx
    .insertInto('providers')
    .values({ id, blocked_until: null, blocked_reason: null, failures: 0, ...closed })
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet((eb) => ({
        ...closed,
        back_at: eb
          .case()
          .when('providers.circuit', '=', 'open')
          .then(now)
          .else(eb.ref('providers.back_at'))
          .end(),
      })),
    )
    .execute();
}

/** Notes the key that it is called with from now on. @returns whether it was another before */
export async function noteKey(tx: Tx, id: string, mark: string): Promise<boolean> {
  const before = await tx.selectFrom('providers').select('key_mark').where('id', '=', id).executeTakeFirst();
  if (before?.key_mark === mark) return false;
  await tx.updateTable('providers').set({ key_mark: mark }).where('id', '=', id).execute();
  return typeof before?.key_mark === 'string';
}

/** A shorter wait is part of any day, and no time in which the provider was away. */
const AWAY_MS = MINUTE;

/**
 * Nobody calls before `until`; a later time that is already set stands.
 * @param away whether it is away until then; when left out, a minute or more tells
 */
export async function blockProvider(
  tx: Tx,
  block: { id: string; until: Instant; reason: string; away?: boolean; now: Instant },
): Promise<void> {
  const isAway = block.away ?? block.until >= addMs(block.now, AWAY_MS);
  await tx
    .updateTable('providers')
    .set({
      blocked_until: block.until,
      blocked_reason: block.reason,
      updated_at: block.now,
      ...(isAway ? { back_at: block.until } : {}),
    })
    .where('id', '=', block.id)
    .where((eb) => eb.or([eb('blocked_until', 'is', null), eb('blocked_until', '<', block.until)]))
    .execute();
}

/** While one call feels the way, after many that had no answer, every other waits for it until `until`. */
export async function beginProbe(
  tx: Tx,
  id: string,
  { until, now }: { until: Instant; now: Instant },
): Promise<void> {
  await tx
    .updateTable('providers')
    .set({ blocked_until: until, blocked_reason: PROBING, updated_at: now })
    .where('id', '=', id)
    .execute();
}

const PROBING = 'One call is trying whether the provider answers again.';

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

/** Notes who was refused in a row. */
export async function noteRefusals(
  tx: Tx,
  { id, refusals }: Pick<Provider, 'id' | 'refusals'>,
): Promise<void> {
  await tx
    .updateTable('providers')
    .set({ refusals: JSON.stringify(refusals) })
    .where('id', '=', id)
    .execute();
}

/** A mail was taken: the row of those that were refused is over. */
export async function endRefusals(tx: Tx, id: string): Promise<void> {
  await tx
    .updateTable('providers')
    .set({ refusals: '[]' })
    .where('id', '=', id)
    .where('refusals', '<>', '[]')
    .execute();
}

/** When any provider was last back after it was away: one that is away still does not count. Null when none ever was. */
export async function lastBack(tx: Tx, now: Instant): Promise<Instant | null> {
  const { back } = await tx
    .selectFrom('providers')
    .select((eb) => eb.fn.max('back_at').as('back'))
    .where('back_at', '<=', now)
    .executeTakeFirstOrThrow();
  return back;
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

/** A call was answered: the row of failures is over, and with it the wait for the call that felt the way. */
export async function clearFailures(tx: Tx, id: string, now: Instant): Promise<void> {
  await tx
    .updateTable('providers')
    .set((eb) => {
      const unlessProbing = <T>(probing: T, column: 'blocked_until' | 'blocked_reason' | 'back_at') =>
        eb.case().when('blocked_reason', '=', PROBING).then(probing).else(eb.ref(column)).end();
      return {
        failures: 0,
        blocked_until: unlessProbing(null, 'blocked_until'),
        blocked_reason: unlessProbing(null, 'blocked_reason'),
        back_at: unlessProbing(now, 'back_at'),
        updated_at: now,
      };
    })
    .where('id', '=', id)
    .where('failures', '>', 0)
    .execute();
}
