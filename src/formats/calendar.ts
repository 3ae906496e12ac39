import type { Instant } from '#domain/time.ts';

/** One entry of a calendar (RFC 5545, VEVENT). */
export type CalendarEvent = {
  /** The same for as long as the entry lives. */
  uid: string;
  /** Grows with each change. */
  sequence: number;
  startsAt: Instant;
  /** null: at the very time that it starts. */
  endsAt: Instant | null;
  createdAt: Instant;
  updatedAt: Instant;
  summary: string;
  description: string;
  url: string;
  /** Left out: nothing is said of it. */
  status?: 'CONFIRMED' | 'CANCELLED';
  /** Reminders, so many minutes before the start. */
  alarms?: readonly number[];
};

/**
 * A calendar to subscribe to: times in UTC, lines of at most 75 octets that end in CRLF. The same entries are the same bytes. It names no
 * METHOD: that is for what is sent to someone (RFC 5546), and DTSTAMP would have to be when these bytes were made.
 */
export function calendarText({
  name,
  refreshMinutes,
  events,
}: {
  name: string;
  refreshMinutes: number;
  events: readonly CalendarEvent[];
}): string {
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Foghorn//Foghorn//EN',
    'CALSCALE:GREGORIAN',
    `X-WR-CALNAME:${escapeText(name)}`,
    `REFRESH-INTERVAL;VALUE=DURATION:PT${refreshMinutes}M`,
    `X-PUBLISHED-TTL:PT${refreshMinutes}M`,
    ...events.flatMap((event) => [
      'BEGIN:VEVENT',
      `UID:${escapeText(event.uid)}`,
      // Without a METHOD, when it was last revised (section 3.8.7.2).
      `DTSTAMP:${utc(event.updatedAt)}`,
      `CREATED:${utc(event.createdAt)}`,
      `LAST-MODIFIED:${utc(event.updatedAt)}`,
      `SEQUENCE:${event.sequence}`,
      `DTSTART:${utc(event.startsAt)}`,
      ...(event.endsAt ? [`DTEND:${utc(event.endsAt)}`] : []),
      `SUMMARY:${escapeText(event.summary)}`,
      `DESCRIPTION:${escapeText(event.description)}`,
      `URL:${event.url}`,
      ...(event.status ? [`STATUS:${event.status}`] : []),
      // It blocks nobody's day.
      'TRANSP:TRANSPARENT',
      ...(event.alarms ?? []).flatMap((minutes) => alarm(minutes, event.summary)),
      'END:VEVENT',
    ]),
    'END:VCALENDAR',
  ];
  return lines.map((line) => `${fold(line)}\r\n`).join('');
}

/** Section 3.6.6. */
function alarm(minutes: number, summary: string): string[] {
  return [
    'BEGIN:VALARM',
    'ACTION:DISPLAY',
    `DESCRIPTION:${escapeText(summary)}`,
    `TRIGGER:-PT${minutes}M`,
    'END:VALARM',
  ];
}

/** 20261121T153000Z */
function utc(at: Instant): string {
  return `${at.slice(0, 19).replace(/[-:]/g, '')}Z`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what a calendar must not hold
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f]/g;

/** Section 3.3.11. */
function escapeText(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(CONTROL, '')
    .replace(/[\\;,]/g, (mark) => `\\${mark}`)
    .replace(/\n/g, '\\n');
}

const MAX_OCTETS = 75;

/** Section 3.1: no line is longer than 75 octets, and no character is parted. */
function fold(line: string): string {
  let out = '';
  let octets = 0;
  for (const character of line) {
    const size = Buffer.byteLength(character);
    if (octets + size > MAX_OCTETS) {
      out += '\r\n ';
      octets = 1;
    }
    out += character;
    octets += size;
  }
  return out;
}
