import type { GlanceWords } from '#domain/glance.ts';
import type { DayWords } from '#domain/marks.ts';
import { type Instant, MINUTE } from '#domain/time.ts';
import { percentOf } from '#domain/uptime.ts';
import { counted, enumerated, type Filling, fill, type Plural, piecesOf } from '#domain/words.ts';
import { CATALOGUES, type Catalogue } from './catalogue.ts';
import { HOUSE_LOCALE, type Languages, LOCALES, type Locale } from './locales.ts';
import { prefixOf } from './paths.ts';
import {
  clockIn,
  dateIn,
  dayOfYear,
  daysText,
  dayText,
  isSameDay,
  monthText,
  shortMonth,
  unitsOf,
  unitText,
} from './times.ts';

/** One language, ready to speak: its messages, and how it counts, lists and tells times. */
export type Words = Catalogue & {
  locale: Locale;
  tag: string;
  dir: 'ltr' | 'rtl';
  say: (message: string, filling: Filling) => string;
  count: (forms: Plural, count: number, filling?: Filling) => string;
  list: (names: readonly string[]) => string;
  number: (value: number) => string;
  percent: (ratio: number) => string;
  /** "96%" of 0.96. */
  share: (ratio: number) => string;
  /** "15:30 UTC" */
  clock: (at: Instant, zone: string) => string;
  /** "21 Nov 2026" */
  date: (at: Instant, zone: string) => string;
  dateTime: (at: Instant, zone: string) => string;
  /** The time alone when it falls on the same day as `now`, else with its date. */
  when: (at: Instant, zone: string, now: Instant) => string;
  /** Both ends of a span: the day and the zone once where they are the same, and no day where it is that of `now`. */
  ends: (from: Instant, to: Instant, zone: string, now?: Instant) => [string, string];
  /** The same as one text. */
  range: (from: Instant, to: Instant, zone: string, now?: Instant) => string;
  /** "Thu 19 Nov", "12 to 14 Nov" and "19 Nov 2026" of calendar days. */
  day: (day: string) => string;
  days: (first: string, last: string) => string;
  dayOfYear: (day: string) => string;
  /** "November 2026" and "Nov" for 2026-11. */
  month: (month: string) => string;
  shortMonth: (month: string) => string;
  /** "2 hours 5 minutes": two units at most. */
  length: (ms: number) => string;
  /** What the sentence of truth is made of, here and on other people's pages. */
  headline: GlanceWords;
  dayWords: (zone: string) => DayWords;
  /** "Harbour status", whatever the owner called the page; its own name beside the word, and the whole. */
  pageName: (name: string) => { pieces: readonly { text: string; isName: boolean }[]; whole: string };
  /** What a service refused, or what came of a call, which is said in English; what has no other words stays so. */
  refusal: (text: string) => string;
  /** Which way what someone typed runs: theirs, where that may be another than the page's. */
  dirOf: (typed: string) => 'auto' | undefined;
  /** The attributes of a link whose words someone typed. */
  link: (path: string, typed: string) => { href: string; dir: 'auto' | undefined };
  /** A page's address in this language. */
  to: (path: string) => string;
};

const made = new Map<string, Words>();

/** @param languages what the page is offered in, which says whose addresses have no prefix */
export function wordsIn(locale: Locale, languages: Languages = [HOUSE_LOCALE]): Words {
  const prefix = prefixOf(locale, languages);
  const key = `${locale} ${prefix}`;
  let words = made.get(key);
  if (!words) {
    words = makeWords(locale, prefix);
    made.set(key, words);
  }
  return words;
}

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufefc]/;

