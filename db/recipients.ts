import { sql } from 'kysely';
import type { Choice, Scope } from '#domain/choice.ts';
import type { Mode } from '#domain/subscriberPace.ts';
import type { Instant } from '#domain/time.ts';
import { scopesOf } from './choices.ts';
import { chunksOf } from './dialect.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';

export type Recipient = {
  seq: number;
  id: string;
  kind: Row<'recipients'>['kind'];
  channel: Row<'recipients'>['channel'];
  address: string;
  state: Row<'recipients'>['state'];
  /** A list that many people read: one of them alone cannot unsubscribe it by one press. */
  shared: boolean;
  choice: Choice;
  mode: Mode;
  /** null: the page's. */
  timeZone: string | null;
  /** Also told an hour before planned work begins. */
  hourBefore: boolean;
  locale: string;
  createdAt: Instant;
  confirmedAt: Instant | null;
  unsubscribedAt: Instant | null;
  consentVersion: string | null;
  consentSource: string | null;
  askedAt: Instant | null;
  /** Since when their next digest tells; null: since the last one of their zone. */
  digestFrom: Instant | null;
};

/** Uses the UNIQUE (kind, audience_id, channel, address). */
export async function findSubscriber(tx: Tx, address: string): Promise<Recipient | null> {
  const row = await subscribers(tx).where('address', '=', address).executeTakeFirst();
  return row ? toRecipient(row, await scopesOf(tx, row.seq)) : null;
}

/** Anyone who can be told something, of whatever kind. */
export async function findRecipient(tx: Tx, id: string): Promise<Recipient | null> {
  const row = await tx.selectFrom('recipients').selectAll().where('id', '=', id).executeTakeFirst();
  return row ? toRecipient(row, await scopesOf(tx, row.seq)) : null;
}

/** Which of the addresses belong to anyone who can be told something. Uses recipients_address. */
export async function listKnownAddresses(tx: Tx, addresses: readonly string[]): Promise<Set<string>> {
  const known = new Set<string>();
  for (const chunk of chunksOf(addresses, 1)) {
    const rows = await tx.selectFrom('recipients').select('address').where('address', 'in', chunk).execute();
    for (const row of rows) known.add(row.address);
  }
  return known;
}

export type NewSubscriber = {
  id: string;
  address: string;
  state: 'pending' | 'confirmed';
  locale: string;
  wholePage: boolean;
  consentVersion: string | null;
  consentSource: string;
  now: Instant;
};

/** @returns each new row's seq, by id */
export async function insertSubscribers(
  tx: Tx,
  people: readonly NewSubscriber[],
): Promise<Map<string, number>> {
  const seqs = new Map<string, number>();
  for (const chunk of chunksOf(people, 14)) {
    const rows = await tx
      .insertInto('recipients')
      .values(
        chunk.map((person) => ({
          id: person.id,
          kind: 'subscriber' as const,
          channel: 'email' as const,
          address: person.address,
          audience_id: '',
          state: person.state,
          mode: 'policy' as const,
          whole_page: person.wholePage ? (1 as const) : (0 as const),
          locale: person.locale,
          created_at: person.now,
          confirmed_at: person.state === 'confirmed' ? person.now : null,
          consent_version: person.consentVersion,
          consent_source: person.consentSource,
          asked_at: person.state === 'pending' ? person.now : null,
        })),
      )
      .returning(['id', 'seq'])
      .execute();
    for (const row of rows) seqs.set(row.id, row.seq);
  }
  return seqs;
}

/** A request to subscribe, written on the row that the address already has. */
export async function markAsked(
  tx: Tx,
  seq: number,
  asked: {
    state: Recipient['state'];
    locale: string;
    consentVersion: string | null;
    consentSource: string | null;
    now: Instant;
  },
): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({
      state: asked.state,
      locale: asked.locale,
      consent_version: asked.consentVersion,
      consent_source: asked.consentSource,
      asked_at: asked.now,
    })
    .where('seq', '=', seq)
    .execute();
}

/** From now on they are told, and of nothing that was said before. */
export async function markConfirmed(tx: Tx, seq: number, now: Instant): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({ state: 'confirmed', confirmed_at: now, digest_from: null })
    .where('seq', '=', seq)
    .execute();
}

/** They never left, as far as what they are told goes: it counts from when they confirmed. */
export async function markBack(tx: Tx, seq: number, source: string): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({ state: 'confirmed', consent_source: source })
    .where('seq', '=', seq)
    .execute();
}

/** Why what waited for someone was not sent when they left: by that it is found again should they come back. */
export const LEFT = 'Unsubscribed before it was sent.';

/**
 * From now on they are not told; what waits in the queue for them is not sent either.
 * @param digestFrom since when their next digest would tell, should they take it back
 */
export async function markUnsubscribed(
  tx: Tx,
  seq: number,
  now: Instant,
  digestFrom: Instant | null = null,
): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({ state: 'unsubscribed', unsubscribed_at: now, digest_from: digestFrom })
    .where('seq', '=', seq)
    .execute();
  await tx
    .updateTable('deliveries')
    .set({ state: 'suppressed', reason: LEFT, updated_at: now })
    .where('recipient_seq', '=', seq)
    .where('state', '=', 'queued')
    .execute();
}

