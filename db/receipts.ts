import type { DeliveryState } from '#domain/deliveries.ts';
import type { Step } from '#domain/receipts.ts';
import type { Instant } from '#domain/time.ts';
import { chunksOf } from './dialect.ts';
import type { Tx } from './open.ts';

/** A delivery that a receipt is about, and whose it is. */
export type Receiver = {
  seq: number;
  state: DeliveryState;
  providerId: string | null;
  /** The mailbox that it went to; null of a webhook whose owner has none. */
  address: string | null;
  /** The incident that it told of; null of a mail about the subscription itself. */
  incidentSeq: number | null;
};

/** The deliveries that exist, by seq. */
export async function listReceivers(tx: Tx, seqs: readonly number[]): Promise<Map<number, Receiver>> {
  const found = new Map<number, Receiver>();
  for (const chunk of chunksOf([...new Set(seqs)], 1)) {
    const rows = await tx
      .selectFrom('deliveries as d')
      .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
      .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
      .select([
        'd.seq',
        'd.state',
        'd.provider_id',
        'r.channel',
        'r.address',
        'r.owner_address',
        'n.incident_seq',
      ])
      .where('d.seq', 'in', chunk)
      .execute();
    for (const row of rows)
      found.set(row.seq, {
        seq: row.seq,
        state: row.state,
        providerId: row.provider_id,
        address: row.channel === 'email' ? row.address : row.owner_address,
        incidentSeq: row.incident_seq,
      });
  }
  return found;
}

/**
 * Since when everything before this delivery to the same recipient has bounced; null when the last that came to an end there did not. Of the
 * newest twenty. Uses deliveries_recipient.
 */
export async function bouncesSince(tx: Tx, deliverySeq: number): Promise<Instant | null> {
  const rows = await tx
    .selectFrom('deliveries as d')
    .innerJoin('deliveries as other', 'other.recipient_seq', 'd.recipient_seq')
    .select(['other.state', 'other.updated_at'])
    .where('d.seq', '=', deliverySeq)
    .whereRef('other.seq', '<', 'd.seq')
    .where('other.state', 'in', ['bounced', 'accepted', 'delivered', 'complained'])
    .orderBy('other.seq', 'desc')
    .limit(20)
    .execute();
  const taken = rows.findIndex(({ state }) => state !== 'bounced');
  const bounced = taken < 0 ? rows : rows.slice(0, taken);
  return bounced.at(-1)?.updated_at ?? null;
}

/** Moves deliveries a step on; those that are there already, or further, stay. */
export async function moveDeliveries(
  tx: Tx,
  seqs: readonly number[],
  step: Step,
  now: Instant,
): Promise<void> {
  for (const chunk of chunksOf(seqs, 1))
    await tx
      .updateTable('deliveries')
      .set({ state: step.state, reason: step.reason, updated_at: now })
      .where('seq', 'in', chunk)
      .where((eb) => {
        const from = eb('state', 'in', [...step.from]);
        if (!step.fromAcceptedInSilence) return from;
        return eb.or([from, eb.and([eb('state', '=', 'accepted'), eb('reason', 'is', null)])]);
      })
      .execute();
}

/** What the provider calls a mail, learned from a receipt that overtook the answer to our call. */
export async function setProviderId(tx: Tx, seq: number, providerId: string): Promise<void> {
  await tx
    .updateTable('deliveries')
    .set({ provider_id: providerId })
    .where('seq', '=', seq)
    .where('provider_id', 'is', null)
    .execute();
}

/** Of which incidents the address could not be reached, and when; a second bounce of the same incident counts once, as the first. */
export async function insertSoftBounces(
  tx: Tx,
  bounces: readonly { address: string; incidentSeq: number; at: Instant }[],
): Promise<void> {
  for (const { address, incidentSeq, at } of bounces)
    await tx
      .insertInto('soft_bounces')
      .values({ address, incident_seq: incidentSeq, at })
      .onConflict((conflict) =>
        conflict.columns(['address', 'incident_seq']).doUpdateSet({ at }).where('soft_bounces.at', '>', at),
      )
      .execute();
}

/** When the address could not be reached, once an incident, in order of time. */
export async function listSoftBounces(tx: Tx, address: string): Promise<Instant[]> {
  const rows = await tx
    .selectFrom('soft_bounces')
    .select('at')
    .where('address', '=', address)
    .orderBy('at')
    .execute();
  return rows.map((row) => row.at);
}

export async function deleteSoftBounces(
  tx: Tx,
  which: { address: string } | { before: Instant },
): Promise<void> {
  const query = tx.deleteFrom('soft_bounces');
  await ('address' in which
    ? query.where('address', '=', which.address)
    : query.where('at', '<', which.before)
  ).execute();
}
