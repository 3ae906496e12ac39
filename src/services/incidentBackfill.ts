import { insertAudit } from '#db/audit.ts';
import { type Claim, insertClaims } from '#db/claims.ts';
import type { Ctx } from '#db/context.ts';
import { insertIncident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import { type ComponentChange, insertUpdate } from '#db/updates.ts';
import { AppError, type FieldProblem } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import type { Severity } from '#domain/severity.ts';
import type { ComponentStatus, IncidentStatus } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import { refuseUnapproved } from './approvalGate.ts';
import { paceForNew } from './pace.ts';
import { requireComponents } from './requireComponents.ts';

type Touched = readonly { id: string; status: ComponentStatus }[];

export type BackfillInput = {
  title: string;
  severity: Severity;
  scope?: string | null;
  startedAt: Instant;
  resolvedAt: Instant;
  /** What it touched from the start. */
  components: Touched;
  /** Oldest first; the last one is its resolution. */
  updates: readonly { status: IncidentStatus; body: string; postedAt: Instant; components?: Touched }[];
};

/** Puts a past incident on the record, whole: on the page and in the figures of the past, with no clock and no mail. */
export async function backfillIncident(ctx: Ctx, input: BackfillInput): Promise<{ id: string; seq: number }> {
  requirePermission(ctx.actor, 'incident.publish');
  const now = ctx.now();
  refuseImpossible(input, now);
  const id = ctx.newId();
  const updateIds = input.updates.map(() => ctx.newId());
  const author = actorLabel(ctx.actor);
  const all = [input.components, ...input.updates.map(({ components }) => components ?? [])].flat();
  const seq = await ctx.db.write(async (tx) => {
    const named = await requireComponents(
      tx,
      [...new Set(all.map((touched) => touched.id))].map((component) => ({ id: component })),
    );
    await refuseUnapprovedPast(tx, ctx, input.severity);
    const first = input.updates[0]?.postedAt ?? input.startedAt;
    const incidentSeq = await insertIncident(tx, {
      id,
      kind: 'incident',
      title: input.title,
      severity: input.severity,
      status: 'resolved',
      scope: input.scope ?? null,
      startedAt: input.startedAt,
      detectedAt: null,
      declaredAt: first,
      publishedAt: first,
      mitigatedAt: null,
      resolvedAt: input.resolvedAt,
      scheduledFor: null,
      scheduledUntil: null,
      nextUpdateDue: null,
      internalDue: null,
      hasCadence: false,
      restricted: false,
      drill: false,
      source: 'backfill',
      createdAt: input.startedAt,
    });
    const { claims, changes } = replay(input, (component) => named.get(component)?.name ?? component);
    await insertClaims(tx, { kind: 'incident', seq: incidentSeq }, claims, { at: now, label: author });
    for (const [index, update] of input.updates.entries())
      await insertUpdate(tx, {
        id: updateIds[index] as string,
        incidentSeq,
        audience: 'public',
        kind: update.status === 'resolved' ? 'resolution' : index === 0 ? 'initial' : 'progress',
        status: update.status,
        severity: input.severity,
        body: update.body,
        scope: null,
        affected: null,
        workaround: null,
        estimate: null,
        nextUpdateBy: null,
        wasDueAt: null,
        postedAt: update.postedAt,
        createdAt: update.postedAt,
        author,
        changes: changes[index] as ComponentChange[],
        notified: false,
      });
    await bumpPageVersion(tx, now);
    await insertAudit(tx, ctx, {
      action: 'incident.backfill',
      subjectKind: 'incident',
      subjectId: id,
      detail: { text: 'Put on the record afterwards' },
    });
    return incidentSeq;
  });
  ctx.changed('page');
  return { id, seq };
}

/** Visitors read it like anything else: where such a severity needs an approver, one of them writes it. */
async function refuseUnapprovedPast(tx: Tx, ctx: Ctx, severity: Severity): Promise<void> {
  const { policySeq, paceZone } = await paceForNew(tx, severity);
  const written = { kind: 'incident', severity, drill: false, restricted: false, seq: 0 } as const;
  await refuseUnapproved(
    tx,
    ctx,
    { ...written, policySeq, paceZone, ownPace: null },
    (names) => `Your text is kept. Ask ${names} to put it on the record.`,
  );
}

/** What was claimed when, and what each update changed, by going through them in order. */
function replay(input: BackfillInput, nameOf: (id: string) => string) {
  const open = new Map<string, { status: ComponentStatus; since: Instant }>();
  const claims: Omit<Claim, 'seq'>[] = [];
  const set = (id: string, status: ComponentStatus, at: Instant): ComponentChange => {
    const before = open.get(id);
    if (before && before.since < at)
      claims.push({ componentId: id, status: before.status, startsAt: before.since, endsAt: at });
    if (status === 'operational') open.delete(id);
    else open.set(id, { status, since: at });
    return { code: id, name: nameOf(id), old_status: before?.status ?? 'operational', new_status: status };
  };
  const atStart = input.components.map(({ id, status }) => set(id, status, input.startedAt));
  const changes = input.updates.map((update, index) => [
    ...(index === 0 ? atStart : []),
    ...(update.components ?? [])
      .filter(({ id, status }) => (open.get(id)?.status ?? 'operational') !== status)
      .map(({ id, status }) => set(id, status, earlier(update.postedAt, input.resolvedAt))),
    ...(index === input.updates.length - 1
      ? [...open.keys()].map((id) => set(id, 'operational', input.resolvedAt))
      : []),
  ]);
  return { claims, changes };
}

/** What is only said after the end was so until the end at most. */
function earlier(a: Instant, b: Instant): Instant {
  return a < b ? a : b;
}

function namesTwice(touched: Touched = []): boolean {
  return new Set(touched.map(({ id }) => id)).size !== touched.length;
}

function refuseImpossible(input: BackfillInput, now: Instant): void {
  const problems: FieldProblem[] = [];
  if (input.resolvedAt > now)
    problems.push({ field: 'resolvedAt', message: 'It is not over yet. Declare it instead.' });
  if (input.startedAt >= input.resolvedAt)
    problems.push({ field: 'resolvedAt', message: 'The end is not after the start. Set it later.' });
  if (namesTwice(input.components))
    problems.push({ field: 'components', message: 'A component is named twice. Name each once.' });
  const last = input.updates.at(-1);
  if (last?.status !== 'resolved')
    problems.push({ field: 'updates', message: 'The last update must say that it is resolved.' });
  for (const [index, update] of input.updates.entries()) {
    const before = input.updates[index - 1]?.postedAt ?? input.startedAt;
    if (update.postedAt < before || update.postedAt > now)
      problems.push({
        field: `updates.${index}`,
        message: `Update ${index + 1} is out of order or in the future. Give each a time after the one before it.`,
      });
    if (namesTwice(update.components))
      problems.push({
        field: `updates.${index}`,
        message: `Update ${index + 1} names a component twice. Name each once.`,
      });
  }
  if (problems.length)
    throw new AppError('invalid', 'This cannot have happened so.', {
      problems,
      fix: 'Correct the marked fields.',
    });
}
