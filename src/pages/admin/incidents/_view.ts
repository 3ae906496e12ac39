import type { Frame } from '#components/admin/frame.ts';
import type { IncidentFacts } from '#components/admin/incidentView.ts';
import type { TimelineEntry, UpdateEntry } from '#components/admin/timeline.ts';
import { nextPublicDue, wholeMinute } from '#domain/cadence.ts';
import { may } from '#domain/permissions.ts';
import {
  type AnyStatus,
  allowedNextStatuses,
  COMPONENT_STATUS_LABELS,
  INCIDENT_STATUSES,
  isOver,
  MAINTENANCE_STATUSES,
  STATUS_LABELS,
} from '#domain/status.ts';
import { substitute } from '#domain/templates.ts';
import { durationText, type Instant, MINUTE, msBetween, whenText } from '#domain/time.ts';
import { type ApprovalView, getApprovalOf } from '#services/approvalViews.ts';
import { type FanoutView, listFanoutsOf } from '#services/deliveries.ts';
import { type DrillView, getDrill } from '#services/drillReviews.ts';
import { listOutgoing, type Outgoing } from '#services/fanoutControl.ts';
import { getIncident, type IncidentView } from '#services/incidents.ts';
import { ROLE_LABELS } from '#services/incidentTeam.ts';
import { listPeople, type Person } from '#services/people.ts';
import { getSeal, type Seal } from '#services/restricted.ts';
import { listTemplates, type Template } from '#services/templates.ts';
import { listToldAudiences, type ToldAudience } from '#services/told.ts';
import { type ChoosableGroup, choosableGroups } from '../_components.ts';
import { PLAIN_HOLD } from './_holding.ts';
import { type Fields, type Subject, variableValues } from './_update.ts';

/** Everything that an incident's page shows, before what its form holds. */
export type IncidentPage = {
  path: string;
  incident: IncidentView;
  subject: Subject;
  isPublic: boolean;
  groups: ChoosableGroup[];
  templates: Template[];
  entries: TimelineEntry[];
  facts: IncidentFacts;
  fanouts: FanoutView[];
  /** Audiences and accounts, with what they were told. */
  told: ToldAudience[];
  /** What is going out and can be stopped. */
  outgoing: Outgoing[];
  /** What a holding update would say and promise; null while there is nothing to hold. */
  hold: { text: string; until: string } | null;
  /** Who sees it, where only some do; null of what everyone sees and for those who do not. */
  seal: Seal | null;
  /** Those who take part, where it is a drill; null where it is none. */
  participants: Participants | null;
  /** An update that waits for an approver, or came back; null when there is none. */
  approval: ApprovalView | null;
};

/** @throws AppError not_found */
export async function readIncidentPage({ ctx }: App.Locals, frame: Frame, id: string): Promise<IncidentPage> {
  const incident = await getIncident(ctx, id);
  const claimed = new Map(
    incident.components.flatMap(({ id, claimed }) => (claimed ? [[id, claimed] as const] : [])),
  );
  const [groups, allTemplates, allFanouts, outgoing, people, seal, approval, told, drill] = await Promise.all(
    [
      choosableGroups(ctx, claimed),
      listTemplates(ctx),
      listFanoutsOf(ctx, id),
      listOutgoing(ctx, id),
      listPeople(ctx),
      getSeal(ctx, id),
      getApprovalOf(ctx, id),
      listToldAudiences(ctx, id),
      incident.drill ? getDrill(ctx, id) : null,
    ],
  );
  const planned = incident.kind === 'maintenance';
  const templates = allTemplates.filter(({ kind }) => (kind === 'maintenance') === planned);
  // Those to audiences have a place of their own.
  const fanouts = allFanouts.filter(({ kind }) => kind !== 'stakeholder');
  const subject = subjectOf(incident, frame, groups, ctx.site.url);
  const mayPublish = may(ctx.actor, 'incident.publish');
  return {
    path: `/admin/${incident.kind === 'maintenance' ? 'maintenance' : 'incidents'}/${id}`,
    incident,
    subject,
    isPublic: incident.publishedAt !== null,
    groups,
    templates,
    entries: entriesOf(incident, fanouts),
    facts: factsOf(incident, drill ? people.filter(({ id }) => takesPart(drill, id)) : people, frame.zone),
    fanouts,
    told,
    outgoing,
    seal,
    participants: drill && participantsOf(drill),
    approval,
    hold: mayPublish && incident.kind === 'incident' ? holdOf(incident, subject, templates, frame.now) : null,
  };
}

