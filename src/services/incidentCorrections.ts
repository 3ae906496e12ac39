import { insertAudit } from '#db/audit.ts';
import { insertClaims, listClaimsOfSource, voidClaims } from '#db/claims.ts';
import type { Ctx } from '#db/context.ts';
import { type Incident, markCorrected, updateIncident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import { listUpdates, type Update } from '#db/updates.ts';
import { clocksUnder } from '#domain/clocks.ts';
import { AppError, type FieldProblem } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import { COMPONENT_STATUS_LABELS, type ComponentStatus, isOver } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import { refuseUnapproved } from './approvalGate.ts';
import { applyRunbooks } from './incidentRunbooks.ts';
import { listTouchedBy, tellByComponents } from './newlyConcerned.ts';
import { paceForNew } from './pace.ts';
import { requireComponents } from './requireComponents.ts';
import { requireIncident } from './requireIncident.ts';
import { tellDeclared } from './stakeholders.ts';
import { isOpenToAll } from './updatePlan.ts';

export type Correction = {
  incidentId: string;
  version: number;
  components: readonly { id: string; status: ComponentStatus }[];
};

/**
 * Puts right which components an incident touched: for each one given, what was said of it from the start is taken back and said
 * anew, for as long as the incident was open. `operational` means that it was never touched. The old claims are kept, voided. Who
 * follows one that it turned out to touch and has heard nothing of it is told the latest word; what waits to leave spares those whom it
 * turned out not to concern.
 * @returns how many are told
 */
export async function correctComponents(ctx: Ctx, input: Correction): Promise<number> {
  requirePermission(ctx.actor, 'incident.publish');
  const { told, changesPage } = await ctx.db.write((tx) => correctWithin(tx, ctx, input));
  if (changesPage) ctx.changed('page');
  if (told) ctx.changed('outbox');
  return told;
}

/**
 * How many correctComponents would tell now, for the screen that asks before it does. It does it all and takes it back, so that the figure
 * is no guess.
 */
export async function previewCorrection(ctx: Ctx, input: Correction): Promise<number> {
  requirePermission(ctx.actor, 'incident.publish');
  let told = 0;
  const takenBack = new Error('A correction was only tried.');
  try {
    await ctx.db.write(async (tx) => {
      told = (await correctWithin(tx, ctx, input)).told;
      throw takenBack;
    });
  } catch (error) {
    if (error !== takenBack) throw error;
  }
  return told;
}

async function correctWithin(
  tx: Tx,
  ctx: Ctx,
  input: Correction,
): Promise<{ told: number; changesPage: boolean }> {
  const now = ctx.now();
  const incident = await requireIncident(tx, input.incidentId, input.version, ctx.actor);
  const named = await requireComponents(tx, input.components);
  const touchedBefore = await listTouchedBy(tx, incident);
  const source = { kind: incident.kind, seq: incident.seq } as const;
  const wanted = new Map(input.components.map(({ id, status }) => [id, status]));
  const old = (await listClaimsOfSource(tx, source)).filter(({ componentId }) => wanted.has(componentId));
  await voidClaims(
    tx,
    old.map(({ seq }) => seq),
    now,
  );
  const spans = openSpans(incident, await listUpdates(tx, incident.seq, ctx.actor));
  const corrected = [...wanted]
    .filter(([, status]) => status !== 'operational')
    .flatMap(([componentId, status]) => spans.map((span) => ({ componentId, status, ...span })));
  await insertClaims(tx, source, corrected, { at: now, label: actorLabel(ctx.actor) });
  const told = await tellByComponents(tx, ctx, incident, touchedBefore);
  await updateIncident(tx, incident.seq, {}, now);
  await applyRunbooks(tx, incident, now);
  const words = [...wanted].map(
    ([id, status]) =>
      `${named.get(id)?.name}: ${status === 'operational' ? 'not affected' : COMPONENT_STATUS_LABELS[status]}`,
  );
  await insertAudit(tx, ctx, {
    action: 'incident.correct',
    subjectKind: 'incident',
    subjectId: incident.id,
    detail: { text: `Components corrected. ${words.join('; ')}` },
  });
  return { told, changesPage: await bumpIfPublic(tx, incident, now) };
}

/**
 * When it was open: from its start to its end, without the times between an end and a reopening. None when it ended before it began, as
 * a maintenance does that was called off.
 */
function openSpans(
  incident: Incident,
  said: readonly Update[],
): { startsAt: Instant; endsAt: Instant | null }[] {
  const spans: { startsAt: Instant; endsAt: Instant | null }[] = [];
  let since: Instant | null = incident.startedAt;
  for (const { status, postedAt } of said.toReversed()) {
    if (since === null && !isOver(status)) since = postedAt;
    else if (since !== null && isOver(status)) {
      spans.push({ startsAt: since, endsAt: postedAt });
      since = null;
    }
  }
  if (since !== null) spans.push({ startsAt: since, endsAt: null });
  // When it ended is what the incident itself says: one that was put on the record afterwards was over before it was told.
  const last = spans.at(-1);
  if (last) last.endsAt = incident.resolvedAt;
  return spans.filter(({ startsAt, endsAt }) => endsAt === null || endsAt > startsAt);
}

/** A new version of the page, when visitors see this incident there. @returns whether they do */
async function bumpIfPublic(tx: Tx, incident: Incident, now: Instant): Promise<boolean> {
  const isPublic = incident.publishedAt !== null && isOpenToAll(incident);
  if (!isPublic) return false;
  await markCorrected(tx, incident.seq, now);
  await bumpPageVersion(tx, now);
  return true;
}

/** The same title again changes nothing. */
export async function changeTitle(
  ctx: Ctx,
  input: { incidentId: string; version: number; title: string },
): Promise<void> {
  requirePermission(ctx.actor, 'incident.internalUpdate');
  const now = ctx.now();
  const changesPage = await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, input.version, ctx.actor);
    if (incident.publishedAt) requirePermission(ctx.actor, 'incident.publish');
    if (incident.title === input.title) return false;
    if (incident.publishedAt) await refuseUnapproved(tx, ctx, incident);
    await updateIncident(tx, incident.seq, { title: input.title }, now);
    await insertAudit(tx, ctx, {
      action: 'incident.title',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: `Title changed from “${incident.title}”` },
    });
    return bumpIfPublic(tx, incident, now);
  });
  if (changesPage) ctx.changed('page');
}

