import { sql } from 'kysely';
import { type Choice, EVERYTHING } from '#domain/choice.ts';
import type { HookChannel } from '#domain/hooks.ts';
import type { Instant } from '#domain/time.ts';
import { replaceChoice } from './choices.ts';
import type { Tx } from './open.ts';
import { findRecipient, type Recipient } from './recipients.ts';
import type { Row } from './schema.ts';

/** Webhooks and chats: recipients that are called at a URL. */
export type Hook = {
  seq: number;
  id: string;
  channel: HookChannel;
  /** The URL. Of a chat it is a secret: who knows it may write there. */
  address: string;
  name: string | null;
  /** Who is mailed about it. */
  owner: string;
  state: Recipient['state'];
  secret: string | null;
  /** Until when the secret before signs too; null when there is none. */
  oldSecretUntil: Instant | null;
  /** Calls in a row that failed. */
  failures: number;
  quarantinedAt: Instant | null;
  createdAt: Instant;
  confirmedAt: Instant | null;
  unsubscribedAt: Instant | null;
  consentSource: string | null;
};

/** The webhook or chat with this public id; null when there is none, or it is a person with a mailbox. */
export async function findHook(tx: Tx, id: string): Promise<Hook | null> {
  const row = await hooks(tx).where('id', '=', id).executeTakeFirst();
  return row ? toHook(row) : null;
}

/** Uses the UNIQUE (kind, audience_id, channel, address). */
export async function findHookAt(tx: Tx, channel: HookChannel, address: string): Promise<Hook | null> {
  const row = await hooks(tx)
    .where('kind', '=', 'subscriber')
    .where('audience_id', '=', '')
    .where('channel', '=', channel)
    .where('address', '=', address)
    .executeTakeFirst();
  return row ? toHook(row) : null;
}

/** All of them, the newest first. Uses recipients_hooks. */
export async function listHooks(tx: Tx, limit: number): Promise<Hook[]> {
  return (await hooks(tx).orderBy('seq', 'desc').limit(limit).execute()).map(toHook);
}

/** Whether any webhook or chat wants to be told: without one there is nothing to write for them. Uses recipients_hooks. */
export async function hasHooks(tx: Tx): Promise<boolean> {
  const row = await hooks(tx).where('state', '=', 'confirmed').limit(1).executeTakeFirst();
  return row !== undefined;
}

/** What it wants to hear of. */
export async function hookChoice(tx: Tx, id: string): Promise<Choice> {
  return (await findRecipient(tx, id))?.choice ?? EVERYTHING;
}

/** What writing a call needs to know of a webhook or chat. */
export type HookFacts = {
  /** What it wants to hear of, once it is asked for. */
  choice: Choice;
  /** What its calls are signed with; null for a chat. */
  secret: string | null;
  /** The secret before, and until when it signs too. */
  oldSecret: { secret: string; until: Instant } | null;
};

/** Those of several, by seq. */
export async function listHookFacts(tx: Tx, seqs: readonly number[]): Promise<Map<number, HookFacts>> {
  if (!seqs.length) return new Map();
  const rows = await tx
    .selectFrom('recipients as r')
    .leftJoin('recipient_scopes as s', 's.recipient_seq', 'r.seq')
    .select(['r.seq', 'r.whole_page', 's.kind', 's.ref_id', 'r.secret', 'r.old_secret', 'r.old_secret_until'])
    .where('r.seq', 'in', seqs)
    .execute();
  return new Map([...Map.groupBy(rows, ({ seq }) => seq)].map(([seq, own]) => [seq, factsOf(own)]));
}

function factsOf(
  rows: readonly (Pick<Row<'recipients'>, 'whole_page' | 'secret' | 'old_secret' | 'old_secret_until'> & {
    kind: 'component' | 'group' | null;
    ref_id: string | null;
  })[],
): HookFacts {
  const [first] = rows;
  return {
    choice: {
      wholePage: first?.whole_page === 1,
      scopes: rows.flatMap(({ kind, ref_id: id }) => (kind && id ? [{ kind, id }] : [])),
    },
    secret: first?.secret ?? null,
    oldSecret:
      first?.old_secret && first.old_secret_until
        ? { secret: first.old_secret, until: first.old_secret_until }
        : null,
  };
}

