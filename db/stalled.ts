import type { DeliveryState } from '#domain/deliveries.ts';
import { PRIORITY } from '#domain/priority.ts';
import { addMs, type Instant, MINUTE } from '#domain/time.ts';
import type { Tx } from './open.ts';
import { listUnfinished, STOPPED_BY_FAULT, type Unfinished } from './unfinished.ts';

/** So long news waits in silence, while no mail at all is taken, before someone has to know. */
const STALL_MS = 2 * MINUTE;

/**
 * Of which of these incidents news is on its way and reaches nobody by mail: since when someone has to know, the same whenever it is asked
 * until mail is taken again. What waits because of its pace, or because someone stopped it, is none of it; what Foghorn itself stopped,
 * because everyone was refused alike, is.
 */
export async function listStalled(
  tx: Tx,
  incidentSeqs: readonly number[],
  now: Instant,
): Promise<Map<number, Instant>> {
  const stalled = new Map<number, Instant>();
  const open = (await listUnfinished(tx)).filter(
    ({ incidentSeq, droppedBy }) =>
      incidentSeq !== null && droppedBy === null && incidentSeqs.includes(incidentSeq),
  );
  if (!open.length) return stalled;
  const taken = await lastTaken(tx);
  for (const one of open) {
    const at = await stalledAt(tx, one, taken, now);
    const known = stalled.get(one.incidentSeq as number);
    if (at !== null && (known === undefined || at < known)) stalled.set(one.incidentSeq as number, at);
  }
  return stalled;
}

async function stalledAt(
  tx: Tx,
  one: Unfinished,
  taken: Instant | null,
  now: Instant,
): Promise<Instant | null> {
  if (one.stoppedBy?.startsWith(STOPPED_BY_FAULT)) return one.stoppedAt;
  if (one.heldBack) return null;
  const released = one.releaseAt > one.createdAt ? one.releaseAt : one.createdAt;
  const silentSince = taken !== null && taken > released ? taken : released;
  if (silentSince > addMs(now, -STALL_MS)) return null;
  return one.expanding || (await isWaiting(tx, one.noticeSeq)) ? addMs(silentSince, STALL_MS) : null;
}

/** When mail other than calls to staff was last taken by whoever sends it. Uses batches_settled. */
async function lastTaken(tx: Tx): Promise<Instant | null> {
  const row = await tx
    .selectFrom('batches')
    .select('settled_at')
    .where('settled_at', 'is not', null)
    .where('last_error', 'is', null)
    .where('priority', '>', PRIORITY.staff)
    .where('transport', '<>', 'hook')
    .orderBy('settled_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.settled_at ?? null;
}

/**
 * Whether mail of it waits that has not been tried or has no answer; or all that waits was tried and put off, and none of it was ever taken:
 * where some was, a mailbox that is slow to take its own is no standstill. Uses the key of deliveries.
 */
async function isWaiting(tx: Tx, noticeSeq: number): Promise<boolean> {
  const of = (...states: DeliveryState[]) =>
    tx
      .selectFrom('deliveries')
      .select('seq')
      .where('notice_seq', '=', noticeSeq)
      .where('lane', '=', 'mail')
      .where('state', 'in', states)
      .limit(1);
  const untried = of('queued').where('attempts', '=', 0).where('unanswered', '=', 0);
  if ((await untried.executeTakeFirst()) || (await of('in_batch').executeTakeFirst())) return true;
  const putOff = await of('queued').executeTakeFirst();
  return putOff !== undefined && !(await of('accepted', 'delivered', 'complained').executeTakeFirst());
}
