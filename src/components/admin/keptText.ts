import type { KeptSum, Silence, Verdict, Word } from '#domain/keptWord.ts';
import { clockTime, dayIn, durationText, MINUTE, whenText } from '#domain/time.ts';
import type { Frame } from './frame.ts';

/** "on time", "12 minutes late": what became of a promise. */
export function verdictText({ verdict, lateMs }: Pick<Word, 'verdict' | 'lateMs'>): string {
  const late = `${durationText(lateMs)} late`;
  const words: Record<Verdict, string> = {
    on_time: 'on time',
    late,
    awaited: 'awaited',
    overdue: `${late} so far`,
    never: 'never came',
    automatic: 'posted automatically, nobody spoke',
  };
  return words[verdict];
}

export function isBroken({ verdict }: Pick<Word, 'verdict'>): boolean {
  return verdict !== 'on_time' && verdict !== 'awaited';
}

/** When it was posted, beside what was promised: the time alone where the day is the same. */
export function postedText({ promised, posted }: Word, frame: Frame): string {
  if (posted === null) return '–';
  const sameDay = dayIn(promised, frame.zone) === dayIn(posted, frame.zone);
  return sameDay ? clockTime(posted, frame.zone) : whenText(posted, frame.zone, frame.now);
}

/** "54 of 56". */
export function ofText({ onTime, counted }: { onTime: number; counted: number }): string {
  return counted ? `${onTime} of ${counted}` : '–';
}

/** "under a minute", "4 minutes": a wait; a dash when there is none. */
export function waitText(ms: number | null): string {
  if (ms === null) return '–';
  return ms < MINUTE ? 'under a minute' : durationText(ms);
}

/** The same where there is little room: "4 h 10 min". */
export function waitBrief(ms: number | null): string {
  if (ms === null) return '–';
  return ms < MINUTE ? '< 1 min' : brief(ms);
}

/** How long nothing was said, where there is little room. */
export function silenceBrief(silence: Silence | null): string {
  if (silence === null) return '–';
  return silence.ms < MINUTE ? 'none' : brief(silence.ms);
}

function brief(ms: number): string {
  return durationText(ms)
    .replace(/ hours?/, ' h')
    .replace(/ minutes?/, ' min');
}

/** How long nothing was said. Outside the hours that a policy counts nothing was owed. */
export function silenceText(silence: Silence | null): string {
  if (silence === null) return '–';
  return silence.ms < MINUTE ? 'none' : durationText(silence.ms);
}

/** "23, and 5 calls when late". */
export function remindersText({ reminders, lateCalls }: Pick<KeptSum, 'reminders' | 'lateCalls'>): string {
  return lateCalls ? `${reminders}, ${lateCallsText(lateCalls)}` : `${reminders}`;
}

/** "and 5 calls when late" */
export function lateCallsText(lateCalls: number): string {
  return `and ${lateCalls} ${lateCalls === 1 ? 'call' : 'calls'} when late`;
}

/** "Nov 2026" of YYYY-MM. */
export function monthText(month: string): string {
  return `${monthShort(month)} ${month.slice(0, 4)}`;
}

export function monthShort(month: string): string {
  const names = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
  return names[Number(month.slice(5, 7)) - 1] ?? month;
}

/** "21 Nov 2026" of a calendar day. */
export function dayText(day: string): string {
  return `${Number(day.slice(8))} ${monthText(day.slice(0, 7))}`;
}
