import { insertAudit } from '#db/audit.ts';
import { insertClaims } from '#db/claims.ts';
import type { Ctx } from '#db/context.ts';
import { insertIncident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { clocksAtStart } from '#domain/clocks.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import type { Severity } from '#domain/severity.ts';
import type { ComponentStatus } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import { applyRunbooks } from './incidentRunbooks.ts';
import { paceForNew } from './pace.ts';
import { newPostIds, type Posted, type PostInput, postWithin, tellOthers } from './postUpdate.ts';
import { requireComponents } from './requireComponents.ts';
import { tellDeclared } from './stakeholders.ts';

// Everything that is done to an incident can be imported from here; each verb's own story is in its file.
export { type BackfillInput, backfillIncident } from './incidentBackfill.ts';
export {
  adoptIncident,
  changeTitle,
  correctComponents,
  previewCorrection,
  setIncidentTimes,
} from './incidentCorrections.ts';
export { addLogEntry, assignRole, endRole } from './incidentTeam.ts';
export {
  dueNow,
  getIncident,
  type IncidentSummary,
  type IncidentView,
  listIncidents,
} from './incidentViews.ts';
export { type Posted, type PostInput, postUpdate, previewUpdate } from './postUpdate.ts';
export { editUpdate } from './updateEdits.ts';

export type DeclareInput = {
  title: string;
  severity: Severity;
  scope?: string | null;
  /** One private line on what is known; the timeline shows it beside the declaration. */
  summary?: string | null;
  /** When it began, as far as is known; now when left out. */
  startedAt?: Instant | null;
  detectedAt?: Instant | null;
  components: readonly { id: string; status: ComponentStatus }[];
};

/** `restricted`: only its viewers know of it, and it has no public clock. */
type NewDeclaration = DeclareInput & { restricted?: boolean; drill?: boolean };

/**
 * Makes an incident known inside, audiences inside by mail. Nobody outside sees it, or what it claims of components, until its first public update.
 * The clock of that update starts now, so that time to first update is a real figure.
 */
export async function declareIncident(ctx: Ctx, input: DeclareInput): Promise<{ id: string; seq: number }> {
  requirePermission(ctx.actor, 'incident.declare');
  const declaration = checkDeclaration(ctx, input);
  const { seq, told } = await ctx.db.write(async (tx) => {
    const seq = await insertDeclared(tx, ctx, input, declaration);
    return { seq, told: await tellDeclared(tx, ctx, seq) };
  });
  if (told) ctx.changed('outbox');
  return { id: declaration.id, seq };
}

/** Declares what is known and says it in public, with its first update. `components` and `scope` go with both. */
export type DeclareAndPublishInput = DeclareInput &
  Pick<
    PostInput,
    'status' | 'body' | 'affected' | 'workaround' | 'estimate' | 'nextUpdateBy' | 'notify' | 'withoutApproval'
  >;

/**
 * declareIncident and its first public update as one: both are on disk, or neither, so that whoever was cut off can do it again
 * without a second incident.
 */
export async function declareAndPublish(
  ctx: Ctx,
  input: DeclareAndPublishInput,
): Promise<Posted & { id: string }> {
  requirePermission(ctx.actor, 'incident.declare');
  requirePermission(ctx.actor, 'incident.publish');
  const declaration = checkDeclaration(ctx, input);
  const { id } = declaration;
  const ids = newPostIds(ctx);
  const { status, body, scope, affected, workaround, estimate, nextUpdateBy, components, notify } = input;
  const { withoutApproval } = input;
  const written = await ctx.db.write(async (tx) => {
    const seq = await insertDeclared(tx, ctx, input, declaration);
    const said = { status, body, scope, affected, workaround, estimate, nextUpdateBy, components, notify };
    const post = { incidentId: id, version: 1, audience: 'public', ...said, withoutApproval } as const;
    const posted = await postWithin(tx, ctx, post, ids);
    if (notify && !posted.waitsFor) return posted;
    // Inside they are told of the incident itself: of its first update nobody is, or not yet.
    return { ...posted, inAudiences: posted.inAudiences + (await tellDeclared(tx, ctx, seq)) };
  });
  return { id, ...tellOthers(ctx, written) };
}

/** What is settled before the transaction begins. */
type Declaration = { id: string; now: Instant; startedAt: Instant; detectedAt: Instant };

export function checkDeclaration(ctx: Ctx, input: DeclareInput): Declaration {
  const now = ctx.now();
  const startedAt = input.startedAt ?? input.detectedAt ?? now;
  const detectedAt = input.detectedAt ?? now;
  refuseImpossibleTimes(startedAt, detectedAt, now);
  return { id: ctx.newId(), now, startedAt, detectedAt };
}

export async function insertDeclared(
  tx: Tx,
  ctx: Ctx,
  input: NewDeclaration,
  { id, now, startedAt, detectedAt }: Declaration,
): Promise<number> {
  await requireComponents(tx, input.components);
  const { pace, policySeq, paceZone } = await paceForNew(tx, input.severity);
  const seq = await insertIncident(tx, {
    id,
    kind: 'incident',
    title: input.title,
    severity: input.severity,
    status: 'investigating',
    scope: input.scope ?? null,
    startedAt,
    detectedAt,
    declaredAt: now,
    publishedAt: null,
    mitigatedAt: null,
    resolvedAt: null,
    scheduledFor: null,
    scheduledUntil: null,
    ...clocksAtStart(pace, { restricted: input.restricted ?? false }, now),
    hasCadence: true,
    restricted: input.restricted ?? false,
    drill: input.drill ?? false,
    source: 'own',
    policySeq,
    paceZone,
    createdAt: now,
  });
  const claims = input.components
    .filter(({ status }) => status !== 'operational')
    .map(({ id: componentId, status }) => ({ componentId, status, startsAt: startedAt, endsAt: null }));
  await insertClaims(tx, { kind: 'incident', seq }, claims, { at: now, label: actorLabel(ctx.actor) });
  await applyRunbooks(tx, { seq, kind: 'incident', severity: input.severity, status: 'investigating' }, now);
  await insertAudit(tx, ctx, {
    action: input.drill ? 'drill.start' : 'incident.declare',
    subjectKind: 'incident',
    subjectId: id,
    detail: {
      text: `${input.drill ? 'Drill started' : 'Declared'} as ${input.severity}`,
      note: input.summary ?? null,
    },
  });
  return seq;
}

function refuseImpossibleTimes(startedAt: Instant, detectedAt: Instant, now: Instant): void {
  const problems = [
    startedAt > now && {
      field: 'startedAt',
      message: 'The start is in the future. Give a time that has passed.',
    },
    detectedAt > now && {
      field: 'detectedAt',
      message: 'It cannot have been noticed in the future. Give a time that has passed.',
    },
    startedAt > detectedAt && {
      field: 'detectedAt',
      message: 'It was noticed before it began. Set the start earlier, or this later.',
    },
  ].filter((problem) => problem !== false);
  if (problems.length)
    throw new AppError('invalid', 'The times cannot be right.', {
      problems,
      fix: 'Correct the times, or leave them empty for now.',
    });
}
