import { STATUS_OF_IMPACT } from './publicIncident.ts';
import {
  COMPONENT_STATUS_LABELS,
  type ComponentStatus,
  type Impact,
  statusRank,
  worstStatus,
} from './status.ts';
import type { Instant } from './time.ts';
import { titleWithScope } from './title.ts';
import { counted, enumerated, fill, type Plural } from './words.ts';

export type OpenIncident = {
  title: string;
  scope: string | null;
  status: string;
  impact: Impact;
  startedAt: Instant;
  /** What still works, as the newest public update that says so has it. */
  workaround: string | null;
  /** When the next public update is promised; null when none is. */
  nextUpdateDue: Instant | null;
  /** When the public heard last. */
  lastUpdateAt: Instant | null;
};

export type Situation = {
  incidents: readonly OpenIncident[];
  /** Maintenance under way. */
  maintenance: readonly { title: string; scope: string | null }[];
  /** Those that visitors see. */
  components: readonly { name: string; status: ComponentStatus }[];
};

export type Headline = {
  /** One sentence that tells the truth. */
  text: string;
  /** Its shape and colour. */
  status: ComponentStatus;
  /** When the trouble (the oldest, of several) began; null when there is none. */
  since: Instant | null;
  /** True when the sentence counts several, so that `since` is the first one's. */
  ofSeveral: boolean;
  /** What else a visitor must know: a fix is in place, what still works, how much is affected. */
  lede: string[];
  promise: NextWord | null;
};

/** When the next word comes. `title` is set when it is about another incident than the sentence. */
export type NextWord = { due: Instant; from: Instant | null; late: boolean; title: string | null };

/** Messages with the places {time} and, where the promise is on something else, {title}. */
export type PromiseMessages = { by: string; byOn: string; late: string; lateOn: string };

export function promiseMessage(
  { late, title }: Pick<NextWord, 'late' | 'title'>,
  messages: PromiseMessages,
): string {
  if (late) return title ? messages.lateOn : messages.late;
  return title ? messages.byOn : messages.by;
}

/** What the sentence is made of; `tag` says whose plurals and lists. Titles and names stand in it as they were typed. */
export type HeadlineWords = {
  tag: string;
  labels: Readonly<Record<ComponentStatus, string>>;
  messages: HeadlineMessages;
};

export type HeadlineMessages = {
  well: string;
  underWay: string;
  elseWell: string;
  watching: string;
  alsoOpen: string;
  several: Plural;
  affected: Plural;
  ofStatus: string;
  /** Between titles: a title may hold a comma. */
  between: string;
  andMore: Plural;
  more: Plural;
};

export const ENGLISH_HEADLINE: HeadlineMessages = {
  well: 'All systems are operational.',
  underWay: 'Maintenance is under way: {list}',
  elseWell: 'Everything else works normally.',
  watching: 'A fix is in place and we are watching it.',
  alsoOpen: 'Also open: {list}',
  several: { one: '{count} incident is open: {list}', other: '{count} incidents are open: {list}' },
  affected: {
    one: '{count} of {total} components is affected.',
    other: '{count} of {total} components are affected.',
  },
  ofStatus: '{status}: {names}',
  between: '; ',
  andMore: { one: '{list}; and {count} more', other: '{list}; and {count} more' },
  more: { one: '{count} more', other: '{count} more' },
};

export const IN_ENGLISH: HeadlineWords = {
  tag: 'en-GB',
  labels: COMPONENT_STATUS_LABELS,
  messages: ENGLISH_HEADLINE,
};

const NAMED = 3;
const IMPACT_WEIGHT: readonly Impact[] = ['critical', 'major', 'minor', 'maintenance', 'none'];

/** What the page says first. */
export function headlineOf(situation: Situation, now: Instant, words: HeadlineWords = IN_ENGLISH): Headline {
  const { messages } = words;
  const incidents = [...situation.incidents].sort(gravestFirst);
  const worst = worstStatus([
    ...situation.components.map((component) => component.status),
    ...incidents.map((incident) => STATUS_OF_IMPACT[incident.impact]),
  ]);
  const base = { status: worst, since: null, ofSeveral: false, lede: [], promise: null };
  if (incidents.length) return aboutIncidents(incidents, situation, worst, now, words);

  const troubled = situation.components.filter((component) => statusRank(component.status) > 1);
  if (troubled.length) return { ...base, text: aboutComponents(troubled, worst, words) };
  if (situation.maintenance.length)
    return {
      ...base,
      status: 'under_maintenance',
      text: sentence(
        fill(messages.underWay, {
          list: listed(
            situation.maintenance.map(({ title, scope }) => titleWithScope(title, scope)),
            words,
          ),
        }),
      ),
      lede: [messages.elseWell],
    };
  const maintained = situation.components.filter((component) => component.status === 'under_maintenance');
  if (maintained.length) return { ...base, text: aboutComponents(maintained, worst, words) };
  return { ...base, text: messages.well };
}

