import { addDays } from './time.ts';

/** 0 is Sunday, as `Date` has it. */
export type Weekday = 0 | 1 | 2 | 3 | 4 | 5 | 6;

/** On which days something comes again. Days alone: at which hour it is, the wall clock says. */
export type RecurrenceRule =
  | { every: 'day'; interval: number }
  /** Weeks begin on Monday: every second week counts from that of the first day. */
  | { every: 'week'; interval: number; weekdays: readonly Weekday[] }
  /** The same day of each month; a month that has no such day is left out. */
  | { every: 'month'; interval: number; day: number }
  /** The second Tuesday, the last Sunday (-1). */
  | { every: 'monthWeekday'; interval: number; nth: 1 | 2 | 3 | 4 | -1; weekday: Weekday };

/**
 * The days (YYYY-MM-DD) from `first` on that the rule names, from `from` and up to `to`, both included. `first` counts only if the rule
 * names it.
 */
export function daysOf(
  rule: RecurrenceRule,
  { first, from, to }: { first: string; from: string; to: string },
): string[] {
  const days: string[] = [];
  for (let day = from > first ? from : first; day <= to; day = addDays(day, 1))
    if (isNamed(rule, first, day)) days.push(day);
  return days;
}

function isNamed(rule: RecurrenceRule, first: string, day: string): boolean {
  switch (rule.every) {
    case 'day':
      return daysBetween(first, day) % rule.interval === 0;
    case 'week':
      return (
        rule.weekdays.includes(weekdayOf(day)) &&
        (daysBetween(mondayOf(first), mondayOf(day)) / 7) % rule.interval === 0
      );
    case 'month':
      return Number(day.slice(8)) === rule.day && monthsBetween(first, day) % rule.interval === 0;
    case 'monthWeekday':
      return (
        weekdayOf(day) === rule.weekday &&
        monthsBetween(first, day) % rule.interval === 0 &&
        isNth(day, rule.nth)
      );
  }
}

export const WEEKDAYS = [
  'Sunday',
  'Monday',
  'Tuesday',
  'Wednesday',
  'Thursday',
  'Friday',
  'Saturday',
] as const;

/** Which weekday of its month a day is: the second Tuesday. Of the fifth it is the last. */
export function nthOf(day: string): 1 | 2 | 3 | 4 | -1 {
  const nth = Math.ceil(Number(day.slice(8)) / 7);
  return nth > 4 ? -1 : (nth as 1 | 2 | 3 | 4);
}

export function weekdayOf(day: string): Weekday {
  return new Date(`${day}T00:00:00.000Z`).getUTCDay() as Weekday;
}

/** Weeks begin on Monday. */
export function fromMonday(a: Weekday, b: Weekday): number {
  return ((a + 6) % 7) - ((b + 6) % 7);
}

function isNth(day: string, nth: number): boolean {
  if (nth === -1) return addDays(day, 7).slice(0, 7) !== day.slice(0, 7);
  return Math.ceil(Number(day.slice(8)) / 7) === nth;
}

function mondayOf(day: string): string {
  return addDays(day, -((weekdayOf(day) + 6) % 7));
}

function daysBetween(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T00:00:00Z`) - Date.parse(`${from}T00:00:00Z`)) / 86_400_000);
}

function monthsBetween(from: string, to: string): number {
  const of = (day: string) => Number(day.slice(0, 4)) * 12 + Number(day.slice(5, 7));
  return of(to) - of(from);
}
