/** A strict reader of calendars (RFC 5545), written apart from their writer: what it does not know, it refuses. */

export type ReadProperty = { name: string; parameters: Record<string, string>; value: string };
export type ReadEvent = {
  uid: string;
  sequence: number;
  start: string;
  end: string;
  stamp: string;
  summary: string;
  description: string;
  url: string;
  status: string;
  /** The triggers of its reminders. */
  alarms: string[];
};

const PROPERTIES: Record<string, { once: readonly string[]; may: readonly string[] }> = {
  VCALENDAR: {
    once: ['VERSION', 'PRODID'],
    may: ['CALSCALE', 'X-WR-CALNAME', 'REFRESH-INTERVAL', 'X-PUBLISHED-TTL'],
  },
  VEVENT: {
    once: ['UID', 'DTSTAMP', 'DTSTART', 'SEQUENCE', 'SUMMARY'],
    may: ['DTEND', 'CREATED', 'LAST-MODIFIED', 'DESCRIPTION', 'URL', 'TRANSP', 'STATUS'],
  },
  VALARM: { once: ['ACTION', 'DESCRIPTION', 'TRIGGER'], may: [] },
};

/** @throws at the first thing that the standard does not allow */
export function readCalendar(text: string): { name: string; events: ReadEvent[] } {
  const properties = linesOf(text).map(readProperty);
  const first = properties.shift();
  if (first?.name !== 'BEGIN' || first.value !== 'VCALENDAR') throw new Error('It is no calendar.');
  const events: { own: ReadProperty[]; alarms: ReadProperty[][] }[] = [];
  const calendar: ReadProperty[] = [];
  let event: (typeof events)[number] | null = null;
  let alarm: ReadProperty[] | null = null;
  let ended = false;
  for (const property of properties) {
    if (ended) throw new Error('Something stands after the end.');
    const { name, value } = property;
    if (name === 'BEGIN' && value === 'VALARM' && event && !alarm) {
      alarm = [];
    } else if (name === 'END' && value === 'VALARM' && event && alarm) {
      event.alarms.push(alarm);
      alarm = null;
    } else if (name === 'BEGIN') {
      if (value !== 'VEVENT' || event) throw new Error(`BEGIN:${value} stands where it may not.`);
      event = { own: [], alarms: [] };
    } else if (name === 'END' && value === 'VEVENT') {
      if (!event || alarm) throw new Error('An event ends that did not begin, or that holds an open alarm.');
      events.push(event);
      event = null;
    } else if (name === 'END' && value === 'VCALENDAR') {
      if (event) throw new Error('An event did not end.');
      ended = true;
    } else (alarm ?? event?.own ?? calendar).push(property);
  }
  if (!ended) throw new Error('The calendar did not end.');
  check('VCALENDAR', calendar);
  if (textIn(calendar, 'VERSION') !== '2.0') throw new Error('It is of another version.');
  const read = events.map(readEvent);
  if (new Set(read.map(({ uid }) => uid)).size !== read.length) throw new Error('Two events have one UID.');
  return { name: unescaped(textIn(calendar, 'X-WR-CALNAME')), events: read };
}

/** Section 3.1: each line ends in CRLF and has at most 75 octets of whole characters; a fold is CRLF and one white space. */
function linesOf(text: string): string[] {
  if (!text.endsWith('\r\n')) throw new Error('The last line does not end.');
  const raw = text.slice(0, -2).split('\r\n');
  for (const line of raw) {
    if (/[\r\n]/.test(line)) throw new Error('A line ends in something other than CRLF.');
    const bytes = Buffer.from(line);
    if (bytes.length > 75) throw new Error(`A line has ${bytes.length} octets.`);
    if (bytes.toString('utf8') !== line || line.includes('\ufffd')) throw new Error('A character is broken.');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
    if (/[\x00-\x08\x0a-\x1f\x7f]/.test(line)) throw new Error('A line holds a control character.');
    if (line === '') throw new Error('A line is empty.');
  }
  const lines: string[] = [];
  for (const line of raw)
    if (/^[ \t]/.test(line)) lines[lines.length - 1] += line.slice(1);
    else lines.push(line);
  return lines;
}

