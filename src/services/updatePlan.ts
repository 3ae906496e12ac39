import { type Claim, type ClaimSource, listClaimsOfSource } from '#db/claims.ts';
import type { Component } from '#db/components.ts';
import { findComponents } from '#db/components.ts';
import type { Ctx } from '#db/context.ts';
import type { FanoutFilter } from '#db/fanouts.ts';
import { findIncident, type Incident, type IncidentChanges } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { getPage, type Page } from '#db/page.ts';
import { type ComponentChange, listUpdates, type Update } from '#db/updates.ts';
import { firstPublicDue, nextInternalDue, nextPublicDue, type Pace, wholeMinute } from '#domain/cadence.ts';
import { AppError } from '#domain/errors.ts';
import { DEFAULT_POLICIES, type Severity } from '#domain/severity.ts';
import { allowedNextStatuses, type ComponentStatus, isOver, STATUS_LABELS } from '#domain/status.ts';
import { clockTimeWithZone, type Instant, MINUTE, msBetween } from '#domain/time.ts';
import type { PostInput } from './postUpdate.ts';
import { requireComponents } from './requireComponents.ts';

/** Everything that one update changes, decided before anything is written. */
export type UpdatePlan = {
  incident: Incident;
  page: Page;
  now: Instant;
  /** True when visitors will see it. */
  isPublic: boolean;
  notify: boolean;
  update: Omit<Update, 'seq' | 'id' | 'incidentSeq' | 'author' | 'editedAt' | 'notified'>;
  /** What was said in public before, newest first. */
  earlier: Update[];
  changes: IncidentChanges;
  source: ClaimSource;
  /** Components whose open claim ends. */
  endClaims: readonly string[];
  newClaims: readonly Omit<Claim, 'seq'>[];
  /** What stays wrong after a resolution becomes a person's own word, since the incident claims nothing any more. */
  leftByHand: readonly Omit<Claim, 'seq'>[];
  /** What the mail names: each component concerned, with the status it has after this. */
  components: readonly { id: string; name: string; status: ComponentStatus }[];
  filter: FanoutFilter;
  severityChange: readonly [Severity, Severity] | null;
  reason: string | null;
};

/** @throws AppError not_found, conflict (someone was faster) or invalid with the field at fault */
export async function planUpdate(tx: Tx, ctx: Ctx, input: PostInput): Promise<UpdatePlan> {
  const now = ctx.now();
  const incident = await findIncident(tx, input.incidentId);
  if (!incident)
    throw new AppError('not_found', 'There is no such incident.', {
      fix: 'Open it from the list of incidents.',
    });
  const page = await getPage(tx);
  const said = await listUpdates(tx, incident.seq);
  refuseStale(incident, said, input, page);
  refuseStatus(incident, input);

  const isPublic = input.audience === 'public';
  const severity = input.severity ?? incident.severity;
  const pace: Pace = { policy: DEFAULT_POLICIES[severity], hours: page.hours };
  const earlier = said.filter((update) => update.audience === 'public');
  if (isPublic && input.status === 'resolved') refuseUnwatched(incident, earlier, input, pace, now);
  const nextUpdateBy = isPublic ? promiseOf(incident, input, pace, now) : null;
  const { said: componentChanges, ...touched } = await planComponents(tx, incident, input, now);
  const kind = kindOf(incident, input, earlier);
  return {
    incident,
    page,
    now,
    isPublic,
    notify: isPublic && input.notify && !incident.drill && !incident.restricted,
    earlier,
    update: {
      audience: input.audience,
      kind,
      status: input.status,
      severity,
      body: input.body,
      scope: input.scope ?? null,
      affected: input.affected ?? null,
      workaround: input.workaround ?? null,
      estimate: input.estimate ?? null,
      nextUpdateBy,
      wasDueAt: isPublic ? incident.nextUpdateDue : incident.internalDue,
      postedAt: now,
      changes: componentChanges,
    },
    changes: {
      status: input.status,
      severity,
      scope: input.scope === undefined ? undefined : input.scope,
      ...timesAfter(incident, input, now),
      ...clocksAfter(incident, input, pace, earlier, nextUpdateBy, now),
    },
    ...touched,
    severityChange: severity === incident.severity ? null : [incident.severity, severity],
    reason: input.reason ?? null,
  };
}

