import { insertAudit } from '#db/audit.ts';
import { listClaimsOfSource } from '#db/claims.ts';
import type { Ctx } from '#db/context.ts';
import {
  deleteIncidentRunbook,
  findStep,
  insertIncidentRunbook,
  listGiven,
  markStep,
  removeIncidentRunbook,
  listIncidentRunbooks as rowsOf,
} from '#db/incidentRunbooks.ts';
import type { Incident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { findRunbook, listRunbooks } from '#db/runbooks.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import { CLOSING_STEP, fitsIncident, type Runbook } from '#domain/runbooks.ts';
import { isOver } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import { requireIncident } from './requireIncident.ts';

export type { IncidentRunbook, IncidentStep } from '#db/incidentRunbooks.ts';

/**
 * Gives an open incident copies of the runbooks that fit it now and that it was never given, and takes back those that came by themselves,
 * fit no more and were not begun. What was begun, or was added by hand, stays. Called wherever severity or components change.
 */
export async function applyRunbooks(
  tx: Tx,
  incident: Pick<Incident, 'seq' | 'kind' | 'severity' | 'status'>,
  now: Instant,
): Promise<void> {
  if (incident.kind !== 'incident' || isOver(incident.status)) return;
  const runbooks = await listRunbooks(tx);
  if (!runbooks.length) return;
  const claims = await listClaimsOfSource(tx, { kind: 'incident', seq: incident.seq });
  const facts = {
    severity: incident.severity,
    components: claims.map(({ componentId }) => componentId),
  };
  const given = await listGiven(tx, incident.seq);
  const [fitting, others] = [
    runbooks.filter((runbook) => fitsIncident(runbook, facts)),
    runbooks.filter((runbook) => !fitsIncident(runbook, facts)).map(({ id }) => id),
  ];
  for (const { seq, runbookId, byHand, removed, begun } of given)
    if (others.includes(runbookId) && !byHand && !removed && !begun) await deleteIncidentRunbook(tx, seq);
  for (const runbook of fitting)
    if (!given.some(({ runbookId }) => runbookId === runbook.id))
      await give(tx, incident.seq, runbook, { addedBy: null, now });
}

async function give(
  tx: Tx,
  incidentSeq: number,
  { id, title, steps }: Runbook,
  by: { addedBy: string | null; now: Instant },
): Promise<void> {
  await insertIncidentRunbook(tx, {
    incidentSeq,
    runbookId: id,
    title,
    steps: [
      ...steps.map((step) => ({ ...step, closing: false })),
      { text: CLOSING_STEP, link: null, closing: true },
    ],
    ...by,
  });
}

/**
 * What there is to tick off on an incident, and which runbooks could be added by hand.
 * @throws AppError not_found
 */
export async function listIncidentRunbooks(ctx: Ctx, incidentId: string) {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read(async (tx) => {
    const incident = await requireIncident(tx, incidentId, undefined, ctx.actor);
    const given = await rowsOf(tx, incident.seq, ctx.actor);
    const others = (await listRunbooks(tx)).filter(
      ({ id }) => !given.some(({ runbookId }) => runbookId === id),
    );
    return { given, others: others.map(({ id, title }) => ({ id, title })) };
  });
}

/**
 * Ticks a step off, or opens it again. Once more changes nothing: who was first stays.
 * @throws AppError not_found when the incident has no such step (any more)
 */
export async function tickStep(
  ctx: Ctx,
  input: { incidentId: string; step: number; done: boolean },
): Promise<void> {
  requirePermission(ctx.actor, 'incident.log');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, undefined, ctx.actor);
    const step = await findStep(tx, incident.seq, input.step);
    if (!step)
      throw new AppError('not_found', 'This step is no longer here: its runbook was taken off.', {
        fix: 'Look at the list again.',
      });
    const by = input.done ? { at: now, label: actorLabel(ctx.actor) } : null;
    if (!(await markStep(tx, input.step, by))) return;
    await insertAudit(tx, ctx, {
      action: input.done ? 'incident.tick' : 'incident.untick',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { runbook: step.runbook, step: step.text },
    });
  });
}

/** Gives the incident a runbook that does not come by itself. @throws AppError not_found, conflict when it has it already */
export async function addIncidentRunbook(
  ctx: Ctx,
  input: { incidentId: string; runbookId: string },
): Promise<void> {
  requirePermission(ctx.actor, 'incident.log');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, undefined, ctx.actor);
    if (incident.kind !== 'incident')
      throw new AppError('conflict', 'Runbooks are for incidents: a maintenance is planned.', {
        fix: 'Write what is to be done into its plan.',
      });
    const runbook = await findRunbook(tx, input.runbookId);
    if (!runbook)
      throw new AppError('not_found', 'There is no such runbook: it may have been deleted.', {
        fix: 'Choose one from the list.',
        problems: [{ field: 'runbook', message: 'Choose a runbook from the list.' }],
      });
    const before = (await listGiven(tx, incident.seq)).find(({ runbookId }) => runbookId === runbook.id);
    if (before && !before.removed)
      throw new AppError('conflict', 'The incident has this runbook already.', {
        fix: 'Look at the list again.',
      });
    if (before) await deleteIncidentRunbook(tx, before.seq);
    await give(tx, incident.seq, runbook, { addedBy: actorLabel(ctx.actor), now });
    await insertAudit(tx, ctx, {
      action: 'incident.addRunbook',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { runbook: runbook.title },
    });
  });
}

/** Takes a runbook off of which nothing was done. @throws AppError not_found, conflict when something was */
export async function removeRunbook(ctx: Ctx, input: { incidentId: string; runbook: number }): Promise<void> {
  requirePermission(ctx.actor, 'incident.log');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, undefined, ctx.actor);
    const here = await rowsOf(tx, incident.seq);
    const runbook = here.find(({ seq }) => seq === input.runbook);
    if (!runbook)
      throw new AppError('not_found', 'The incident has no such runbook any more.', {
        fix: 'Look at the list again.',
      });
    if (runbook.steps.some(({ done }) => done))
      throw new AppError('conflict', 'Something of this runbook was done, so it stays on the record.', {
        fix: 'Open its ticked steps again first if that was a slip.',
      });
    await removeIncidentRunbook(tx, runbook.seq, now);
    await insertAudit(tx, ctx, {
      action: 'incident.removeRunbook',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { runbook: runbook.title },
    });
  });
}
