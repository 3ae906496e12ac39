import type { Instant } from '#domain/time.ts';
import type { Person } from './duty.ts';
import type { Tx } from './open.ts';
import type { ApprovalsTable } from './schema.ts';
import { mayKnowInside, type Reader } from './visible.ts';

/** An update that waits for an approver, or did. `id` is also the id of the update that it becomes. */
export type Approval = {
  seq: number;
  id: string;
  incidentSeq: number;
  incidentId: string;
  /** What will be posted and how the incident stood, as JSON that the services read. */
  input: string;
  standing: string;
  why: ApprovalsTable['why'];
  askedBy: { id: string; name: string; email: string };
  askedAt: Instant;
  toldAllAt: Instant | null;
  state: ApprovalsTable['state'];
  /** Who decided, which may be its author who took it back; null while it waits. */
  decidedBy: string | null;
  decidedAt: Instant | null;
  reason: string | null;
};

export async function insertApproval(
  tx: Tx,
  approval: Pick<Approval, 'id' | 'incidentSeq' | 'input' | 'standing' | 'why' | 'askedAt' | 'toldAllAt'> & {
    askedBy: string;
  },
): Promise<void> {
  await tx
    .insertInto('approvals')
    .values({
      id: approval.id,
      incident_seq: approval.incidentSeq,
      input: approval.input,
      standing: approval.standing,
      why: approval.why,
      asked_by: approval.askedBy,
      asked_at: approval.askedAt,
      told_all_at: approval.toldAllAt,
      state: 'waiting',
      decided_by: null,
      decided_at: null,
      reason: null,
    })
    .execute();
}

/** null also when this reader may not know of it: what was asked for before a restricted incident was published is as old as that. */
export async function findApproval(tx: Tx, id: string, reader: Reader): Promise<Approval | null> {
  const row = await approvals(tx)
    .where('a.id', '=', id)
    .where(mayKnowInside(reader, 'i', 'a.asked_at'))
    .executeTakeFirst();
  return row ? toApproval(row) : null;
}

/** What waits, the one asked for first before the others: all that this reader may know of. Uses approvals_waiting. */
export async function listWaiting(tx: Tx, reader: Reader): Promise<Approval[]> {
  const rows = await approvals(tx)
    .where('a.state', '=', 'waiting')
    .where(mayKnowInside(reader, 'i', 'a.asked_at'))
    .orderBy('a.seq')
    .execute();
  return rows.map(toApproval);
}

/** What waits, whoever may know of it: for the clock, which tells nobody but those who do. */
export async function listWaitingForClock(tx: Tx): Promise<Approval[]> {
  const rows = await approvals(tx).where('a.state', '=', 'waiting').orderBy('a.seq').execute();
  return rows.map(toApproval);
}

/** The newest of an incident, whatever came of it; null when there was none that this reader may know of. */
export async function lastApproval(tx: Tx, incidentSeq: number, reader: Reader): Promise<Approval | null> {
  const row = await approvals(tx)
    .where('a.incident_seq', '=', incidentSeq)
    .where(mayKnowInside(reader, 'i', 'a.asked_at'))
    .orderBy('a.seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ? toApproval(row) : null;
}

/** @returns false when someone was quicker: it does not wait any more */
export async function decideApproval(
  tx: Tx,
  seq: number,
  decision: {
    state: Exclude<ApprovalsTable['state'], 'waiting'>;
    by: string;
    at: Instant;
    reason: string | null;
  },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable('approvals')
    .set({
      state: decision.state,
      decided_by: decision.by,
      decided_at: decision.at,
      reason: decision.reason,
    })
    .where('seq', '=', seq)
    .where('state', '=', 'waiting')
    .executeTakeFirstOrThrow();
  return Number(numUpdatedRows) === 1;
}

/** Every approver was asked then. */
export async function markToldAll(tx: Tx, seq: number, at: Instant): Promise<void> {
  await tx.updateTable('approvals').set({ told_all_at: at }).where('seq', '=', seq).execute();
}

/** Approvers who can sign in, by name; of a restricted incident those among its viewers. */
export async function listApprovers(tx: Tx, restrictedSeq: number | null): Promise<Person[]> {
  let query = tx
    .selectFrom('users as u')
    .select(['u.id', 'u.name', 'u.email'])
    .where('u.approver', '=', 1)
    .where('u.disabled_at', 'is', null)
    .where('u.password_hash', '<>', '')
    .orderBy('u.name');
  if (restrictedSeq !== null)
    query = query.where(({ exists, selectFrom }) =>
      exists(
        selectFrom('incident_viewers as v')
          .select('v.user_id')
          .whereRef('v.user_id', '=', 'u.id')
          .where('v.incident_seq', '=', restrictedSeq),
      ),
    );
  return (await query.execute()).map(({ id, name, email }) => ({ userId: id, name, email }));
}

function approvals(tx: Tx) {
  return tx
    .selectFrom('approvals as a')
    .innerJoin('incidents as i', 'i.seq', 'a.incident_seq')
    .innerJoin('users as asker', 'asker.id', 'a.asked_by')
    .leftJoin('users as decider', 'decider.id', 'a.decided_by')
    .selectAll('a')
    .select(['i.id as incident_id', 'asker.name as asker_name', 'asker.email as asker_email'])
    .select('decider.name as decider_name');
}

function toApproval(row: Awaited<ReturnType<ReturnType<typeof approvals>['execute']>>[number]): Approval {
  return {
    seq: row.seq,
    id: row.id,
    incidentSeq: row.incident_seq,
    incidentId: row.incident_id,
    input: row.input,
    standing: row.standing,
    why: row.why,
    askedBy: { id: row.asked_by, name: row.asker_name, email: row.asker_email },
    askedAt: row.asked_at,
    toldAllAt: row.told_all_at,
    state: row.state,
    decidedBy: row.decider_name,
    decidedAt: row.decided_at,
    reason: row.reason,
  };
}