type Weighed = Pick<OpenIncident, 'impact' | 'startedAt'>;

/** The gravest first, the newest of equals first. */
export function gravestFirst(a: Weighed, b: Weighed): number {
  return (
    IMPACT_WEIGHT.indexOf(a.impact) - IMPACT_WEIGHT.indexOf(b.impact) ||
    (a.startedAt > b.startedAt ? -1 : a.startedAt < b.startedAt ? 1 : 0)
  );
}

function aboutIncidents(
  incidents: OpenIncident[],
  situation: Situation,
  status: ComponentStatus,
  now: Instant,
  words: HeadlineWords,
): Headline {
  const { tag, messages } = words;
  const [first, second] = incidents as [OpenIncident, OpenIncident | undefined];
  // One that is graver than all others is what a visitor came for; the rest follows it.
  if (!second || IMPACT_WEIGHT.indexOf(first.impact) < IMPACT_WEIGHT.indexOf(second.impact)) {
    const lede = [];
    if (first.status === 'monitoring') lede.push(messages.watching);
    if (first.workaround) lede.push(sentence(first.workaround));
    const others = incidents.slice(1).map(({ title, scope }) => titleWithScope(title, scope));
    if (others.length) lede.push(sentence(fill(messages.alsoOpen, { list: listed(others, words) })));
    const text = sentence(titleWithScope(first.title, first.scope));
    return {
      text,
      status,
      since: first.startedAt,
      ofSeveral: false,
      lede,
      promise: nextPromise(incidents, now, first),
    };
  }
  const since = incidents.map((incident) => incident.startedAt).sort()[0] as Instant;
  const affected = situation.components.filter((component) => statusRank(component.status) > 1).length;
  const lede = affected
    ? [counted(tag, messages.affected, affected, { total: situation.components.length })]
    : [];
  const titles = incidents.map(({ title, scope }) => titleWithScope(title, scope));
  return {
    text: sentence(counted(tag, messages.several, incidents.length, { list: listed(titles, words) })),
    status,
    since,
    ofSeveral: true,
    lede,
    promise: nextPromise(incidents, now, null),
  };
}

function aboutComponents(
  components: readonly { name: string; status: ComponentStatus }[],
  worst: ComponentStatus,
  words: HeadlineWords,
): string {
  const { tag, labels, messages } = words;
  const names = components
    .filter((component) => component.status === worst)
    .map((component) => component.name);
  const shown =
    names.length > NAMED
      ? [...names.slice(0, NAMED - 1), counted(tag, messages.more, names.length - NAMED + 1)]
      : names;
  return sentence(fill(messages.ofStatus, { status: labels[worst], names: enumerated(tag, shown) }));
}

/** The promise that falls due first; one that was missed stands until it is kept. `said` needs no naming: the sentence is about it. */
function nextPromise(
  incidents: readonly OpenIncident[],
  now: Instant,
  said: OpenIncident | null,
): NextWord | null {
  const next = incidents
    .filter((incident) => incident.nextUpdateDue)
    .sort((a, b) => ((a.nextUpdateDue as Instant) < (b.nextUpdateDue as Instant) ? -1 : 1))[0];
  if (!next?.nextUpdateDue) return null;
  return {
    due: next.nextUpdateDue,
    from: next.lastUpdateAt,
    late: next.nextUpdateDue <= now,
    title: next === said ? null : titleWithScope(next.title, next.scope),
  };
}

/** "A; B; C; and 2 more": semicolons, because a title may hold a comma. */
function listed(titles: readonly string[], { tag, messages }: HeadlineWords): string {
  const bare = titles.map((title) => title.replace(/[.\s]+$/, ''));
  if (bare.length <= NAMED) return bare.join(messages.between);
  const list = bare.slice(0, NAMED - 1).join(messages.between);
  return counted(tag, messages.andMore, bare.length - NAMED + 1, { list });
}

/** The words with a full stop, unless they end a sentence already. */
function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?…؟]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
