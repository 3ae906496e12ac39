import type { PlaceChannel } from '#domain/hooks.ts';
import type { CalledFor } from '#domain/paging.ts';
import type { Severity } from '#domain/severity.ts';
import type { Instant } from '#domain/time.ts';
import { endQueued } from './deliveries.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';

/** A chat room or a pager where staff are called. */
export type Place = {
  seq: number;
  id: string;
  channel: Exclude<PlaceChannel, 'webhook'>;
  name: string;
  /** The URL that is called. A secret: who knows it may write there. */
  address: string;
  /** Of a pager; null of a chat. A secret. */
  routingKey: string | null;
  /** Who is mailed when its calls fail. */
  owner: string;
  severities: Severity[];
  calls: CalledFor;
  /** Calls in a row that failed. */
  failures: number;
  /** Since when nothing is sent there, because its calls failed. */
  restsSince: Instant | null;
  createdAt: Instant;
};

/** Those that are in use, in the order in which they were added. */
export async function listPlaces(tx: Tx): Promise<Place[]> {
  const wanted = await tx.selectFrom('paging_places').selectAll().execute();
  return read(tx, wanted);
}

/** null when there is none, or it was removed. */
export async function findPlace(tx: Tx, id: string): Promise<Place | null> {
  const found = await tx.selectFrom('recipients').select('seq').where('id', '=', id).executeTakeFirst();
  if (!found) return null;
  const wanted = await tx
    .selectFrom('paging_places')
    .selectAll()
    .where('recipient_seq', '=', found.seq)
    .execute();
  return (await read(tx, wanted))[0] ?? null;
}

export type PlaceFields = Pick<Place, 'name' | 'address' | 'routingKey' | 'owner' | 'severities' | 'calls'>;

export async function insertPlace(
  tx: Tx,
  place: PlaceFields & Pick<Place, 'id' | 'channel'> & { by: string; now: Instant },
): Promise<void> {
  const { seq } = await tx
    .insertInto('recipients')
    .values({
      id: place.id,
      kind: 'staff',
      channel: place.channel,
      address: place.address,
      name: place.name,
      audience_id: place.id,
      state: 'confirmed',
      mode: 'everything',
      whole_page: 0,
      locale: 'en',
      created_at: place.now,
      confirmed_at: place.now,
      consent_source: `staff: ${place.by}`,
      owner_address: place.owner,
      secret: place.routingKey,
    })
    .returning('seq')
    .executeTakeFirstOrThrow();
  await tx
    .insertInto('paging_places')
    .values({
      recipient_seq: seq,
      severities: JSON.stringify(place.severities),
      calls: place.calls,
      told_at: null,
    })
    .execute();
}

export async function updatePlace(tx: Tx, seq: number, place: PlaceFields): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({
      name: place.name,
      address: place.address,
      owner_address: place.owner,
      secret: place.routingKey,
    })
    .where('seq', '=', seq)
    .execute();
  await tx
    .updateTable('paging_places')
    .set({ severities: JSON.stringify(place.severities), calls: place.calls })
    .where('recipient_seq', '=', seq)
    .execute();
}

/** Nothing more is called there, what waits included, and its secrets are gone. The row stays: deliveries point at it. */
export async function removePlace(tx: Tx, seq: number, now: Instant): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({ state: 'unsubscribed', unsubscribed_at: now, address: '', secret: null, owner_address: null })
    .where('seq', '=', seq)
    .execute();
  await tx.deleteFrom('paging_places').where('recipient_seq', '=', seq).execute();
  const waiting = await tx
    .selectFrom('deliveries')
    .select('seq')
    .where('recipient_seq', '=', seq)
    .where('state', '=', 'queued')
    .execute();
  const seqs = waiting.map((row) => row.seq);
  await endQueued(tx, seqs, { state: 'suppressed', reason: 'The place was removed.', now });
}

/** Lets calls go on. What was kept back stays so: it is old, and what is still awaited is called about anew. */
export async function resumePlace(tx: Tx, seq: number): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({ quarantined_at: null, failures: 0, failed_at: '[]' })
    .where('seq', '=', seq)
    .execute();
  await tx.updateTable('paging_places').set({ told_at: null }).where('recipient_seq', '=', seq).execute();
}

/** Those that rest and whose owner has not been told. */
export async function listUntoldPlaces(tx: Tx): Promise<Place[]> {
  const wanted = await tx.selectFrom('paging_places').selectAll().where('told_at', 'is', null).execute();
  return (await read(tx, wanted)).filter(({ restsSince }) => restsSince !== null);
}

export async function markTold(tx: Tx, seq: number, now: Instant): Promise<void> {
  await tx.updateTable('paging_places').set({ told_at: now }).where('recipient_seq', '=', seq).execute();
}

/** What came of the last call that came to an end, trials among them, by place. Few places, and each by deliveries_recipient. */
export async function listLastOutcomes(
  tx: Tx,
  seqs: readonly number[],
): Promise<Map<number, { state: Row<'deliveries'>['state']; reason: string | null; at: Instant }>> {
  const outcomes = new Map<
    number,
    { state: Row<'deliveries'>['state']; reason: string | null; at: Instant }
  >();
  for (const seq of seqs) {
    const row = await tx
      .selectFrom('deliveries')
      .select(['state', 'reason', 'updated_at as at'])
      .where('recipient_seq', '=', seq)
      .where('lane', '=', 'hook')
      .where('state', 'in', ['accepted', 'refused', 'uncertain'])
      .orderBy('seq', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (row) outcomes.set(seq, row);
  }
  return outcomes;
}

/** In two steps: few places, among any number of subscribers. */
async function read(tx: Tx, wanted: readonly Row<'paging_places'>[]): Promise<Place[]> {
  if (!wanted.length) return [];
  const bySeq = new Map(wanted.map((row) => [row.recipient_seq, row]));
  const rows = await tx
    .selectFrom('recipients')
    .selectAll()
    .where('seq', 'in', [...bySeq.keys()])
    .where('state', '=', 'confirmed')
    .orderBy('seq')
    .execute();
  return rows.map((row) => toPlace(row, bySeq.get(row.seq) as Row<'paging_places'>));
}

function toPlace(row: Row<'recipients'>, { severities, calls }: Row<'paging_places'>): Place {
  return {
    seq: row.seq,
    id: row.id,
    channel: row.channel as Place['channel'],
    name: row.name ?? '',
    address: row.address,
    routingKey: row.secret,
    owner: row.owner_address ?? '',
    severities: JSON.parse(severities),
    calls,
    failures: row.failures,
    restsSince: row.quarantined_at,
    createdAt: row.created_at,
  };
}
