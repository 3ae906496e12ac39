import type { FeedSnapshot } from '#domain/feed.ts';
import { isCalledOff, type PublicIncident, pathOf } from '#domain/publicIncident.ts';
import { isOver } from '#domain/status.ts';
import { DAY, HOUR, MINUTE, msBetween } from '#domain/time.ts';
import { titleWithScope } from '#domain/title.ts';
import { type CalendarEvent, calendarText } from './calendar.ts';
import { stableUuid } from './stableId.ts';
import { plainUpdate } from './updateFacts.ts';

/** How often calendars are asked to look, in minutes. */
const REFRESH = 30;
/** A reminder a day and an hour before, in minutes. */
const ALARMS = [DAY / MINUTE, HOUR / MINUTE];

/** Planned work as a calendar to subscribe to: RFC 5545, in UTC, an entry a maintenance that keeps its UID whatever becomes of it. */
export function maintenanceCalendar({ page, incidents }: FeedSnapshot): string {
  return calendarText({
    name: `${page.name}: maintenance`,
    refreshMinutes: REFRESH,
    events: incidents.map((incident) => eventOf(page, incident)),
  });
}

function eventOf(page: FeedSnapshot['page'], incident: PublicIncident): CalendarEvent {
  const { id, title, scope, components, updates, createdAt, updatedAt } = incident;
  const calledOff = isCalledOff(incident);
  const url = page.url + pathOf(incident);
  const names = components.map(({ name }) => name).join(', ');
  return {
    uid: stableUuid(page.id, 'incident', id),
    // Every public word and every correction is a revision, and each is later than the one before: in tenths of a second, so that two
    // in one second differ, and so that the number, which calendars hold in 31 bits, lasts for years.
    sequence: Math.max(0, Math.floor(msBetween(createdAt, updatedAt) / 100)),
    ...timesOf(incident, calledOff),
    createdAt,
    updatedAt,
    summary: `${page.name}: ${titleWithScope(title, scope)}`,
    description: [updates[0] && plainUpdate(updates[0], page.timeZone), names && `Components: ${names}`, url]
      .filter(Boolean)
      .join('\n\n'),
    url,
    status: calledOff ? 'CANCELLED' : 'CONFIRMED',
    alarms: incident.status === 'scheduled' ? ALARMS : [],
  };
}

/** The window that was planned; of what is over, when it was. */
function timesOf(incident: PublicIncident, calledOff: boolean): Pick<CalendarEvent, 'startsAt' | 'endsAt'> {
  const { status, startedAt, resolvedAt, scheduledFor, scheduledUntil } = incident;
  const [startsAt, endsAt] =
    isOver(status) && !calledOff ? [startedAt, resolvedAt] : [scheduledFor ?? startedAt, scheduledUntil];
  return { startsAt, endsAt: endsAt !== null && msBetween(startsAt, endsAt) >= 1000 ? endsAt : null };
}