/** Two people post at once: the second sees what the first said, and nothing is lost. */
function refuseStale(incident: Incident, said: readonly Update[], input: PostInput, page: Page): void {
  if (input.version === incident.version) return;
  const last = said[0];
  const when = last && clockTimeWithZone(last.postedAt, page.timeZone);
  const what = last
    ? isOver(incident.status)
      ? `${last.author} said at ${when} that this is ${STATUS_LABELS[incident.status].toLowerCase()}, while you were writing.`
      : `${last.author} posted at ${when} while you were writing.`
    : 'Someone changed this incident while you were writing.';
  throw new AppError('conflict', what, {
    fix: 'Your text is kept. Read what is new, change yours if it needs it, then post again.',
  });
}

function refuseStatus(incident: Incident, input: PostInput): void {
  if (!allowedNextStatuses(incident.status).includes(input.status))
    invalid(
      'status',
      `${STATUS_LABELS[input.status]} cannot follow ${STATUS_LABELS[incident.status]}.`,
      `Choose ${allowedNextStatuses(incident.status)
        .map((status) => STATUS_LABELS[status])
        .join(', ')}.`,
    );
  if (input.audience === 'public' || !incident.publishedAt) return;
  if (input.status !== incident.status)
    invalid(
      'status',
      'An internal update cannot change the status that visitors see.',
      'Leave the status as it is, or post to the public.',
    );
  if (input.components.length)
    invalid(
      'components',
      'An internal update cannot change the components that visitors see.',
      'Leave the components as they are, or post to the public.',
    );
}

function refuseUnwatched(
  incident: Incident,
  earlier: readonly Update[],
  input: PostInput,
  pace: Pace,
  now: Instant,
): void {
  const watch = pace.policy.watchBeforeResolving;
  if (incident.kind !== 'incident' || !incident.hasCadence || isOver(incident.status)) return;
  if (watch === null || input.reason) return;
  const since = watchedSince(earlier);
  if (since && msBetween(since, now) >= watch * MINUTE) return;
  invalid(
    'reason',
    `A ${incident.severity} is watched for ${watch} minutes in Monitoring before it is resolved.`,
    'Post Monitoring first, or say why it is over already.',
  );
}

/** Since when it has been in monitoring without a break; null when it is not. Updates are newest first. */
function watchedSince(earlier: readonly Update[]): Instant | null {
  let since: Instant | null = null;
  for (const update of earlier) {
    if (update.status !== 'monitoring') break;
    since = update.postedAt;
  }
  return since;
}

function promiseOf(incident: Incident, input: PostInput, pace: Pace, now: Instant): Instant | null {
  if (isOver(input.status) || incident.kind === 'maintenance') return null;
  if (input.nextUpdateBy === undefined) {
    const due = incident.hasCadence ? nextPublicDue(pace, now) : null;
    return due && wholeMinute(due);
  }
  if (input.nextUpdateBy && input.nextUpdateBy <= now)
    invalid('nextUpdateBy', 'The promised time has passed already.', 'Promise a time that is still to come.');
  return input.nextUpdateBy;
}

function kindOf(incident: Incident, input: PostInput, earlier: readonly Update[]): Update['kind'] {
  if (input.audience === 'internal') return 'internal';
  if (input.status === 'postmortem') return 'postmortem';
  if (isOver(incident.status) && !isOver(input.status)) return 'reopening';
  if (isOver(input.status)) return 'resolution';
  if (!earlier.length) return 'initial';
  return input.holding ? 'holding' : 'progress';
}

function timesAfter(incident: Incident, input: PostInput, now: Instant): IncidentChanges {
  const over = isOver(input.status);
  const calm = over || input.status === 'monitoring';
  return {
    publishedAt: input.audience === 'public' && !incident.publishedAt ? now : undefined,
    resolvedAt: over ? (incident.resolvedAt ?? now) : null,
    mitigatedAt: calm ? (incident.mitigatedAt ?? now) : isOver(incident.status) ? null : undefined,
  };
}