export type Participants = { names: string[]; gone: string[]; abandoned: boolean };

function participantsOf({ participants, abandoned }: DrillView): Participants {
  const named = (canSignIn: boolean) =>
    participants.filter((one) => one.canSignIn === canSignIn).map(({ name }) => name);
  return { names: named(true), gone: named(false), abandoned: abandoned !== null };
}

function takesPart({ participants }: DrillView, userId: string): boolean {
  return participants.some((one) => one.userId === userId);
}

function subjectOf(
  incident: IncidentView,
  frame: Frame,
  groups: readonly ChoosableGroup[],
  siteUrl: string,
): Subject {
  const last = incident.updates.find(({ audience }) => audience === 'public');
  const isPublic = incident.publishedAt !== null;
  return {
    id: incident.id,
    version: incident.version,
    kind: incident.kind,
    title: incident.title,
    severity: incident.severity,
    status: incident.status,
    isPublic,
    scope: incident.scope,
    startedAt: incident.startedAt,
    url: incident.drill
      ? `${siteUrl}/admin/incidents/${incident.id}`
      : `${siteUrl}/${incident.kind === 'maintenance' ? 'maintenance' : 'incidents'}/${incident.id}`,
    pageName: frame.pageName,
    zone: frame.zone,
    pace: incident.pace,
    hasCadence: incident.hasCadence,
    touched: incident.components.map(({ id }) => id),
    claimed: new Map(incident.components.map(({ id, claimed }) => [id, claimed])),
    names: new Map([
      ...incident.components.map(({ id, name }) => [id, name] as const),
      ...groups.flatMap(({ components }) => components.map(({ id, name }) => [id, name] as const)),
    ]),
    statuses: inOrder(allowedNextStatuses(incident.status)),
    last: {
      affected: last?.affected ?? null,
      workaround: last?.workaround ?? null,
      estimate: last?.estimate ?? null,
    },
  };
}

/** As an incident goes, so that a status always stands in the same place. */
function inOrder(statuses: readonly AnyStatus[]): AnyStatus[] {
  return [...INCIDENT_STATUSES, ...MAINTENANCE_STATUSES].filter((status) => statuses.includes(status));
}

/** What the form holds before anything is typed: what stands, so that an update only has to say what is new. */
export function startingFields(page: IncidentPage): Fields {
  const { subject } = page;
  return {
    // What is restricted is spoken of inside, unless someone means otherwise.
    audience: page.incident.restricted ? 'internal' : 'public',
    status: subject.status,
    severity: subject.severity,
    scope: subject.scope ?? '',
    affected: subject.last.affected ?? '',
    workaround: subject.last.workaround ?? '',
    next: 'policy',
  };
}

function entriesOf(incident: IncidentView, fanouts: readonly FanoutView[]): TimelineEntry[] {
  const told = Map.groupBy(fanouts, ({ updateId }) => updateId);
  const entries: TimelineEntry[] = [
    ...incident.updates.map(
      (update): UpdateEntry => ({
        kind: 'update',
        id: update.id,
        at: update.postedAt,
        audience: update.audience,
        status: update.status,
        title: update.kind === 'internal' ? 'For colleagues' : STATUS_LABELS[update.status],
        author: update.author,
        body: update.body,
        scope: update.scope,
        affected: update.affected,
        workaround: update.workaround,
        estimate: update.estimate,
        nextUpdateBy: update.nextUpdateBy,
        wasDueAt: update.wasDueAt,
        editedAt: update.editedAt,
        notified: update.notified,
        changes: update.changes.map(
          ({ name, old_status, new_status }) =>
            `${name}: ${COMPONENT_STATUS_LABELS[new_status]}${old_status === new_status ? '' : `, was ${COMPONENT_STATUS_LABELS[old_status]}`}`,
        ),
        edits: update.edits.map(({ at, by, before }) => ({ at, by, body: before.body })),
        fanouts: (told.get(update.id) ?? []).map((fanout) => ({ id: fanout.noticeId, counts: fanout })),
      }),
    ),
    ...incident.log.map(
      ({ at, writtenAt, author, body }) => ({ kind: 'note', at, writtenAt, author, body }) as const,
    ),
    ...incident.facts.map(
      ({ at, author, text, note }) => ({ kind: 'fact', at, author, text, note }) as const,
    ),
  ];
  return entries.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
}

