import { sql } from 'kysely';
import { PRIORITIES, PRIORITY } from '#domain/priority.ts';
import type { Instant } from '#domain/time.ts';
import type { Lane } from './deliveries.ts';
import { STUCK_AFTER } from './fanouts.ts';
import type { Tx } from './open.ts';
import { FAR } from './parking.ts';
import type { Row } from './schema.ts';
import { listUnfinished, STOPPED_BY_FAULT } from './unfinished.ts';
import { mayKnowNotice } from './visible.ts';

/** What waits in one lane and priority. What is released and not yet turned into one row a person is due as well: in the lane of mail. */
export type Queue = { lane: Lane; priority: number; waiting: number; oldestDue: Instant | null };

export type OutboxFigures = {
  queues: Queue[];
  /** Mails and calls in batches whose outcome is not known, by lane, with the oldest of them. */
  inBatch: { lane: Lane; mails: number; since: Instant | null }[];
  /** Batches that were stopped because the provider said that we contradict ourselves. */
  held: number;
  /** Messages that are not yet turned into one row a person, and those that are stopped; what is dropped is neither. */
  expanding: number;
  stopped: number;
  /** Of those, the ones that stopped because everyone was refused in the same words: who stopped the first, and those words. */
  stoppedByFault: { messages: number; words: string } | null;
  /** Of those that are expanding: how many failed at it several times in a row. */
  stuck: number;
  /** What was handed over since `now` less a minute: how many, and when the first of them was. */
  lastMinute: { lane: Lane; mails: number; since: Instant }[];
  /** Deliveries that may have arrived and about which nobody has decided. */
  undecided: number;
};

const LANES: readonly Lane[] = ['mail', 'hook'];
const MINUTE_MS = 60_000;

/** How the outbox stands. Each question is answered by a small or partial index; the count of a long queue costs most. */
export async function readOutbox(tx: Tx, now: Instant): Promise<OutboxFigures> {
  const waiting = await countQueued(tx);
  const { due, ...fanouts } = await readOpenFanouts(tx, now);
  const queues: Queue[] = [];
  for (const lane of LANES)
    for (const priority of PRIORITIES) {
      const count = waiting.find((row) => row.lane === lane && row.priority === priority)?.count ?? 0;
      const queued = count ? await oldestQueued(tx, { lane, priority, now }) : null;
      const unmade = lane === 'mail' ? due.filter((one) => one.priority === priority) : [];
      const since = [...unmade.map(({ at }) => at), queued].filter((at) => at !== null);
      queues.push({ lane, priority, waiting: count, oldestDue: since.sort()[0] ?? null });
    }
  const batches = await listUnsettled(tx);
  return {
    queues,
    inBatch: LANES.map((lane) => {
      const own = batches.filter((row) => laneOf(row.transport) === lane);
      return {
        lane,
        mails: own.reduce((sum, row) => sum + row.mails, 0),
        since: own.map((row) => row.since).sort()[0] ?? null,
      };
    }),
    held: batches.filter((row) => row.state === 'held').reduce((sum, row) => sum + row.batches, 0),
    ...fanouts,
    lastMinute: await readLastMinute(tx, now),
    undecided: await countUndecided(tx),
  };
}

/** Literals, here and below, so that the partial indexes serve. What is stopped stands at the queue's far end and is not counted. */
async function countQueued(tx: Tx): Promise<{ lane: Lane; priority: number; count: number }[]> {
  const rows = await tx
    .selectFrom('deliveries')
    .select((eb) => ['lane', 'priority', eb.fn.countAll<number>().as('count')])
    .where('state', '=', sql.lit('queued'))
    .where('not_before', '<', FAR)
    .groupBy(['lane', 'priority'])
    .execute();
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

async function oldestQueued(
  tx: Tx,
  { lane, priority, now }: { lane: Lane; priority: number; now: Instant },
): Promise<Instant | null> {
  const row = await tx
    .selectFrom('deliveries')
    .select('not_before')
    .where('state', '=', sql.lit('queued'))
    .where('lane', '=', lane)
    .where('priority', '=', priority)
    .where('not_before', '<=', now)
    .orderBy('not_before')
    .limit(1)
    .executeTakeFirst();
  return row?.not_before ?? null;
}

async function listUnsettled(
  tx: Tx,
): Promise<
  { transport: string; state: Row<'batches'>['state']; batches: number; mails: number; since: Instant }[]
> {
  const rows = await tx
    .selectFrom('batches')
    .select((eb) => [
      'transport',
      'state',
      eb.fn.countAll<number>().as('batches'),
      eb.fn.sum<number>('size').as('mails'),
      eb.fn.min('created_at').as('since'),
    ])
    .where('settled_at', 'is', null)
    .groupBy(['transport', 'state'])
    .execute();
  return rows.map((row) => ({ ...row, batches: Number(row.batches), mails: Number(row.mails ?? 0) }));
}

async function readOpenFanouts(
  tx: Tx,
  now: Instant,
): Promise<
  Pick<OutboxFigures, 'expanding' | 'stopped' | 'stoppedByFault' | 'stuck'> & {
    due: { priority: number; at: Instant }[];
  }
> {
  const open = (await listUnfinished(tx)).filter(({ droppedBy }) => droppedBy === null);
  const expanding = open.filter((one) => one.expanding && !one.stoppedAt);
  const faults = open.flatMap(({ stoppedBy }) =>
    stoppedBy?.startsWith(STOPPED_BY_FAULT) ? [stoppedBy] : [],
  );
  return {
    expanding: expanding.length,
    stopped: open.filter(({ stoppedAt }) => stoppedAt).length,
    stoppedByFault: faults[0] ? { messages: faults.length, words: faults[0] } : null,
    stuck: expanding.filter(({ failures }) => failures >= STUCK_AFTER).length,
    due: expanding
      .map(({ priority, releaseAt, createdAt, heldBack }) => ({
        priority,
        at: releaseAt || createdAt,
        heldBack,
      }))
      .filter(({ at, heldBack }) => !heldBack && at <= now),
  };
}

/**
 * Uses batches_settled. A batch that was refused or taken apart has an error and counts for nothing; neither does a call to staff:
 * one mail now and then is no pace, and the message that follows it would be told to take an hour.
 */
async function readLastMinute(tx: Tx, now: Instant): Promise<OutboxFigures['lastMinute']> {
  const rows = await tx
    .selectFrom('batches')
    .select((eb) => ['transport', eb.fn.sum<number>('size').as('mails'), eb.fn.min('settled_at').as('since')])
    .where('settled_at', '>', new Date(Date.parse(now) - MINUTE_MS).toISOString())
    .where('last_error', 'is', null)
    .where('priority', '>', PRIORITY.staff)
    .groupBy('transport')
    .execute();
  return LANES.flatMap((lane) => {
    const own = rows.filter((row) => laneOf(row.transport) === lane);
    const since = own.flatMap((row) => row.since ?? []).sort()[0];
    return since ? [{ lane, since, mails: own.reduce((sum, row) => sum + Number(row.mails ?? 0), 0) }] : [];
  });
}

async function countUndecided(tx: Tx): Promise<number> {
  const { count } = await tx
    .selectFrom('deliveries')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('state', '=', sql.lit('uncertain'))
    .where('decided_at', 'is', null)
    .where(mayKnowNotice(null, 'deliveries.notice_seq'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

function laneOf(transport: string): Lane {
  return transport === 'hook' ? 'hook' : 'mail';
}