/** A public update resets the public clock, an internal one the internal clock; a changed severity recomputes both. */
function clocksAfter(
  incident: Incident,
  input: PostInput,
  pace: Pace,
  earlier: readonly Update[],
  nextUpdateBy: Instant | null,
  now: Instant,
): IncidentChanges {
  if (isOver(input.status) || incident.kind === 'maintenance')
    return { nextUpdateDue: null, internalDue: null };
  if (!incident.hasCadence) return input.audience === 'public' ? { nextUpdateDue: nextUpdateBy } : {};
  const changed = input.severity !== undefined && input.severity !== incident.severity;
  const lastPublic = earlier[0]?.postedAt;
  const recomputed = lastPublic ? nextPublicDue(pace, lastPublic) : firstPublicDue(pace, incident.declaredAt);
  const internal = nextInternalDue(pace, now);
  if (input.audience === 'public')
    return { nextUpdateDue: nextUpdateBy, ...(changed && { internalDue: internal }) };
  return { internalDue: internal, ...(changed && { nextUpdateDue: recomputed }) };
}

async function planComponents(tx: Tx, incident: Incident, input: PostInput, now: Instant) {
  const source: ClaimSource = { kind: incident.kind, seq: incident.seq };
  const given = await requireComponents(tx, input.components);
  const claims = await listClaimsOfSource(tx, source);
  const open = new Map(
    claims.filter(({ endsAt }) => endsAt === null).map((claim) => [claim.componentId, claim]),
  );
  const wanted = wantedStatuses(incident, input, claims);
  const ends = isOver(input.status);
  // What is first said in public was so from the start; what is said later is so from now on.
  const startsAt = incident.publishedAt ? now : incident.startedAt;

  const concerned = new Set([...open.keys(), ...wanted.keys()]);
  const named = new Map(given);
  for (const component of await findComponents(
    tx,
    [...concerned].filter((id) => !named.has(id)),
  ))
    named.set(component.id, component);
  const newClaims: Omit<Claim, 'seq'>[] = [];
  const leftByHand: Omit<Claim, 'seq'>[] = [];
  const endClaims: string[] = [];
  const said: ComponentChange[] = [];
  const components: UpdatePlan['components'][number][] = [];
  for (const id of concerned) {
    const before = open.get(id)?.status ?? 'operational';
    const after = wanted.get(id) ?? (ends ? 'operational' : before);
    const { name } = named.get(id) as Component;
    components.push({ id, name, status: after });
    if (after !== before || wanted.has(id))
      said.push({ code: id, name, old_status: before, new_status: after });
    if (open.has(id) && (after !== before || ends)) endClaims.push(id);
    if (after === 'operational' || (after === before && !ends)) continue;
    (ends ? leftByHand : newClaims).push({
      componentId: id,
      status: after,
      startsAt: ends ? now : startsAt,
      endsAt: null,
    });
  }
  const groups = new Set([...named.values()].map(({ groupId }) => groupId).filter((id) => id !== null));
  return {
    source,
    endClaims,
    newClaims,
    leftByHand,
    said,
    components,
    filter: { components: [...concerned], groups: [...groups] },
  };
}

/** What the update says of components. A reopening that names none gives back what was held when it was resolved. */
function wantedStatuses(
  incident: Incident,
  input: PostInput,
  claims: readonly Claim[],
): Map<string, ComponentStatus> {
  const wanted = new Map(input.components.map(({ id, status }) => [id, status]));
  const reopens = isOver(incident.status) && !isOver(input.status);
  if (!reopens || wanted.size) return wanted;
  const held = claims.filter(({ endsAt }) => endsAt !== null && endsAt === incident.resolvedAt);
  return new Map(held.map(({ componentId, status }) => [componentId, status]));
}

function invalid(field: string, message: string, fix: string): never {
  throw new AppError('invalid', message, { fix, problems: [{ field, message: `${message} ${fix}` }] });
}