function paceFacts(
  { kind, status, hasCadence, severity, pace, ownPace }: IncidentView,
  zone: string,
): IncidentFacts['pace'] {
  if (kind !== 'incident' || !hasCadence || isOver(status)) return null;
  const { publicUpdateEvery, internalUpdateEvery, businessHoursOnly } = pace.policy;
  const every = (minutes: number | null, what: string) =>
    minutes === null ? [] : [`${what} every ${durationText(minutes * MINUTE)}`];
  const said = [...every(publicUpdateEvery, 'an update'), ...every(internalUpdateEvery, 'one inside')];
  const words = said.length ? said.join(', ') : 'no updates are asked for';
  // Declared when the page was in another zone, it keeps to the hours that were kept then.
  const where = pace.hours.zone === zone ? '' : ` of ${pace.hours.zone}`;
  const hours = businessHoursOnly && said.length ? ` in business hours${where}` : '';
  return {
    words: `${words.charAt(0).toUpperCase()}${words.slice(1)}${hours}${ownPace ? ', as agreed for this incident' : `, as ${severity} asks`}.`,
    publicEvery: String(publicUpdateEvery ?? ''),
    internalEvery: String(internalUpdateEvery ?? ''),
  };
}

function factsOf(incident: IncidentView, people: readonly Person[], zone: string): IncidentFacts {
  const { startedAt } = incident;
  const after = (at: Instant | null, of = startedAt, what = 'it began') =>
    at && at > of ? `${durationText(msBetween(of, at))} after ${what}` : null;
  return {
    title: incident.title,
    roles: Object.entries(ROLE_LABELS).map(([role, label]) => {
      const holder = incident.roles.find((one) => one.role === role);
      return {
        role: role as keyof typeof ROLE_LABELS,
        label,
        holder: holder ? { id: holder.userId, name: holder.name } : null,
      };
    }),
    people,
    pace: paceFacts(incident, zone),
    warning: incident.roleWarning,
    times: [
      { name: 'startedAt', label: 'Began', at: startedAt, editable: true, after: null },
      {
        name: 'detectedAt',
        label: 'Noticed',
        at: incident.detectedAt,
        editable: true,
        after: after(incident.detectedAt),
      },
      {
        name: 'declaredAt',
        label: 'Declared',
        at: incident.declaredAt,
        editable: false,
        after: after(incident.declaredAt),
      },
      {
        name: 'publishedAt',
        label: 'Published',
        at: incident.publishedAt,
        editable: false,
        after: after(incident.publishedAt, incident.declaredAt, 'it was declared'),
      },
      {
        name: 'mitigatedAt',
        label: 'Mitigated',
        at: incident.mitigatedAt,
        editable: true,
        after: after(incident.mitigatedAt),
      },
      {
        name: 'resolvedAt',
        label: 'Resolved',
        at: incident.resolvedAt,
        editable: false,
        after: after(incident.resolvedAt),
      },
    ],
  };
}

/** The holding template when all that it says is known, else words that need nothing. */
function holdOf(
  incident: IncidentView,
  subject: Subject,
  templates: readonly Template[],
  now: Instant,
): IncidentPage['hold'] {
  if (!incident.publishedAt || isOver(incident.status) || !incident.hasCadence) return null;
  const due = nextPublicDue(incident.pace, now);
  if (!due) return null;
  const template = templates.find(({ kind, variant }) => kind === 'holding' && variant === '');
  const filled =
    template &&
    substitute(template.body, variableValues(subject, { audience: 'public', status: subject.status }, now));
  const minutes = incident.pace.policy.publicUpdateEvery;
  return {
    text: filled && filled.missing.length === 0 ? filled.text : PLAIN_HOLD,
    until: incident.pace.policy.businessHoursOnly
      ? `hold until ${whenText(wholeMinute(due), subject.zone, now)}`
      : `hold for ${minutes} min`,
  };
}
