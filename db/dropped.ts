import { type ExpressionBuilder, sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import { carries, listContents } from './contents.ts';
import { wholeNumbers } from './dialect.ts';
import type { Tx } from './open.ts';
import { reopenFanouts, stopLikeTheRest } from './refused.ts';
import type { Schema } from './schema.ts';
import { returnToSubscribers } from './toldElsewhere.ts';
import { listUnfinished, MAY_HAVE_IT, type Unfinished } from './unfinished.ts';

/** What stands on the row of whoever is not told of a dropped message. */
export function droppedReason(by: string): string {
  return `${by} dropped the rest of this message.`;
}

/** From now on nobody more gets these: who is waiting is ended by the expander, chunk by chunk, so that others can write. */
export async function setDropped(
  tx: Tx,
  noticeSeqs: readonly number[],
  { at, by }: { at: Instant; by: string },
): Promise<void> {
  if (!noticeSeqs.length) return;
  await tx
    .updateTable('notices')
    .set({ dropped_at: at, dropped_by: by })
    .where('seq', 'in', noticeSeqs)
    .execute();
}

/** Whether any mail about an update was dropped. Uses notices_incident. */
export async function isDropped(
  tx: Tx,
  { incidentSeq, updateSeq }: { incidentSeq: number; updateSeq: number },
): Promise<boolean> {
  const row = await tx
    .selectFrom('notices')
    .select('seq')
    .where('incident_seq', '=', incidentSeq)
    .where('update_seq', '=', updateSeq)
    .where('kind', '<>', 'stakeholder')
    .where('dropped_at', 'is not', null)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Dropped messages of an incident; `unheard` only those that nobody got at all. Uses notices_incident. */
export async function listDropped(
  tx: Tx,
  incidentSeq: number,
  { unheard = false }: { unheard?: boolean } = {},
): Promise<number[]> {
  let query = tx
    .selectFrom('notices as n')
    .select('n.seq')
    .where('n.incident_seq', '=', incidentSeq)
    .where('n.dropped_at', 'is not', null);
  if (unheard)
    query = query.where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('deliveries as d')
            .select(sql.lit(1).as('one'))
            .whereRef('d.notice_seq', '=', 'n.seq')
            .where('d.state', 'in', MAY_HAVE_IT),
        ),
      ),
    );
  return (await query.execute()).map(({ seq }) => seq);
}

/** A dropped message of which something waits in the queue, or has come back to it. */
export async function nextToDrop(tx: Tx): Promise<Unfinished | null> {
  for (const one of await listUnfinished(tx)) {
    if (one.droppedBy === null) continue;
    const waiting = await tx
      .selectFrom('deliveries')
      .select('seq')
      .where('notice_seq', '=', one.noticeSeq)
      .where('state', '=', 'queued')
      .limit(1)
      .executeTakeFirst();
    if (waiting) return one;
  }
  return null;
}

/**
 * Ends the next `limit` that are waiting. Where the message had taken the place of earlier ones that a person has not got, the newest of
 * these waits again in its stead: it was promised, and nobody dropped it.
 */
export async function dropChunk(tx: Tx, fanout: Unfinished, limit: number, now: Instant): Promise<void> {
  const chunk = await waitingOf(tx, fanout.noticeSeq).orderBy('d.seq').limit(limit).execute();
  await putBack(
    tx,
    fanout,
    chunk.filter(({ missed }) => missed !== null).map((row) => row.recipient_seq),
    now,
  );
  await tx
    .updateTable('deliveries')
    .set({ state: 'superseded', reason: droppedReason(fanout.droppedBy ?? ''), updated_at: now })
    .where(sql<boolean>`seq in (${wholeNumbers(chunk.map(({ seq }) => seq))})`)
    .execute();
  if (fanout.to === 'stakeholders' && fanout.incidentSeq !== null) {
    const people = chunk.map((row) => row.recipient_seq);
    await returnToSubscribers(tx, { incidentSeq: fanout.incidentSeq, people }, now);
  }
}

