import type { Severity } from '#domain/severity.ts';
import { type AnyStatus, type ComponentStatus, type IncidentKind, isOver } from '#domain/status.ts';
import { type Instant, msBetween } from '#domain/time.ts';
import { titleWithScope } from '#domain/title.ts';
import type { Languages } from '#i18n/locales.ts';
import type { Words } from '#i18n/words.ts';
import { ENGLISH } from './languages.ts';
import { LOOK_OF_STATUS } from './looks.ts';
import { rangeSlot, whenSlot } from './moments.ts';
import { clip, excerpt, oneLine } from './prose.ts';

/** What an update's mail says, in words, for both of its parts. */
export type MailSite = {
  name: string;
  url: string;
  timeZone: string;
  /** What subscribers' mails are written in, the first of them first; English alone when left out. */
  languages?: Languages;
};

export type UpdateMail = {
  site: MailSite;
  incident: {
    id: string;
    kind: IncidentKind;
    title: string;
    status: AnyStatus;
    severity: Severity | null;
    scope: string | null;
    startedAt: Instant;
    scheduledFor?: Instant | null;
    scheduledUntil?: Instant | null;
    /** Planned work that does not take place after all. */
    calledOff?: boolean;
    /** It says so before anything else, leads inside, and can be unsubscribed from by nobody. */
    drill?: boolean;
  };
  update: {
    kind: string;
    status: AnyStatus;
    /** Markdown. */
    body: string;
    scope: string | null;
    affected: string | null;
    workaround: string | null;
    estimate: string | null;
    nextUpdateBy: Instant | null;
    postedAt: Instant;
  };
  /** What the update touches, with the status it has now. */
  components: readonly { name: string; status: ComponentStatus }[];
  /** What was said before, the newest first; the mail shows three at most. */
  earlier: readonly { status: AnyStatus; body: string; postedAt: Instant }[];
  /** What this mail's readers were not told when it was posted, the newest first: said in full. */
  missed?: readonly { status: AnyStatus; body: string; postedAt: Instant }[];
  /** It says again what was announced, because it is near. */
  reminder?: boolean;
  /** That a mail of theirs was wrong: when it was posted, and what was wrong in one sentence, if someone wrote one. */
  correction?: { saidAt: Instant; wrong: string | null } | null;
  /** That it does not touch these components (names) after all, for which they were told of it. */
  spared?: readonly string[];
  now: Instant;
};

const MAX_EARLIER = 3;
export const MAX_COMPONENTS = 20;
const MAX_FACT = 1_000;

export function headingOf({ incident }: UpdateMail): string {
  const title = clip(oneLine(incident.title), 200);
  return titleWithScope(title, incident.scope && clip(oneLine(incident.scope), 100));
}

export const CALLED_OFF = ENGLISH.pages.story.calledOff;

export function statusWords(
  { incident, update, correction, reminder, spared }: UpdateMail,
  words = ENGLISH,
): string {
  const { pages, mails, say } = words;
  const status = incident.calledOff ? pages.story.calledOff : pages.status[update.status];
  if (spared) return mails.notAffected;
  if (reminder) return mails.reminder;
  if (correction) return mails.correction;
  if (update.kind === 'correction') return say(mails.corrected, { status });
  return (
    windowWords(update.kind, words) ?? (update.kind === 'reopening' ? say(mails.again, { status }) : status)
  );
}

/** Of planned work whose window has changed: its status alone would say what was said before. */
export function windowWords(kind: string, { mails } = ENGLISH): string | null {
  if (kind === 'moved') return mails.moved;
  return kind === 'newEnd' ? mails.newEnd : null;
}

