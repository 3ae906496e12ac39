import { sql } from 'kysely';
import { chunksOf, wholeNumbers } from './dialect.ts';
import { listTextsOf } from './digestTexts.ts';
import type { Tx } from './open.ts';
import { listToldByAudience } from './toldElsewhere.ts';
import { MAY_HAVE_IT } from './unfinished.ts';

type Said = { updateSeq: number; incidentSeq: number };

/**
 * Which updates people had a mail of, whatever became of it, which were over and done with for them (`o`), and which items a digest tells or
 * told them: "seq of the recipient:u|o|i:seq". Uses notices_incident and the key of deliveries.
 */
export async function listHadAlready(
  tx: Tx,
  readers: readonly number[],
  { updates, sinceDay }: { updates: readonly Said[]; sinceDay: string },
): Promise<Set<string>> {
  const had = new Set<string>();
  const notices = updates.length
    ? await tx
        .selectFrom('notices')
        .select(['seq', 'update_seq', 'kind'])
        .where('incident_seq', 'in', [...new Set(updates.map(({ incidentSeq }) => incidentSeq))])
        .where('update_seq', 'in', [...new Set(updates.map(({ updateSeq }) => updateSeq))])
        .execute()
    : [];
  const updateOf = new Map(notices.map((notice) => [notice.seq, notice.update_seq]));
  const ends = await listEnds(tx, updates);
  const toAudiences = notices.filter(({ kind }) => kind === 'stakeholder').map(({ seq }) => seq);
  for (const chunk of chunksOf(readers, 1)) {
    // By what was said, not by the person: what somebody had over years is much, what was said of late is little.
    const mailed = await tx
      .selectFrom('deliveries as d')
      .select(['d.recipient_seq', 'd.notice_seq'])
      .where(sql<boolean>`d.notice_seq in (${wholeNumbers([...updateOf.keys()])})`)
      .where(sql<boolean>`d.recipient_seq in (${wholeNumbers(chunk)})`)
      .execute();
    for (const row of mailed) had.add(`${row.recipient_seq}:u:${updateOf.get(row.notice_seq)}`);
    for (const { recipientSeq, noticeSeq } of await listToldByAudience(tx, chunk, toAudiences))
      had.add(`${recipientSeq}:u:${updateOf.get(noticeSeq)}`);
    for (const { recipientSeq, updateSeq } of await listOverFor(tx, chunk, ends))
      had.add(`${recipientSeq}:o:${updateSeq}`);
    for (const { recipientSeq, items } of await listTextsOf(tx, chunk, sinceDay))
      for (const item of items) had.add(`${recipientSeq}:i:${item}`);
  }
  return had;
}

/** A mail that says that an incident is over, and which of the updates were said before. */
type End = { noticeSeq: number; toAudience: boolean; isHeld: boolean; before: number[] };

/** Uses updates_incident and notices_incident. */
async function listEnds(tx: Tx, updates: readonly Said[]): Promise<End[]> {
  if (!updates.length) return [];
  const rows = await tx
    .selectFrom('updates as u')
    .innerJoin('notices as n', (join) =>
      join.onRef('n.incident_seq', '=', 'u.incident_seq').onRef('n.update_seq', '=', 'u.seq'),
    )
    .select(['n.seq', 'n.kind', 'n.stopped_at', 'n.dropped_at', 'u.seq as update_seq', 'u.incident_seq'])
    .where('u.incident_seq', 'in', [...new Set(updates.map(({ incidentSeq }) => incidentSeq))])
    .where('u.kind', '=', 'resolution')
    .execute();
  return rows
    .map((row) => ({
      noticeSeq: row.seq,
      toAudience: row.kind === 'stakeholder',
      isHeld: row.stopped_at !== null || row.dropped_at !== null,
      before: updates
        .filter((one) => one.incidentSeq === row.incident_seq && one.updateSeq < row.update_seq)
        .map(({ updateSeq }) => updateSeq),
    }))
    .filter(({ before }) => before.length > 0);
}

/** A resolution that somebody has, or is about to get, absorbs what was said before it; one that is stopped, or ended before it left, does not. */
async function listOverFor(
  tx: Tx,
  readers: readonly number[],
  ends: readonly End[],
): Promise<{ recipientSeq: number; updateSeq: number }[]> {
  if (!ends.length) return [];
  const rows = await tx
    .selectFrom('deliveries as d')
    .select(['d.recipient_seq', 'd.notice_seq', 'd.state'])
    .where(sql<boolean>`d.notice_seq in (${wholeNumbers(ends.map(({ noticeSeq }) => noticeSeq))})`)
    .where(sql<boolean>`d.recipient_seq in (${wholeNumbers(readers)})`)
    .where('d.state', 'in', ['queued', ...MAY_HAVE_IT])
    .execute();
  const endOf = new Map(ends.map((end) => [end.noticeSeq, end]));
  const mailed = rows
    .filter((row) => row.state !== 'queued' || !endOf.get(row.notice_seq)?.isHeld)
    .map((row) => ({ recipientSeq: row.recipient_seq, noticeSeq: row.notice_seq }));
  const told = await listToldByAudience(
    tx,
    readers,
    ends.filter(({ toAudience }) => toAudience).map(({ noticeSeq }) => noticeSeq),
  );
  return [...mailed, ...told].flatMap(({ recipientSeq, noticeSeq }) =>
    (endOf.get(noticeSeq)?.before ?? []).map((updateSeq) => ({ recipientSeq, updateSeq })),
  );
}
