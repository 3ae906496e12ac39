import { insertAudit } from '#db/audit.ts';
import { insertClaims, listClaimsOfSource, voidClaims } from '#db/claims.ts';
import { findComponents } from '#db/components.ts';
import type { Ctx } from '#db/context.ts';
import { findIncidentBySeq, type Incident, updateIncident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { bumpPageVersion, getPage } from '#db/page.ts';
import { changeUpdateText, findUpdate, listUpdates, type UpdateText } from '#db/updates.ts';
import { firstPublicDue, nextInternalDue, nextPublicDue, wholeMinute } from '#domain/cadence.ts';
import { AppError, type FieldProblem } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import { DEFAULT_POLICIES } from '#domain/severity.ts';
import { COMPONENT_STATUS_LABELS, type ComponentStatus, isOver } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import { requireComponents } from './requireComponents.ts';
import { requireIncident } from './requireIncident.ts';
import { queueUpdateMail } from './updateMail.ts';

/** Puts new words in a posted update. The old ones are kept, visitors see "edited 15:07", nobody is mailed unless asked. */
export async function editUpdate(
  ctx: Ctx,
  input: UpdateText & { updateId: string; notify: boolean },
): Promise<{ told: number }> {
  requirePermission(ctx.actor, 'incident.internalUpdate');
  const now = ctx.now();
  const noticeId = ctx.newId();
  const { updateId, notify, ...text } = input;
  const told = await ctx.db.write(async (tx) => {
    const update = await findUpdate(tx, updateId);
    if (!update)
      throw new AppError('not_found', 'There is no such update.', { fix: 'Open the incident again.' });
    const isPublic = update.audience === 'public';
    if (isPublic) requirePermission(ctx.actor, 'incident.publish');
    const incident = (await findIncidentBySeq(tx, update.incidentSeq)) as Incident;
    await changeUpdateText(tx, update, text, { at: now, label: actorLabel(ctx.actor) });
    await insertAudit(tx, ctx, {
      action: 'incident.editUpdate',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { update: updateId },
    });
    if (!isPublic) return 0;
    await bumpPageVersion(tx, now);
    if (!notify || incident.drill || incident.restricted) return 0;
    return queueCorrection(tx, ctx, incident, { ...update, ...text }, noticeId, now);
  });
  ctx.changed('page');
  if (told) ctx.changed('outbox');
  return { told };
}

async function queueCorrection(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  update: NonNullable<Awaited<ReturnType<typeof findUpdate>>>,
  noticeId: string,
  now: Instant,
): Promise<number> {
  const said = await listUpdates(tx, incident.seq);
  const source = { kind: incident.kind, seq: incident.seq } as const;
  const claims = await listClaimsOfSource(tx, source);
  const ids = [...new Set(claims.map(({ componentId }) => componentId))];
  const named = new Map((await findComponents(tx, ids)).map((component) => [component.id, component]));
  const statuses = new Map(
    claims.filter(({ endsAt }) => endsAt === null).map(({ componentId, status }) => [componentId, status]),
  );
  return queueUpdateMail(
    tx,
    ctx,
    {
      incident,
      page: await getPage(tx),
      now,
      isPublic: true,
      notify: true,
      update: { ...update, kind: 'correction' },
      earlier: said.filter(({ audience, seq }) => audience === 'public' && seq !== update.seq),
      changes: {},
      source,
      endClaims: [],
      newClaims: [],
      leftByHand: [],
      components: [...named].map(([id, { name }]) => ({
        id,
        name,
        status: statuses.get(id) ?? 'operational',
      })),
      filter: { components: ids, groups: [...named.values()].flatMap(({ groupId }) => groupId ?? []) },
      severityChange: null,
      reason: null,
    },
    { noticeId, updateSeq: update.seq },
  );
}

/**
 * Puts right which components an incident touched: for each one given, what was said of it from the start is taken back and said
 * anew. `operational` means that it was never touched. The old claims are kept, voided. Nobody is mailed.
 */
export async function correctComponents(
  ctx: Ctx,
  input: {
    incidentId: string;
    version: number;
    components: readonly { id: string; status: ComponentStatus }[];
  },
): Promise<void> {
  requirePermission(ctx.actor, 'incident.publish');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, input.version);
    const named = await requireComponents(tx, input.components);
    const source = { kind: incident.kind, seq: incident.seq } as const;
    const wanted = new Map(input.components.map(({ id, status }) => [id, status]));
    const old = (await listClaimsOfSource(tx, source)).filter(({ componentId }) => wanted.has(componentId));
    await voidClaims(
      tx,
      old.map(({ seq }) => seq),
      now,
    );
    const corrected = [...wanted]
      .filter(([, status]) => status !== 'operational')
      .map(([componentId, status]) => ({
        componentId,
        status,
        startsAt: incident.startedAt,
        endsAt: isOver(incident.status) ? incident.resolvedAt : null,
      }));
    await insertClaims(tx, source, corrected, { at: now, label: actorLabel(ctx.actor) });
    await updateIncident(tx, incident.seq, {}, now);
    await bumpPageVersion(tx, now);
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
  });
  ctx.changed('page');
}

