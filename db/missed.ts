import { sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import { wholeNumbers } from './dialect.ts';
import { insertConcerned, insertCorrections } from './fanouts.ts';
import type { Tx } from './open.ts';
import { FAR } from './parking.ts';
import { LEFT } from './recipients.ts';
import { reopenFanouts, stopLikeTheRest } from './refused.ts';
import { listToldElsewhere, TOLD_ELSEWHERE } from './toldElsewhere.ts';
import { listMadeSince, MAY_HAVE_IT, type Unfinished } from './unfinished.ts';

/** What waits for someone again of an incident, once what they missed of it is gathered in one message. */
export type CaughtUp = {
  /** The message that tells all of it, and the first update (seqs) that it has to tell. */
  noticeSeq: number;
  updateSeq: number;
  since: number;
};

/** Incidents (seqs) of which someone may have missed something since then: the open ones, and those that they had heard of and that have ended. */
export async function listMissable(tx: Tx, recipientSeq: number, since: Instant): Promise<number[]> {
  const open = await tx.selectFrom('incidents').select('seq').where('resolved_at', 'is', null).execute();
  const ended = await tx
    .selectFrom('deliveries as d')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .innerJoin('incidents as i', 'i.seq', 'n.incident_seq')
    .select('i.seq')
    .distinct()
    .where('d.recipient_seq', '=', recipientSeq)
    .where('d.state', 'in', MAY_HAVE_IT)
    .where('i.resolved_at', '>=', since)
    .execute();
  return [...new Set([...open, ...ended].map(({ seq }) => seq))].sort((a, b) => a - b);
}

/** Digests that waited for someone when they left wait again. */
export async function returnDigests(
  tx: Tx,
  recipientSeq: number,
  since: Instant,
  now: Instant,
): Promise<void> {
  await tx
    .updateTable('deliveries')
    .set({ state: 'queued', reason: null, not_before: now, updated_at: now })
    .where('recipient_seq', '=', recipientSeq)
    .where('state', '=', 'suppressed')
    .where('reason', '=', LEFT)
    .where('updated_at', '>=', since)
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('notices as n')
          .select(sql.lit(1).as('one'))
          .whereRef('n.seq', '=', 'deliveries.notice_seq')
          .where('n.kind', '=', 'digest')
          .where('n.dropped_at', 'is', null),
      ),
    )
    .execute();
}

/**
 * Whoever is subscribed again, as though they had never left, waits for what of an incident was to come to them while they were away: what
 * waited when they left, and what was made into deliveries without them. What is still to be made finds them by itself. The newest message
 * that may leave takes the place of those before it; what has been sent is not sent again, nor what a newer one that they had told them.
 * Dropped messages stay dropped.
 * @param leftAt when they left
 * @returns the message that tells what they missed; null when they missed nothing that may leave
 */
export async function returnMissed(
  tx: Tx,
  {
    recipientSeq,
    incidentSeq,
    leftAt,
    now,
  }: { recipientSeq: number; incidentSeq: number; leftAt: Instant; now: Instant },
): Promise<CaughtUp | null> {
  const before = await listHad(tx, { recipientSeq, incidentSeq, leftAt });
  const had = Math.max(0, ...before.filter(isHad).map(({ updateSeq }) => updateSeq));
  const missed: { fanout: Unfinished; since: number }[] = [];
  const left = before.filter((one) => one.isLeft).map(({ noticeSeq }) => noticeSeq);
  const made = (await listMadeSince(tx, incidentSeq, leftAt, left)).filter(
    ({ droppedBy, updateSeq }) => droppedBy === null && updateSeq !== null,
  );
  for (const fanout of made) {
    const row = before.find(({ noticeSeq }) => noticeSeq === fanout.noticeSeq);
    const isNews = !fanout.mends && !fanout.corrects;
    const updateSeq = fanout.updateSeq as number;
    // Words that were put right are for those who had the wrong ones.
    if (isNews ? updateSeq <= had : !before.some((one) => isHad(one) && tells(one, updateSeq))) continue;
    if (!(await waitsAgain(tx, fanout, recipientSeq, row ?? null, now))) continue;
    if (isNews) missed.push({ fanout, since: row?.since ?? updateSeq });
    else await takeUp(tx, [fanout.noticeSeq]);
  }
  return gather(tx, recipientSeq, missed, now);
}

type Had = {
  noticeSeq: number;
  /** It tells this update and all since `since`. */
  updateSeq: number;
  since: number;
  state: string;
  reason: string | null;
  /** It waited for them when they left. */
  isLeft: boolean;
};

