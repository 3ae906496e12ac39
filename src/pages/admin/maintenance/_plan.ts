import { z } from 'zod';
import { type Problems, parseForm } from '#components/admin/forms.ts';
import { readWallField } from '#components/admin/wallField.ts';
import type { FieldProblem } from '#domain/errors.ts';
import { nthOf, type RecurrenceRule, type Weekday, weekdayOf } from '#domain/recurrence.ts';
import { multiLine, optional, singleLine } from '#domain/text.ts';
import { addDays, type Instant } from '#domain/time.ts';

/** What the form of a new maintenance says. */
export type PlanForm = {
  title: string;
  body: string;
  scope: string | null;
  from: Instant;
  until: Instant;
  components: string[];
  notify: boolean;
  byItself: boolean;
  /** How it comes again; null: it does not. */
  repeat: { rule: RecurrenceRule; firstLocal: string; minutes: number; lastDay: string | null } | null;
};

export const REPEATS = [
  { value: '', label: 'It takes place once' },
  { value: 'day', label: 'Every day' },
  { value: 'week', label: 'Every week' },
  { value: 'month', label: 'Every month, on the same date' },
  { value: 'monthWeekday', label: 'Every month, on the same weekday (the second Tuesday)' },
] as const;

const words = z.object({
  title: singleLine(140, 'The title'),
  body: multiLine(5000, 'The announcement'),
  scope: optional(singleLine(120, 'Where it is felt')),
  interval: z.coerce
    .number({ error: 'Write a whole number, such as 2.' })
    .int('Write a whole number, such as 2.')
    .min(1, 'At least 1.')
    .max(99, 'At most 99.'),
});

/** Reads the form: what it plans, or each field's problem in words. */
export function readPlan(
  form: FormData,
  zone: string,
): { data: PlanForm; problems: [] } | { data: null; problems: Problems } {
  const fields: Record<string, string> = {};
  for (const [name, value] of form) if (typeof value === 'string') fields[name] = value;
  const parsed = parseForm(words, { ...fields, interval: fields.interval || '1' });
  const times = (['scheduledFor', 'scheduledUntil'] as const).map((name) => {
    const label = name === 'scheduledFor' ? 'The start' : 'The end';
    const read = readWallField(fields, { name, label, zone });
    if (read.problem || read.at) return read;
    return { at: null, problem: { field: name, message: `${label} is missing. Give a time.` } };
  });
  const repeat = readRepeat(form, fields);
  const problems: FieldProblem[] = [
    ...parsed.problems,
    ...times.flatMap(({ problem }) => problem ?? []),
    ...('problem' in repeat ? [repeat.problem] : []),
  ];
  const [from, until] = times.map(({ at }) => at);
  if (!parsed.data || !from || !until || 'problem' in repeat || problems.length)
    return { data: null, problems };
  const { title, body, scope, interval } = parsed.data;
  const firstLocal = fields.scheduledFor as string;
  const minutes = (Date.parse(`${fields.scheduledUntil}Z`) - Date.parse(`${firstLocal}Z`)) / 60_000;
  return {
    data: {
      title,
      body,
      scope,
      from,
      until,
      components: form.getAll('components').map(String),
      notify: fields.notify === 'yes',
      byItself: fields.byItself !== 'no',
      repeat: repeat.every
        ? {
            rule: ruleOf(repeat.every, interval, firstLocal.slice(0, 10), repeat.weekdays),
            firstLocal: firstLocal.slice(0, 16),
            minutes,
            lastDay: repeat.lastDay,
          }
        : null,
    },
    problems: [],
  };
}

type Repeat = {
  every: Exclude<(typeof REPEATS)[number]['value'], ''> | null;
  weekdays: Weekday[];
  lastDay: string | null;
};

function readRepeat(form: FormData, fields: Record<string, string>): Repeat | { problem: FieldProblem } {
  const chosen = REPEATS.find(({ value }) => value === (fields.repeat ?? ''));
  if (!chosen)
    return { problem: { field: 'repeat', message: 'Choose from the list whether it comes again.' } };
  const lastDay = fields.lastDay?.trim() || null;
  if (lastDay !== null && !isDay(lastDay))
    return { problem: { field: 'lastDay', message: 'This is no day. Write it as 2026-11-21.' } };
  const weekdays = form
    .getAll('weekday')
    .map(Number)
    .filter((day): day is Weekday => Number.isInteger(day) && day >= 0 && day <= 6);
  return { every: chosen.value || null, weekdays, lastDay };
}

function isDay(text: string): boolean {
  return /^\d{4}-\d\d-\d\d$/.test(text) && addDaysSafely(text) === text;
}

function addDaysSafely(day: string): string | null {
  return Number.isNaN(Date.parse(`${day}T00:00:00.000Z`)) ? null : addDays(day, 0);
}

/** The first window is one of them: its weekday, its date. */
function ruleOf(
  every: NonNullable<Repeat['every']>,
  interval: number,
  day: string,
  weekdays: readonly Weekday[],
): RecurrenceRule {
  const own = weekdayOf(day);
  switch (every) {
    case 'day':
      return { every, interval };
    case 'week':
      return { every, interval, weekdays: [...new Set([own, ...weekdays])] };
    case 'month':
      return { every, interval, day: Number(day.slice(8)) };
    case 'monthWeekday':
      return { every, interval, nth: nthOf(day), weekday: own };
  }
}
