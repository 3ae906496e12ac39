import { insertAudit } from '#db/audit.ts';
import { insertClaims } from '#db/claims.ts';
import type { Ctx } from '#db/context.ts';
import { type Incident, insertIncident } from '#db/incidents.ts';
import { coverWords, insertPlan } from '#db/maintenance.ts';
import type { Tx } from '#db/open.ts';
import { AppError } from '#domain/errors.ts';
import { saidByAnnouncing } from '#domain/maintenance.ts';
import { actorLabel, requirePermission, userIdOf } from '#domain/permissions.ts';
import type { Instant } from '#domain/time.ts';
import {
  newPostIds,
  type Posted,
  type PostInput,
  postUpdate,
  postWithin,
  tellOthers,
  type Written,
} from './postUpdate.ts';
import { requireComponents } from './requireComponents.ts';
import { requireIncident } from './requireIncident.ts';

export type ScheduleInput = {
  title: string;
  /** The announcement. */
  body: string;
  scheduledFor: Instant;
  scheduledUntil: Instant;
  scope?: string | null;
  /** What will be under maintenance, from the announced start on. */
  components: readonly string[];
  /** Tell people of it: now, before it begins, and when it changes. */
  notify: boolean;
  /** It starts and ends by the clock; left out, it does. */
  byItself?: boolean;
};

/** Plans a maintenance and announces it. Its components claim `under_maintenance` from the announced start. */
export async function scheduleMaintenance(
  ctx: Ctx,
  input: ScheduleInput,
): Promise<{ id: string; told: number }> {
  requirePermission(ctx.actor, 'maintenance.write');
  refuseWindow(input, ctx.now());
  const id = ctx.newId();
  const ids = newPostIds(ctx);
  const announced = await ctx.db.write((tx) =>
    planWithin(tx, ctx, input, {
      id,
      ids,
      ownerId: userIdOf(ctx.actor),
      series: null,
      announce: input.notify,
    }),
  );
  return { id, told: tellOthers(ctx, announced).told };
}

/** scheduleMaintenance as a part of a larger transaction; `tellOthers` follows its commit. */
export async function planWithin(
  tx: Tx,
  ctx: Ctx,
  input: ScheduleInput,
  {
    id,
    ids,
    ownerId,
    series,
    announce,
  }: {
    id: string;
    ids: ReturnType<typeof newPostIds>;
    ownerId: string | null;
    series: { seq: number; slot: string } | null;
    /** Mail its announcement: of what comes again and again, only the first is announced so. */
    announce: boolean;
  },
): Promise<Written> {
  const now = ctx.now();
  const incidentSeq = await insertPlanned(tx, ctx, id, input, now);
  await insertPlan(tx, incidentSeq, {
    ownerId,
    byItself: input.byItself ?? true,
    tells: input.notify,
    seriesSeq: series?.seq ?? null,
    slot: series?.slot ?? null,
  });
  const written = await postWithin(tx, ctx, announcement(id, input, announce), ids);
  await coverWords(tx, incidentSeq, saidByAnnouncing(input, now, { announced: announce }), now);
  return written;
}

async function insertPlanned(
  tx: Tx,
  ctx: Ctx,
  id: string,
  input: ScheduleInput,
  now: Instant,
): Promise<number> {
  await requireComponents(
    tx,
    input.components.map((component) => ({ id: component })),
  );
  const seq = await insertIncident(tx, {
    id,
    kind: 'maintenance',
    title: input.title,
    severity: 'SEV4',
    status: 'scheduled',
    scope: input.scope ?? null,
    startedAt: input.scheduledFor,
    detectedAt: null,
    declaredAt: now,
    publishedAt: null,
    mitigatedAt: null,
    resolvedAt: null,
    scheduledFor: input.scheduledFor,
    scheduledUntil: input.scheduledUntil,
    nextUpdateDue: null,
    internalDue: null,
    hasCadence: false,
    restricted: false,
    drill: false,
    source: 'own',
    createdAt: now,
  });
  const claims = input.components.map((componentId) => ({
    componentId,
    status: 'under_maintenance' as const,
    startsAt: input.scheduledFor,
    endsAt: null,
  }));
  await insertClaims(tx, { kind: 'maintenance', seq }, claims, { at: now, label: actorLabel(ctx.actor) });
  await insertAudit(tx, ctx, {
    action: 'maintenance.schedule',
    subjectKind: 'incident',
    subjectId: id,
    detail: { text: 'Planned' },
  });
  return seq;
}