/** Whether many people read the address. */
export async function setShared(tx: Tx, seq: number, shared: boolean): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({ shared: shared ? 1 : 0 })
    .where('seq', '=', seq)
    .execute();
}

/** What language their mails are in, from the next one that is rendered on. */
export async function setLocale(tx: Tx, seq: number, locale: string): Promise<void> {
  await tx.updateTable('recipients').set({ locale }).where('seq', '=', seq).execute();
}

/** How often they are told, and by whose clock; and, where given, whether also an hour before planned work begins. */
export async function setPace(
  tx: Tx,
  seq: number,
  {
    mode,
    timeZone,
    digestFrom,
    hourBefore,
  }: Pick<Recipient, 'mode' | 'timeZone' | 'digestFrom'> & { hourBefore?: boolean | undefined },
): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({
      mode,
      time_zone: timeZone,
      digest_from: digestFrom,
      ...(hourBefore !== undefined && { hour_before: hourBefore ? 1 : 0 }),
    })
    .where('seq', '=', seq)
    .execute();
}

/** What of the addresses is here already, in one question. */
export async function listKnown(
  tx: Tx,
  addresses: readonly string[],
): Promise<Map<string, Pick<Recipient, 'state' | 'createdAt' | 'consentSource'>>> {
  const rows = await subscribers(tx).where('address', 'in', addresses).execute();
  return new Map(
    rows.map((row) => [
      row.address,
      { state: row.state, createdAt: row.created_at, consentSource: row.consent_source },
    ]),
  );
}

/** How many people are in each state: all subscribers (recipients_kind_state) but the few that are webhooks and chats (recipients_hooks). */
export async function countSubscribers(tx: Tx): Promise<Record<Recipient['state'], number>> {
  const counted = tx
    .selectFrom('recipients')
    .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
    .where('kind', '=', 'subscriber')
    .groupBy('state');
  const counts = { pending: 0, confirmed: 0, unsubscribed: 0 };
  for (const row of await counted.execute()) counts[row.state] += Number(row.count);
  // A literal, so that the partial index serves.
  const called = await counted.where('channel', '<>', sql.lit('email')).execute();
  for (const row of called) counts[row.state] -= Number(row.count);
  return counts;
}

/** The newest first, older than `before` (a seq; null for the top). Uses recipients_kind_state or the key. */
export async function listSubscribers(
  tx: Tx,
  query: { state: Recipient['state'] | null; before: number | null; limit: number },
): Promise<Omit<Recipient, 'choice'>[]> {
  let select = subscribers(tx).orderBy('seq', 'desc').limit(query.limit);
  if (query.state) select = select.where('state', '=', query.state);
  if (query.before !== null) select = select.where('seq', '<', query.before);
  return (await select.execute()).map((row) => toRecipient(row, []));
}

/** What was sent to someone, the newest first. */
export async function listMailsTo(
  tx: Tx,
  recipientSeq: number,
  limit: number,
): Promise<
  { subject: string; state: string; reason: string | null; createdAt: Instant; updatedAt: Instant }[]
> {
  const rows = await tx
    .selectFrom('deliveries')
    .innerJoin('notices', 'notices.seq', 'deliveries.notice_seq')
    .select([
      'notices.subject',
      'deliveries.state',
      'deliveries.reason',
      'notices.created_at',
      'deliveries.updated_at',
    ])
    .where('deliveries.recipient_seq', '=', recipientSeq)
    .orderBy('deliveries.seq', 'desc')
    .limit(limit)
    .execute();
  return rows.map(({ created_at, updated_at, ...row }) => ({
    ...row,
    createdAt: created_at,
    updatedAt: updated_at,
  }));
}

/** Removes someone and every trace of what was sent to them. */
export async function deleteRecipient(tx: Tx, seq: number): Promise<void> {
  await tx.deleteFrom('deliveries').where('recipient_seq', '=', seq).execute();
  await tx.deleteFrom('recipients').where('seq', '=', seq).execute();
}

function subscribers(tx: Tx) {
  return tx
    .selectFrom('recipients')
    .selectAll()
    .where('kind', '=', 'subscriber')
    .where('audience_id', '=', '')
    .where('channel', '=', 'email');
}

function toRecipient(row: Row<'recipients'>, scopes: Scope[]): Recipient {
  return {
    seq: row.seq,
    id: row.id,
    kind: row.kind,
    channel: row.channel,
    address: row.address,
    state: row.state,
    shared: row.shared === 1,
    choice: { wholePage: row.whole_page === 1, scopes },
    mode: row.mode,
    timeZone: row.time_zone,
    hourBefore: row.hour_before === 1,
    locale: row.locale,
    createdAt: row.created_at,
    confirmedAt: row.confirmed_at,
    unsubscribedAt: row.unsubscribed_at,
    consentVersion: row.consent_version,
    consentSource: row.consent_source,
    askedAt: row.asked_at,
    digestFrom: row.digest_from,
  };
}
