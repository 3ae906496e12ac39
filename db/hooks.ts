import { sql } from 'kysely';
import { type Choice, EVERYTHING } from '#domain/choice.ts';
import type { DeliveryState } from '#domain/deliveries.ts';
import type { HookChannel } from '#domain/hooks.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import { findRecipient, type Recipient, replaceChoice } from './recipients.ts';
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

/** Why a delivery to a quarantined endpoint was left out: by these words resuming finds it again. */
export const QUARANTINED = 'Calls there failed, so nothing is sent until someone lets them go on.';

/** What follows those words on a delivery that had been tried. */
export const LAST_CALL = ' The last call: ';

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

/** What several want to hear of, by seq. */
export async function listHookChoices(tx: Tx, seqs: readonly number[]): Promise<Map<number, Choice>> {
  if (!seqs.length) return new Map();
  const rows = await tx
    .selectFrom('recipients as r')
    .leftJoin('recipient_scopes as s', 's.recipient_seq', 'r.seq')
    .select(['r.seq', 'r.whole_page', 's.kind', 's.ref_id'])
    .where('r.seq', 'in', seqs)
    .execute();
  return new Map(
    [...Map.groupBy(rows, ({ seq }) => seq)].map(([seq, own]) => [
      seq,
      {
        wholePage: own[0]?.whole_page === 1,
        scopes: own.flatMap(({ kind, ref_id: id }) => (kind && id ? [{ kind, id }] : [])),
      },
    ]),
  );
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
      locale: 'en',
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

/** When mails about their webhooks and chats were written to someone since then, the newest first. Uses recipients_owner. */
export async function listHookMails(
  tx: Tx,
  owner: string,
  since: Instant,
): Promise<{ recipientSeq: number; at: Instant }[]> {
  return tx
    .selectFrom('recipients as r')
    .innerJoin('deliveries as d', 'd.recipient_seq', 'r.seq')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .select(['r.seq as recipientSeq', 'n.created_at as at'])
    .where('r.owner_address', '=', owner)
    .where('n.kind', 'in', ['confirm', 'already'])
    .where('n.created_at', '>', since)
    .orderBy('n.created_at', 'desc')
    .execute();
}

/** A delivery of the hook lane with what a failed call of it depends on. */
export type CalledHook = {
  recipientSeq: number;
  /** Calls so far that failed. */
  attempts: number;
  noticeKind: Row<'notices'>['kind'];
  /** Calls of the endpoint in a row that failed, whatever they were of. */
  failures: number;
  /** When the last of those failed, the oldest first. */
  failedAt: Instant[];
};

export async function hookOfDelivery(tx: Tx, deliverySeq: number): Promise<CalledHook | null> {
  const row = await tx
    .selectFrom('deliveries as d')
    .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .select(['r.seq', 'd.attempts', 'n.kind', 'r.failures', 'r.failed_at'])
    .where('d.seq', '=', deliverySeq)
    .executeTakeFirst();
  if (!row) return null;
  return {
    recipientSeq: row.seq,
    attempts: row.attempts,
    noticeKind: row.kind,
    failures: row.failures,
    failedAt: JSON.parse(row.failed_at) as Instant[],
  };
}

export async function setFailures(
  tx: Tx,
  recipientSeq: number,
  { failures, failedAt }: { failures: number; failedAt: readonly Instant[] },
): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({ failures, failed_at: JSON.stringify(failedAt) })
    .where('seq', '=', recipientSeq)
    .execute();
}

/** Puts a call back in the queue; `tried` says whether it was made. Membership of its batch ends. */
export async function requeueCall(
  tx: Tx,
  deliverySeq: number,
  again: { tried: boolean; notBefore: Instant; reason: string | null; now: Instant },
): Promise<void> {
  await tx
    .updateTable('deliveries')
    .set((eb) => ({
      state: 'queued' as const,
      batch_seq: null,
      attempts: again.tried ? eb('attempts', '+', 1) : eb.ref('attempts'),
      not_before: again.notBefore,
      reason: again.reason,
      updated_at: again.now,
    }))
    .where('seq', '=', deliverySeq)
    .where('state', '=', 'in_batch')
    .execute();
}

