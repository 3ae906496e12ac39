import { type Instant, rangeText, whenText } from '#domain/time.ts';

/** A place for a time as the reader's own zone has it, left open until the mail is frozen. No typed text can look like one. */
export type MomentSlot = `${'when' | 'range'}|${string}|${string}|${string}`;

/** How one is written between the marks of a slot. */
export const MOMENT = '(?:when|range)\\|[\\dTZ:.-]+\\|[\\dTZ:.-]+\\|[\\w+/-]+';

/** A time that the mail says in the page's zone, as whenText has it, beside it. */
export function whenSlot(instant: Instant, zone: string, now: Instant): string {
  return mark(`when|${instant}|${now}|${zone}`);
}

/** The same of a span, as rangeText has it. */
export function rangeSlot(from: Instant, to: Instant, zone: string): string {
  return mark(`range|${from}|${to}|${zone}`);
}

function mark(name: MomentSlot): string {
  return `\u0002${name}\u0003`;
}

export function isMoment(name: string): name is MomentSlot {
  return name.includes('|');
}

/** Thousands of readers share a zone. Few times are in the mails of one hour. */
const said = new Map<string, string>();
const REMEMBERED = 2_000;

/** " (10:43 GMT-5)"; '' for a reader who asked for no zone, or in whose zone it reads alike, or whose zone is not known here. */
export function momentText(name: MomentSlot, zone: string | null): string {
  if (zone === null) return '';
  const key = `${name}|${zone}`;
  const known = said.get(key);
  if (known !== undefined) return known;
  const [kind, from, to, pageZone] = name.split('|') as [string, string, string, string];
  const inZone = (one: string) => (kind === 'range' ? rangeText(from, to, one) : whenText(from, one, to));
  let text = '';
  try {
    const own = inZone(zone);
    if (own !== inZone(pageZone)) text = ` (${own})`;
  } catch (error) {
    // A zone that another machine knew: better the page's time than no mail.
    if (!(error instanceof RangeError)) throw error;
  }
  if (said.size >= REMEMBERED) said.clear();
  said.set(key, text);
  return text;
}
