import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';

/** An address that must not be mailed again, until someone lifts it with a reason. */
export type Suppression = {
  address: string;
  reason: Row<'suppressions'>['reason'];
  detail: string | null;
  createdAt: Instant;
};

/** Suppresses the address; one that was lifted is suppressed again. The first reason of an open suppression stands. */
export async function suppressAddress(
  tx: Tx,
  suppression: { address: string; reason: Suppression['reason']; detail: string | null; now: Instant },
): Promise<void> {
  const row = {
    reason: suppression.reason,
    detail: suppression.detail,
    created_at: suppression.now,
    lifted_at: null,
    lifted_reason: null,
  };
  await tx
    .insertInto('suppressions')
    .values({ address: suppression.address, ...row })
    .onConflict((conflict) =>
      conflict.column('address').doUpdateSet(row).where('suppressions.lifted_at', 'is not', null),
    )
    .execute();
}

/** @returns whether it was suppressed */
export async function liftSuppression(
  tx: Tx,
  lift: { address: string; reason: string; now: Instant },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('suppressions')
    .set({ lifted_at: lift.now, lifted_reason: lift.reason })
    .where('address', '=', lift.address)
    .where('lifted_at', 'is', null)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

export async function findSuppression(tx: Tx, address: string): Promise<Suppression | null> {
  const row = await tx
    .selectFrom('suppressions')
    .select(['address', 'reason', 'detail', 'created_at'])
    .where('address', '=', address)
    .where('lifted_at', 'is', null)
    .executeTakeFirst();
  return row
    ? { address: row.address, reason: row.reason, detail: row.detail, createdAt: row.created_at }
    : null;
}

/** Which of the keys (addresses, or the hashes of erased ones) must not be mailed. */
export async function listSuppressed(tx: Tx, keys: readonly string[]): Promise<Set<string>> {
  const rows = await tx
    .selectFrom('suppressions')
    .select('address')
    .where('address', 'in', keys)
    .where('lifted_at', 'is', null)
    .execute();
  return new Set(rows.map((row) => row.address));
}

/**
 * A suppression outlives the erasure of its address as a keyed hash, and goes back to the address when its owner comes back and is
 * known again. What the provider said of it goes: it may quote the address.
 */
export async function renameSuppression(tx: Tx, from: string, to: string): Promise<void> {
  await tx.deleteFrom('suppressions').where('address', '=', to).execute();
  await tx
    .updateTable('suppressions')
    .set({ address: to, detail: null })
    .where('address', '=', from)
    .execute();
}

export async function deleteSuppression(tx: Tx, address: string): Promise<void> {
  await tx.deleteFrom('suppressions').where('address', '=', address).execute();
}