const TIME_LABELS = { startedAt: 'The start', detectedAt: 'Detected', mitigatedAt: 'Mitigated' };
const TIME_NAMES = ['startedAt', 'detectedAt', 'mitigatedAt'] as const;
type EditableTimes = {
  startedAt?: Instant | null;
  detectedAt?: Instant | null;
  mitigatedAt?: Instant | null;
};

/**
 * Puts right when it started, was detected and was mitigated (null empties the last two; what is left out stays). Declared,
 * published and resolved are what the clock said and cannot be changed. What was claimed from the old start moves with it. The same
 * times again change nothing.
 */
export async function setIncidentTimes(
  ctx: Ctx,
  input: EditableTimes & { incidentId: string; version: number },
): Promise<void> {
  requirePermission(ctx.actor, 'incident.internalUpdate');
  const now = ctx.now();
  const changesPage = await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, input.version, ctx.actor);
    if (incident.publishedAt) requirePermission(ctx.actor, 'incident.publish');
    const times = {
      startedAt: timeGiven(input.startedAt, incident.startedAt) ?? incident.startedAt,
      detectedAt: timeGiven(input.detectedAt, incident.detectedAt),
      mitigatedAt: timeGiven(input.mitigatedAt, incident.mitigatedAt),
    };
    if (TIME_NAMES.every((name) => times[name] === incident[name])) return false;
    refuseTimes(times, incident, now);
    await updateIncident(tx, incident.seq, times, now);
    if (times.startedAt !== incident.startedAt)
      await moveFirstClaims(tx, ctx, incident, times.startedAt, now);
    await insertAudit(tx, ctx, {
      action: 'incident.times',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: 'Times put right' },
    });
    return bumpIfPublic(tx, incident, now);
  });
  if (changesPage) ctx.changed('page');
}

/** Forms know minutes only: the minute of what is recorded means that it stays, to the second. */
function timeGiven(given: Instant | null | undefined, recorded: Instant | null): Instant | null {
  if (given === undefined) return recorded;
  return recorded && given === `${recorded.slice(0, 16)}:00.000Z` ? recorded : given;
}

function refuseTimes(times: EditableTimes & { startedAt: Instant }, incident: Incident, now: Instant): void {
  const problems: FieldProblem[] = [];
  for (const field of TIME_NAMES) {
    const at = times[field];
    const label = TIME_LABELS[field];
    if (!at) continue;
    if (at > now)
      problems.push({ field, message: `${label} is in the future. Give a time that has passed.` });
    else if (at < times.startedAt)
      problems.push({ field, message: `${label} is before the start. Set it later, or the start earlier.` });
    else if (incident.resolvedAt && at > incident.resolvedAt)
      problems.push({ field, message: `${label} is after the resolution. Set it earlier.` });
  }
  if (problems.length)
    throw new AppError('invalid', 'The times cannot be right.', {
      problems,
      fix: 'Correct the marked times.',
    });
}

/** What was claimed from the old start is claimed from the new one; nothing is claimed before it. */
async function moveFirstClaims(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  startedAt: Instant,
  now: Instant,
): Promise<void> {
  const source = { kind: incident.kind, seq: incident.seq } as const;
  const claims = await listClaimsOfSource(tx, source);
  const moved = claims.filter(({ startsAt }) => startsAt === incident.startedAt || startsAt < startedAt);
  await voidClaims(
    tx,
    moved.map(({ seq }) => seq),
    now,
  );
  const kept = moved
    .filter(({ endsAt }) => endsAt === null || endsAt > startedAt)
    .map(({ componentId, status, endsAt }) => ({ componentId, status, endsAt, startsAt: startedAt }));
  await insertClaims(tx, source, kept, { at: now, label: actorLabel(ctx.actor) });
}

/** Takes an imported or backfilled incident into the team's own care: from now on its severity sets the pace. */
export async function adoptIncident(ctx: Ctx, input: { incidentId: string; version: number }): Promise<void> {
  requirePermission(ctx.actor, 'incident.publish');
  const now = ctx.now();
  let told = 0;
  const changesPage = await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, input.version, ctx.actor);
    if (incident.kind !== 'incident' || incident.hasCadence || isOver(incident.status))
      throw new AppError('conflict', 'Only an open incident without a pace can be adopted.', {
        fix: 'Reopen it first if it is not over.',
      });
    const { pace, policySeq, paceZone } = await paceForNew(tx, incident.severity);
    await updateIncident(
      tx,
      incident.seq,
      // What was promised by hand before stays promised.
      { hasCadence: true, policySeq, paceZone, ...clocksUnder(incident, pace, now) },
      now,
    );
    await insertAudit(tx, ctx, {
      action: 'incident.adopt',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: `Adopted as ${incident.severity}` },
    });
    await applyRunbooks(tx, incident, now);
    told = await tellDeclared(tx, ctx, incident.seq);
    return bumpIfPublic(tx, incident, now);
  });
  if (changesPage) ctx.changed('page');
  if (told) ctx.changed('outbox');
}
