import { z } from 'zod';
import { chosenComponents, touchedComponents } from '#components/admin/components.ts';
import { type Problems, parseForm } from '#components/admin/forms.ts';
import { localTime } from '#components/admin/times.ts';
import { nextPublicDue, type Pace, wholeMinute } from '#domain/cadence.ts';
import type { FieldProblem } from '#domain/errors.ts';
import { SEVERITIES, type Severity } from '#domain/severity.ts';
import {
  type AnyStatus,
  type ComponentStatus,
  type IncidentKind,
  isOver,
  STATUS_LABELS,
} from '#domain/status.ts';
import { namesInWords, substitute, type VariableValues } from '#domain/templates.ts';
import { multiLine, optional, singleLine } from '#domain/text.ts';
import {
  addMs,
  clockTimeWithZone,
  DAY,
  dateTimeText,
  durationText,
  type Instant,
  MINUTE,
  msBetween,
  whenText,
} from '#domain/time.ts';

/** The form as it stands, field by field; the same for a post, a draft and a preview. */
export type Fields = Record<string, string>;

/** What the form is filled in against. */
export type Subject = {
  id: string;
  version: number;
  kind: IncidentKind;
  title: string;
  severity: Severity;
  status: AnyStatus;
  /** True once the public knows of it. */
  isPublic: boolean;
  scope: string | null;
  startedAt: Instant;
  /** Where the public finds it. */
  url: string;
  pageName: string;
  zone: string;
  pace: Pace;
  hasCadence: boolean;
  /** Ids of the components that it touches or touched. */
  touched: readonly string[];
  /** What it says of each now; null when it says nothing any more. */
  claimed: ReadonlyMap<string, ComponentStatus | null>;
  /** Of every component. */
  names: ReadonlyMap<string, string>;
  statuses: readonly AnyStatus[];
  /** What the last public update said of these. */
  last: { affected: string | null; workaround: string | null; estimate: string | null };
};

export type Update = {
  audience: 'public' | 'internal';
  status: AnyStatus;
  body: string;
  severity: Severity;
  scope: string | null;
  affected: string | null;
  workaround: string | null;
  estimate: string | null;
  reason: string | null;
  nextUpdateBy: Instant | null | undefined;
  components: { id: string; status: ComponentStatus }[];
};

/** Reads the form against the incident: either the update it makes, or each field's problem in words. */
export function readUpdate(
  subject: Subject,
  fields: Fields,
  now: Instant,
): { data: Update; problems: Problems } | { data: null; problems: FieldProblem[] } {
  const body = substitute(fields.body ?? '', variableValues(subject, fields, now)).text;
  const quiet = fields.audience === 'internal' && subject.isPublic;
  // An internal update leaves what visitors see as it is, whatever the hidden fields hold.
  const parsed = parseForm(updateSchema(subject), {
    ...fields,
    body,
    ...(quiet && { status: subject.status }),
  });
  const { components, unknown } = touchedComponents(chosenComponents(Object.entries(fields)));
  const next = nextUpdateBy(subject, fields, now);
  const problems = [
    ...parsed.problems,
    ...('problem' in next ? [{ field: next.field, message: next.problem }] : []),
    ...(unknown ? [{ field: 'components', message: 'One of the statuses is not known. Choose again.' }] : []),
  ];
  if (!parsed.data || problems.length || 'problem' in next) return { data: null, problems };
  const over = isOver(parsed.data.status);
  return {
    data: {
      ...parsed.data,
      ...(over && { affected: null, workaround: null, estimate: null }),
      nextUpdateBy: next.at,
      components: quiet ? [] : saidComponents(subject, fields, components, over),
    },
    problems: [],
  };
}

/**
 * What the update says of components: before it is public everything that is claimed, later only what differs. When it is over,
 * what stands untouched becomes operational; the script sets that in the form itself and says so by `componentsSet`.
 */
function saidComponents(
  subject: Subject,
  fields: Fields,
  chosen: readonly { id: string; status: ComponentStatus }[],
  over: boolean,
): { id: string; status: ComponentStatus }[] {
  if (!subject.isPublic || (over && fields.componentsSet === 'yes')) return [...chosen];
  return chosen.filter(({ id, status }) => status !== subject.claimed.get(id));
}

/** In characters: what tells all of what happened may be longer than what tells of it while it does. */
export function longestBody(statuses: readonly AnyStatus[]): number {
  return statuses.includes('postmortem') ? 20_000 : 5000;
}

function updateSchema(subject: Subject) {
  return z.object({
    audience: z.enum(['public', 'internal'], { error: 'Choose who reads it.' }),
    status: z.enum(subject.statuses as [AnyStatus, ...AnyStatus[]], {
      error: `Choose a status that can follow ${STATUS_LABELS[subject.status]}.`,
    }),
    body: multiLine(longestBody(subject.statuses), 'The text'),
    severity: z.enum(SEVERITIES, { error: 'Choose a severity.' }).default(subject.severity),
    scope: optional(singleLine(120, 'Where it is felt')),
    affected: optional(singleLine(300, 'Who is affected')),
    workaround: optional(singleLine(1000, 'What still works')),
    estimate: optional(singleLine(200, 'When it may be over')),
    reason: optional(singleLine(280, 'The reason')),
  });
}

