import { sql } from 'kysely';
import { chunksOf, wholeNumbers } from './dialect.ts';
import type { FanoutFilter } from './fanouts.ts';
import type { Tx } from './open.ts';
import type { Unfinished } from './unfinished.ts';

/**
 * One person has one mail of one update. Whoever is told of it as one of an audience or an account and has subscribed besides, with the same
 * address, gets the mail to the audience: it says all that the other does and what else they are to know, and their contact answers
 * for it. What an audience is not told of they hear as the subscriber that they also are.
 */
export const TOLD_ELSEWHERE = 'Told in another mail, as one of an audience or account.';

/**
 * The subscribers (seqs) to whom this fan-out's update comes as one of an audience or an account. Uses notices_incident, the keys of
 * recipients, and the UNIQUE (kind, audience_id, channel, address).
 */
export async function listToldElsewhere(
  tx: Tx,
  { to, incidentSeq, updateSeq }: Pick<Unfinished, 'to' | 'incidentSeq' | 'updateSeq'>,
): Promise<number[]> {
  if (to !== 'subscribers' || incidentSeq === null || updateSeq === null) return [];
  const rows = await tx
    .selectFrom('notices as n')
    .innerJoin('fanouts as f', 'f.notice_seq', 'n.seq')
    .select('f.filter')
    .where('n.incident_seq', '=', incidentSeq)
    .where('n.update_seq', '=', updateSeq)
    .where('n.kind', '=', 'stakeholder')
    .where('n.dropped_at', 'is', null)
    .where('f.mends', 'is', null)
    .execute();
  const people = rows.flatMap(({ filter }) => (JSON.parse(filter) as FanoutFilter).people ?? []);
  const addresses: string[] = [];
  for (const chunk of chunksOf(people, 1)) {
    const found = await tx
      .selectFrom('recipients')
      .select('address')
      .where(sql<boolean>`seq in (${wholeNumbers(chunk)})`)
      .where('kind', '=', 'stakeholder')
      .where('channel', '=', 'email')
      .where('state', '=', 'confirmed')
      .execute();
    addresses.push(...found.map(({ address }) => address));
  }
  const seqs: number[] = [];
  for (const chunk of chunksOf([...new Set(addresses)], 1)) {
    const found = await tx
      .selectFrom('recipients')
      .select('seq')
      .where('kind', '=', 'subscriber')
      .where('audience_id', '=', '')
      .where('channel', '=', 'email')
      .where('address', 'in', chunk)
      .execute();
    seqs.push(...found.map(({ seq }) => seq));
  }
  return seqs;
}

/**
 * Which of these subscribers (seqs) were told by one of these messages as one of an audience or an account. Uses the key of deliveries and
 * recipients_address: those in audiences are few.
 */
export async function listToldByAudience(
  tx: Tx,
  readers: readonly number[],
  noticeSeqs: readonly number[],
): Promise<{ recipientSeq: number; noticeSeq: number }[]> {
  if (!noticeSeqs.length) return [];
  const rows = await tx
    .selectFrom('deliveries as d')
    .innerJoin('recipients as p', 'p.seq', 'd.recipient_seq')
    .innerJoin('recipients as s', 's.address', 'p.address')
    .select(['s.seq', 'd.notice_seq'])
    .where(sql<boolean>`d.notice_seq in (${wholeNumbers(noticeSeqs)})`)
    .where('p.kind', '=', 'stakeholder')
    .where('p.channel', '=', 'email')
    .where('s.kind', '=', 'subscriber')
    .where('s.channel', '=', 'email')
    .where(sql<boolean>`s.seq in (${wholeNumbers(readers)})`)
    .execute();
  return rows.map((row) => ({ recipientSeq: row.seq, noticeSeq: row.notice_seq }));
}