function makeWords(locale: Locale, prefix: string): Words {
  const { tag, dir } = LOCALES[locale];
  const catalogue = CATALOGUES[locale];
  const { time, day, component, componentIn, headline, glance } = catalogue.pages;
  const percents = new Map(
    [0, 2].map((digits) => [
      digits,
      new Intl.NumberFormat(tag, { style: 'percent', minimumFractionDigits: digits }),
    ]),
  );

  const clock: Words['clock'] = (at, zone) => clockIn(tag, at, zone);
  const date: Words['date'] = (at, zone) => dateIn(tag, at, zone);
  const dateTime: Words['dateTime'] = (at, zone) => `${date(at, zone)}${time.comma}${clock(at, zone)}`;
  const ends: Words['ends'] = (from, to, zone, now) => {
    const sameDay = isSameDay(from, to, zone);
    const zoneOnce = sameDay && zoneOf(clock(from, zone)) === zoneOf(clock(to, zone));
    const first = zoneOnce ? clock(from, zone).slice(0, 5) : clock(from, zone);
    const dated = !(now && isSameDay(from, now, zone));
    return [
      dated ? `${date(from, zone)}${time.comma}${first}` : first,
      sameDay ? clock(to, zone) : dateTime(to, zone),
    ];
  };
  const length: Words['length'] = (ms) => {
    const [first, second] = unitsOf(ms).map(([count, unit]) => unitText(tag, count, unit));
    return second ? fill(time.two, { first: first as string, second }) : (first as string);
  };
  const dirOf: Words['dirOf'] = (typed) => (dir === 'rtl' || RIGHT_TO_LEFT.test(typed) ? 'auto' : undefined);
  const to: Words['to'] = (path) => (prefix && path === '/' ? prefix : prefix + path);
  const list: Words['list'] = (names) => enumerated(tag, names);

  return {
    ...catalogue,
    locale,
    tag,
    dir,
    say: fill,
    count: (forms, count, filling) => counted(tag, forms, count, filling),
    list,
    number: (value) => value.toLocaleString(tag),
    percent: (ratio) => {
      const percent = percentOf(ratio);
      return (percents.get(percent === 100 ? 0 : 2) as Intl.NumberFormat).format(percent / 100);
    },
    share: (ratio) => (percents.get(0) as Intl.NumberFormat).format(ratio),
    clock,
    date,
    dateTime,
    when: (at, zone, now) => (isSameDay(at, now, zone) ? clock(at, zone) : dateTime(at, zone)),
    ends,
    range: (...span) => {
      const [from, to] = ends(...span);
      return fill(time.to, { from, to });
    },
    day: (one) => dayText(tag, one),
    days: (first, last) => {
      const said = daysText(tag, first, last);
      return typeof said === 'string' ? said : fill(time.days, { first: said[0], last: said[1] });
    },
    dayOfYear: (one) => dayOfYear(tag, one),
    month: (one) => monthText(tag, one),
    shortMonth: (one) => shortMonth(tag, one),
    length,
    headline: {
      tag,
      labels: component,
      messages: headline,
      glance: { ...glance, within: componentIn },
    },
    dayWords: (zone) => ({
      label: (status) => componentIn[status],
      allDay: day.allDay,
      allDaySoFar: day.allDaySoFar,
      since: (at) => fill(day.since, { time: clock(at, zone) }),
      // An outage of 40 seconds was not one of 0 minutes.
      length: (ms) =>
        ms < MINUTE ? unitText(tag, Math.max(1, Math.round(ms / 1000)), 'second') : length(ms),
      and: list,
      part: (status, times) => fill(day.part, { status, times }),
      comma: time.comma,
    }),
    pageName: (name) => {
      const pieces = namePieces(catalogue.pages.frame, name);
      return { pieces, whole: pieces.map(({ text }) => text).join('') };
    },
    refusal: (text) => refusalIn(catalogue, text),
    dirOf,
    link: (path, typed) => ({ href: to(path), dir: dirOf(typed) }),
    to,
  };
}

function namePieces({ status, word, named }: Catalogue['pages']['frame'], name: string) {
  if (!name) return [{ text: status, isName: false }];
  if (/\bstatus\b/i.test(name) || name.toLowerCase().includes(word.toLowerCase()))
    return [{ text: name, isName: true }];
  return piecesOf(named).flatMap(({ words, place }) => [
    ...(words ? [{ text: words, isName: true }] : []),
    ...(place ? [{ text: place === 'name' ? name : word, isName: place === 'name' }] : []),
  ]);
}

/** The messages that stand for what the house says in English, and keeps in English. */
const SENTENCES: readonly ((catalogue: Catalogue) => Readonly<Record<string, string>>)[] = [
  ({ following }) => following.refusals,
  ({ hooks }) => hooks.refusals,
  ({ hooks }) => hooks.outcomes,
];

const KNOWN = SENTENCES.flatMap((group) =>
  Object.entries(group(CATALOGUES[HOUSE_LOCALE])).map(([name, message]) => ({
    pattern: patternOf(message),
    in: (catalogue: Catalogue) => group(catalogue)[name] as string,
  })),
);

/** The sentence itself, whatever stands in its places, and what follows it. */
function patternOf(message: string): RegExp {
  const parts = piecesOf(message).map(
    ({ words, place }) => words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') + (place ? `(?<${place}>.+?)` : ''),
  );
  return new RegExp(`^${parts.join('')}(?: (?<rest>.+))?$`, 's');
}

/** Several sentences may stand after one another: what happened, and what to do. */
function refusalIn(catalogue: Catalogue, text: string): string {
  for (const { pattern, in: messageIn } of KNOWN) {
    const found = pattern.exec(text);
    if (!found) continue;
    const { rest, ...filling } = found.groups as Record<string, string>;
    const said = fill(messageIn(catalogue), filling);
    return rest === undefined ? said : `${said} ${refusalIn(catalogue, rest)}`;
  }
  return text;
}

function zoneOf(clockText: string): string {
  return clockText.slice(6);
}
