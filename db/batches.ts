import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { BatchesTable } from './schema.ts';

export type TransportName = BatchesTable['transport'];

/** A batch that someone holds: everything that a call needs. Membership and bytes never change once it is frozen. */
export type ClaimedBatch = {
  seq: number;
  key: string;
  generation: number;
  priority: number;
  /** How many were frozen in it. Fewer may be left: whoever is erased leaves no row behind. */
  size: number;
  /** The exact bytes of the call, zstd. */
  body: Buffer;
  /** Of `body`. */
  bodySha256: string;
  /** This claim's number: whoever settles must show it. */
  fence: number;
  /** Calls that had no usable answer. */
  attempts: number;
  /** Whether a call before this claim may have been accepted. */
  unknown: boolean;
  /** Whether its holder before this one ended, or fell silent, in the middle of a call. */
  cutOff: boolean;
};

export type NewBatch = {
  transport: TransportName;
  key: string;
  generation: number;
  priority: number;
  size: number;
  body: Buffer;
  bodySha256: string;
};

export type Lease = { owner: string; until: Instant };

/** Freezes a batch. With a lease it is claimed in the same breath (fence 1); without one it waits for whoever comes. */
export async function insertBatch(
  tx: Tx,
  batch: NewBatch,
  at: { now: Instant; notBefore: Instant; lease: Lease | null },
): Promise<number> {
  const { seq } = await tx
    .insertInto('batches')
    .values({
      transport: batch.transport,
      idempotency_key: batch.key,
      generation: batch.generation,
      priority: batch.priority,
      size: batch.size,
      body: batch.body,
      body_sha256: batch.bodySha256,
      state: 'frozen',
      lease_owner: at.lease?.owner ?? null,
      lease_until: at.lease?.until ?? null,
      fence: at.lease ? 1 : 0,
      attempts: 0,
      first_attempt_at: at.lease ? at.now : null,
      not_before: at.notBefore,
      created_at: at.now,
      settled_at: null,
      last_error: null,
    })
    .returning('seq')
    .executeTakeFirstOrThrow();
  return seq;
}

export type ReadyBatch = {
  seq: number;
  priority: number;
  size: number;
  attempts: number;
  createdAt: Instant;
};

/**
 * Frozen batches that are due and that nobody holds, the most urgent first. Left out: those whose outcome has been unknown since before
 * `keysLastSince`, because their key no longer protects from sending twice.
 * @param early those that had fewer calls without an answer go before they are due
 */
export async function listReadyBatches(
  tx: Tx,
  {
    transport,
    now,
    keysLastSince,
    early = 0,
    limit,
  }: { transport: TransportName; now: Instant; keysLastSince: Instant; early?: number; limit: number },
): Promise<ReadyBatch[]> {
  return tx
    .selectFrom('batches')
    .select(['seq', 'priority', 'size', 'attempts', 'created_at as createdAt'])
    .where('settled_at', 'is', null)
    .where('state', '=', 'frozen')
    .where('transport', '=', transport)
    .where((eb) => eb.or([eb('not_before', '<=', now), eb('attempts', '<', early)]))
    .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<', now)]))
    .where((eb) => eb.or([eb('first_attempt_at', 'is', null), eb('first_attempt_at', '>=', keysLastSince)]))
    .orderBy('priority')
    .orderBy('seq')
    .limit(limit)
    .execute();
}

