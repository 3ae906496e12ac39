import type { Lease } from './batches.ts';
import type { Tx } from './open.ts';

/** Whether this claim still stands; asked before what cannot be taken back. */
export async function isHeldBy(tx: Tx, batch: { seq: number; fence: number }): Promise<boolean> {
  const row = await tx
    .selectFrom('batches')
    .select('seq')
    .where('seq', '=', batch.seq)
    .where('fence', '=', batch.fence)
    .where('state', '=', 'frozen')
    .executeTakeFirst();
  return row !== undefined;
}

export async function renewLeases(tx: Tx, seqs: readonly number[], lease: Lease): Promise<void> {
  if (!seqs.length) return;
  await tx
    .updateTable('batches')
    .set({ lease_until: lease.until })
    .where('seq', 'in', seqs)
    .where('lease_owner', '=', lease.owner)
    // Freed since, it is for others.
    .where('lease_until', 'is not', null)
    .execute();
}

/** Everyone who holds a batch. */
export async function listLeaseOwners(tx: Tx): Promise<string[]> {
  const rows = await tx
    .selectFrom('batches')
    .select('lease_owner')
    .distinct()
    .where('settled_at', 'is', null)
    .where('lease_until', 'is not', null)
    .execute();
  return rows.map((row) => row.lease_owner as string);
}

/**
 * Frees what these owners hold, because they are gone. Their fence stays behind, so a late answer of theirs changes nothing; so does their
 * name, because they were in the middle of it.
 */
export async function freeLeases(tx: Tx, owners: readonly string[]): Promise<void> {
  if (!owners.length) return;
  await tx
    .updateTable('batches')
    .set({ lease_until: null })
    .where('settled_at', 'is', null)
    .where('lease_owner', 'in', owners)
    .execute();
}
