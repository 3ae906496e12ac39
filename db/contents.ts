import { sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import type { FanoutFilter } from './fanouts.ts';
import type { Tx } from './open.ts';
import { MAY_HAVE_IT, type Mends, type To } from './unfinished.ts';

/** A text that people get or got under one notice of an incident: the notice's own or a variant's. Corrections are left out. */
export type Content = {
  seq: number;
  /** The notice under which it goes. */
  base: number;
  /** It carries this update and all since `since`, but for `omits`; all of them seqs. */
  updateSeq: number;
  since: number;
  omits: number[];
  replacedBy: number | null;
  /** It tells everyone of a change to the update, whose mail had left already. */
  corrects: boolean;
};

/** Every text of an incident's notices, the replaced ones too, in the order in which they were written. Uses notices_incident. */
export async function listContents(tx: Tx, incidentSeq: number, to: To = 'subscribers'): Promise<Content[]> {
  const rows = await tx
    .selectFrom('notices as n')
    .innerJoin('fanouts as f', (join) =>
      join.on('f.notice_seq', '=', sql<number>`coalesce(n.variant_of, n.seq)`),
    )
    .select(['n.seq', 'n.variant_of', 'n.update_seq', 'n.since_update_seq', 'n.omits', 'n.replaced_by'])
    .select('f.corrects')
    .where('n.incident_seq', '=', incidentSeq)
    .where('n.update_seq', 'is not', null)
    .where('n.kind', to === 'stakeholders' ? '=' : '<>', 'stakeholder')
    .where('f.mends', 'is', null)
    .orderBy('n.seq')
    .execute();
  return rows.map((row) => ({
    seq: row.seq,
    base: row.variant_of ?? row.seq,
    updateSeq: row.update_seq as number,
    since: row.since_update_seq ?? (row.update_seq as number),
    omits: row.omits === null ? [] : JSON.parse(row.omits),
    replacedBy: row.replaced_by,
    corrects: row.corrects === 1,
  }));
}

/** Whether the text says in full what this update said. */
export function carries({ since, updateSeq, omits }: Content, seq: number): boolean {
  return since <= seq && seq <= updateSeq && !omits.includes(seq);
}

/** From now on the mended text goes in place of the wrong one and of all that it has replaced. Uses notices_replaced. */
export async function replaceContent(tx: Tx, wrong: number, mended: number): Promise<void> {
  await tx
    .updateTable('notices')
    .set({ replaced_by: mended })
    .where((eb) => eb.or([eb('seq', '=', wrong), eb('replaced_by', '=', wrong)]))
    .execute();
}

/** How many people got one of these texts, or may have. Served by deliveries_notice_state. */
export async function countHanded(tx: Tx, { bases, contents }: Mends): Promise<number> {
  if (!bases.length) return 0;
  const { count } = await tx
    .selectFrom('deliveries')
    .select((eb) => eb.fn.count<number>('recipient_seq').distinct().as('count'))
    .where('notice_seq', 'in', bases)
    .where('state', 'in', MAY_HAVE_IT)
    .where(sql<number>`coalesce(content_seq, notice_seq)`, 'in', contents)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Whether anyone got one of these texts, or may have. */
export async function isHanded(tx: Tx, { bases, contents }: Mends): Promise<boolean> {
  if (!bases.length) return false;
  const row = await tx
    .selectFrom('deliveries')
    .select('seq')
    .where('notice_seq', 'in', bases)
    .where('state', 'in', MAY_HAVE_IT)
    .where(sql<number>`coalesce(content_seq, notice_seq)`, 'in', contents)
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}

export async function setStopped(
  tx: Tx,
  noticeSeqs: readonly number[],
  { at, by }: { at: Instant; by: string },
): Promise<void> {
  if (!noticeSeqs.length) return;
  await tx
    .updateTable('notices')
    .set({ stopped_at: at, stopped_by: by })
    .where('seq', 'in', noticeSeqs)
    .execute();
}

type OfUpdate = { incidentSeq: number; updateSeq: number | null };

/** Takes back every stop of mail about an update, or about the declaration. Uses notices_incident. @returns whether there was one */
export async function clearStops(tx: Tx, { incidentSeq, updateSeq }: OfUpdate, to?: To): Promise<boolean> {
  let query = tx
    .updateTable('notices')
    .set({ stopped_at: null, stopped_by: null })
    .where('incident_seq', '=', incidentSeq)
    .where('update_seq', updateSeq === null ? 'is' : '=', updateSeq)
    .where('stopped_at', 'is not', null);
  if (to) query = query.where('kind', to === 'stakeholders' ? '=' : '<>', 'stakeholder');
  return (await query.returning('seq').execute()).length > 0;
}

/** Updates, by seq, that new mail does not repeat to those whom it tells what they missed. */
export type Unsaid = {
  /** Mail of theirs was stopped and neither mended nor let go on since, though newer mail may have taken its place: perhaps they are wrong. */
  stopped: number[];
  /** The rest of their mail was dropped: it is not made up for. */
  dropped: number[];
};

/** Uses notices_incident. */
export async function listUnsaid(tx: Tx, incidentSeq: number): Promise<Unsaid> {
  const rows = await tx
    .selectFrom('notices')
    .select(['update_seq', 'stopped_at', 'dropped_at'])
    .where('incident_seq', '=', incidentSeq)
    .where('update_seq', 'is not', null)
    .where((eb) => eb.or([eb('stopped_at', 'is not', null), eb('dropped_at', 'is not', null)]))
    .execute();
  const of = (kept: typeof rows) => [...new Set(kept.map((row) => row.update_seq as number))];
  return {
    stopped: of(rows.filter((row) => row.stopped_at !== null)),
    dropped: of(rows.filter((row) => row.dropped_at !== null)),
  };
}

/** The older first. */
export function omitsOf({ stopped, dropped }: Unsaid): number[] {
  return [...new Set([...stopped, ...dropped])].sort((a, b) => a - b);
}

/** From when these may leave. */
export async function setRelease(tx: Tx, noticeSeqs: readonly number[], at: Instant): Promise<void> {
  if (!noticeSeqs.length) return;
  await tx.updateTable('fanouts').set({ release_at: at }).where('notice_seq', 'in', noticeSeqs).execute();
}

/** These wait no more: they leave like any other that is told at once. */
export async function endWait(tx: Tx, noticeSeqs: readonly number[], at: Instant): Promise<void> {
  if (!noticeSeqs.length) return;
  await tx
    .updateTable('fanouts')
    .set({ release_at: at, wait_for: null, wait_since: null })
    .where('notice_seq', 'in', noticeSeqs)
    .execute();
}

/** Whom the resolutions of an incident were for. */
export async function listResolutionFilters(tx: Tx, incidentSeq: number): Promise<FanoutFilter[]> {
  const rows = await tx
    .selectFrom('notices as n')
    .innerJoin('updates as u', 'u.seq', 'n.update_seq')
    .innerJoin('fanouts as f', 'f.notice_seq', 'n.seq')
    .select('f.filter')
    .where('n.incident_seq', '=', incidentSeq)
    .where('u.kind', '=', 'resolution')
    .execute();
  return rows.map((row) => JSON.parse(row.filter));
}

/** Which update of which incident a notice is about (null: the declaration); null when it is about no incident. */
export async function findSubject(
  tx: Tx,
  noticeId: string,
): Promise<{ incidentSeq: number; updateSeq: number | null } | null> {
  const row = await tx
    .selectFrom('notices')
    .select(['incident_seq', 'update_seq', 'kind'])
    .where('id', '=', noticeId)
    .executeTakeFirst();
  if (row?.incident_seq == null || (row.update_seq === null && row.kind !== 'stakeholder')) return null;
  return { incidentSeq: row.incident_seq, updateSeq: row.update_seq };
}