/** "Since 14:15 UTC", the span of what is over, or the window of a maintenance. */
export function whenLine({ site, incident, update }: UpdateMail, words = ENGLISH): string | null {
  const { mails, pages, say } = words;
  if (incident.kind === 'maintenance') {
    if (!incident.scheduledFor) return null;
    return incident.scheduledUntil
      ? words.range(incident.scheduledFor, incident.scheduledUntil, site.timeZone)
      : say(mails.from, { time: words.dateTime(incident.scheduledFor, site.timeZone) });
  }
  if (incident.startedAt > update.postedAt) return null;
  if (update.status === 'postmortem') return null;
  if (!isOver(update.status))
    return say(mails.since, { time: words.when(incident.startedAt, site.timeZone, update.postedAt) });
  const lasted = words.length(msBetween(incident.startedAt, update.postedAt));
  const range = words.range(incident.startedAt, update.postedAt, site.timeZone, update.postedAt);
  return `${range}${pages.time.comma}${lasted}`;
}

/** The window of a maintenance again, as the reader's own zone has it; null of what has none. */
export function ownWindow({ site, incident }: UpdateMail, words = ENGLISH): string | null {
  if (incident.kind !== 'maintenance' || !incident.scheduledFor || !incident.scheduledUntil) return null;
  return rangeSlot(incident.scheduledFor, incident.scheduledUntil, site.timeZone, words);
}

export function facts(
  { incident, update }: UpdateMail,
  { mails }: Words = ENGLISH,
): { label: string; text: string }[] {
  const where = update.scope && update.scope !== incident.scope ? update.scope : null;
  const all: [string, string | null][] = [
    [mails.where, where],
    [mails.who, update.affected],
    [mails.works, update.workaround],
    [mails.estimate, update.estimate],
  ];
  return all.flatMap(([label, text]) => (text?.trim() ? [{ label, text: clip(text.trim(), MAX_FACT) }] : []));
}

export function promise(
  { site, update }: UpdateMail,
  words = ENGLISH,
): { words: string; by: string; own: string } | null {
  if (!update.nextUpdateBy || isOver(update.status)) return null;
  const when = [update.nextUpdateBy, site.timeZone, update.postedAt] as const;
  return { words: words.mails.next, by: words.when(...when), own: whenSlot(...when, words) };
}

export function moreComponents({ components }: UpdateMail, words = ENGLISH): { count: string } | null {
  const rest = components.length - MAX_COMPONENTS;
  return rest > 0 ? { count: words.count(words.mails.more, rest) } : null;
}

/** Plainly what was wrong, without blame; the right text follows, where there is one. */
export function correctionWords(
  { site, update, correction, spared }: UpdateMail,
  { mails, when, say, list }: Words = ENGLISH,
): string | null {
  if (spared) return say(mails.spared, { components: list(spared.map((name) => clip(oneLine(name), 100))) });
  if (!correction) return null;
  const time = when(correction.saidAt, site.timeZone, update.postedAt);
  const wrong = correction.wrong ? ` ${oneLine(correction.wrong).replace(/[^.!?…]$/, '$&.')}` : '';
  return `${say(mails.wasWrong, { time })}${wrong} ${mails.isRight}`;
}

export function earlierItems({ site, update, earlier }: UpdateMail, { pages, when }: Words = ENGLISH) {
  return earlier.slice(0, MAX_EARLIER).map((item) => ({
    status: pages.status[item.status],
    look: LOOK_OF_STATUS[item.status],
    posted: when(item.postedAt, site.timeZone, update.postedAt),
    words: excerpt(item.body, 280),
  }));
}

export function followWords(status: AnyStatus, drill = false, { mails }: Words = ENGLISH): string {
  if (drill) return isOver(status) ? 'See how the drill went' : 'Open the drill';
  return isOver(status) ? mails.readAll : mails.follow;
}

export function incidentUrl({ site, incident }: UpdateMail, { to }: Words = ENGLISH): string {
  if (incident.drill) return `${site.url}/admin/incidents/${encodeURIComponent(incident.id)}`;
  const place = incident.kind === 'maintenance' ? 'maintenance' : 'incidents';
  return site.url + to(`/${place}/${encodeURIComponent(incident.id)}`);
}