/** From now on nothing is sent there, what waits included. @returns false when it was so already */
export async function quarantineHook(tx: Tx, recipientSeq: number, now: Instant): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('recipients')
    .set({ quarantined_at: now })
    .where('seq', '=', recipientSeq)
    .where('quarantined_at', 'is', null)
    .executeTakeFirstOrThrow();
  if (!numUpdatedRows) return false;
  await tx
    .updateTable('deliveries')
    .set({
      state: 'suppressed',
      reason: sql<string>`cast(${QUARANTINED} as text) || coalesce(cast(${LAST_CALL} as text) || reason, '')`,
      updated_at: now,
    })
    .where('recipient_seq', '=', recipientSeq)
    .where('lane', '=', 'hook')
    .where('state', '=', 'queued')
    .execute();
  return true;
}

/**
 * Sends there again. Of what the quarantine kept back since `since`, the newest of each incident goes out now: it says how things are.
 * Not what was dropped meanwhile.
 * @returns how many those are
 */
export async function resumeHook(
  tx: Tx,
  recipientSeq: number,
  { since, now }: { since: Instant; now: Instant },
): Promise<number> {
  await tx
    .updateTable('recipients')
    .set({ quarantined_at: null, failures: 0, failed_at: '[]' })
    .where('seq', '=', recipientSeq)
    .execute();
  const { numUpdatedRows } = await tx
    .updateTable('deliveries as d')
    .set((eb) => ({
      state: 'queued' as const,
      not_before: now,
      reason: null,
      attempts: sql.lit(0),
      batch_seq: null,
      updated_at: now,
      unanswered: eb.ref('d.unanswered'),
    }))
    .where('d.recipient_seq', '=', recipientSeq)
    .where('d.lane', '=', 'hook')
    .where('d.state', '=', 'suppressed')
    .where(sql<string>`substr(d.reason, 1, ${sql.lit(QUARANTINED.length)})`, '=', QUARANTINED)
    .where('d.updated_at', '>=', since)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('notices as of')
            .select(sql.lit(1).as('one'))
            .whereRef('of.seq', '=', 'd.notice_seq')
            .where('of.dropped_at', 'is not', null),
        ),
      ),
    )
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('deliveries as newer')
            .innerJoin('notices as nn', 'nn.seq', 'newer.notice_seq')
            .innerJoin('notices as dn', (join) => join.onRef('dn.seq', '=', 'd.notice_seq'))
            .select(sql.lit(1).as('one'))
            .whereRef('newer.recipient_seq', '=', 'd.recipient_seq')
            .whereRef('newer.seq', '>', 'd.seq')
            .whereRef('nn.incident_seq', '=', 'dn.incident_seq'),
        ),
      ),
    )
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows);
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

/** The last calls, the newest first: what was said and what came of it. Uses deliveries_recipient. */
export async function listCalls(
  tx: Tx,
  recipientSeq: number,
  limit: number,
): Promise<
  {
    seq: number;
    kind: Row<'notices'>['kind'];
    subject: string;
    state: DeliveryState;
    reason: string | null;
    /** What the endpoint answered. */
    answer: string | null;
    notBefore: Instant;
    createdAt: Instant;
    updatedAt: Instant;
  }[]
> {
  return tx
    .selectFrom('deliveries as d')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .select([
      'd.seq',
      'n.kind',
      'n.subject',
      'd.state',
      'd.reason',
      'd.provider_id as answer',
      'd.not_before as notBefore',
      'n.created_at as createdAt',
      'd.updated_at as updatedAt',
    ])
    .where('d.recipient_seq', '=', recipientSeq)
    .where('d.lane', '=', 'hook')
    .orderBy('d.seq', 'desc')
    .limit(limit)
    .execute();
}

function hooks(tx: Tx) {
  // A literal, so that the partial index recipients_hooks serves.
  return tx.selectFrom('recipients').selectAll().where('channel', '<>', sql.lit('email'));
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
