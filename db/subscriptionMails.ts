import { sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import type { NoticeKind } from './notices.ts';
import type { Tx } from './open.ts';

/** A mail about a subscription itself, which someone's press brought about. */
export type SubscriptionMailKind = Extract<
  NoticeKind,
  'confirm' | 'already' | 'manage' | 'leave' | 'unsubscribed'
>;

/** When mails of these kinds were written to someone since then, the newest first. Uses deliveries_recipient. */
export async function listAsks(
  tx: Tx,
  {
    recipientSeq,
    kinds,
    since,
  }: { recipientSeq: number; kinds: readonly SubscriptionMailKind[]; since: Instant },
): Promise<Instant[]> {
  const rows = await tx
    .selectFrom('deliveries')
    .innerJoin('notices', 'notices.seq', 'deliveries.notice_seq')
    .select('notices.created_at')
    .where('deliveries.recipient_seq', '=', recipientSeq)
    .where('notices.kind', 'in', [...kinds])
    // What was taken back before it left reached nobody.
    .where('deliveries.state', '<>', 'superseded')
    .where('notices.created_at', '>', since)
    .orderBy('notices.created_at', 'desc')
    .execute();
  return rows.map((row) => row.created_at);
}

/** Takes back what of a kind has not left yet. Uses deliveries_recipient. */
export async function withdrawMails(
  tx: Tx,
  {
    recipientSeq,
    kind,
    reason,
    now,
  }: { recipientSeq: number; kind: SubscriptionMailKind; reason: string; now: Instant },
): Promise<void> {
  await tx
    .updateTable('deliveries')
    .set({ state: 'superseded', reason, updated_at: now })
    .where('recipient_seq', '=', recipientSeq)
    .where('state', '=', 'queued')
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('notices as n')
          .select(sql.lit(1).as('one'))
          .whereRef('n.seq', '=', 'deliveries.notice_seq')
          .where('n.kind', '=', kind),
      ),
    )
    .execute();
}
