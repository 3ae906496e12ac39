import { sql } from 'kysely';
import type { CallClock } from '#domain/calls.ts';
import type { PagerAction, PagingWord } from '#domain/paging.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';

/** What a place was told of one clock of an incident, in order, and how it stands with the place. */
export type PagingRow = {
  recipientSeq: number;
  incidentSeq: number;
  /** The incident's public id. */
  incidentKey: string;
  clock: CallClock;
  channel: Row<'recipients'>['channel'];
  rests: boolean;
  gone: boolean;
  words: PagingWord[];
};

export async function insertPagingWord(
  tx: Tx,
  word: {
    deliverySeq: number;
    recipientSeq: number;
    incidentSeq: number;
    incidentKey: string;
    clock: CallClock;
    due: Instant;
    action: PagerAction;
    now: Instant;
  },
): Promise<void> {
  await tx
    .insertInto('paging_words')
    .values({
      delivery_seq: word.deliverySeq,
      recipient_seq: word.recipientSeq,
      incident_seq: word.incidentSeq,
      clock: word.clock,
      due_at: word.due,
      action: word.action,
      incident_key: word.incidentKey,
      said_at: word.now,
    })
    .execute();
}

/** What of a clock still waits to be said at a place: the delivery's seqs. Uses paging_words_row. */
export async function listWaitingWords(
  tx: Tx,
  { recipientSeq, incidentSeq, clock }: Pick<PagingRow, 'recipientSeq' | 'incidentSeq' | 'clock'>,
): Promise<number[]> {
  const rows = await tx
    .selectFrom('paging_words as w')
    .innerJoin('deliveries as d', 'd.seq', 'w.delivery_seq')
    .select('d.seq')
    .where('w.recipient_seq', '=', recipientSeq)
    .where('w.incident_seq', '=', incidentSeq)
    .where('w.clock', '=', clock)
    .where('d.state', '=', 'queued')
    .execute();
  return rows.map(({ seq }) => seq);
}

/** Everything of a clock that a place was told, or was to be, since the last end. In order. Uses paging_words_row. */
export async function listOpenWords(
  tx: Tx,
  { recipientSeq, incidentSeq, clock }: Pick<PagingRow, 'recipientSeq' | 'incidentSeq' | 'clock'>,
): Promise<Pick<PagingWord, 'action' | 'state' | 'attempts'>[]> {
  return tx
    .selectFrom('paging_words as w')
    .innerJoin('deliveries as d', 'd.seq', 'w.delivery_seq')
    .select(['w.action', 'd.state', 'd.attempts'])
    .where('w.recipient_seq', '=', recipientSeq)
    .where('w.incident_seq', '=', incidentSeq)
    .where('w.clock', '=', clock)
    .where('w.is_open', '=', 1)
    .orderBy('w.delivery_seq')
    .execute();
}

/** Why a word to a place was not said, or not again. */
export const NEWER_CALL = 'A newer call took its place.';

/** Whether something newer of the same clock waits to be said at the place: it must not wait until this one's next try. Uses the keys of both. */
export async function hasNewerWord(tx: Tx, deliverySeq: number): Promise<boolean> {
  const row = await tx
    .selectFrom('paging_words as own')
    .innerJoin('paging_words as newer', (join) =>
      join
        .onRef('newer.recipient_seq', '=', 'own.recipient_seq')
        .onRef('newer.incident_seq', '=', 'own.incident_seq')
        .onRef('newer.clock', '=', 'own.clock')
        .onRef('newer.delivery_seq', '>', 'own.delivery_seq'),
    )
    .innerJoin('deliveries as d', 'd.seq', 'newer.delivery_seq')
    .select('d.seq')
    .where('own.delivery_seq', '=', deliverySeq)
    .where('d.state', '=', 'queued')
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Whether anything was said to a place that something may have to follow. Uses paging_words_open. */
export async function hasOpenRows(tx: Tx): Promise<boolean> {
  const row = await tx
    .selectFrom('paging_words')
    .select('delivery_seq')
    // A literal, here and below, so that the partial index serves.
    .where('is_open', '=', sql.lit(1))
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

/** Everything that something may have to follow, a row for each place and clock. Uses paging_words_open. */
export async function listOpenRows(tx: Tx): Promise<PagingRow[]> {
  const rows = await tx
    .selectFrom('paging_words as w')
    .innerJoin('deliveries as d', 'd.seq', 'w.delivery_seq')
    .innerJoin('recipients as r', 'r.seq', 'w.recipient_seq')
    .select(['w.delivery_seq', 'w.recipient_seq', 'w.incident_seq', 'w.incident_key', 'w.clock', 'w.due_at'])
    .select(['w.action', 'w.said_at', 'd.state', 'd.attempts', 'r.channel', 'r.quarantined_at'])
    .select('r.state as place_state')
    .where('w.is_open', '=', sql.lit(1))
    .orderBy('w.delivery_seq')
    .execute();
  const grouped = Map.groupBy(rows, (row) => `${row.recipient_seq} ${row.incident_seq} ${row.clock}`);
  return [...grouped.values()].map((own) => {
    const [first] = own as [(typeof rows)[number]];
    return {
      recipientSeq: first.recipient_seq,
      incidentSeq: first.incident_seq,
      incidentKey: first.incident_key,
      clock: first.clock,
      channel: first.channel,
      rests: first.quarantined_at !== null,
      gone: first.place_state !== 'confirmed',
      words: own.map((row) => ({
        deliverySeq: row.delivery_seq,
        action: row.action,
        due: row.due_at,
        at: row.said_at,
        state: row.state,
        attempts: row.attempts,
      })),
    };
  });
}

/** Nothing has to follow any more. */
export async function closeRow(
  tx: Tx,
  { recipientSeq, incidentSeq, clock }: Pick<PagingRow, 'recipientSeq' | 'incidentSeq' | 'clock'>,
): Promise<void> {
  await tx
    .updateTable('paging_words')
    .set({ is_open: 0 })
    .where('recipient_seq', '=', recipientSeq)
    .where('incident_seq', '=', incidentSeq)
    .where('clock', '=', clock)
    .where('is_open', '=', sql.lit(1))
    .execute();
}
