import { type Expression, type ExpressionBuilder, type SqlBool, sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Schema } from './schema.ts';
import { listUnfinished, MAY_HAVE_IT, type Unfinished } from './unfinished.ts';

/** Recipients past `after` up to `to`, by seq. */
export type SeqRange = { after: number; to: number };
type Who = SeqRange | { recipients: readonly number[] };

/**
 * Lets a notice take the place of the earlier ones that it follows, for people who have it: those of theirs that are queued end as
 * superseded, and what of it is queued becomes the variant that carries everything since the first one missed.
 */
export async function coalesceInto(tx: Tx, fanout: Unfinished, who: Who, now: Instant): Promise<void> {
  const earlier = fanout.follows.filter(({ yields }) => yields).map(({ noticeSeq }) => noticeSeq);
  if (!earlier.length) return;
  await tx
    .updateTable('deliveries as d')
    .set((eb) => ({
      content_seq: sql<number | null>`coalesce(
        (select v.seq from notices v
         where v.variant_of = ${fanout.noticeSeq} and v.replaced_by is null and v.since_update_seq = ${eb
           .selectFrom('deliveries as o')
           .innerJoin('notices as c', (join) =>
             join.on('c.seq', '=', sql<number>`coalesce(o.content_seq, o.notice_seq)`),
           )
           .select(sql<number>`min(coalesce(c.since_update_seq, c.update_seq))`.as('since'))
           .where('o.notice_seq', 'in', earlier)
           .whereRef('o.recipient_seq', '=', 'd.recipient_seq')
           .where('o.state', '=', 'queued')}),
        d.content_seq)`,
    }))
    .where('d.notice_seq', '=', fanout.noticeSeq)
    .where('d.state', '=', 'queued')
    .where((eb) => among(eb, who))
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('deliveries as o')
          .select(sql.lit(1).as('one'))
          .where('o.notice_seq', 'in', earlier)
          .whereRef('o.recipient_seq', '=', 'd.recipient_seq')
          .where('o.state', '=', 'queued'),
      ),
    )
    .execute();
  await supersede(tx, earlier, who, {
    reason: 'A newer update took its place.',
    now,
    by: fanout.noticeSeq,
  });
}

/** Ends what is queued of these notices; with `by`, only for people who have that one, waiting or handed over. */
export async function supersede(
  tx: Tx,
  noticeSeqs: readonly number[],
  who: Who,
  { reason, now, by }: { reason: string; now: Instant; by?: number },
): Promise<void> {
  await tx
    .updateTable('deliveries as d')
    .set({ state: 'superseded', reason, updated_at: now })
    .where('d.notice_seq', 'in', noticeSeqs)
    .where('d.state', '=', 'queued')
    .where((eb) => among(eb, who))
    .$if(by !== undefined, (query) =>
      query.where((eb) =>
        eb.exists(
          eb
            .selectFrom('deliveries as o')
            .select(sql.lit(1).as('one'))
            .where('o.notice_seq', '=', by as number)
            .whereRef('o.recipient_seq', '=', 'd.recipient_seq')
            .where('o.state', 'in', ['queued', ...MAY_HAVE_IT]),
        ),
      ),
    )
    .execute();
}

/** Of what has come back to the queue: what a newer notice has taken the place of since ends here, for it would come too late. */
export async function yieldToNewer(tx: Tx, deliverySeqs: readonly number[], now: Instant): Promise<void> {
  if (!deliverySeqs.length) return;
  const newer = (await listUnfinished(tx)).filter(({ follows }) => follows.some(({ yields }) => yields));
  if (!newer.length) return;
  const rows = await tx
    .selectFrom('deliveries')
    .select(['notice_seq', 'recipient_seq'])
    .where('seq', 'in', deliverySeqs)
    .execute();
  const back = new Set(rows.map((row) => row.notice_seq));
  const recipients = [...new Set(rows.map((row) => row.recipient_seq))];
  for (const fanout of newer)
    if (fanout.follows.some(({ noticeSeq }) => back.has(noticeSeq)))
      await coalesceInto(tx, fanout, { recipients }, now);
}

function among(
  eb: ExpressionBuilder<Schema & { d: Schema['deliveries'] }, 'd'>,
  who: Who,
): Expression<SqlBool> {
  if ('recipients' in who) return eb('d.recipient_seq', 'in', who.recipients);
  return eb.and([eb('d.recipient_seq', '>', who.after), eb('d.recipient_seq', '<=', who.to)]);
}
