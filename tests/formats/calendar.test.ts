import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CalendarEvent, calendarText } from '#formats/calendar.ts';
import { readCalendar } from '../support/calendar.ts';

const event = (changes: Partial<CalendarEvent> = {}): CalendarEvent => ({
  uid: 'duty-abc@status.example.com',
  sequence: 2,
  startsAt: '2026-11-23T08:00:00.000Z',
  endsAt: '2026-11-30T08:00:00.000Z',
  createdAt: '2026-11-20T14:00:00.000Z',
  updatedAt: '2026-11-21T14:00:00.000Z',
  summary: 'Mia is on duty',
  description: 'Comms lead: Mia',
  url: 'https://status.example.com/admin/duty',
  ...changes,
});
const write = (...events: CalendarEvent[]) =>
  calendarText({ name: 'Harbour: on duty', refreshMinutes: 30, events });

describe('a calendar', () => {
  it('is these lines', () => {
    expect(write(event()).split('\r\n')).toEqual([
      'BEGIN:VCALENDAR',
      'VERSION:2.0',
      'PRODID:-//Foghorn//Foghorn//EN',
      'CALSCALE:GREGORIAN',
      'X-WR-CALNAME:Harbour: on duty',
      'REFRESH-INTERVAL;VALUE=DURATION:PT30M',
      'X-PUBLISHED-TTL:PT30M',
      'BEGIN:VEVENT',
      'UID:duty-abc@status.example.com',
      'DTSTAMP:20261121T140000Z',
      'CREATED:20261120T140000Z',
      'LAST-MODIFIED:20261121T140000Z',
      'SEQUENCE:2',
      'DTSTART:20261123T080000Z',
      'DTEND:20261130T080000Z',
      'SUMMARY:Mia is on duty',
      'DESCRIPTION:Comms lead: Mia',
      'URL:https://status.example.com/admin/duty',
      'TRANSP:TRANSPARENT',
      'END:VEVENT',
      'END:VCALENDAR',
      '',
    ]);
  });

  it('may be empty', () => {
    expect(readCalendar(write())).toEqual({ name: 'Harbour: on duty', events: [] });
  });

  it('says what was said, whatever that is, and parts no character', () => {
    const texts = fc.string({ unit: 'binary', maxLength: 300 });
    fc.assert(
      fc.property(texts, texts, (summary, description) => {
        const [read] = readCalendar(write(event({ summary, description }))).events;
        // A calendar holds no control characters and knows one kind of line break.
        const told = (text: string) =>
          // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is left out
          text.replace(/\r\n?/g, '\n').replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '');
        expect([read?.summary, read?.description]).toEqual([told(summary), told(description)]);
      }),
      { numRuns: 1000 },
    );
    const long = `Mia${'é'.repeat(80)}, ${'👩‍🚒'.repeat(30)}; \\ and\nmore`;
    expect(readCalendar(write(event({ summary: long }))).events[0]?.summary).toBe(long);
  });
});
