import type { Ctx } from '#db/context.ts';
import { findIncident, type Incident, type IncidentChanges } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { getPage, type Page } from '#db/page.ts';
import { listUpdates, type Update } from '#db/updates.ts';
import type { Pace } from '#domain/cadence.ts';
import { clocksAfter, owesPromise, promiseOf } from '#domain/clocks.ts';
import { AppError } from '#domain/errors.ts';
import type { Severity } from '#domain/severity.ts';
import { allowedNextStatuses, isOver, STATUS_LABELS } from '#domain/status.ts';
import { clockTimeWithZone, type Instant, MINUTE, msBetween } from '#domain/time.ts';
import { paceOf } from './pace.ts';
import type { PostInput } from './postUpdate.ts';
import { type ClaimPlan, planClaims } from './updateClaims.ts';

/** Everything that one update changes, decided before anything is written. */
export type UpdatePlan = Omit<ClaimPlan, 'said'> & {
  incident: Incident;
  page: Page;
  now: Instant;
  /** When what it says happened. */
  at: Instant;
  /** It says only that what was announced has happened. */
  asPlanned: boolean;
  /** What is called off is taken back from when it ended: by that it is known for what it is. */
  voidedAt: Instant;
  /** True when visitors will see it: what is restricted or a drill they never do. */
  isVisible: boolean;
  /** It publishes what was restricted until now. */
  unseals: boolean;
  /** Mail goes out: to subscribers, or to those who take part in a drill. */
  notify: boolean;
  update: Omit<Update, 'seq' | 'id' | 'incidentSeq' | 'author' | 'editedAt' | 'notified' | 'automatic'>;
  /** What was said in public before, newest first. */
  earlier: Update[];
  changes: IncidentChanges;
  severityChange: readonly [Severity, Severity] | null;
  reason: string | null;
};

/** @throws AppError not_found, conflict (someone was faster) or invalid with the field at fault */
export async function planUpdate(tx: Tx, ctx: Ctx, input: PostInput): Promise<UpdatePlan> {
  const now = ctx.now();
  const found = await findIncident(tx, input.incidentId, ctx.actor);
  if (!found)
    throw new AppError('not_found', 'There is no such incident.', {
      fix: 'Open it from the list of incidents.',
    });
  const isPublic = input.audience === 'public';
  // What is said in public of a restricted incident publishes it: who may do that, `postWithin` asks.
  const unseals = found.restricted && isPublic;
  const incident = unseals ? { ...found, restricted: false } : found;
  const page = await getPage(tx);
  const said = await listUpdates(tx, incident.seq, ctx.actor);
  refuseStale(incident, said, input, page);
  refuseStatus(incident, input);

  const severity = incident.kind === 'incident' ? (input.severity ?? incident.severity) : incident.severity;
  // What was agreed for this incident alone was agreed for the severity that it had.
  const ownPace = severity === incident.severity ? incident.ownPace : null;
  const pace = await paceOf(tx, { ...incident, severity, ownPace });
  const earlier = said.filter((update) => update.audience === 'public');
  // Lowered in the same breath, it is still what it was while it was watched.
  if (isPublic && input.status === 'resolved')
    refuseUnwatched(incident, said, input, await paceOf(tx, incident), now);
  const word = { ...input, severity };
  if (isPublic) refusePromise(incident, input, pace, now);
  const nextUpdateBy = isPublic ? promiseOf(incident, word, pace, now) : null;
  const spoken = {
    lastPublicAt: earlier[0]?.postedAt ?? null,
    lastInternalAt: said.find(({ audience }) => audience === 'internal')?.postedAt ?? null,
  };
  const { said: componentChanges, ...claims } = await planClaims(tx, incident, input, now);
  const isVisible = isPublic && isOpenToAll(incident);
  return {
    incident,
    page,
    now,
    at: input.at ?? now,
    asPlanned: input.asPlanned ?? false,
    voidedAt: input.calledOff ? (input.at ?? now) : now,
    isVisible,
    unseals,
    notify: (isVisible || (isPublic && incident.drill)) && input.notify,
    earlier,
    update: {
      audience: input.audience,
      kind: kindOf(incident, input, earlier),
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
      changes: [...componentChanges],
    },
    changes: {
      status: input.status,
      severity,
      // It stands beside the title: what is said inside does not change what visitors read there.
      scope: isPublic || !incident.publishedAt ? input.scope : undefined,
      ownPace: ownPace === incident.ownPace ? undefined : ownPace,
      ...timesAfter(incident, input, now),
      ...windowAfter(incident, input),
      ...clocksAfter(incident, word, pace, spoken, now),
      ...(unseals && { restricted: false, unsealedAt: now }),
    },
    ...claims,
    severityChange: severity === incident.severity ? null : [incident.severity, severity],
    reason: input.reason ?? null,
  };
}

