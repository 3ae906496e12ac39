import { insertAudit } from '#db/audit.ts';
import { insertClaims, listClaimsOfSource, voidClaims } from '#db/claims.ts';
import type { Ctx } from '#db/context.ts';
import { insertIncident, updateIncident } from '#db/incidents.ts';
import { bumpPageVersion } from '#db/page.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import type { Instant } from '#domain/time.ts';
import { type Posted, postUpdate } from './postUpdate.ts';
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
  notify: boolean;
};

/** Plans a maintenance and announces it. Its components claim `under_maintenance` from the announced start. */
export async function scheduleMaintenance(
  ctx: Ctx,
  input: ScheduleInput,
): Promise<{ id: string; told: number }> {
  requirePermission(ctx.actor, 'maintenance.write');
  const now = ctx.now();
  refuseWindow(input, now);
  const id = ctx.newId();
  await ctx.db.write(async (tx) => {
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
  });
  const { told } = await postUpdate(ctx, {
    incidentId: id,
    version: 1,
    audience: 'public',
    status: 'scheduled',
    body: input.body,
    components: [],
    notify: input.notify,
  });
  return { id, told };
}

type StepInput = { maintenanceId: string; version: number; body: string; notify: boolean };

/** Begins it now, whatever was announced: its components are under maintenance from this moment. */
export async function startMaintenance(ctx: Ctx, input: StepInput): Promise<Posted> {
  requirePermission(ctx.actor, 'maintenance.write');
  const now = ctx.now();
  const version = await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.maintenanceId, input.version);
    if (incident.kind !== 'maintenance' || incident.status !== 'scheduled')
      refuse('It has begun already, or is no maintenance.');
    const source = { kind: 'maintenance', seq: incident.seq } as const;
    const planned = await listClaimsOfSource(tx, source);
    await voidClaims(
      tx,
      planned.map(({ seq }) => seq),
      now,
    );
    const begun = planned.map(({ componentId, status }) => ({
      componentId,
      status,
      startsAt: now,
      endsAt: null,
    }));
    await insertClaims(tx, source, begun, { at: now, label: actorLabel(ctx.actor) });
    await updateIncident(tx, incident.seq, { startedAt: now }, now);
    await bumpPageVersion(tx, now);
    return incident.version + 1;
  });
  return step(ctx, { ...input, version }, 'in_progress');
}

/** Ends it now: what it claimed is well again, but for what others claim. */
export async function endMaintenance(ctx: Ctx, input: StepInput): Promise<Posted> {
  requirePermission(ctx.actor, 'maintenance.write');
  return step(ctx, input, 'completed');
}

/** Calls off what has not begun. It stays on the record as completed, with the reason; it never claimed anything. */
export async function cancelMaintenance(ctx: Ctx, input: StepInput): Promise<Posted> {
  requirePermission(ctx.actor, 'maintenance.write');
  const now = ctx.now();
  const version = await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.maintenanceId, input.version);
    if (incident.kind !== 'maintenance' || incident.status !== 'scheduled')
      refuse('Only a maintenance that has not begun can be called off.');
    const planned = await listClaimsOfSource(tx, { kind: 'maintenance', seq: incident.seq });
    await voidClaims(
      tx,
      planned.map(({ seq }) => seq),
      now,
    );
    await updateIncident(tx, incident.seq, {}, now);
    await insertAudit(tx, ctx, {
      action: 'maintenance.cancel',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: 'Called off' },
    });
    return incident.version + 1;
  });
  return step(ctx, { ...input, version }, 'completed');
}

function step(ctx: Ctx, input: StepInput, status: 'in_progress' | 'completed'): Promise<Posted> {
  return postUpdate(ctx, {
    incidentId: input.maintenanceId,
    version: input.version,
    audience: 'public',
    status,
    body: input.body,
    components: [],
    notify: input.notify,
  });
}

function refuseWindow(input: ScheduleInput, now: Instant): void {
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

function refuse(message: string): never {
  throw new AppError('conflict', message, { fix: 'Open it again to see how it stands.' });
}
