import { type Expression, type SqlBool, sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import { listUnfinished, type Unfinished } from './unfinished.ts';

/**
 * Where deliveries of a notice that is held back wait: at the queue's end, so that a million of them are not in the way of others. Nothing leaves
 * by being here or there; whether it may leave is asked of the notice.
 */
export const FAR = '9999-12-31T00:00:00.000Z';

/** A fan-out whose queued deliveries are to be moved out of the way, or back. */
export async function nextToPark(tx: Tx): Promise<Unfinished | null> {
  return (
    (await listUnfinished(tx)).find(
      ({ heldBack, droppedBy, parked }) => droppedBy === null && (heldBack ? parked < 2 : parked > 0),
    ) ?? null
  );
}

/** Moves the next `limit` of them, out of the way when the notice is held back, back to their place when it goes on. */
export async function parkChunk(tx: Tx, fanout: Unfinished, limit: number): Promise<void> {
  const out = fanout.heldBack;
  let moved = 0;
  for (const lane of ['mail', 'hook'] as const) {
    if (moved >= limit) break;
    const { numUpdatedRows } = await tx
      .updateTable('deliveries')
      .set({ not_before: out ? FAR : fanout.releaseAt || fanout.createdAt })
      .where('seq', 'in', (eb) =>
        eb
          .selectFrom('deliveries as q')
          .select('q.seq')
          // A literal, so that the partial index deliveries_queue serves.
          .where('q.state', '=', sql.lit('queued'))
          .where('q.lane', '=', lane)
          .where('q.priority', '=', fanout.priority)
          .where(
            (q): Expression<SqlBool> =>
              out
                ? q.and([q('q.not_before', '>=', fanout.createdAt), q('q.not_before', '<', FAR)])
                : q('q.not_before', '=', FAR),
          )
          .where('q.notice_seq', '=', fanout.noticeSeq)
          .orderBy('q.not_before')
          .orderBy('q.seq')
          .limit(limit - moved),
      )
      .executeTakeFirstOrThrow();
    moved += Number(numUpdatedRows);
  }
  const rest = moved >= limit ? 1 : out ? 2 : 0;
  await tx.updateTable('fanouts').set({ parked: rest }).where('seq', '=', fanout.seq).execute();
}

/** Fan-outs that are expanded and of which nothing is waiting any more. */
export async function listThrough(tx: Tx): Promise<number[]> {
  const rows = await tx
    .selectFrom('fanouts as f')
    .select('f.seq')
    .where('f.finished_at', 'is', null)
    .where('f.state', '=', 'done')
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('deliveries as d')
            .select(sql.lit(1).as('one'))
            .whereRef('d.notice_seq', '=', 'f.notice_seq')
            .where('d.state', 'in', ['queued', 'in_batch']),
        ),
      ),
    )
    .execute();
  return rows.map((row) => row.seq);
}

export async function finishFanouts(tx: Tx, seqs: readonly number[], now: Instant): Promise<void> {
  if (!seqs.length) return;
  await tx.updateTable('fanouts').set({ finished_at: now }).where('seq', 'in', seqs).execute();
}
