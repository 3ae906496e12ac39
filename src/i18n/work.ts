import type { WindowOf } from '#domain/maintenance.ts';
import { fromMonday, type RecurrenceRule, type Weekday } from '#domain/recurrence.ts';
import type { Instant } from '#domain/time.ts';
import type { Words } from './words.ts';

/** What Foghorn says of planned work by itself: updates, and so written once, in the page's first language. */

export const begunText = ({ work, say, when }: Words, until: Instant, zone: string, now: Instant): string =>
  say(work.begun, { until: when(until, zone, now) });

/** Of work whose time had passed when its clock came to it. */
export const lateText = ({ work, say, range }: Words, { from, until }: WindowOf, zone: string): string =>
  say(work.late, { span: range(from, until, zone) });

export const missedText = ({ work, say, range }: Words, { from, until }: WindowOf, zone: string): string =>
  say(work.missed, { span: range(from, until, zone) });

/** What becomes of a window: for whoever has no time to write more. */
export function windowChangeText(
  { work, say, when, range }: Words,
  before: WindowOf,
  after: WindowOf,
  zone: string,
): string {
  if (before.from !== after.from)
    return say(work.moved, {
      span: range(after.from, after.until, zone),
      before: range(before.from, before.until, zone),
    });
  return say(after.until > before.until ? work.longer : work.sooner, {
    until: when(after.until, zone, before.until),
    before: when(before.until, zone, before.until),
  });
}

/** "Every Tuesday", "Every 2 weeks on Monday and Thursday", "The last Sunday of every month". */
export function ruleText({ work, tag, list, count }: Words, rule: RecurrenceRule): string {
  const { rule: forms, nth } = work;
  const { interval } = rule;
  switch (rule.every) {
    case 'day':
      return count(forms.days, interval);
    case 'week': {
      const days = [...rule.weekdays].sort(fromMonday).map((day) => weekdayName(tag, day));
      return count(forms.weeks, interval, { days: list(days) });
    }
    case 'month':
      return count(forms.months, interval, { day: rule.day });
    case 'monthWeekday':
      return count(forms.nth, interval, { nth: nth[rule.nth], weekday: weekdayName(tag, rule.weekday) });
  }
}

/** "Every Tuesday, 02:00 to 04:00, Europe/Berlin time." `until` is null when it takes a day or longer. */
export function seriesText(
  words: Words,
  rule: RecurrenceRule,
  {
    from,
    until,
    zone,
    lastDay,
  }: { from: string; until: string | null; zone: string; lastDay: string | null },
): string {
  const { work, say } = words;
  const filling = { rule: ruleText(words, rule), from, until: until ?? '', zone };
  const lasting = lastDay && words.dayOfYear(lastDay);
  if (lasting) return say(until ? work.lasting : work.lastingFrom, { ...filling, day: lasting });
  return say(until ? work.series : work.seriesFrom, filling);
}

/** 1 January 2023 was a Sunday. */
function weekdayName(tag: string, day: Weekday): string {
  return new Intl.DateTimeFormat(tag, { weekday: 'long', timeZone: 'UTC' }).format(
    Date.UTC(2023, 0, 1 + day),
  );
}
