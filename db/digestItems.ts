import { sql } from 'kysely';
import type { Mode } from '#domain/subscriberPace.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

/** Whom it concerns; with `had` it is a change of words, for those whom a digest told one of these items (seqs), wherever they listen. */
type Filter = {
  components: readonly string[];
  groups: readonly string[];
  had?: readonly number[];
  /** Nobody who follows the whole page. */
  scopedOnly?: true;
  /**
   * It turns what was told before, of which the first was told at `since`: it concerns those, too, whom a digest told one of these items
   * (seqs), wherever they listen.
   */
  told?: { items: readonly number[]; since: Instant };
};

/** An update that people were told of. */
export type DigestItem = {
  seq: number;
  updateSeq: number;
  incidentSeq: number;
  at: Instant;
  filter: Filter;
  modes: Mode[];
  /** When the update itself was posted. */
  postedAt: Instant;
};

export async function insertDigestItem(
  tx: Tx,
  item: { updateSeq: number; incidentSeq: number; at: Instant; filter: Filter; modes: readonly Mode[] },
): Promise<void> {
  await tx
    .insertInto('digest_items')
    .values({
      update_seq: item.updateSeq,
      incident_seq: item.incidentSeq,
      at: item.at,
      filter: JSON.stringify(item.filter),
      modes: JSON.stringify(item.modes),
    })
    .execute();
}

/**
 * What was told after `from` and, if given, up to `to`, of what visitors can see, the oldest first. What is stopped is left out, and what was
 * dropped, but for those who were told of it before. Uses digest_items_at.
 */
export async function listDigestItems(tx: Tx, from: Instant, to?: Instant): Promise<DigestItem[]> {
  let query = tx
    .selectFrom('digest_items as t')
    .innerJoin('incidents as i', 'i.seq', 't.incident_seq')
    .innerJoin('updates as u', 'u.seq', 't.update_seq')
    .selectAll('t')
    .select((eb) => [
      'u.posted_at',
      eb
        .selectFrom('notices as n')
        .select(
          sql<number>`max(case when n.dropped_at is not null then 2 when n.stopped_at is not null then 1 else 0 end)`.as(
            'ended',
          ),
        )
        .whereRef('n.incident_seq', '=', 't.incident_seq')
        .whereRef('n.update_seq', '=', 't.update_seq')
        .as('ended'),
    ])
    .where('t.at', '>', from)
    .where('i.restricted', '=', 0)
    .where('i.drill', '=', 0);
  if (to !== undefined) query = query.where('t.at', '<=', to);
  // Sorted here: in the order of seq the database would walk through all that was ever told.
  return (await query.execute())
    .sort((a, b) => a.seq - b.seq)
    .map(({ ended, ...row }) => ({
      ended: Number(ended ?? 0),
      item: {
        seq: row.seq,
        updateSeq: row.update_seq,
        incidentSeq: row.incident_seq,
        at: row.at,
        filter: JSON.parse(row.filter) as Filter,
        modes: JSON.parse(row.modes) as Mode[],
        postedAt: row.posted_at,
      },
    }))
    .filter(({ ended, item }) => ended === 0 || (ended === 2 && item.filter.had !== undefined))
    .map(({ item }) => item);
}

/** The items of one update, whether or not they may be told, the oldest first. Uses digest_items_at: none is older than the update. */
export async function listItemsOf(
  tx: Tx,
  { updateSeq, postedAt }: { updateSeq: number; postedAt: Instant },
): Promise<{ seq: number; at: Instant; modes: Mode[] }[]> {
  const rows = await tx
    .selectFrom('digest_items')
    .select(['seq', 'at', 'modes'])
    .where('at', '>=', postedAt)
    .where('update_seq', '=', updateSeq)
    .execute();
  return rows
    .map(({ seq, at, modes }) => ({ seq, at, modes: JSON.parse(modes) }))
    .sort((a, b) => a.seq - b.seq);
}

/** What digests were to tell of an incident since then, the oldest first. Uses digest_items_at. */
export async function listItemsOfIncident(
  tx: Tx,
  { seq, since }: { seq: number; since: Instant },
): Promise<{ seq: number; at: Instant }[]> {
  const rows = await tx
    .selectFrom('digest_items')
    .select(['seq', 'at'])
    .where('at', '>=', since)
    .where('incident_seq', '=', seq)
    .execute();
  return rows.sort((a, b) => a.seq - b.seq);
}

/** Lets these be told again from now on: the digests that would have told them left them out. */
export async function renewItems(tx: Tx, seqs: readonly number[], at: Instant): Promise<void> {
  if (seqs.length) await tx.updateTable('digest_items').set({ at }).where('seq', 'in', seqs).execute();
}
