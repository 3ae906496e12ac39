import { type Expression, type SqlBool, sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import { wholeNumbers } from './dialect.ts';
import type { DigestRun } from './digests.ts';
import type { Tx } from './open.ts';

/** What one text of a digest tells. */
export type DigestText = Pick<DigestRun, 'zone' | 'day' | 'windowFrom' | 'windowTo'> & {
  noticeSeq: number;
  /** Since when it tells: since its run's window began, or since before that. */
  from: Instant;
  /** The seqs of its items. */
  items: number[];
};

/** The text for everyone in the run who missed these items; null when it is not written yet. */
export async function findDigestText(
  tx: Tx,
  { zone, day }: Pick<DigestRun, 'zone' | 'day'>,
  items: string,
): Promise<number | null> {
  const row = await tx
    .selectFrom('digest_texts')
    .select('notice_seq')
    .where('zone', '=', zone)
    .where('day', '=', day)
    .where('items', '=', items)
    .executeTakeFirst();
  return row?.notice_seq ?? null;
}

export async function insertDigestText(
  tx: Tx,
  { zone, day, windowFrom, from }: Pick<DigestText, 'zone' | 'day' | 'windowFrom' | 'from'>,
  items: string,
  noticeSeq: number,
): Promise<void> {
  await tx
    .insertInto('digest_texts')
    .values({ zone, day, items, notice_seq: noticeSeq, told_from: from < windowFrom ? from : null })
    .execute();
}

/** Which text a delivery `d` of the notice `c` has or, while it waits, will have. */
const TEXT_OF = sql<number>`case when d.state = 'queued' then coalesce(c.replaced_by, c.seq) else c.seq end`;

/** Some texts of digests, and the last delivery before any of theirs: a person's deliveries need not be looked at from the first on. */
export type Texts = { noticeSeqs: number[]; deliveriesAfter: number };

/**
 * The texts that tell this update as it has been said since `writtenFrom`, be they out or not: whoever gets one need not be mailed it besides.
 * Null when there are none. Uses digest_items_at and digest_runs_to.
 */
export async function listTextsTelling(
  tx: Tx,
  { updateSeq, writtenFrom }: { updateSeq: number; writtenFrom: Instant },
): Promise<Texts | null> {
  const telling = (await textsOfUpdate(tx, updateSeq)).filter(({ created_at: at }) => at >= writtenFrom);
  if (!telling.length) return null;
  return {
    noticeSeqs: telling.map((text) => text.notice_seq),
    deliveriesAfter: Math.min(...telling.map((text) => text.deliveries_after)),
  };
}

/** The texts (seqs of notices) that tell this update as it was said before. Uses the same. */
export async function listTextsBefore(
  tx: Tx,
  { updateSeq, changedAt }: { updateSeq: number; changedAt: Instant },
): Promise<number[]> {
  const texts = await textsOfUpdate(tx, updateSeq);
  return texts.filter(({ created_at: at }) => at < changedAt).map((text) => text.notice_seq);
}

async function textsOfUpdate(tx: Tx, updateSeq: number) {
  const { posted_at: since } = await tx
    .selectFrom('updates')
    .select('posted_at')
    .where('seq', '=', updateSeq)
    .executeTakeFirstOrThrow();
  const items = await tx
    .selectFrom('digest_items')
    .select('seq')
    .where('at', '>=', since)
    .where('update_seq', '=', updateSeq)
    .execute();
  const own = new Set(items.map(({ seq }) => String(seq)));
  if (!own.size) return [];
  const texts = await tx
    .selectFrom('digest_runs as r')
    // In this order, so that digest_runs_to serves: of all texts but a few are of late.
    .crossJoin('digest_texts as t')
    .whereRef('t.zone', '=', 'r.zone')
    .whereRef('t.day', '=', 'r.day')
    .innerJoin('notices as n', 'n.seq', 't.notice_seq')
    .select(['t.notice_seq', 't.items', 'r.deliveries_after', 'n.created_at'])
    .where('r.window_to', '>=', since)
    .execute();
  return texts.filter((text) => text.items.split(',').some((seq) => own.has(seq)));
}

/** Whether the recipient `r` got one of these texts, or is to get it. Uses deliveries_recipient. */
export function hasText({ noticeSeqs, deliveriesAfter }: Texts): Expression<SqlBool> {
  return sql<SqlBool>`exists (
    select 1 from deliveries d join notices n on n.seq = d.notice_seq
    join notices c on c.seq = coalesce(d.content_seq, d.notice_seq)
    where d.recipient_seq = r.seq and d.seq > ${deliveriesAfter} and d.state <> 'superseded' and n.kind = 'digest'
      and (d.state <> 'queued' or n.dropped_at is null) and ${TEXT_OF} in (${wholeNumbers(noticeSeqs)}))`;
}

/**
 * What digests since that day (in their zone) tell or told these people; not what was ended before it left. Uses deliveries_recipient and
 * digest_texts_notice.
 */
export async function listTextsOf(
  tx: Tx,
  recipients: readonly number[],
  sinceDay: string,
): Promise<{ recipientSeq: number; items: string[] }[]> {
  const runs = await tx
    .selectFrom('digest_runs')
    .select((eb) => eb.fn.min('deliveries_after').as('first'))
    .where('day', '>=', sinceDay)
    .executeTakeFirstOrThrow();
  const rows = await tx
    .selectFrom('deliveries as d')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .innerJoin('notices as c', (join) =>
      join.on('c.seq', '=', sql<number>`coalesce(d.content_seq, d.notice_seq)`),
    )
    .innerJoin('digest_texts as t', (join) => join.on('t.notice_seq', '=', TEXT_OF))
    .select(['d.recipient_seq', 't.items'])
    .where('d.recipient_seq', 'in', recipients)
    .where('d.seq', '>', Number(runs.first ?? 0))
    .where('n.kind', '=', 'digest')
    .where('d.state', '<>', 'superseded')
    .where((eb) => eb.or([eb('d.state', '<>', 'queued'), eb('n.dropped_at', 'is', null)]))
    .where('t.day', '>=', sinceDay)
    .execute();
  return rows.map((row) => ({ recipientSeq: row.recipient_seq, items: row.items.split(',') }));
}

/** The texts of digests that told of what happened up to `since` or later and have not left to everyone yet. Uses digest_runs_to, notices_replaced. */
export async function listOpenTexts(tx: Tx, since: Instant): Promise<DigestText[]> {
  const rows = await tx
    .selectFrom('digest_runs as r')
    .crossJoin('digest_texts as t')
    .whereRef('t.zone', '=', 'r.zone')
    .whereRef('t.day', '=', 'r.day')
    .innerJoin('notices as c', 'c.seq', 't.notice_seq')
    .select(['r.zone', 'r.day', 'r.window_from', 'r.window_to', 't.items', 't.notice_seq', 't.told_from'])
    .where('r.window_to', '>=', since)
    .where('c.replaced_by', 'is', null)
    .where('c.dropped_at', 'is', null)
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('deliveries as d')
          .innerJoin('notices as b', 'b.seq', 'd.notice_seq')
          .select(sql.lit(1).as('one'))
          .where((of) =>
            of.or([
              of('b.seq', '=', of.ref('t.notice_seq')),
              of('b.replaced_by', '=', of.ref('t.notice_seq')),
            ]),
          )
          .where('d.state', 'in', ['queued', 'in_batch']),
      ),
    )
    .execute();
  return rows.map((row) => ({
    zone: row.zone,
    day: row.day,
    windowFrom: row.window_from,
    windowTo: row.window_to,
    from: row.told_from ?? row.window_from,
    items: row.items.split(',').map(Number),
    noticeSeq: row.notice_seq,
  }));
}

/** Nobody more gets this text, of which nothing is left: the dispatcher ends what waits of it, and what comes back of a frozen batch. */
export async function endDigestText(
  tx: Tx,
  noticeSeq: number,
  { by, now }: { by: string; now: Instant },
): Promise<void> {
  await tx
    .updateTable('notices')
    .set({ dropped_at: now, dropped_by: by })
    .where((eb) => eb.or([eb('seq', '=', noticeSeq), eb('replaced_by', '=', noticeSeq)]))
    .execute();
}
