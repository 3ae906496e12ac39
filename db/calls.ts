import type { Call, CallClock, Hold } from '#domain/calls.ts';
import type { Instant } from '#domain/time.ts';
import { chunksOf } from './dialect.ts';
import type { Tx } from './open.ts';

export type MadeCall = Call & { incidentSeq: number; madeAt: Instant; noticeSeq: number | null };

/** The calls that were made about these incidents, in the order in which they were made. */
export async function listCalls(tx: Tx, incidentSeqs: readonly number[]): Promise<MadeCall[]> {
  if (!incidentSeqs.length) return [];
  const rows = await tx
    .selectFrom('calls')
    .selectAll()
    .where('incident_seq', 'in', incidentSeqs)
    .orderBy('seq')
    .execute();
  return rows.map((row) => ({
    incidentSeq: row.incident_seq,
    clock: row.clock,
    due: row.due_at,
    at: row.at,
    kind: row.kind,
    roles: JSON.parse(row.roles),
    madeAt: row.made_at,
    noticeSeq: row.notice_seq,
  }));
}

/** To whom these calls went by mail, and whether that failed for good. Uses the key of deliveries. */
export async function listCallMails(
  tx: Tx,
  noticeSeqs: readonly number[],
): Promise<{ noticeSeq: number; address: string; failed: boolean }[]> {
  const found = [];
  for (const chunk of chunksOf(noticeSeqs, 1)) {
    const rows = await tx
      .selectFrom('deliveries as d')
      .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
      .select(['d.notice_seq', 'r.address', 'd.state'])
      .where('d.notice_seq', 'in', chunk)
      .where('d.lane', '=', 'mail')
      .execute();
    found.push(...rows);
  }
  return found.map(({ notice_seq, address, state }) => ({
    noticeSeq: notice_seq,
    address,
    failed: state === 'bounced' || state === 'refused' || state === 'suppressed',
  }));
}

/** Mails of earlier calls about this clock that have not left (seqs of deliveries). Uses the key of calls and that of deliveries. */
export async function listWaitingCallMails(
  tx: Tx,
  { incidentSeq, clock }: { incidentSeq: number; clock: CallClock },
): Promise<number[]> {
  const rows = await tx
    .selectFrom('calls as c')
    .innerJoin('deliveries as d', 'd.notice_seq', 'c.notice_seq')
    .select('d.seq')
    .where('c.incident_seq', '=', incidentSeq)
    .where('c.clock', '=', clock)
    .where('d.state', '=', 'queued')
    .where('d.lane', '=', 'mail')
    .execute();
  return rows.map(({ seq }) => seq);
}

/** @throws when it has been made already: whoever looked in this transaction would have seen it */
export async function insertCall(
  tx: Tx,
  incidentSeq: number,
  call: Call & { madeAt: Instant; noticeSeq: number | null },
): Promise<void> {
  await tx
    .insertInto('calls')
    .values({
      incident_seq: incidentSeq,
      clock: call.clock,
      due_at: call.due,
      at: call.at,
      kind: call.kind,
      roles: JSON.stringify(call.roles),
      made_at: call.madeAt,
      notice_seq: call.noticeSeq,
    })
    .execute();
}

export type Holder = Hold & { incidentSeq: number; userId: string; name: string };

/** Who has said that they have it, the latest first. */
export async function listHolds(tx: Tx, incidentSeqs: readonly number[]): Promise<Holder[]> {
  if (!incidentSeqs.length) return [];
  const rows = await tx
    .selectFrom('holds as h')
    .innerJoin('users as u', 'u.id', 'h.user_id')
    .select(['h.incident_seq', 'h.clock', 'h.at', 'h.until', 'h.user_id', 'u.name'])
    .where('h.incident_seq', 'in', incidentSeqs)
    .orderBy('h.seq', 'desc')
    .execute();
  return rows.map((row) => ({
    incidentSeq: row.incident_seq,
    clock: row.clock,
    at: row.at,
    until: row.until,
    userId: row.user_id,
    name: row.name,
  }));
}

export async function insertHold(
  tx: Tx,
  incidentSeq: number,
  hold: Hold & { userId: string },
): Promise<void> {
  await tx
    .insertInto('holds')
    .values({
      incident_seq: incidentSeq,
      clock: hold.clock,
      at: hold.at,
      until: hold.until,
      user_id: hold.userId,
    })
    .execute();
}

/** Nobody holds these clocks any more: what was awaited has come. */
export async function endHolds(
  tx: Tx,
  incidentSeq: number,
  clocks: readonly CallClock[],
  now: Instant,
): Promise<void> {
  await tx
    .updateTable('holds')
    .set({ until: now })
    .where('incident_seq', '=', incidentSeq)
    .where('clock', 'in', clocks)
    .where('until', '>', now)
    .execute();
}
