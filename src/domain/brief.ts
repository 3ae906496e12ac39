import { markdownToWords } from './markdown.ts';
import { IMPACT_LABELS } from './publicIncident.ts';
import type { Severity } from './severity.ts';
import {
  type AnyStatus,
  COMPONENT_STATUS_LABELS,
  type ComponentStatus,
  type Impact,
  isOver,
  STATUS_LABELS,
} from './status.ts';
import { durationText, type Instant, msBetween, whenText } from './time.ts';

/** What someone who has one minute must know of an incident. */
export type Brief = {
  title: string;
  drill: boolean;
  status: AnyStatus;
  impact: Impact;
  scope: string | null;
  startedAt: Instant;
  resolvedAt: Instant | null;
  /** What it says of components now; once it is over, the worst that it said. */
  components: { name: string; status: ComponentStatus }[];
  affected: string | null;
  workaround: string | null;
  /** Public updates, the latest first. */
  said: { at: Instant; status: AnyStatus; body: string }[];
  /** When visitors were promised the next word; null when nothing is promised. */
  promised: Instant | null;
  /** null for readers who get what the public knows. */
  inside: BriefInside | null;
};

export type BriefInside = {
  severity: Severity;
  declaredAt: Instant;
  /** Whether anyone outside has been told at all. */
  isPublic: boolean;
  roles: { label: string; name: string | null }[];
  /** What colleagues were told, the latest first. */
  said: { at: Instant; author: string; body: string }[];
  internalDue: Instant | null;
  /** The messages about it to subscribers (of a drill, to those who take part): how many there were, and how far the latest one got. */
  told: { messages: number; sent: number; total: number };
  /** The audiences and accounts that were told, by when they last were, the latest first. */
  audiences: { names: string[]; at: Instant }[];
  /** Messages to anyone that have not left. */
  waiting: number;
  /** How often staff were called about it. */
  calls: number;
  /** Steps of runbooks that nobody has ticked off. Links to a brief never tell: null. */
  openSteps: number | null;
};

/** What is open, the most urgent first. */
export function openPoints({ status, promised, inside }: Brief, now: Instant, zone: string): string[] {
  if (isOver(status)) return [];
  const due = (what: string, at: Instant | null) =>
    at === null
      ? []
      : [
          at <= now
            ? `${what} was due ${whenText(at, zone, now)} and is late`
            : `${what} is due by ${whenText(at, zone, now)}`,
        ];
  return [
    ...due(inside && !inside.isPublic ? 'The first public update' : 'The next public update', promised),
    ...(inside ? due('The next internal update', inside.internalDue) : []),
    ...(inside?.roles ?? []).flatMap(({ label, name }) =>
      name === null ? [`Nobody is ${label.toLowerCase()}`] : [],
    ),
    ...(inside?.openSteps
      ? [`${count(inside.openSteps)} ${inside.openSteps === 1 ? 'step' : 'steps'} of runbooks`]
      : []),
    ...(inside && inside.waiting > 0 ? [`${count(inside.waiting)} messages wait to be sent`] : []),
  ];
}

/** The whole brief as plain text, to be pasted anywhere. */
export function briefText(brief: Brief, now: Instant, zone: string): string {
  const { inside } = brief;
  const when = (at: Instant) => whenText(at, zone, now);
  const last = brief.said[0];
  const open = openPoints(brief, now, zone);
  const lines = (title: string, list: readonly string[]) =>
    list.length ? [`${title}:`, ...list.map((one) => `- ${one}`), ''] : [];
  return [
    `${brief.drill ? 'DRILL: ' : ''}${brief.title}`,
    standingText(brief),
    `As of ${when(now)}`,
    '',
    ...lines('Broken', brokenText(brief)),
    ...lines('For whom', whomText(brief)),
    ...lines('Since', [sinceText(brief, now, zone)]),
    ...lines(
      'Said last',
      last ? [`${when(last.at)}, ${STATUS_LABELS[last.status].toLowerCase()}: ${words(last.body)}`] : [],
    ),
    ...(last ? [] : ['Nothing has been said in public.', '']),
    ...lines(
      'Promised',
      brief.promised && brief.said.length ? [`The next update by ${when(brief.promised)}`] : [],
    ),
    ...lines('Told', toldText(brief, now, zone)),
    ...lines(
      'Inside',
      inside?.said.slice(0, 3).map(({ at, author, body }) => `${when(at)}, ${author}: ${words(body)}`) ?? [],
    ),
    ...lines(
      'Who does what',
      inside?.roles.flatMap(({ label, name }) => (name ? [`${label}: ${name}`] : [])) ?? [],
    ),
    ...lines('Open', open),
  ]
    .join('\n')
    .trimEnd();
}

/** "SEV1, identified, critical"; to those outside "Identified, critical". */
function standingText({ status, impact, inside }: Brief): string {
  const impactWords = IMPACT_LABELS[impact].toLowerCase();
  const label = STATUS_LABELS[status];
  return inside ? `${inside.severity}, ${label.toLowerCase()}, ${impactWords}` : `${label}, ${impactWords}`;
}

export function brokenText({ components }: Brief): string[] {
  return components.map(({ name, status }) => `${name}: ${COMPONENT_STATUS_LABELS[status].toLowerCase()}`);
}

export function whomText({ affected, scope, workaround }: Brief): string[] {
  return [affected, scope && `Where: ${scope}`, workaround && `What still works: ${workaround}`].filter(
    (line) => line !== null && line !== '',
  ) as string[];
}

export function sinceText({ startedAt, resolvedAt }: Brief, now: Instant, zone: string): string {
  const lasted = durationText(msBetween(startedAt, resolvedAt ?? now));
  return `${whenText(startedAt, zone, now)}, ${resolvedAt ? `over after ${lasted}` : `for ${lasted}`}`;
}

/** Nothing to those who get what the public knows. */
export function toldText({ drill, inside }: Brief, now: Instant, zone: string): string[] {
  if (!inside) return [];
  const { told, audiences, calls } = inside;
  const messages = told.messages
    ? `${drill ? 'Those who take part' : 'Subscribers'}: ${count(told.messages)} ${told.messages === 1 ? 'message' : 'messages'}, the latest reached ${count(told.sent)} of ${count(told.total)}`
    : `No ${drill ? 'participant' : 'subscriber'} was told by message`;
  return [
    messages,
    ...audiences.map(({ names, at }) => `${names.join(', ')}: last told at ${whenText(at, zone, now)}`),
    ...(calls ? [`Staff were called ${calls === 1 ? 'once' : `${count(calls)} times`}`] : []),
  ];
}

function words(body: string): string {
  return markdownToWords(body).replace(/\s+/g, ' ').trim();
}

function count(number: number): string {
  return number.toLocaleString('en');
}