export async function insertHook(
  tx: Tx,
  hook: {
    id: string;
    channel: HookChannel;
    address: string;
    name: string | null;
    owner: string;
    state: 'pending' | 'confirmed';
    /** The language of mails to its owner. */
    locale: string;
    secret: string | null;
    consentVersion: string | null;
    consentSource: string;
    now: Instant;
  },
): Promise<number> {
  const { seq } = await tx
    .insertInto('recipients')
    .values({
      id: hook.id,
      kind: 'subscriber',
      channel: hook.channel,
      address: hook.address,
      name: hook.name,
      audience_id: '',
      state: hook.state,
      // Software is told of each update: nobody is woken by it.
      mode: hook.channel === 'webhook' ? 'everything' : 'policy',
      whole_page: 1,
      locale: hook.locale,
      created_at: hook.now,
      confirmed_at: hook.state === 'confirmed' ? hook.now : null,
      consent_version: hook.consentVersion,
      consent_source: hook.consentSource,
      asked_at: hook.state === 'pending' ? hook.now : null,
      owner_address: hook.owner,
      secret: hook.secret,
    })
    .returning('seq')
    .executeTakeFirstOrThrow();
  return seq;
}

/** Someone asks for an address that nobody has confirmed, or that was given up: it is theirs to confirm, and links of before end. */
export async function claimHook(
  tx: Tx,
  seq: number,
  claim: {
    id: string;
    name: string | null;
    owner: string;
    state: 'pending' | 'confirmed';
    /** The language of mails to its owner. */
    locale: string;
    secret: string | null;
    consentVersion: string | null;
    consentSource: string;
    now: Instant;
  },
): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({
      id: claim.id,
      name: claim.name,
      owner_address: claim.owner,
      state: claim.state,
      locale: claim.locale,
      secret: claim.secret,
      old_secret: null,
      old_secret_until: null,
      consent_version: claim.consentVersion,
      consent_source: claim.consentSource,
      asked_at: claim.now,
      failures: 0,
      failed_at: '[]',
      quarantined_at: null,
      ...(claim.state === 'confirmed' && { confirmed_at: claim.now }),
    })
    .where('seq', '=', seq)
    .execute();
  await replaceChoice(tx, seq, EVERYTHING);
}

/** @returns false when it was confirmed before */
export async function confirmHook(
  tx: Tx,
  seq: number,
  { secret, now }: { secret: string | null; now: Instant },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('recipients')
    .set({ state: 'confirmed', confirmed_at: now, secret })
    .where('seq', '=', seq)
    .where('state', '=', 'pending')
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** Puts a new secret in the place of the present one, which signs beside it until `oldUntil`. */
export async function changeHookSecret(
  tx: Tx,
  seq: number,
  { secret, oldUntil }: { secret: string; oldUntil: Instant },
): Promise<void> {
  await tx
    .updateTable('recipients')
    .set((eb) => ({ secret, old_secret: eb.ref('secret'), old_secret_until: oldUntil }))
    .where('seq', '=', seq)
    .execute();
}

/** Those in quarantine whose owner has not been told of it. Uses recipients_quarantined. */
export async function listUntold(tx: Tx): Promise<Hook[]> {
  const rows = await hooks(tx)
    .where('quarantined_at', 'is not', null)
    .where('state', '=', 'confirmed')
    .where('owner_address', 'is not', null)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('deliveries as d')
            .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
            .select(sql.lit(1).as('one'))
            .whereRef('d.recipient_seq', '=', 'recipients.seq')
            .where('n.kind', '=', 'quarantined')
            .whereRef('n.created_at', '>=', 'recipients.quarantined_at'),
        ),
      ),
    )
    .orderBy('seq')
    .execute();
  return rows.map(toHook);
}

function hooks(tx: Tx) {
  return (
    tx
      .selectFrom('recipients')
      .selectAll()
      // A literal, so that the partial index recipients_hooks serves.
      .where('channel', '<>', sql.lit('email'))
      // Where staff are called stands in places.ts.
      .where('kind', '<>', 'staff')
  );
}

function toHook(row: Row<'recipients'>): Hook {
  return {
    seq: row.seq,
    id: row.id,
    channel: row.channel as HookChannel,
    address: row.address,
    name: row.name,
    owner: row.owner_address ?? '',
    state: row.state,
    secret: row.secret,
    oldSecretUntil: row.old_secret_until,
    failures: row.failures,
    quarantinedAt: row.quarantined_at,
    createdAt: row.created_at,
    confirmedAt: row.confirmed_at,
    unsubscribedAt: row.unsubscribed_at,
    consentSource: row.consent_source,
  };
}