/** Whether visitors see it once it is published. */
export function isOpenToAll(incident: Pick<Incident, 'restricted' | 'drill'>): boolean {
  return !incident.restricted && !incident.drill;
}

/** Two people post at once: the second sees what the first said, and nothing is lost. */
function refuseStale(incident: Incident, said: readonly Update[], input: PostInput, page: Page): void {
  if (input.version === incident.version) return;
  // The last change was an update, or something else: its title, its times.
  const last = said[0]?.postedAt === incident.updatedAt ? said[0] : undefined;
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
  said: readonly Update[],
  input: PostInput,
  pace: Pace,
  now: Instant,
): void {
  const watch = pace.policy.watchBeforeResolving;
  if (incident.kind !== 'incident' || !incident.hasCadence || isOver(incident.status)) return;
  if (watch === null || input.reason) return;
  const since = watchedSince(said);
  if (since && msBetween(since, now) >= watch * MINUTE) return;
  invalid(
    'reason',
    `A ${incident.severity} is watched for ${watch} minutes in Monitoring before it is resolved.`,
    'Post Monitoring first, or say why it is over already.',
  );
}

/** Since when it has been in monitoring without a break; null when it is not. Updates are newest first. */
function watchedSince(said: readonly Update[]): Instant | null {
  let since: Instant | null = null;
  for (const update of said) {
    if (update.status !== 'monitoring') break;
    since = update.postedAt;
  }
  return since;
}

function refusePromise(
  incident: Incident,
  { status, nextUpdateBy }: PostInput,
  pace: Pace,
  now: Instant,
): void {
  if (nextUpdateBy && !isOver(status) && nextUpdateBy <= now)
    invalid('nextUpdateBy', 'The promised time has passed already.', 'Promise a time that is still to come.');
  if (nextUpdateBy === null && owesPromise(incident, { status }, pace))
    invalid(
      'nextUpdateBy',
      'Visitors are owed the time of the next update while this is open.',
      'Promise one, however late, or agree on a slower pace.',
    );
}

function kindOf(incident: Incident, input: PostInput, earlier: readonly Update[]): Update['kind'] {
  if (input.audience === 'internal') return 'internal';
  if (input.status === 'postmortem') return 'postmortem';
  if (isOver(input.status)) return 'resolution';
  // Nothing was said in public of what was resolved inside: to visitors it is new.
  if (!earlier.length) return 'initial';
  if (isOver(incident.status)) return 'reopening';
  if (input.window) return input.window.from === incident.scheduledFor ? 'newEnd' : 'moved';
  return input.holding ? 'holding' : 'progress';
}

function timesAfter(incident: Incident, input: PostInput, now: Instant): IncidentChanges {
  const over = isOver(input.status);
  const begins = incident.status === 'scheduled' && input.status !== 'scheduled' && !over;
  const at = input.at ?? now;
  return {
    startedAt: begins ? at : undefined,
    publishedAt: input.audience === 'public' && !incident.publishedAt ? now : undefined,
    resolvedAt: over ? (incident.resolvedAt ?? at) : null,
    mitigatedAt: incident.kind === 'incident' ? mitigatedAfter(incident, input, now) : undefined,
  };
}

/** What has not begun starts when it is planned to. */
function windowAfter(incident: Incident, { window }: PostInput): IncidentChanges {
  if (!window) return {};
  return {
    scheduledFor: window.from,
    scheduledUntil: window.until,
    ...(incident.status === 'scheduled' && { startedAt: window.from }),
  };
}

/** When it goes back from Monitoring, or is reopened, it was not mitigated after all. Undefined leaves it as it is. */
function mitigatedAfter(incident: Incident, input: PostInput, now: Instant): Instant | null | undefined {
  if (isOver(input.status) || input.status === 'monitoring') return incident.mitigatedAt ?? now;
  return isOver(incident.status) || incident.status === 'monitoring' ? null : undefined;
}

function invalid(field: string, message: string, fix: string): never {
  throw new AppError('invalid', message, { fix, problems: [{ field, message: `${message} ${fix}` }] });
}