function readProperty(line: string): ReadProperty {
  const match = /^([A-Z0-9-]+)((?:;[A-Z-]+=[^;:",]+)*):(.*)$/s.exec(line);
  if (!match) throw new Error(`This is no content line: ${line}`);
  const [, name = '', parameters = '', value = ''] = match;
  const pairs = parameters.split(';').slice(1);
  return { name, value, parameters: Object.fromEntries(pairs.map((pair) => pair.split('='))) };
}

function check(kind: 'VCALENDAR' | 'VEVENT' | 'VALARM', properties: readonly ReadProperty[]): void {
  const { once, may } = PROPERTIES[kind] as (typeof PROPERTIES)[string];
  for (const name of once)
    if (properties.filter((one) => one.name === name).length !== 1)
      throw new Error(`${name} stands not once.`);
  for (const { name } of properties)
    if (!once.includes(name) && !may.includes(name)) throw new Error(`${name} has no place in ${kind}.`);
  for (const name of may)
    if (properties.filter((one) => one.name === name).length > 1) throw new Error(`${name} stands twice.`);
}

function readEvent({
  own: properties,
  alarms,
}: {
  own: ReadProperty[];
  alarms: ReadProperty[][];
}): ReadEvent {
  check('VEVENT', properties);
  for (const alarm of alarms) check('VALARM', alarm);
  for (const name of ['DTSTAMP', 'DTSTART', 'DTEND', 'CREATED', 'LAST-MODIFIED']) {
    const found = properties.find((one) => one.name === name);
    if (found && (!isUtc(found.value) || Object.keys(found.parameters).length))
      throw new Error(`${name} is no time in UTC: ${found.value}`);
  }
  const start = textIn(properties, 'DTSTART');
  const end = textIn(properties, 'DTEND');
  if (end && end <= start) throw new Error('An event ends before it begins.');
  const sequence = textIn(properties, 'SEQUENCE');
  if (!/^\d+$/.test(sequence)) throw new Error('SEQUENCE is no number.');
  const status = textIn(properties, 'STATUS');
  if (!['', 'TENTATIVE', 'CONFIRMED', 'CANCELLED'].includes(status)) throw new Error('STATUS means nothing.');
  const triggers = alarms.map((alarm) => textIn(alarm, 'TRIGGER'));
  for (const trigger of triggers)
    if (!/^-?P(\d+W|\d+D|(\d+D)?T(\d+H)?(\d+M)?(\d+S)?)$/.test(trigger))
      throw new Error(`TRIGGER is no duration: ${trigger}`);
  const url = textIn(properties, 'URL');
  if (url && !URL.canParse(url)) throw new Error('URL is none.');
  return {
    uid: unescaped(textIn(properties, 'UID')),
    sequence: Number(sequence),
    start,
    end,
    stamp: textIn(properties, 'DTSTAMP'),
    summary: unescaped(textIn(properties, 'SUMMARY')),
    description: unescaped(textIn(properties, 'DESCRIPTION')),
    url,
    status,
    alarms: triggers,
  };
}

function isUtc(value: string): boolean {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(value);
  if (!match) return false;
  const [, year, month, day, hour, minute, second] = match;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  return !Number.isNaN(Date.parse(iso)) && new Date(iso).toISOString() === iso;
}

function textIn(properties: readonly ReadProperty[], name: string): string {
  return properties.find((one) => one.name === name)?.value ?? '';
}

/** Section 3.3.11: a comma, a semicolon and a backslash stand behind a backslash, and nothing else does but n. */
function unescaped(value: string): string {
  if (/(^|[^\\])(\\\\)*[;,]/.test(value)) throw new Error(`Something is not escaped: ${value}`);
  return value.replace(/\\(.?)/gs, (_, mark: string) => {
    if (mark === 'n' || mark === 'N') return '\n';
    if (mark !== '' && '\\;,'.includes(mark)) return mark;
    throw new Error(`\\${mark} means nothing.`);
  });
}
