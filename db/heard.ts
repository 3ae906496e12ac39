import { type ExpressionBuilder, sql } from 'kysely';
import type { Choice, Scope } from '#domain/choice.ts';
import type { Told } from '#domain/heard.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Row, Schema } from './schema.ts';
import { mayKnowNotice, type Reader } from './visible.ts';

/** Someone who can be told something, with what decides of what. */
export type Known = {
  seq: number;
  id: string;
  kind: Row<'recipients'>['kind'];
  channel: Row<'recipients'>['channel'];
  /** Of a webhook or chat: the URL that is called. */
  address: string;
  name: string | null;
  audience: string | null;
  state: Row<'recipients'>['state'];
  choice: Choice;
  createdAt: Instant;
  confirmedAt: Instant | null;
  unsubscribedAt: Instant | null;
  quarantinedAt: Instant | null;
};

/**
 * Every part in which this address is known: a subscriber, a member of an audience, whoever looks after a webhook or chat. Uses
 * recipients_address and recipients_owner.
 */
export async function listKnownAt(tx: Tx, address: string): Promise<Known[]> {
  const rows = await tx
    .selectFrom('recipients as r')
    .leftJoin('audiences as a', 'a.id', 'r.audience_id')
    .leftJoin('accounts as c', 'c.id', 'r.audience_id')
    .select(['r.seq', 'r.id', 'r.kind', 'r.channel', 'r.address', 'r.name', 'r.state'])
    .select((eb) => eb.fn.coalesce('a.name', 'c.name').as('audience'))
    .select(['r.whole_page', 'r.created_at', 'r.confirmed_at', 'r.unsubscribed_at', 'r.quarantined_at'])
    .where('r.seq', 'in', (eb) =>
      eb
        .selectFrom('recipients')
        .select('seq')
        .where('address', '=', address)
        .union(eb.selectFrom('recipients').select('seq').where('owner_address', '=', address)),
    )
    // Where staff are called is nobody whom the page tells anything.
    .where((eb) => eb.or([eb('r.kind', '<>', 'staff'), eb('r.channel', '=', 'email')]))
    .orderBy('r.seq')
    .execute();
  if (!rows.length) return [];
  const scopes = await tx
    .selectFrom('recipient_scopes')
    .selectAll()
    .where(
      'recipient_seq',
      'in',
      rows.map((row) => row.seq),
    )
    .orderBy('kind')
    .orderBy('ref_id')
    .execute();
  const scopesOf = (seq: number): Scope[] =>
    scopes.filter((scope) => scope.recipient_seq === seq).map(({ kind, ref_id }) => ({ kind, id: ref_id }));
  return rows.map((row) => ({
    seq: row.seq,
    id: row.id,
    kind: row.kind,
    channel: row.channel,
    address: row.address,
    name: row.name,
    audience: row.audience,
    state: row.state,
    choice: { wholePage: row.whole_page === 1, scopes: scopesOf(row.seq) },
    createdAt: row.created_at,
    confirmedAt: row.confirmed_at,
    unsubscribedAt: row.unsubscribed_at,
    quarantinedAt: row.quarantined_at,
  }));
}

/** What these were told or are about to be, the newest first, older than the delivery `before`. Uses deliveries_recipient. */
export async function listTold(
  tx: Tx,
  query: { recipientSeqs: readonly number[]; before: number | null; limit: number },
  reader: Reader = null,
): Promise<Told[]> {
  if (!query.recipientSeqs.length) return [];
  let select = told(tx)
    .where('d.recipient_seq', 'in', query.recipientSeqs)
    .where(mayKnowNotice(reader, 'd.notice_seq'))
    .orderBy('d.seq', 'desc')
    .limit(query.limit);
  if (query.before !== null) select = select.where('d.seq', '<', query.before);
  return withReceipts(tx, await select.execute());
}

/** What tells of incidents and maintenances: a digest is all that some get. */
export const NEWS = ['update', 'maintenance', 'stakeholder', 'digest', 'spared'] as const;

/** The last news of an incident or maintenance that each of these was sent or is about to be sent; many have none. */
export async function listLastTold(
  tx: Tx,
  recipientSeqs: readonly number[],
): Promise<(Told & { recipientSeq: number })[]> {
  if (!recipientSeqs.length) return [];
  const last = tx
    .selectFrom('recipients as r')
    .select((eb) => lastNewsOf(eb).as('seq'))
    .where('r.seq', 'in', recipientSeqs);
  const rows = await told(tx).where('d.seq', 'in', last).execute();
  const views = await withReceipts(tx, rows);
  return views.map((view, index) => ({ ...view, recipientSeq: rows[index]?.recipient_seq as number }));
}

