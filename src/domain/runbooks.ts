import type { Severity } from './severity.ts';
import { dateText, dayIn, type Instant, startOfDay } from './time.ts';

/** Something to do, with where it is done; null when there is no one place. */
export type Step = { text: string; link: string | null };

/** What to do beside writing updates, in order. It fits incidents of its severities and its component. */
export type Runbook = {
  id: string;
  title: string;
  /** The most urgent first; empty: any. */
  severities: Severity[];
  /** null: any. */
  component: { id: string; name: string } | null;
  /** Without the closing step, which every runbook has. */
  steps: Step[];
  /** Who keeps it right; null when nobody does. */
  owner: { id: string; name: string; canSignIn: boolean } | null;
  /** When someone last said that it is right as it stands; null: nobody yet. */
  reviewed: { at: Instant; by: string } | null;
  createdAt: Instant;
  /** Rises with every change, so that two who change it at once notice. */
  version: number;
};

/** What every runbook ends with. */
export const CLOSING_STEP = 'Update the runbook';

export const MAX_STEPS = 30;
export const MAX_STEP = 300;
const MAX_LINK = 500;

/**
 * One step a line, in order; empty lines and the marks of a pasted list are left out, and so is the closing step, which comes by itself.
 * A web address at the end of a line is its link.
 * @returns the steps, or what is wrong in words
 */
export function parseSteps(text: string): { steps: Step[] } | { problem: string } {
  const steps = text
    .split('\n')
    .map((line) => line.replace(LIST_MARK, '').trim())
    .filter((line) => line !== '' && line.toLowerCase() !== CLOSING_STEP.toLowerCase())
    .map(parseStep);
  if (!steps.length) return { problem: 'There is no step yet. Write one a line.' };
  if (steps.length > MAX_STEPS)
    return {
      problem: `These are ${steps.length} steps. Write ${MAX_STEPS} at most: nobody works through more.`,
    };
  for (const [index, { text: words, link }] of steps.entries()) {
    if (words.length > MAX_STEP)
      return { problem: `Step ${index + 1} is too long: ${MAX_STEP} characters at most.` };
    if (link && link.length > MAX_LINK)
      return { problem: `The link of step ${index + 1} is too long: ${MAX_LINK} characters at most.` };
  }
  return { steps };
}

const LIST_MARK = /^(?:\s*(?:[-*•–]|\[[ xX]?\]|\d{1,2}[.)])(?=\s))+/;

function parseStep(line: string): Step {
  const found = /^(?:(.*\S)\s+)?(https?:\/\/\S+)$/i.exec(line);
  const url = found && URL.parse(found[2] as string);
  return url ? { text: found[1] ?? url.host, link: url.href } : { text: line, link: null };
}

/** The steps as parseSteps reads them. */
export function stepsText(steps: readonly Step[]): string {
  return steps.map(({ text, link }) => (link ? `${text} ${link}` : text)).join('\n');
}

/** Whether an incident of this severity, which touched these components, is one that the runbook is for. */
export function fitsIncident(
  { severities, component }: Pick<Runbook, 'severities' | 'component'>,
  incident: { severity: Severity; components: readonly string[] },
): boolean {
  const bySeverity = severities.length === 0 || severities.includes(incident.severity);
  return bySeverity && (component === null || incident.components.includes(component.id));
}

/** "SEV1 and SEV2, Checkout"; "Every incident". */
export function fitsText({ severities, component }: Pick<Runbook, 'severities' | 'component'>): string {
  const which = [
    severities.length > 1
      ? `${severities.slice(0, -1).join(', ')} and ${severities.at(-1)}`
      : (severities[0] ?? ''),
    component?.name ?? '',
  ].filter(Boolean);
  return which.join(', ') || 'Every incident';
}

/** Of the page's days: how long a review holds. */
export const REVIEW_MONTHS = 3;

export type Review = {
  /** The last day (YYYY-MM-DD in the zone) on which it is not overdue. */
  due: string;
  overdue: boolean;
};

/** When a runbook must be reviewed: a quarter after it last was, or after it was written. */
export function reviewOf(
  { reviewed, createdAt }: Pick<Runbook, 'reviewed' | 'createdAt'>,
  now: Instant,
  zone: string,
): Review {
  const due = monthsLater(dayIn(reviewed?.at ?? createdAt, zone), REVIEW_MONTHS);
  return { due, overdue: dayIn(now, zone) > due };
}

/** "Reviewed 21 Aug 2026 by Mia Berg"; "Not reviewed yet". */
export function reviewedText({ reviewed }: Pick<Runbook, 'reviewed'>, zone: string): string {
  return reviewed ? `Reviewed ${dateText(reviewed.at, zone)} by ${reviewed.by}` : 'Not reviewed yet';
}

/** "review it by 21 Nov 2026"; "the review was due by 21 Nov 2026". */
export function reviewDueText({ due, overdue }: Review, zone: string): string {
  const day = dateText(startOfDay(due, zone), zone);
  return overdue ? `the review was due by ${day}` : `review it by ${day}`;
}

/** The same day so many months on; where that month has no such day, its last. */
export function monthsLater(day: string, months: number): string {
  const [year, month, date] = day.split('-').map(Number) as [number, number, number];
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 + months, Math.min(date, last))).toISOString().slice(0, 10);
}
