import type { Severity } from '#domain/severity.ts';
import {
  type AnyStatus,
  type ComponentStatus,
  type IncidentKind,
  isOver,
  STATUS_LABELS,
} from '#domain/status.ts';
import { dateTimeText, durationText, type Instant, msBetween, rangeText, whenText } from '#domain/time.ts';
import { titleWithScope } from '#domain/title.ts';
import { LOOK_OF_STATUS } from './looks.ts';
import { rangeSlot, whenSlot } from './moments.ts';
import { clip, excerpt, oneLine } from './prose.ts';

/** What an update's mail says, in words, for both of its parts. */
export type MailSite = { name: string; url: string; timeZone: string };

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
  now: Instant;
};

const MAX_EARLIER = 3;
export const MAX_COMPONENTS = 20;
const MAX_FACT = 1_000;

export function headingOf({ incident }: UpdateMail): string {
  const title = clip(oneLine(incident.title), 200);
  return titleWithScope(title, incident.scope && clip(oneLine(incident.scope), 100));
}

export const CALLED_OFF = 'Called off';

export function statusWords({ incident, update, correction, reminder }: UpdateMail): string {
  const label = incident.calledOff ? CALLED_OFF : STATUS_LABELS[update.status];
  if (reminder) return 'Reminder';
  if (correction) return 'Correction';
  if (update.kind === 'reopening') return `${label} again`;
  return update.kind === 'correction' ? `${label}, corrected` : label;
}

/** "Since 14:15 UTC", the span of what is over, or the window of a maintenance. */
export function whenLine({ site, incident, update }: UpdateMail): string | null {
  if (incident.kind === 'maintenance') {
    if (!incident.scheduledFor) return null;
    return incident.scheduledUntil
      ? rangeText(incident.scheduledFor, incident.scheduledUntil, site.timeZone)
      : `From ${dateTimeText(incident.scheduledFor, site.timeZone)}`;
  }
  if (incident.startedAt > update.postedAt) return null;
  if (update.status === 'postmortem') return null;
  if (!isOver(update.status)) return `Since ${whenText(incident.startedAt, site.timeZone, update.postedAt)}`;
  const lasted = durationText(msBetween(incident.startedAt, update.postedAt));
  return `${rangeText(incident.startedAt, update.postedAt, site.timeZone, update.postedAt)}, ${lasted}`;
}

/** The window of a maintenance again, as the reader's own zone has it; null of what has none. */
export function ownWindow({ site, incident }: UpdateMail): string | null {
  if (incident.kind !== 'maintenance' || !incident.scheduledFor || !incident.scheduledUntil) return null;
  return rangeSlot(incident.scheduledFor, incident.scheduledUntil, site.timeZone);
}

export function facts({ incident, update }: UpdateMail): { label: string; text: string }[] {
  const where = update.scope && update.scope !== incident.scope ? update.scope : null;
  const all: [string, string | null][] = [
    ['Where', where],
    ['Who is affected', update.affected],
    ['What still works', update.workaround],
    ['Estimate', update.estimate],
  ];
  return all.flatMap(([label, text]) => (text?.trim() ? [{ label, text: clip(text.trim(), MAX_FACT) }] : []));
}

export function promise({ site, update }: UpdateMail): { words: string; by: string; own: string } | null {
  if (!update.nextUpdateBy || isOver(update.status)) return null;
  const when = [update.nextUpdateBy, site.timeZone, update.postedAt] as const;
  return { words: 'Next update by', by: whenText(...when), own: whenSlot(...when) };
}

export function moreComponents({ components }: UpdateMail): { count: string } | null {
  const rest = components.length - MAX_COMPONENTS;
  return rest > 0 ? { count: `and ${rest} more, on the page` } : null;
}

/** Plainly what was wrong, without blame; the right text follows. */
export function correctionWords({ site, update, correction }: UpdateMail): string | null {
  if (!correction) return null;
  const at = whenText(correction.saidAt, site.timeZone, update.postedAt);
  const wrong = correction.wrong ? ` ${oneLine(correction.wrong).replace(/[^.!?…]$/, '$&.')}` : '';
  return `What we wrote at ${at} was not right.${wrong} This is right:`;
}

export function earlierItems({ site, update, earlier }: UpdateMail) {
  return earlier.slice(0, MAX_EARLIER).map((item) => ({
    status: STATUS_LABELS[item.status],
    look: LOOK_OF_STATUS[item.status],
    posted: whenText(item.postedAt, site.timeZone, update.postedAt),
    words: excerpt(item.body, 280),
  }));
}

export function followWords(status: AnyStatus, drill = false): string {
  if (drill) return isOver(status) ? 'See how the drill went' : 'Open the drill';
  return isOver(status) ? 'Read all of it on the status page' : 'Follow it on the status page';
}

export function incidentUrl({ site, incident }: UpdateMail): string {
  if (incident.drill) return `${site.url}/admin/incidents/${encodeURIComponent(incident.id)}`;
  return `${site.url}/${incident.kind === 'maintenance' ? 'maintenance' : 'incidents'}/${encodeURIComponent(incident.id)}`;
}