/** The index deliveries_recipient is read from its newest end and no further than the first that fits. */
function lastNewsOf(eb: ExpressionBuilder<Schema & { r: Schema['recipients'] }, 'r'>) {
  return eb
    .selectFrom('deliveries as last')
    .innerJoin('notices as of', 'of.seq', 'last.notice_seq')
    .select('last.seq')
    .whereRef('last.recipient_seq', '=', 'r.seq')
    .where('of.kind', 'in', NEWS)
    .where('last.state', '<>', 'superseded')
    .orderBy('last.seq', 'desc')
    .limit(1);
}

function told(tx: Tx) {
  return tx
    .selectFrom('deliveries as d')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .leftJoin('notices as c', 'c.seq', 'd.content_seq')
    .leftJoin('updates as since', 'since.seq', 'c.since_update_seq')
    .leftJoin('incidents as i', 'i.seq', 'n.incident_seq')
    .leftJoin('updates as u', 'u.seq', 'n.update_seq')
    .leftJoin('fanouts as f', 'f.notice_seq', 'n.seq')
    .leftJoin('batches as b', 'b.seq', 'd.batch_seq')
    .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
    .select(['r.channel', 'r.address'])
    .select(['d.seq', 'd.recipient_seq', 'd.state', 'd.reason', 'd.not_before', 'd.updated_at', 'd.lane'])
    .select(['n.kind', 'n.subject', 'n.created_at', 'n.stopped_at', 'n.stopped_by'])
    .select(['f.mends', 'c.subject as content_subject', 'since.posted_at as missed_since'])
    .select(['i.id as incident_id', 'i.kind as incident_kind', 'i.title', 'i.published_at', 'i.restricted'])
    .select(['i.drill', 'u.status', 'u.audience', 'u.posted_at', 'b.transport', 'b.settled_at']);
}

type ToldRow = Awaited<ReturnType<ReturnType<typeof told>['execute']>>[number];

async function withReceipts(tx: Tx, rows: readonly ToldRow[]): Promise<Told[]> {
  const arrived = new Map<number, Instant>();
  if (rows.length) {
    const receipts = await tx
      .selectFrom('provider_events')
      .select(['delivery_seq', 'occurred_at'])
      .where(
        'delivery_seq',
        'in',
        rows.map((row) => row.seq),
      )
      .where('type', '=', 'email.delivered')
      .orderBy('occurred_at', 'desc')
      .execute();
    for (const receipt of receipts) arrived.set(receipt.delivery_seq as number, receipt.occurred_at);
  }
  return rows.map((row) => toTold(row, arrived.get(row.seq) ?? null));
}

function toTold(row: ToldRow, arrivedAt: Instant | null): Told {
  return {
    seq: row.seq,
    kind: row.kind,
    subject: row.content_subject ?? row.subject,
    incident:
      row.incident_id === null
        ? null
        : {
            id: row.incident_id,
            kind: row.incident_kind ?? 'incident',
            title: row.title ?? '',
            isPublic: row.published_at !== null && !row.restricted && !row.drill && row.audience === 'public',
          },
    said: row.status && row.posted_at ? { status: row.status, postedAt: row.posted_at } : null,
    variant: row.mends
      ? { what: 'correction' }
      : row.missed_since
        ? { what: 'missed', since: row.missed_since }
        : null,
    state: row.state,
    reason: row.reason,
    lane: row.lane,
    hook: row.lane === 'hook' && row.channel !== 'email' ? { channel: row.channel, url: row.address } : null,
    givesReceipts: row.transport === 'resend',
    queuedAt: row.created_at,
    notBefore: row.not_before,
    stopped: row.stopped_at ? { at: row.stopped_at, by: row.stopped_by ?? 'someone' } : null,
    handedOverAt: row.settled_at,
    arrivedAt,
    changedAt: row.updated_at,
  };
}

/** What has a name: people inside, those who can sign in, webhooks and chats. */
export type Named = {
  name: string;
  address: string;
  channel: Known['channel'];
  /** Of a webhook or chat: the recipient's id. */
  id: string | null;
};

/** Few, whatever the number of subscribers. Uses recipients_kind_state and recipients_hooks. */
export async function listNamed(tx: Tx): Promise<Named[]> {
  const inside = await tx
    .selectFrom('recipients')
    .select(['name', 'address'])
    .where('kind', 'in', ['stakeholder', 'staff'])
    // The address of a chat is a secret; those of audiences come below.
    .where('channel', '=', 'email')
    .where('name', 'is not', null)
    .orderBy('seq')
    .execute();
  const users = await tx.selectFrom('users').select(['name', 'email as address']).orderBy('name').execute();
  const hooks = await tx
    .selectFrom('recipients')
    .select(['name', 'address', 'channel', 'id'])
    // A literal, so that the partial index serves.
    .where('channel', '<>', sql.lit('email'))
    .where('kind', '<>', 'staff')
    .where('name', 'is not', null)
    .orderBy('seq')
    .execute();
  return [
    ...[...inside, ...users].map(({ name, address }) => ({
      name: name as string,
      address,
      channel: 'email' as const,
      id: null,
    })),
    ...hooks.map((row) => ({ ...row, name: row.name as string })),
  ];
}