function announcement(id: string, input: ScheduleInput, notify: boolean): PostInput {
  return {
    incidentId: id,
    version: 1,
    audience: 'public',
    status: 'scheduled',
    body: input.body,
    components: [],
    notify,
  };
}

type StepInput = { maintenanceId: string; version: number; body: string; notify: boolean };

/** Begins it now, whatever was announced: its components are under maintenance from this moment. */
export async function startMaintenance(ctx: Ctx, input: StepInput): Promise<Posted> {
  requirePermission(ctx.actor, 'maintenance.write');
  const ids = newPostIds(ctx);
  const posted = await ctx.db.write(async (tx) => {
    await requireScheduled(tx, input, 'It has begun already, or is no maintenance.');
    return postWithin(tx, ctx, step(input, 'in_progress'), ids);
  });
  return tellOthers(ctx, posted);
}

/** Ends it now: what it claimed is well again, but for what others claim. */
export async function endMaintenance(ctx: Ctx, input: StepInput): Promise<Posted> {
  requirePermission(ctx.actor, 'maintenance.write');
  return postUpdate(ctx, step(input, 'completed'));
}

/** Calls off what has not begun. It stays on the record as completed, with the reason; it never claimed anything. */
export async function cancelMaintenance(ctx: Ctx, input: StepInput): Promise<Posted> {
  requirePermission(ctx.actor, 'maintenance.write');
  const ids = newPostIds(ctx);
  const posted = await ctx.db.write(async (tx) => {
    const { scheduledFor } = await requireScheduled(
      tx,
      input,
      'Only a maintenance that has not begun can be called off.',
    );
    await insertAudit(tx, ctx, {
      action: 'maintenance.cancel',
      subjectKind: 'incident',
      subjectId: input.maintenanceId,
      detail: { text: 'Called off' },
    });
    const never = asNeverBegun(scheduledFor, ctx.now());
    return postWithin(tx, ctx, { ...step(input, 'completed'), ...never }, ids);
  });
  return tellOthers(ctx, posted);
}

/** What has not begun is called off: however late that is said, none of it took place. */
export function asNeverBegun(
  scheduledFor: Instant | null,
  now: Instant,
): Pick<PostInput, 'calledOff' | 'at'> {
  const late = scheduledFor !== null && scheduledFor < now;
  return { calledOff: true, ...(late && { at: scheduledFor }) };
}

async function requireScheduled(tx: Tx, input: StepInput, otherwise: string): Promise<Incident> {
  const incident = await requireIncident(tx, input.maintenanceId, input.version);
  if (incident.kind === 'maintenance' && incident.status === 'scheduled') return incident;
  throw new AppError('conflict', otherwise, { fix: 'Open it again to see how it stands.' });
}

function step(input: StepInput, status: 'in_progress' | 'completed'): PostInput {
  return {
    incidentId: input.maintenanceId,
    version: input.version,
    audience: 'public',
    status,
    body: input.body,
    components: [],
    notify: input.notify,
  };
}

function refuseWindow(input: Pick<ScheduleInput, 'scheduledFor' | 'scheduledUntil'>, now: Instant): void {
  const problems = [
    input.scheduledFor <= now && {
      field: 'scheduledFor',
      message: 'The start has passed already. Give a time that is still to come.',
    },
    input.scheduledUntil <= input.scheduledFor && {
      field: 'scheduledUntil',
      message: 'The end is not after the start. Set it later.',
    },
  ].filter((problem) => problem !== false);
  if (problems.length)
    throw new AppError('invalid', 'The window cannot be right.', {
      problems,
      fix: 'Correct the marked times.',
    });
}