/** Whether anything that is frozen had fewer calls than this without an answer. */
export async function isAnyFresh(tx: Tx, transport: TransportName, calls: number): Promise<boolean> {
  const row = await tx
    .selectFrom('batches')
    .select('seq')
    .where('settled_at', 'is', null)
    .where('transport', '=', transport)
    .where('attempts', '<', calls)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Mails of batches that someone is handing over now. */
export async function countUnderWay(tx: Tx, transport: TransportName): Promise<number> {
  const { mails } = await tx
    .selectFrom('batches')
    .select((eb) => eb.fn.sum<number | null>('size').as('mails'))
    .where('settled_at', 'is', null)
    .where('transport', '=', transport)
    .where('lease_until', 'is not', null)
    .executeTakeFirstOrThrow();
  return Number(mails ?? 0);
}

/** Takes the batch if nobody holds it (any more): the fence rises, so that an earlier holder can no longer settle it. */
export async function claimBatch(
  tx: Tx,
  seq: number,
  { now, lease }: { now: Instant; lease: Lease },
): Promise<ClaimedBatch | null> {
  const before = await tx
    .selectFrom('batches')
    .selectAll()
    .where('seq', '=', seq)
    .where('state', '=', 'frozen')
    .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<', now)]))
    .executeTakeFirst();
  if (!before?.body) return null;
  const fence = before.fence + 1;
  await tx
    .updateTable('batches')
    .set({
      fence,
      lease_owner: lease.owner,
      lease_until: lease.until,
      first_attempt_at: before.first_attempt_at ?? now,
    })
    .where('seq', '=', seq)
    .execute();
  return {
    seq,
    key: before.idempotency_key,
    generation: before.generation,
    priority: before.priority,
    size: before.size,
    body: before.body,
    bodySha256: before.body_sha256,
    fence,
    attempts: before.attempts,
    unknown: before.first_attempt_at !== null,
    cutOff: before.lease_owner !== null,
  };
}

/** Ends the batch and lets its bytes go. False when someone else has claimed or ended it since: then nothing may follow. */
export async function settleBatch(
  tx: Tx,
  batch: { seq: number; fence: number },
  { now, error }: { now: Instant; error: string | null },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('batches')
    .set({
      state: 'settled',
      body: null,
      settled_at: now,
      lease_owner: null,
      lease_until: null,
      last_error: error,
    })
    .where('seq', '=', batch.seq)
    .where('fence', '=', batch.fence)
    .where('settled_at', 'is', null)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** settleBatch for many that were taken. @returns the seqs of those that their holders still held */
export async function settleBatches(
  tx: Tx,
  batches: readonly { seq: number; fence: number }[],
  now: Instant,
): Promise<Set<number>> {
  const rows = await tx
    .updateTable('batches')
    .set({
      state: 'settled',
      body: null,
      settled_at: now,
      lease_owner: null,
      lease_until: null,
      last_error: null,
    })
    .where((eb) =>
      eb.or(batches.map(({ seq, fence }) => eb.and([eb('seq', '=', seq), eb('fence', '=', fence)]))),
    )
    .where('settled_at', 'is', null)
    .returning('seq')
    .execute();
  return new Set(rows.map((row) => row.seq));
}

/**
 * Puts the batch back, frozen as it is, for a later call with the same key and bytes. False when the fence has moved on.
 * @param unknown whether a call so far may have been accepted. Since when stands in the row, which follows the clock where it leaps; a
 * holder's memory of it does not.
 */
export async function deferBatch(
  tx: Tx,
  batch: { seq: number; fence: number },
  later: { notBefore: Instant; attempts: number; unknown: boolean; error: string | null },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('batches')
    .set({
      not_before: later.notBefore,
      attempts: later.attempts,
      last_error: later.error,
      lease_owner: null,
      lease_until: null,
      ...(later.unknown ? {} : { first_attempt_at: null }),
    })
    .where('seq', '=', batch.seq)
    .where('fence', '=', batch.fence)
    .where('state', '=', 'frozen')
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** Stops the batch for good until its key expires: it is neither sent again nor taken apart. False when the fence has moved on. */
export async function holdBatch(
  tx: Tx,
  batch: { seq: number; fence: number },
  error: string,
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('batches')
    .set({ state: 'held', last_error: error, lease_owner: null, lease_until: null })
    .where('seq', '=', batch.seq)
    .where('fence', '=', batch.fence)
    .where('state', '=', 'frozen')
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

export type LostBatch = Pick<ClaimedBatch, 'seq' | 'fence' | 'cutOff'> & { transport: TransportName };

/** Batches that nobody holds and whose outcome has been unknown since before `before`. */
export async function listLostBatches(
  tx: Tx,
  { before, now }: { before: Instant; now: Instant },
): Promise<LostBatch[]> {
  const rows = await tx
    .selectFrom('batches')
    .select(['seq', 'fence', 'transport', 'lease_owner'])
    .where('settled_at', 'is', null)
    .where('first_attempt_at', '<', before)
    .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<', now)]))
    .execute();
  return rows.map(({ lease_owner, ...batch }) => ({ ...batch, cutOff: lease_owner !== null }));
}

type Untaken = { seq: number; fence: number };

/** Batches of mail that were frozen for another transport and that it certainly never accepted. */
export async function listStrandedBatches(tx: Tx, transport: TransportName): Promise<Untaken[]> {
  return neverTaken(tx).where('transport', 'not in', [transport, 'hook']).execute();
}

/** What is frozen for this way out and was certainly never taken, by a call or otherwise; nobody holds it. */
export async function listNeverCalled(tx: Tx, transport: TransportName): Promise<Untaken[]> {
  return neverTaken(tx).where('transport', '=', transport).execute();
}

function neverTaken(tx: Tx) {
  return tx
    .selectFrom('batches')
    .select(['seq', 'fence'])
    .where('settled_at', 'is', null)
    .where('state', '=', 'frozen')
    .where('first_attempt_at', 'is', null)
    .where('lease_until', 'is', null);
}
