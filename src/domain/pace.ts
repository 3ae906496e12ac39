import { DAY, durationText, type Instant, MINUTE, msBetween } from './time.ts';

/** How quickly mails leave, and when a message will be through. */

/** What was handed over within the last minute: how many, and when the first of them was. */
export type Recent = { mails: number; since: Instant };

/** Seconds of sending below which a pace says little: a burst is not taken for a pace. */
const SHORTEST_MS = 5_000;
/** For as long as a call may take, that nobody has answered one yet is nothing to worry about. */
const A_CALL_MS = 15_000;
/** What is set to leave so late was told not to leave. */
const FOREVER_MS = 365 * DAY;
/** What one call carries at most, for what a limit of calls allows. */
const BATCH = 100;

/**
 * Mails a minute, as measured over the last minute, or over what there is of it when sending has just begun; null when nothing was handed
 * over in it. While that is little to go by, no more than the provider's limit of calls allows.
 */
export function paceOf(
  recent: Recent | null,
  { now, rate }: { now: Instant; rate: { limit: number; windowMs: number } | null },
): number | null {
  if (!recent || recent.mails === 0) return null;
  const sending = msBetween(recent.since, now);
  const measured = (recent.mails / Math.min(MINUTE, Math.max(SHORTEST_MS, sending))) * MINUTE;
  const allowed = rate ? (rate.limit / rate.windowMs) * MINUTE * BATCH : Number.POSITIVE_INFINITY;
  return sending < 2 * SHORTEST_MS ? Math.min(measured, allowed) : measured;
}

export type Prospect = {
  waiting: number;
  /** Mails that leave before or among these: the message's own, and those of more urgent and older messages. */
  ahead: number;
  /** Mails a minute; null when nothing leaves at present. */
  pace: number | null;
  stopped: boolean;
  releaseAt: Instant;
  /** Why nothing leaves at present, as a few words; null when nothing hinders. */
  hindered: string | null;
  /** How many more the provider's quota lets through, and for how long that holds; null when no quota is known to matter. */
  quota: { mails: number; forMs: number } | null;
  now: Instant;
};

/** When a message will be through: never more certain than what is known. '' when nothing of it waits. */
export function finishText(prospect: Prospect): string {
  const { waiting, ahead, pace, stopped, releaseAt, hindered, quota, now } = prospect;
  if (waiting === 0) return '';
  if (stopped) return 'stopped';
  if (msBetween(now, releaseAt) > FOREVER_MS) return 'does not leave: something newer takes its place';
  if (releaseAt > now) return `leaves in ${secondsText(msBetween(now, releaseAt))}`;
  if (hindered) return hindered;
  if (quota && quota.mails < ahead)
    return `the provider’s quota lets ${number(quota.mails)} more through in the next ${durationText(quota.forMs)}`;
  if (pace === null || pace < 0.01)
    return msBetween(releaseAt, now) < A_CALL_MS ? 'just begun' : 'not moving yet';
  return `${aboutText((ahead / pace) * MINUTE)} at the present pace`;
}

/** What stands under a bar that is not full: for how long the oldest of it has been unsent, and how quickly mails leave. '' when nothing waits. */
export function goingText({
  waiting,
  pace,
  releaseAt,
  now,
}: Pick<Prospect, 'waiting' | 'pace' | 'releaseAt' | 'now'>): string {
  if (waiting === 0 || releaseAt > now) return '';
  // It could leave from then on, and whoever is still waiting has been since.
  const unsent = msBetween(releaseAt, now);
  return [
    `Oldest unsent: ${unsent < MINUTE ? 'less than a minute' : durationText(unsent)}`,
    pace !== null && paceText(pace),
  ]
    .filter(Boolean)
    .join(' · ');
}

/** "about 4 minutes", "less than a minute", "about 2 hours". */
export function aboutText(ms: number): string {
  if (ms < MINUTE) return 'less than a minute';
  const minutes = Math.round(ms / MINUTE);
  if (minutes < 90) return `about ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `about ${hours} hours` : `about ${Math.round(hours / 24)} days`;
}

/** "4,800 mails a minute"; slow paces are told by the hour. */
export function paceText(pace: number): string {
  return pace >= 10
    ? `${number(Math.round(pace))} mails a minute`
    : `${number(Math.round(pace * 60))} mails an hour`;
}

function secondsText(ms: number): string {
  const seconds = Math.max(1, Math.ceil(ms / 1000));
  return seconds < 90
    ? `${seconds} ${seconds === 1 ? 'second' : 'seconds'}`
    : aboutText(ms).slice('about '.length);
}

function number(count: number): string {
  return count.toLocaleString('en');
}
