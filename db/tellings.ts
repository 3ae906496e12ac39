import { sql } from 'kysely';
import type { What } from '#domain/stakeholders.ts';
import type { Instant } from '#domain/time.ts';
import { listDropped } from './dropped.ts';
import type { Tx } from './open.ts';
import { MAY_HAVE_IT, type Mends } from './unfinished.ts';

/** That an audience or account was told of one thing that happened. */
export type Telling = {
  /** 0: the declaration. */
  updateSeq: number;
  audienceId: string;
  /** What the audience or account was called then. */
  name: string;
  what: What;
  /** What the mail said of it in a sentence; null when the news says it. */
  lead: string | null;
  /** How many it was for. */
  people: number;
  /** null: all of them got it as people of another audience. */
  noticeSeq: number | null;
  toldAt: Instant;
};

/** What was told about an incident, in order. Uses tellings_incident. */
export async function listTellings(tx: Tx, incidentSeq: number): Promise<Telling[]> {
  const rows = await tx
    .selectFrom('tellings')
    .selectAll()
    .where('incident_seq', '=', incidentSeq)
    .orderBy('seq')
    .execute();
  return rows.map((row) => ({
    updateSeq: row.update_seq,
    audienceId: row.audience_id,
    name: row.name,
    what: row.what,
    lead: row.lead,
    people: row.people,
    noticeSeq: row.notice_seq,
    toldAt: row.told_at,
  }));
}

/** Which audiences and accounts these messages (seqs of notices) are for: "Managers", "Acme, Contoso". Uses tellings_notice. */
export async function namesOfNotices(tx: Tx, noticeSeqs: readonly number[]): Promise<Map<number, string>> {
  if (!noticeSeqs.length) return new Map();
  const rows = await tx
    .selectFrom('tellings')
    .select(['notice_seq', 'name'])
    .where('notice_seq', 'in', noticeSeqs)
    .orderBy('seq')
    .execute();
  const names = Map.groupBy(rows, (row) => row.notice_seq as number);
  return new Map([...names].map(([seq, own]) => [seq, [...new Set(own.map(({ name }) => name))].join(', ')]));
}

/** What was told of an incident, but for what was dropped before anyone got it. */
export async function listHeard(tx: Tx, incidentSeq: number): Promise<Telling[]> {
  const unheard = await listDropped(tx, incidentSeq, { unheard: true });
  return (await listTellings(tx, incidentSeq)).filter(
    ({ noticeSeq }) => noticeSeq === null || !unheard.includes(noticeSeq),
  );
}

/** @throws when one of them was told of it already: whoever looked in this transaction would have seen it */
export async function insertTellings(
  tx: Tx,
  incidentSeq: number,
  tellings: readonly Telling[],
): Promise<void> {
  if (!tellings.length) return;
  await tx
    .insertInto('tellings')
    .values(
      tellings.map((telling) => ({
        incident_seq: incidentSeq,
        update_seq: telling.updateSeq,
        audience_id: telling.audienceId,
        name: telling.name,
        what: telling.what,
        lead: telling.lead,
        people: telling.people,
        notice_seq: telling.noticeSeq,
        told_at: telling.toldAt,
      })),
    )
    .execute();
}

/** These were not told after all: nothing of the message had left. Uses tellings_notice. */
export async function deleteTellings(
  tx: Tx,
  noticeSeq: number,
  audienceIds: readonly string[],
): Promise<void> {
  if (!audienceIds.length) return;
  await tx
    .deleteFrom('tellings')
    .where('notice_seq', '=', noticeSeq)
    .where('audience_id', 'in', audienceIds)
    .execute();
}

/** Who was handed one of these texts, or may have been: by the notice under which it went. Uses deliveries_notice_state. */
export async function listHanded(tx: Tx, { bases, contents }: Mends): Promise<Map<number, number[]>> {
  if (!bases.length) return new Map();
  const rows = await tx
    .selectFrom('deliveries')
    .select(['notice_seq', 'recipient_seq'])
    .where('notice_seq', 'in', bases)
    .where(sql<number>`coalesce(content_seq, notice_seq)`, 'in', contents)
    .where('state', 'in', MAY_HAVE_IT)
    .orderBy('notice_seq')
    .execute();
  // Whoever was handed it twice counts for the later one.
  const last = new Map(rows.map((row) => [row.recipient_seq, row.notice_seq]));
  const handed = new Map<number, number[]>();
  for (const [recipient, notice] of last) handed.set(notice, [...(handed.get(notice) ?? []), recipient]);
  return handed;
}