/** How many wait for a message that came in place of an earlier one, which it says too. */
export async function countInPlace(tx: Tx, noticeSeq: number): Promise<number> {
  const { count } = await tx
    .selectFrom(waitingOf(tx, noticeSeq).as('w'))
    .select((eb) => eb.fn.count<number>('w.missed').as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Lets nothing of these messages leave before this. */
export async function putOffRelease(tx: Tx, noticeSeqs: readonly number[], at: Instant): Promise<void> {
  if (!noticeSeqs.length) return;
  await tx
    .updateTable('fanouts')
    .set({ release_at: at })
    .where('notice_seq', 'in', noticeSeqs)
    .where('release_at', '<', at)
    .execute();
}

/** `missed`: the first update that the person's text says besides its own; null when it is the text that most get. */
function waitingOf(tx: Tx, noticeSeq: number) {
  return tx
    .selectFrom('deliveries as d')
    .leftJoin('notices as c', 'c.seq', 'd.content_seq')
    .select(['d.seq', 'd.recipient_seq', 'c.since_update_seq as missed'])
    .where('d.notice_seq', '=', noticeSeq)
    .where('d.state', '=', 'queued');
}

/**
 * Of what a dropped message had taken the place of: not what was stopped itself, which nothing newer repeats, nor what was dropped, be it a
 * correction of it alone, nor that something is over which is open again.
 */
export async function listReplaced(tx: Tx, { follows }: Unfinished): Promise<number[]> {
  const yielding = follows.flatMap((one) => (one.yields ? [one.noticeSeq] : []));
  if (!yielding.length) return [];
  const rows = await tx
    .selectFrom('notices as n')
    .leftJoin('updates as u', 'u.seq', 'n.update_seq')
    .select('n.seq')
    .where('n.seq', 'in', yielding)
    .where('n.stopped_at', 'is', null)
    .where((eb) => eb.not(eb.exists(sameUpdate(eb).where('o.dropped_at', 'is not', null))))
    .where((eb) => eb.or([eb('u.kind', 'is', null), eb('u.kind', '<>', 'resolution')]))
    .execute();
  return rows.map(({ seq }) => seq);
}

async function putBack(
  tx: Tx,
  fanout: Unfinished,
  recipients: readonly number[],
  now: Instant,
): Promise<void> {
  const earlier = recipients.length ? await listReplaced(tx, fanout) : [];
  if (!earlier.length) return;
  const telling = await listTelling(tx, fanout, earlier);
  const back = await tx
    .updateTable('deliveries as e')
    .set({ state: 'queued', reason: null, not_before: now, updated_at: now })
    .where('e.notice_seq', 'in', earlier)
    .where(sql<boolean>`e.recipient_seq in (${wholeNumbers(recipients)})`)
    .where('e.state', '=', 'superseded')
    .where((eb) =>
      eb.not(
        eb.or(
          telling.map(({ noticeSeq, contents }) =>
            eb.and([
              eb('e.notice_seq', '=', noticeSeq),
              eb.exists(
                eb
                  .selectFrom('deliveries as h')
                  .select(sql.lit(1).as('one'))
                  .whereRef('h.recipient_seq', '=', 'e.recipient_seq')
                  .where(sql<number>`coalesce(h.content_seq, h.notice_seq)`, 'in', contents)
                  .where('h.state', 'in', MAY_HAVE_IT),
              ),
            ]),
          ),
        ),
      ),
    )
    // What was handed over once may have arrived.
    .where('e.batch_seq', 'is', null)
    .where('e.notice_seq', '=', (eb) =>
      eb
        .selectFrom('deliveries as o')
        .select((of) => of.fn.max('o.notice_seq').as('newest'))
        .where('o.notice_seq', 'in', earlier)
        .whereRef('o.recipient_seq', '=', 'e.recipient_seq'),
    )
    .returning('notice_seq')
    .execute();
  const noticeSeqs = [...new Set(back.map((row) => row.notice_seq))];
  await reopenFanouts(tx, noticeSeqs);
  if (noticeSeqs.length) await stopLikeTheRest(tx, noticeSeqs);
}

/** For each of these notices the texts of newer ones that say its update in full, too: whoever was handed one has heard it. */
async function listTelling(
  tx: Tx,
  { incidentSeq }: Unfinished,
  noticeSeqs: readonly number[],
): Promise<{ noticeSeq: number; contents: number[] }[]> {
  if (incidentSeq === null) return [];
  const contents = await listContents(tx, incidentSeq);
  return noticeSeqs.flatMap((noticeSeq) => {
    const own = contents.find(({ base }) => base === noticeSeq);
    const telling = own ? contents.filter((one) => one.base > noticeSeq && carries(one, own.updateSeq)) : [];
    return telling.length ? [{ noticeSeq, contents: telling.map(({ seq }) => seq) }] : [];
  });
}

function sameUpdate(eb: ExpressionBuilder<Schema & { n: Schema['notices'] }, 'n'>) {
  return eb
    .selectFrom('notices as o')
    .select(sql.lit(1).as('one'))
    .whereRef('o.incident_seq', '=', 'n.incident_seq')
    .whereRef('o.update_seq', '=', 'n.update_seq');
}
