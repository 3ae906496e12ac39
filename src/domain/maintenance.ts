import { type AnyStatus, isOver } from './status.ts';
import { addMs, DAY, HOUR, type Instant, MINUTE, msBetween } from './time.ts';

/**
 * What is said about planned work besides its updates: reminders outside (`accounts` 72 hours before, `day` 24, `hour` one), and calls to
 * whoever planned it: its end is near (`ending`), it does not end by itself (`held`), it should have begun (`unbegun`), its window
 * passed unseen (`missed`).
 */
export type MaintenanceWord = Reminder | 'ending' | 'held' | 'unbegun' | 'missed';
export type Reminder = 'accounts' | 'day' | 'hour';

export const REMINDERS: Record<Reminder, number> = { accounts: 72 * HOUR, day: DAY, hour: HOUR };
/** How long before its end whoever planned it is warned. */
export const WARN_BEFORE = 15 * MINUTE;
/** What was announced so shortly before is not said again. */
const JUST_SAID = HOUR;
const ASK_AGAIN = 30 * MINUTE;
/** After that someone asleep or away is asked once a day. */
const ASK_OFTEN = 6 * HOUR;

export type PlannedWork = {
  status: AnyStatus;
  scheduledFor: Instant;
  scheduledUntil: Instant;
  byItself: boolean;
  tells: boolean;
  /** What was said already, or need not be. */
  words: readonly { kind: MaintenanceWord; about: Instant }[];
  /** An incident is open on its components: its end is for a person to say. */
  held: boolean;
};

/** `at`: what happened, happened then. */
export type Deed =
  | { kind: 'begin'; at: Instant }
  | { kind: 'end'; at: Instant; asPlanned: boolean }
  /** Nobody was there to see its window: it is put on the record as it was announced. */
  | { kind: 'miss' }
  | { kind: 'say'; word: MaintenanceWord; about: Instant; times: number };

/**
 * What is to be done now, the first of it first. After a standstill what was missed is not made up for where it makes no sense any more:
 * of reminders only those before the start, of questions only the latest.
 */
export function deedsDue(work: PlannedWork, now: Instant): Deed[] {
  if (isOver(work.status)) return [];
  return work.status === 'scheduled' ? deedsBefore(work, now) : deedsWithin(work, now);
}

function deedsBefore(work: PlannedWork, now: Instant): Deed[] {
  const { scheduledFor, scheduledUntil, byItself, held } = work;
  if (now < scheduledFor) return reminders(work, now);
  if (!byItself) return ask(work, 'unbegun', scheduledFor, now);
  if (now >= scheduledUntil && !held) return [{ kind: 'miss' }];
  return [{ kind: 'begin', at: scheduledFor }];
}

function deedsWithin(work: PlannedWork, now: Instant): Deed[] {
  const { scheduledUntil, byItself, held } = work;
  if (now < scheduledUntil) {
    const near = now >= addMs(scheduledUntil, -WARN_BEFORE);
    return near && !isSaid(work, 'ending', scheduledUntil) ? [say('ending', scheduledUntil)] : [];
  }
  if (held || !byItself) return ask(work, 'held', scheduledUntil, now);
  const wasHeld = isSaid(work, 'held', scheduledUntil);
  return [{ kind: 'end', at: wasHeld ? now : scheduledUntil, asPlanned: !wasHeld }];
}

function reminders(work: PlannedWork, now: Instant): Deed[] {
  const { scheduledFor, tells } = work;
  if (!tells) return [];
  return (Object.keys(REMINDERS) as Reminder[])
    .filter((word) => now >= addMs(scheduledFor, -REMINDERS[word]) && !isSaid(work, word, scheduledFor))
    .map((word) => say(word, scheduledFor));
}

/** Asked at `from`, every half an hour for some hours, and then once a day: each time once. */
function ask(work: PlannedWork, word: 'held' | 'unbegun', from: Instant, now: Instant): Deed[] {
  const passed = msBetween(from, now);
  const often = Math.floor(Math.min(passed, ASK_OFTEN) / ASK_AGAIN);
  const daily = passed < ASK_OFTEN ? 0 : Math.floor((passed - ASK_OFTEN) / DAY);
  const about = addMs(from, often * ASK_AGAIN + daily * DAY);
  return isSaid(work, word, about) ? [] : [{ ...say(word, about), times: often + daily }];
}

function say(word: MaintenanceWord, about: Instant): Extract<Deed, { kind: 'say' }> {
  return { kind: 'say', word, about, times: 0 };
}

function isSaid({ words }: PlannedWork, kind: MaintenanceWord, about: Instant): boolean {
  return words.some((one) => one.kind === kind && one.about === about);
}

/** What need not be said once a window was announced: reminders that would say it again at once, and a warning of an end just chosen. */
export function saidByAnnouncing(
  { scheduledFor, scheduledUntil }: Pick<PlannedWork, 'scheduledFor' | 'scheduledUntil'>,
  now: Instant,
  { announced }: { announced: boolean },
): { kind: MaintenanceWord; about: Instant }[] {
  const reminded = (Object.keys(REMINDERS) as Reminder[])
    .filter((word) => {
      const planned = addMs(scheduledFor, -REMINDERS[word]);
      const margin = word === 'hour' || !announced ? 0 : JUST_SAID;
      return msBetween(now, planned) <= margin;
    })
    .map((kind) => ({ kind, about: scheduledFor }));
  const warned = addMs(scheduledUntil, -WARN_BEFORE);
  const needless = warned <= now || warned <= scheduledFor;
  return needless ? [...reminded, { kind: 'ending', about: scheduledUntil }] : reminded;
}

export type WindowOf = { from: Instant; until: Instant };