export async function changeTitle(
  ctx: Ctx,
  input: { incidentId: string; version: number; title: string },
): Promise<void> {
  requirePermission(ctx.actor, 'incident.internalUpdate');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, input.version);
    if (incident.publishedAt) requirePermission(ctx.actor, 'incident.publish');
    await updateIncident(tx, incident.seq, { title: input.title }, now);
    await bumpPageVersion(tx, now);
    await insertAudit(tx, ctx, {
      action: 'incident.title',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: `Title changed from “${incident.title}”` },
    });
  });
  ctx.changed('page');
}

const TIME_LABELS = { startedAt: 'The start', detectedAt: 'Detected', mitigatedAt: 'Mitigated' };
type EditableTimes = {
  startedAt?: Instant | null;
  detectedAt?: Instant | null;
  mitigatedAt?: Instant | null;
};

/**
 * Puts right when it started, was detected and was mitigated (null empties the last two; what is left out stays). Declared,
 * published and resolved are what the clock said and cannot be changed. What was claimed from the old start moves with it.
 */
export async function setIncidentTimes(
  ctx: Ctx,
  input: EditableTimes & { incidentId: string; version: number },
): Promise<void> {
  requirePermission(ctx.actor, 'incident.internalUpdate');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, input.version);
    if (incident.publishedAt) requirePermission(ctx.actor, 'incident.publish');
    const startedAt = input.startedAt ?? incident.startedAt;
    refuseTimes({ ...input, startedAt }, incident, now);
    await updateIncident(
      tx,
      incident.seq,
      { startedAt, detectedAt: input.detectedAt, mitigatedAt: input.mitigatedAt },
      now,
    );
    if (startedAt !== incident.startedAt) await moveFirstClaims(tx, ctx, incident, startedAt, now);
    await bumpPageVersion(tx, now);
    await insertAudit(tx, ctx, {
      action: 'incident.times',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: 'Times put right' },
    });
  });
  ctx.changed('page');
}

function refuseTimes(times: EditableTimes, incident: Incident, now: Instant): void {
  const problems: FieldProblem[] = [];
  for (const [field, label] of Object.entries(TIME_LABELS)) {
    const at = times[field as keyof EditableTimes];
    if (at && at > now)
      problems.push({ field, message: `${label} is in the future. Give a time that has passed.` });
    else if (at && times.startedAt && at < times.startedAt)
      problems.push({ field, message: `${label} is before the start. Set it later, or the start earlier.` });
  }
  if (times.startedAt && incident.resolvedAt && times.startedAt > incident.resolvedAt)
    problems.push({ field: 'startedAt', message: 'The start is after the resolution. Set it earlier.' });
  if (problems.length)
    throw new AppError('invalid', 'The times cannot be right.', {
      problems,
      fix: 'Correct the marked times.',
    });
}

async function moveFirstClaims(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  startedAt: Instant,
  now: Instant,
): Promise<void> {
  const source = { kind: incident.kind, seq: incident.seq } as const;
  const claims = await listClaimsOfSource(tx, source);
  const moved = claims.filter(
    ({ startsAt, endsAt }) => startsAt === incident.startedAt || (endsAt !== null && endsAt < startedAt),
  );
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
  await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, input.version);
    if (incident.hasCadence || isOver(incident.status))
      throw new AppError('conflict', 'Only an open incident without a pace can be adopted.', {
        fix: 'Reopen it first if it is not over.',
      });
    const pace = { policy: DEFAULT_POLICIES[incident.severity], hours: (await getPage(tx)).hours };
    const due = incident.publishedAt ? nextPublicDue(pace, now) : firstPublicDue(pace, now);
    await updateIncident(
      tx,
      incident.seq,
      { hasCadence: true, nextUpdateDue: due && wholeMinute(due), internalDue: nextInternalDue(pace, now) },
      now,
    );
    await bumpPageVersion(tx, now);
    await insertAudit(tx, ctx, {
      action: 'incident.adopt',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: `Adopted as ${incident.severity}` },
    });
  });
  ctx.changed('page');
}