/** What became of an incident's messages to someone, and which updates they tell. Uses deliveries_recipient. */
async function listHad(
  tx: Tx,
  { recipientSeq, incidentSeq, leftAt }: { recipientSeq: number; incidentSeq: number; leftAt: Instant },
): Promise<Had[]> {
  const rows = await tx
    .selectFrom('deliveries as d')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .innerJoin('notices as c', (join) =>
      join.on('c.seq', '=', sql<number>`coalesce(d.content_seq, d.notice_seq)`),
    )
    .select(['d.notice_seq', 'd.state', 'd.reason', 'd.updated_at', 'n.update_seq', 'c.since_update_seq'])
    .where('d.recipient_seq', '=', recipientSeq)
    .where('n.incident_seq', '=', incidentSeq)
    .where('n.update_seq', 'is not', null)
    .execute();
  return rows.map((row) => ({
    noticeSeq: row.notice_seq,
    updateSeq: row.update_seq as number,
    since: row.since_update_seq ?? (row.update_seq as number),
    state: row.state,
    reason: row.reason,
    isLeft: row.state === 'suppressed' && row.reason === LEFT && row.updated_at >= leftAt,
  }));
}

function isHad({ state, reason }: Had): boolean {
  return (MAY_HAVE_IT as readonly string[]).includes(state) || reason === TOLD_ELSEWHERE;
}

function tells({ since, updateSeq }: Had, seq: number): boolean {
  return since <= seq && seq <= updateSeq;
}

/** @returns whether it does */
async function waitsAgain(
  tx: Tx,
  fanout: Unfinished,
  recipientSeq: number,
  row: Had | null,
  now: Instant,
): Promise<boolean> {
  if (row && !row.isLeft) return false;
  if (!row) {
    const range = { after: recipientSeq - 1, to: recipientSeq };
    if (recipientSeq > fanout.boundSeq || recipientSeq > fanout.cursorSeq) return false;
    if (fanout.mends) await insertCorrections(tx, fanout, fanout.mends, range, now);
    else await insertConcerned(tx, fanout, range, now);
  }
  const elsewhere = (await listToldElsewhere(tx, fanout)).includes(recipientSeq);
  const { numUpdatedRows } = await tx
    .updateTable('deliveries')
    .set({
      ...(elsewhere
        ? { state: 'superseded', reason: TOLD_ELSEWHERE }
        : { state: 'queued', reason: null, batch_seq: null, not_before: fanout.heldBack ? FAR : now }),
      updated_at: now,
    })
    .where('notice_seq', '=', fanout.noticeSeq)
    .where('recipient_seq', '=', recipientSeq)
    .where((eb) =>
      eb.or([eb('state', '=', 'queued'), eb.and([eb('state', '=', 'suppressed'), eb('reason', '=', LEFT)])]),
    )
    .executeTakeFirstOrThrow();
  return !elsewhere && numUpdatedRows > 0n;
}

/** The newest that may leave takes the place of those before it; what is held back after it waits with everyone else's. */
async function gather(
  tx: Tx,
  recipientSeq: number,
  missed: readonly { fanout: Unfinished; since: number }[],
  now: Instant,
): Promise<CaughtUp | null> {
  const last = missed.findLast(({ fanout }) => !fanout.heldBack && fanout.releaseAt <= now);
  const upTo = last ? missed.slice(0, missed.indexOf(last)) : [];
  const replaced = upTo.filter(({ fanout }) => !fanout.heldBack);
  if (replaced.length)
    await tx
      .updateTable('deliveries')
      .set({ state: 'superseded', reason: 'A newer update took its place.', updated_at: now })
      .where('recipient_seq', '=', recipientSeq)
      .where(sql<boolean>`notice_seq in (${wholeNumbers(replaced.map(({ fanout }) => fanout.noticeSeq))})`)
      .execute();
  await takeUp(
    tx,
    missed.filter((one) => !replaced.includes(one)).map(({ fanout }) => fanout.noticeSeq),
  );
  if (!last) return null;
  const since = Math.min(...[...replaced, last].map((one) => one.since));
  return { noticeSeq: last.fanout.noticeSeq, updateSeq: last.fanout.updateSeq as number, since };
}

/** These take part in the order of their incident again. */
async function takeUp(tx: Tx, noticeSeqs: readonly number[]): Promise<void> {
  if (!noticeSeqs.length) return;
  await reopenFanouts(tx, noticeSeqs);
  await stopLikeTheRest(tx, noticeSeqs);
}

/** The text of a message that also tells what was said since then; null when there is none yet. Uses notices_variant. */
export async function findVariant(
  tx: Tx,
  { noticeSeq, since }: Pick<CaughtUp, 'noticeSeq' | 'since'>,
): Promise<number | null> {
  const row = await tx
    .selectFrom('notices')
    .select('seq')
    .where('variant_of', '=', noticeSeq)
    .where('since_update_seq', '=', since)
    .where('replaced_by', 'is', null)
    .executeTakeFirst();
  return row?.seq ?? null;
}

/** Someone gets the message in this text. */
export async function setContent(
  tx: Tx,
  { noticeSeq, recipientSeq, contentSeq }: { noticeSeq: number; recipientSeq: number; contentSeq: number },
): Promise<void> {
  await tx
    .updateTable('deliveries')
    .set({ content_seq: contentSeq })
    .where('notice_seq', '=', noticeSeq)
    .where('recipient_seq', '=', recipientSeq)
    .where('state', '=', 'queued')
    .execute();
}
