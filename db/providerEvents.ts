import { sql } from 'kysely';
import type { Receipt } from '#domain/receipts.ts';
import type { Instant } from '#domain/time.ts';
import { chunksOf } from './dialect.ts';
import type { Tx } from './open.ts';

export type NewProviderEvent = {
  provider: string;
  eventId: string;
  type: string;
  occurredAt: Instant;
  receivedAt: Instant;
  body: string;
  receipt: Receipt;
  /** The delivery that it names, when it bears our mark. */
  deliverySeq: number | null;
};

/** Stores events as they came; one that is here already is left as it is. */
export async function insertEvents(tx: Tx, events: readonly NewProviderEvent[]): Promise<void> {
  for (const chunk of chunksOf(events, 8))
    await tx
      .insertInto('provider_events')
      .values(
        chunk.map((event) => ({
          provider: event.provider,
          event_id: event.eventId,
          type: event.type,
          occurred_at: event.occurredAt,
          received_at: event.receivedAt,
          body: event.body,
          receipt: JSON.stringify(event.receipt),
          delivery_seq: event.deliverySeq,
        })),
      )
      .onConflict((conflict) => conflict.columns(['provider', 'event_id']).doNothing())
      .execute();
}

/** An event that has not been applied yet. */
export type WaitingEvent = { seq: number; at: Instant; receivedAt: Instant; receipt: Receipt };

/**
 * The oldest events that can be applied: new ones, and those that waited for a delivery that has come to be known since. Served by
 * provider_events_waiting.
 */
export async function listApplicable(tx: Tx, limit: number): Promise<WaitingEvent[]> {
  const rows = await tx
    .selectFrom('provider_events as e')
    .leftJoin('deliveries as d', 'd.seq', 'e.delivery_seq')
    .select(['e.seq', 'e.occurred_at', 'e.received_at', 'e.receipt'])
    .where('e.applied_at', 'is', null)
    .where((eb) => eb.or([eb('e.outcome', 'is', null), eb('d.seq', 'is not', null)]))
    .orderBy('e.seq')
    .limit(limit)
    .execute();
  return rows.map((row) => ({
    seq: row.seq,
    at: row.occurred_at,
    receivedAt: row.received_at,
    receipt: JSON.parse(row.receipt) as Receipt,
  }));
}

/** Whether `listApplicable` would find one. */
export async function isAnyApplicable(tx: Tx): Promise<boolean> {
  return (await listApplicable(tx, 1)).length > 0;
}

/** These are done with, and this came of them. What is about no delivery of ours has had its use: its text goes. */
export async function markApplied(
  tx: Tx,
  seqs: readonly number[],
  done: { outcome: string; keepsBody: boolean; now: Instant },
): Promise<void> {
  for (const chunk of chunksOf(seqs, 1))
    await tx
      .updateTable('provider_events')
      .set({
        applied_at: done.now,
        outcome: done.outcome,
        ...(!done.keepsBody && { body: '', receipt: '{}', delivery_seq: null }),
      })
      .where('seq', 'in', chunk)
      .execute();
}

/** The delivery that an unmarked event turned out to be about. */
export async function attributeEvent(tx: Tx, seq: number, deliverySeq: number): Promise<void> {
  await tx.updateTable('provider_events').set({ delivery_seq: deliverySeq }).where('seq', '=', seq).execute();
}

/** These wait for their delivery to be known. */
export async function markWaiting(tx: Tx, seqs: readonly number[], why: string): Promise<void> {
  for (const chunk of chunksOf(seqs, 1))
    await tx.updateTable('provider_events').set({ outcome: why }).where('seq', 'in', chunk).execute();
}

/** Gives up what came before and still waits for its delivery. @returns how many */
export async function giveUpWaiting(
  tx: Tx,
  { before, outcome, now }: { before: Instant; outcome: string; now: Instant },
): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable('provider_events')
    .set({ applied_at: now, outcome, body: '', receipt: '{}' })
    .where('applied_at', 'is', null)
    .where('outcome', 'is not', null)
    .where('received_at', '<', before)
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

/** Forgets the text of applied events that came before, `limit` at a time. Served by provider_events_bodies. @returns how many */
export async function forgetBodies(tx: Tx, before: Instant, limit: number): Promise<number> {
  const { numUpdatedRows } = await tx
    .updateTable('provider_events')
    .set({ body: '', receipt: '{}' })
    .where('seq', 'in', (eb) =>
      eb
        .selectFrom('provider_events')
        .select('seq')
        // A literal, so that the partial index serves.
        .where('body', '<>', sql.lit(''))
        .where('received_at', '<', before)
        .where('applied_at', 'is not', null)
        .orderBy('received_at')
        .limit(limit),
    )
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
}

/** Deletes events of no delivery of ours that came before. Served by provider_events_other. @returns how many */
export async function deleteOtherEvents(tx: Tx, before: Instant, limit: number): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom('provider_events')
    .where('seq', 'in', (eb) =>
      eb
        .selectFrom('provider_events')
        .select('seq')
        .where('delivery_seq', 'is', null)
        .where('received_at', '<', before)
        .where('applied_at', 'is not', null)
        .orderBy('received_at')
        .limit(limit),
    )
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

/** What a provider said of anyone's mails, removed with the person: the bodies name them. */
export async function deleteEventsTo(tx: Tx, recipientSeq: number): Promise<void> {
  await tx
    .deleteFrom('provider_events')
    .where('delivery_seq', 'in', (eb) =>
      eb.selectFrom('deliveries').select('seq').where('recipient_seq', '=', recipientSeq),
    )
    .execute();
}

/** How receipts come in: when the last one came, how many wait, and of how many this came since. Served by provider_events_other. */
export async function getReceiptReport(
  tx: Tx,
  { outcome, since }: { outcome: string; since: Instant },
): Promise<{ lastAt: Instant | null; waiting: number; other: number }> {
  const last = await tx
    .selectFrom('provider_events')
    .select('received_at')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const { waiting } = await tx
    .selectFrom('provider_events')
    .select((eb) => eb.fn.countAll<number>().as('waiting'))
    .where('applied_at', 'is', null)
    .executeTakeFirstOrThrow();
  const { other } = await tx
    .selectFrom('provider_events')
    .select((eb) => eb.fn.countAll<number>().as('other'))
    .where('delivery_seq', 'is', null)
    .where('received_at', '>=', since)
    .where('outcome', '=', outcome)
    .executeTakeFirstOrThrow();
  return { lastAt: last?.received_at ?? null, waiting: Number(waiting), other: Number(other) };
}
