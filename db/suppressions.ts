import { sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import { chunksOf } from './dialect.ts';
import { DOMAIN_OF_ADDRESS } from './migrations/0002_fanout.ts';
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
  return row ? toSuppression(row) : null;
}

/** What was ever decided about an address: an open suppression, or one that was lifted. */
export type SuppressionRecord = Suppression & { liftedAt: Instant | null; liftedReason: string | null };

/** By address; whoever was never suppressed is not in it. */
export async function listRecords(
  tx: Tx,
  addresses: readonly string[],
): Promise<Map<string, SuppressionRecord>> {
  const found = new Map<string, SuppressionRecord>();
  for (const chunk of chunksOf(addresses, 1)) {
    const rows = await tx.selectFrom('suppressions').selectAll().where('address', 'in', chunk).execute();
    for (const row of rows)
      found.set(row.address, {
        ...toSuppression(row),
        liftedAt: row.lifted_at,
        liftedReason: row.lifted_reason,
      });
  }
  return found;
}

/** Of two reasons the graver one is said. */
const GRAVITY: Record<Suppression['reason'], number> = {
  manual: 0,
  soft_bounces: 1,
  bounce: 2,
  complaint: 3,
};

/**
 * What holds of an address once this happened to it, by when it happened and not by when we heard of it; null when nothing changes, because
 * it was let go since.
 */
export function suppressedBy(
  record: SuppressionRecord | null,
  {
    address,
    reason,
    detail,
    at,
  }: { address: string; reason: Suppression['reason']; detail: string | null; at: Instant },
): SuppressionRecord | null {
  if (record?.liftedAt && at <= record.liftedAt) return null;
  const fresh = { address, reason, detail, createdAt: at, liftedAt: null, liftedReason: null };
  if (!record || record.liftedAt) return fresh;
  const createdAt = at > record.createdAt ? at : record.createdAt;
  const graver = GRAVITY[reason] > GRAVITY[record.reason];
  return graver ? { ...fresh, createdAt } : { ...record, createdAt };
}

/** Writes down what holds of an address from now on, whatever held before. */
export async function putRecord(tx: Tx, record: SuppressionRecord): Promise<void> {
  const row = {
    reason: record.reason,
    detail: record.detail,
    created_at: record.createdAt,
    lifted_at: record.liftedAt,
    lifted_reason: record.liftedReason,
  };
  await tx
    .insertInto('suppressions')
    .values({ address: record.address, ...row })
    .onConflict((conflict) => conflict.column('address').doUpdateSet(row))
    .execute();
}

/** Where a page of the list goes on: at this instant, after so many of the rows that have it. It names no address. */
export type Place = { createdAt: Instant; skip: number };

/** Open suppressions, the newest first; those of one domain when it is given. Served by suppressions_open and suppressions_domain. */
export async function listSuppressions(
  tx: Tx,
  { domain, from, limit }: { domain: string | null; from: Place | null; limit: number },
): Promise<Suppression[]> {
  let query = tx
    .selectFrom('suppressions')
    .select(['address', 'reason', 'detail', 'created_at'])
    .where('lifted_at', 'is', null)
    .orderBy('created_at', 'desc')
    .orderBy('address', 'desc')
    .limit(limit);
  if (domain !== null) query = query.where(sql<string>`(${sql.raw(DOMAIN_OF_ADDRESS)})`, '=', domain);
  if (from) query = query.where('created_at', '<=', from.createdAt).offset(from.skip);
  return (await query.execute()).map(toSuppression);
}

/** How many addresses must not be mailed, by reason. */
export async function countSuppressions(tx: Tx): Promise<Partial<Record<Suppression['reason'], number>>> {
  const rows = await tx
    .selectFrom('suppressions')
    .select((eb) => ['reason', eb.fn.countAll<number>().as('count')])
    .where('lifted_at', 'is', null)
    .groupBy('reason')
    .execute();
  return Object.fromEntries(rows.map((row) => [row.reason, Number(row.count)]));
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

function toSuppression(
  row: Pick<Row<'suppressions'>, 'address' | 'reason' | 'detail' | 'created_at'>,
): Suppression {
  return { address: row.address, reason: row.reason, detail: row.detail, createdAt: row.created_at };
}
