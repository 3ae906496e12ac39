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
  maintenance: readonly { title: string }[];
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

const NAMED = 3;
const IMPACT_WEIGHT: readonly Impact[] = ['critical', 'major', 'minor', 'maintenance', 'none'];

/** What the page says first. */
export function headlineOf(situation: Situation, now: Instant): Headline {
  const incidents = [...situation.incidents].sort(gravestFirst);
  const worst = worstStatus([
    ...situation.components.map((component) => component.status),
    ...incidents.map((incident) => STATUS_OF_IMPACT[incident.impact]),
  ]);
  const base = { status: worst, since: null, ofSeveral: false, lede: [], promise: null };
  if (incidents.length) return aboutIncidents(incidents, situation, worst, now);

  const troubled = situation.components.filter((component) => statusRank(component.status) > 1);
  if (troubled.length) return { ...base, text: aboutComponents(troubled, worst) };
  if (situation.maintenance.length)
    return {
      ...base,
      status: 'under_maintenance',
      text: sentence(`Maintenance is under way: ${listed(situation.maintenance.map((m) => m.title))}`),
      lede: ['Everything else works normally.'],
    };
  const maintained = situation.components.filter((component) => component.status === 'under_maintenance');
  if (maintained.length) return { ...base, text: aboutComponents(maintained, worst) };
  return { ...base, text: 'All systems are operational.' };
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
): Headline {
  const [first, second] = incidents as [OpenIncident, OpenIncident | undefined];
  // One that is graver than all others is what a visitor came for; the rest follows it.
  if (!second || IMPACT_WEIGHT.indexOf(first.impact) < IMPACT_WEIGHT.indexOf(second.impact)) {
    const lede = [];
    if (first.status === 'monitoring') lede.push('A fix is in place and we are watching it.');
    if (first.workaround) lede.push(sentence(first.workaround));
    const others = incidents.slice(1).map(({ title, scope }) => titleWithScope(title, scope));
    if (others.length) lede.push(sentence(`Also open: ${listed(others)}`));
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
    ? [`${affected} of ${situation.components.length} components ${affected === 1 ? 'is' : 'are'} affected.`]
    : [];
  const titles = incidents.map(({ title, scope }) => titleWithScope(title, scope));
  return {
    text: sentence(`${incidents.length} incidents are open: ${listed(titles)}`),
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
): string {
  const names = components
    .filter((component) => component.status === worst)
    .map((component) => component.name);
  return sentence(`${COMPONENT_STATUS_LABELS[worst]}: ${enumerated(names)}`);
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
    title: next === said ? null : next.title,
  };
}

/** "A; B; C; and 2 more": semicolons, because a title may hold a comma. */
function listed(titles: readonly string[]): string {
  const bare = titles.map((title) => title.replace(/[.\s]+$/, ''));
  if (bare.length <= NAMED) return bare.join('; ');
  return `${bare.slice(0, NAMED - 1).join('; ')}; and ${bare.length - NAMED + 1} more`;
}

/** "A, B and 2 more". */
function enumerated(names: readonly string[]): string {
  const [shown, rest] =
    names.length > NAMED ? [names.slice(0, NAMED - 1), names.length - NAMED + 1] : [names, 0];
  if (rest) return `${shown.join(', ')} and ${rest} more`;
  return shown.length > 1 ? `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}` : (shown[0] ?? '');
}

/** The words with a full stop, unless they end a sentence already. */
function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?…]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