/** What the incident and the form know of each variable. `provider` nobody knows: a person fills it in. */
export function variableValues(subject: Subject, fields: Fields, now: Instant): VariableValues {
  const { zone, last, statuses } = subject;
  const chosen = Object.entries(chosenComponents(Object.entries(fields))).flatMap(([id, status]) =>
    status ? [id] : [],
  );
  const concerned = [...new Set([...subject.touched, ...chosen])];
  const next = nextUpdateBy(subject, fields, now);
  const promised = 'at' in next ? (next.at === undefined ? policyDue(subject, now) : next.at) : null;
  const region = fields.scope?.trim() || subject.scope;
  return {
    title: subject.title,
    severity: fields.severity || subject.severity,
    status: STATUS_LABELS[statuses.find((status) => status === fields.status) ?? subject.status],
    components: namesInWords(concerned.flatMap((id) => subject.names.get(id) ?? [])),
    affected: fields.affected?.trim() || last.affected,
    workaround: fields.workaround?.trim() || last.workaround,
    estimate: fields.estimate?.trim() || last.estimate,
    scope: region,
    region,
    started: whenText(subject.startedAt, zone, now),
    duration: durationText(msBetween(subject.startedAt, now)),
    next_update: promised ? whenText(promised, zone, now) : null,
    page_name: subject.pageName,
    page_url: subject.url,
  };
}

const CHOICES = [15, 30, 60, 120, 240, 1440] as const;

/** What the policy promises after a word now, as it will be promised: in whole minutes. */
function policyDue({ pace }: Pick<Subject, 'pace'>, now: Instant): Instant | null {
  const due = nextPublicDue(pace, now);
  return due && wholeMinute(due);
}

/** When the next update may be promised: as the policy asks, sooner, later or at a time; not at all only where the policy asks for none. */
export function nextChoices(
  subject: Pick<Subject, 'zone' | 'pace'>,
  now: Instant,
): { value: string; label: string }[] {
  const { zone, pace } = subject;
  const due = policyDue(subject, now);
  return [
    ...(due
      ? [{ value: 'policy', label: `${whenText(due, zone, now)} (in ${durationText(msBetween(now, due))})` }]
      : [{ value: 'policy', label: 'No promise: the severity asks for none' }]),
    ...CHOICES.filter((minutes) => minutes !== pace.policy.publicUpdateEvery).map((minutes) => ({
      value: String(minutes),
      label: `${whenText(addMs(now, minutes * MINUTE), zone, now)} (in ${durationText(minutes * MINUTE)})`,
    })),
    { value: 'at', label: 'At another time' },
  ];
}

/** "SEV1: every 30 min". */
export function paceText(severity: Severity, pace: Pace): string | null {
  const every = pace.policy.publicUpdateEvery;
  if (every === null) return null;
  const hours = pace.policy.businessHoursOnly ? ' in business hours' : '';
  return `${severity}: every ${every < 60 ? `${every} min` : `${every / 60} h`}${hours}`;
}

function nextUpdateBy({ zone, statuses }: Subject, fields: Fields, now: Instant): Promised {
  const status = fields.status as AnyStatus;
  if (fields.audience === 'internal' || (statuses.includes(status) && isOver(status)))
    return { at: undefined };
  return readPromise(zone, fields, now);
}

/** `undefined` leaves it to the policy. What is wrong belongs to a field of `NextPromise`. */
type Promised = { at: Instant | undefined } | { problem: string; field: 'nextUpdateBy' | 'nextFar' };

/** No pace is slower than a week: a day that is further away is nearly always a slip of the year or the month. */
const FAR = 7 * DAY;

/** What was chosen of `nextChoices`. */
export function readPromise(zone: string, fields: Fields, now: Instant): Promised {
  const choice = fields.next || 'policy';
  if (choice === 'policy') return { at: undefined };
  if (CHOICES.some((minutes) => String(minutes) === choice))
    return { at: addMs(now, Number(choice) * MINUTE) };
  const wrong = (problem: string) => ({ problem, field: 'nextUpdateBy' as const });
  if (choice !== 'at') return wrong('Choose when the next update comes.');
  const parsed = localTime(zone, 'The next update’s time').safeParse(fields.nextAt ?? '');
  if (!parsed.success) return wrong(parsed.error.issues[0]?.message ?? 'This is no time.');
  if (!parsed.data) return wrong('Say when the next update comes, or choose a time from the list.');
  if (parsed.data <= now)
    return wrong(`${clockTimeWithZone(parsed.data, zone)} is past. Promise a time that is to come.`);
  // Said of this time alone: whoever changes it is asked anew.
  if (msBetween(now, parsed.data) > FAR && fields.nextFar !== fields.nextAt)
    return { problem: farWords(parsed.data, zone, now), field: 'nextFar' };
  return { at: parsed.data };
}

function farWords(at: Instant, zone: string, now: Instant): string {
  const days = Math.floor(msBetween(now, at) / DAY);
  return `${dateTimeText(at, zone)} is ${days} days away, and nobody is reminded until shortly before. Correct it, or confirm it when you post.`;
}
