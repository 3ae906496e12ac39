import type { Step } from '#domain/runbooks.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import { mayKnowInside, type Reader } from './visible.ts';

export type IncidentStep = Step & {
  seq: number;
  /** To update the runbook itself. */
  closing: boolean;
  /** null while it is open. Its time and name are null to those who may not know what was done inside then. */
  done: { at: Instant | null; by: string | null } | null;
};

/** A runbook as an incident was given it. */
export type IncidentRunbook = {
  seq: number;
  runbookId: string;
  /** Whether it can still be opened under its id. */
  exists: boolean;
  title: string;
  /** null: it came by itself, because it fits. */
  addedBy: string | null;
  steps: IncidentStep[];
};

/** What the incident was given and nobody took off, what came first before the rest. */
export async function listIncidentRunbooks(
  tx: Tx,
  incidentSeq: number,
  reader: Reader = null,
): Promise<IncidentRunbook[]> {
  const rows = await tx
    .selectFrom('incident_steps as s')
    .innerJoin('incident_runbooks as r', 'r.seq', 's.incident_runbook_seq')
    .innerJoin('incidents as i', 'i.seq', 'r.incident_seq')
    .leftJoin('runbooks as b', 'b.id', 'r.runbook_id')
    .selectAll('s')
    .select(['r.runbook_id', 'r.title', 'r.added_by', 'b.id as standing'])
    .select(mayKnowInside(reader, 'i', 's.done_at').as('known'))
    .where('r.incident_seq', '=', incidentSeq)
    .where('r.removed_at', 'is', null)
    .orderBy('r.seq')
    .orderBy('s.position')
    .execute();
  return [...Map.groupBy(rows, (row) => row.incident_runbook_seq)].map(([seq, own]) => {
    const [first] = own as [(typeof own)[number]];
    return {
      seq,
      runbookId: first.runbook_id,
      exists: first.standing !== null,
      title: first.title,
      addedBy: first.added_by,
      steps: own.map((row) => ({
        seq: row.seq,
        text: row.text,
        link: row.link,
        closing: row.closing === 1,
        done:
          row.done_at === null
            ? null
            : { at: row.known ? row.done_at : null, by: row.known ? row.done_by : null },
      })),
    };
  });
}

/** Which runbooks the incident was ever given, with those that were taken off, and whether anything of them was done. */
export async function listGiven(
  tx: Tx,
  incidentSeq: number,
): Promise<{ seq: number; runbookId: string; byHand: boolean; removed: boolean; begun: boolean }[]> {
  const rows = await tx
    .selectFrom('incident_runbooks as r')
    .leftJoin('incident_steps as s', 's.incident_runbook_seq', 'r.seq')
    .select((eb) => [
      'r.seq',
      'r.runbook_id',
      'r.added_by',
      'r.removed_at',
      eb.fn.count<number>('s.done_at').as('done'),
    ])
    .where('r.incident_seq', '=', incidentSeq)
    .groupBy(['r.seq', 'r.runbook_id', 'r.added_by', 'r.removed_at'])
    .execute();
  return rows.map((row) => ({
    seq: row.seq,
    runbookId: row.runbook_id,
    byHand: row.added_by !== null,
    removed: row.removed_at !== null,
    begun: Number(row.done) > 0,
  }));
}

/** Gives the incident a copy of these steps. It must not have the runbook yet. */
export async function insertIncidentRunbook(
  tx: Tx,
  given: {
    incidentSeq: number;
    runbookId: string;
    title: string;
    steps: readonly (Step & { closing: boolean })[];
    addedBy: string | null;
    now: Instant;
  },
): Promise<void> {
  const { seq } = await tx
    .insertInto('incident_runbooks')
    .values({
      incident_seq: given.incidentSeq,
      runbook_id: given.runbookId,
      title: given.title,
      added_at: given.now,
      added_by: given.addedBy,
      removed_at: null,
    })
    .returning('seq')
    .executeTakeFirstOrThrow();
  await tx
    .insertInto('incident_steps')
    .values(
      given.steps.map(({ text, link, closing }, position) => ({
        incident_runbook_seq: seq,
        position,
        text,
        link,
        closing: closing ? 1 : 0,
        done_at: null,
        done_by: null,
      })),
    )
    .execute();
}

/** As though it had never been given. */
export async function deleteIncidentRunbook(tx: Tx, seq: number): Promise<void> {
  await tx.deleteFrom('incident_steps').where('incident_runbook_seq', '=', seq).execute();
  await tx.deleteFrom('incident_runbooks').where('seq', '=', seq).execute();
}

/** Takes off one of which nothing was done; it does not come back by itself. */
export async function removeIncidentRunbook(tx: Tx, seq: number, now: Instant): Promise<void> {
  await tx.updateTable('incident_runbooks').set({ removed_at: now }).where('seq', '=', seq).execute();
}

/** @returns the step of this incident, done or not; null when it has no such step (any more) */
export async function findStep(
  tx: Tx,
  incidentSeq: number,
  seq: number,
): Promise<{ text: string; runbook: string } | null> {
  const row = await tx
    .selectFrom('incident_steps as s')
    .innerJoin('incident_runbooks as r', 'r.seq', 's.incident_runbook_seq')
    .select(['s.text', 'r.title'])
    .where('s.seq', '=', seq)
    .where('r.incident_seq', '=', incidentSeq)
    .where('r.removed_at', 'is', null)
    .executeTakeFirst();
  return row ? { text: row.text, runbook: row.title } : null;
}

/** @param by who did it; null: it is open again. @returns whether that changed anything; who was first stays */
export async function markStep(
  tx: Tx,
  seq: number,
  by: { at: Instant; label: string } | null,
): Promise<boolean> {
  const result = await tx
    .updateTable('incident_steps')
    .set({ done_at: by?.at ?? null, done_by: by?.label ?? null })
    .where('seq', '=', seq)
    .where('done_at', by ? 'is' : 'is not', null)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** How many steps are open. */
export async function countOpenSteps(tx: Tx, incidentSeq: number): Promise<number> {
  const row = await tx
    .selectFrom('incident_steps as s')
    .innerJoin('incident_runbooks as r', 'r.seq', 's.incident_runbook_seq')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('r.incident_seq', '=', incidentSeq)
    .where('r.removed_at', 'is', null)
    .where('s.done_at', 'is', null)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}
