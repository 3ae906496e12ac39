import { sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import { yieldToNewer } from './coalesce.ts';
import { chunksOf, wholeNumbers } from './dialect.ts';
import type { FanoutFilter } from './fanouts.ts';
import type { Tx } from './open.ts';
import { reopenFanouts, stopLikeTheRest } from './refused.ts';
import { MAY_HAVE_IT, type Unfinished } from './unfinished.ts';

/**
 * One person has one mail of one update. Whoever is told of it as one of an audience or an account and has subscribed besides, with the same
 * address, gets the mail to the audience: it says all that the other does and what else they are to know, and their contact answers
 * for it. What an audience is not told of they hear as the subscriber that they also are, and so they do where the mail to the
 * audience ends without having left for them: whoever ends it calls `returnToSubscribers`.
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
  const told = await listTold(tx, incidentSeq);
  const ofThis = new Set(told.filter((one) => one.updateSeq === updateSeq).map(({ address }) => address));
  return subscribersAt(tx, [...ofThis]);
}

/**
 * Of these stakeholders (seqs), to whom the mail of an incident went, or was to go: who was not mailed as a subscriber for it, and does not
 * get it after all, waits as a subscriber again. Not what newer mail to them as stakeholders tells too, nor what newer mail to them as
 * subscribers may have told already. Uses notices_incident, the keys of recipients and of deliveries.
 */
export async function returnToSubscribers(
  tx: Tx,
  { incidentSeq, people }: { incidentSeq: number; people: readonly number[] },
  now: Instant,
): Promise<void> {
  const addresses = await addressesOf(tx, people, { confirmed: false });
  const subscribers = await subscribersAt(tx, addresses);
  if (!subscribers.length) return;
  const rows = await tx
    .selectFrom('deliveries as d')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
    .select(['d.seq', 'd.recipient_seq', 'd.notice_seq', 'd.state', 'd.reason', 'n.update_seq', 'r.address'])
    .where('n.incident_seq', '=', incidentSeq)
    .where('n.update_seq', 'is not', null)
    .where(sql<boolean>`d.recipient_seq in (${wholeNumbers(subscribers)})`)
    .execute();
  const told = await listTold(tx, incidentSeq);
  const back = rows.filter(
    (row) =>
      row.reason === TOLD_ELSEWHERE &&
      row.state === 'superseded' &&
      !told.some(
        ({ address, updateSeq }) => address === row.address && updateSeq >= Number(row.update_seq),
      ) &&
      !rows.some(
        (other) =>
          other.recipient_seq === row.recipient_seq &&
          other.notice_seq > row.notice_seq &&
          (MAY_HAVE_IT as readonly string[]).includes(other.state),
      ),
  );
  if (!back.length) return;
  const seqs = back.map(({ seq }) => seq);
  await tx
    .updateTable('deliveries')
    .set({ state: 'queued', reason: null, not_before: now, updated_at: now })
    .where(sql<boolean>`seq in (${wholeNumbers(seqs)})`)
    .execute();
  const noticeSeqs = [...new Set(back.map((row) => row.notice_seq))];
  await reopenFanouts(tx, noticeSeqs);
  await stopLikeTheRest(tx, noticeSeqs);
  await yieldToNewer(tx, seqs, now);
}

/** The same for deliveries (seqs) that have just ended without having left, whoever they were to: almost always none was to a stakeholder. */
export async function returnEnded(tx: Tx, seqs: readonly number[], now: Instant): Promise<void> {
  if (!seqs.length) return;
  const rows = await tx
    .selectFrom('deliveries as d')
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .select(['d.recipient_seq', 'n.incident_seq'])
    .where(sql<boolean>`d.seq in (${wholeNumbers(seqs)})`)
    .where('n.kind', '=', 'stakeholder')
    .where('n.incident_seq', 'is not', null)
    .execute();
  for (const [incidentSeq, ended] of Map.groupBy(rows, (row) => row.incident_seq as number))
    await returnToSubscribers(tx, { incidentSeq, people: ended.map((row) => row.recipient_seq) }, now);
}

/**
 * Which of these subscribers (seqs) were told by one of these messages as one of an audience or an account, or are being told. Uses the key
 * of deliveries and recipients_address: those in audiences are few.
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
    .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
    .select(['s.seq', 'd.notice_seq', 'd.state', 'n.incident_seq', 'n.update_seq', 'p.address'])
    .where(sql<boolean>`d.notice_seq in (${wholeNumbers(noticeSeqs)})`)
    .where('p.kind', '=', 'stakeholder')
    .where('p.channel', '=', 'email')
    .where('s.kind', '=', 'subscriber')
    .where('s.channel', '=', 'email')
    .where(sql<boolean>`s.seq in (${wholeNumbers(readers)})`)
    .execute();
  // What ended without having left was told by a newer one in its place, or not at all.
  const told = new Map<number, Told[]>();
  for (const { incident_seq: seq } of rows.filter(({ state }) => !isTold(state)))
    if (seq !== null && !told.has(seq)) told.set(seq, await listTold(tx, seq));
  return rows
    .filter(
      (row) =>
        isTold(row.state) ||
        told
          .get(row.incident_seq as number)
          ?.some((one) => one.address === row.address && one.updateSeq >= Number(row.update_seq)),
    )
    .map((row) => ({ recipientSeq: row.seq, noticeSeq: row.notice_seq }));
}

type Told = { address: string; updateSeq: number };

function isTold(state: string): boolean {
  return state === 'queued' || (MAY_HAVE_IT as readonly string[]).includes(state);
}

/** What comes, came or may have come of an incident by mail to one of an audience or an account. */
async function listTold(tx: Tx, incidentSeq: number): Promise<Told[]> {
  const notices = await tx
    .selectFrom('notices as n')
    .innerJoin('fanouts as f', 'f.notice_seq', 'n.seq')
    .select(['n.seq', 'n.update_seq', 'n.dropped_at', 'f.filter', 'f.state'])
    .where('n.incident_seq', '=', incidentSeq)
    .where('n.kind', '=', 'stakeholder')
    .where('n.update_seq', 'is not', null)
    .where('f.mends', 'is', null)
    .execute();
  if (!notices.length) return [];
  const told: Told[] = [];
  for (const notice of notices) {
    if (notice.state !== 'expanding' || notice.dropped_at !== null) continue;
    const people = (JSON.parse(notice.filter) as FanoutFilter).people ?? [];
    const addresses = await addressesOf(tx, people, { confirmed: true });
    told.push(...addresses.map((address) => ({ address, updateSeq: Number(notice.update_seq) })));
  }
  const updateOf = new Map(notices.map((notice) => [notice.seq, Number(notice.update_seq)]));
  const rows = await tx
    .selectFrom('deliveries as d')
    .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
    .select(['r.address', 'd.notice_seq'])
    .where(sql<boolean>`d.notice_seq in (${wholeNumbers([...updateOf.keys()])})`)
    .where('d.state', 'in', ['queued', ...MAY_HAVE_IT])
    .where('r.channel', '=', 'email')
    .execute();
  told.push(
    ...rows.map((row) => ({ address: row.address, updateSeq: updateOf.get(row.notice_seq) as number })),
  );
  return told;
}

/** The mail addresses of stakeholders (seqs); `confirmed`: of those who are still in their audience. */
async function addressesOf(
  tx: Tx,
  people: readonly number[],
  { confirmed }: { confirmed: boolean },
): Promise<string[]> {
  const addresses = new Set<string>();
  for (const chunk of chunksOf(people, 1)) {
    let query = tx
      .selectFrom('recipients')
      .select('address')
      .where(sql<boolean>`seq in (${wholeNumbers(chunk)})`)
      .where('kind', '=', 'stakeholder')
      .where('channel', '=', 'email');
    if (confirmed) query = query.where('state', '=', 'confirmed');
    for (const { address } of await query.execute()) addresses.add(address);
  }
  return [...addresses];
}

async function subscribersAt(tx: Tx, addresses: readonly string[]): Promise<number[]> {
  const seqs: number[] = [];
  for (const chunk of chunksOf(addresses, 1)) {
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
