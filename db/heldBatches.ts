import { sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import type { TransportName } from './batches.ts';
import { acceptDeliveries, requeueMembers } from './batchMembers.ts';
import type { Tx } from './open.ts';
import { endOvertaken, reopenFanouts } from './refused.ts';
import { mayKnowNotice, type Reader } from './visible.ts';

/** A batch that is stopped until a person says what became of it, or its key has expired. */
export type HeldBatch = {
  seq: number;
  /** By which the provider's log knows it. */
  key: string;
  /** Mails and calls of which nothing is known. */
  mails: number;
  /** What they say, each once. */
  subjects: string[];
  /** Since when it may be out. */
  since: Instant;
  /** Why it is held, in words. */
  reason: string | null;
  /** It has no answer and the account key is another since: where the account is the same, it can be asked again. */
  otherKey: boolean;
};

/** The oldest that are held and of which this reader may know every message. */
export async function listHeld(tx: Tx, { limit }: { limit: number }, reader: Reader): Promise<HeldBatch[]> {
  const batches = await heldFor(tx, reader)
    .select(['b.seq', 'b.idempotency_key as key', 'b.last_error as reason', 'b.created_at'])
    .select('b.first_attempt_at')
    .orderBy('b.seq')
    .limit(limit)
    .execute();
  if (!batches.length) return [];
  const messages = await tx
    .selectFrom('deliveries as d')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .select((eb) => ['d.batch_seq', 'n.subject', eb.fn.countAll<number>().as('mails')])
    .where(
      'd.batch_seq',
      'in',
      batches.map(({ seq }) => seq),
    )
    .where('d.state', '=', 'in_batch')
    .groupBy(['d.batch_seq', 'n.seq', 'n.subject'])
    .orderBy('n.seq')
    .execute();
  return batches.map(({ first_attempt_at, created_at, ...batch }) => {
    const own = messages.filter((row) => row.batch_seq === batch.seq);
    return {
      ...batch,
      since: first_attempt_at ?? created_at,
      otherKey: batch.reason === OTHER_KEY,
      mails: own.reduce((sum, row) => sum + Number(row.mails), 0),
      subjects: [...new Set(own.map(({ subject }) => subject))],
    };
  });
}

/** Ends a held batch, for its members to follow. @returns its key; null when it is not held (any more), or not for this reader */
export async function endHeld(
  tx: Tx,
  seq: number,
  { why, now }: { why: string; now: Instant },
  reader: Reader,
): Promise<string | null> {
  const known = await heldFor(tx, reader).select('b.seq').where('b.seq', '=', seq).executeTakeFirst();
  if (!known) return null;
  const ended = await tx
    .updateTable('batches')
    .set({ state: 'settled', body: null, settled_at: now, last_error: why })
    .where('seq', '=', seq)
    .where('state', '=', 'held')
    .returning('idempotency_key')
    .executeTakeFirst();
  return ended?.idempotency_key ?? null;
}

/** Holds what may have been accepted and nobody is at, for a person to decide about. @returns how many batches */
export async function holdUnknown(
  tx: Tx,
  { transport, now }: { transport: TransportName; now: Instant },
): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable('batches')
    .set({ state: 'held', last_error: OTHER_KEY, lease_owner: null, lease_until: null })
    .where('settled_at', 'is', null)
    .where('state', '=', 'frozen')
    .where('transport', '=', transport)
    .where('first_attempt_at', 'is not', null)
    .where((eb) => eb.or([eb('lease_until', 'is', null), eb('lease_until', '<', now)]))
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

const OTHER_KEY =
  'No answer came, and the account key is another since. Of the same team it may go on under its key, and nobody gets it twice.';

/** Lets a held batch go on as it is, under the key that it has. @returns how many mails; null as `endHeld` */
export async function goOnHeld(
  tx: Tx,
  seq: number,
  now: Instant,
  reader: Reader,
): Promise<{ key: string; mails: number } | null> {
  const known = await heldFor(tx, reader).select('b.seq').where('b.seq', '=', seq).executeTakeFirst();
  if (!known) return null;
  const frozen = await tx
    .updateTable('batches')
    .set({ state: 'frozen', not_before: now })
    .where('seq', '=', seq)
    .where('state', '=', 'held')
    .returning('idempotency_key')
    .executeTakeFirst();
  return frozen ? { key: frozen.idempotency_key, mails: (await openMembers(tx, seq)).length } : null;
}

/** Notes that what is left of the batch was taken. @returns how many that was */
export async function acceptMembers(tx: Tx, batchSeq: number, now: Instant): Promise<number> {
  const members = await openMembers(tx, batchSeq);
  const seqs = members.map(({ seq }) => seq);
  await acceptDeliveries(tx, { seqs, providerIds: [], now });
  return seqs.length;
}

/**
 * Puts what is left of the batch back in the queue, for a new one under a new key. Old news does not follow newer: where that went out, the
 * old ends as superseded. What was dropped meanwhile ends as that.
 * @returns how many will go
 */
export async function requeueHeld(tx: Tx, batchSeq: number, now: Instant, reader: Reader): Promise<number> {
  const before = await openMembers(tx, batchSeq);
  const seqs = before.map(({ seq }) => seq);
  if (!seqs.length) return 0;
  await endOvertaken(tx, seqs, { state: 'in_batch', reason: NOT_SENT_OVERTAKEN, now }, reader);
  const left = await openMembers(tx, batchSeq);
  await reopenFanouts(tx, [...new Set(left.map((row) => row.notice_seq))]);
  await requeueMembers(tx, { batchSeq }, { counts: true, notBefore: now, reason: null, now });
  return left.length;
}

const NOT_SENT_OVERTAKEN = 'It was not sent, and a newer message has gone out since.';

function openMembers(tx: Tx, batchSeq: number) {
  return tx
    .selectFrom('deliveries')
    .select(['seq', 'notice_seq'])
    .where('batch_seq', '=', batchSeq)
    .where('state', '=', 'in_batch')
    .orderBy('seq')
    .execute();
}

/** One decision is about all in it, so whoever may not know of one of them is not asked. Uses batches_unsettled and deliveries_batch. */
function heldFor(tx: Tx, reader: Reader) {
  return tx
    .selectFrom('batches as b')
    .where('b.settled_at', 'is', null)
    .where('b.state', '=', 'held')
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('deliveries as o')
            .select(sql.lit(1).as('one'))
            .whereRef('o.batch_seq', '=', 'b.seq')
            .where(sql<boolean>`not ${mayKnowNotice(reader, 'o.notice_seq')}`),
        ),
      ),
    );
}
