import { type Headline, type HeadlineWords, headlineOf, IN_ENGLISH, type OpenIncident } from './headline.ts';
import { type ComponentStatus, type IncidentKind, worstStatus } from './status.ts';
import { fill } from './words.ts';

/** What a glance is of: the whole page, a group of components, or one component. */
export type GlancePart = { kind: 'page' | 'group' | 'component'; id: string | null; name: string };

/** An open incident, or a maintenance under way, as a glance needs it. */
export type GlanceMatter = OpenIncident & {
  id: string;
  kind: IncidentKind;
  /** The components that it touches. */
  touches: readonly string[];
};

/** How things are, for other people's pages: a word, a sentence, and when the next word comes. */
export type Glance = GlancePart & {
  status: ComponentStatus;
  /** The status in a word or two. */
  label: string;
  /** What comes before the sentence, so that it is plain what it is about; null where the sentence says that itself. */
  lead: string | null;
  headline: Headline;
  /** How many incidents and maintenances are open there, whatever they do to its status. */
  open: number;
  /** What is open besides what the sentence tells, the gravest first. */
  also: GlanceMatter[];
  /** Where more is said, from the root. */
  path: string;
};

/** What a glance is said in: the headline's words, and these. */
export type GlanceWords = HeadlineWords & { glance: GlanceMessages };

export type GlanceMessages = {
  /** What it is about and its status, where a sentence about something else follows, or none. */
  lead: string;
  /** The status as it stands within a line. */
  within: Readonly<Record<ComponentStatus, string>>;
  /** The whole sentence about a part with that status. */
  says: Readonly<Record<ComponentStatus, string>>;
};

export const ENGLISH_GLANCE: GlanceMessages = {
  lead: '{name}: {status}',
  within: {
    operational: 'operational',
    under_maintenance: 'maintenance',
    degraded_performance: 'degraded',
    partial_outage: 'partial outage',
    major_outage: 'major outage',
  },
  says: {
    operational: '{name} is operational.',
    under_maintenance: '{name} is under maintenance.',
    degraded_performance: '{name} is degraded.',
    partial_outage: '{name} has a partial outage.',
    major_outage: '{name} has a major outage.',
  },
};

/**
 * @param components those of the part that visitors see
 * @param matters what is open on the whole page, the gravest first
 */
export function glanceOf(
  part: GlancePart,
  components: readonly { id: string; name: string; status: ComponentStatus }[],
  matters: readonly GlanceMatter[],
  now: string,
  words: GlanceWords = { ...IN_ENGLISH, glance: ENGLISH_GLANCE },
): Glance {
  const ids = new Set(components.map(({ id }) => id));
  const own =
    part.kind === 'page' ? [...matters] : matters.filter(({ touches }) => touches.some((id) => ids.has(id)));
  const headline = headlineOf(
    {
      incidents: own.filter(({ kind }) => kind === 'incident'),
      maintenance: own.filter(({ kind }) => kind === 'maintenance'),
      components,
    },
    now,
    words,
  );
  // What happens elsewhere is no fault of this part's: of a part its own components decide.
  const status = part.kind === 'page' ? headline.status : worstStatus(components.map((one) => one.status));
  return {
    ...part,
    status,
    label: words.labels[status],
    headline: { ...headline, status, text: sentenceOf(part, headline, status, own.length > 0, words) },
    lead: leadOf(part, status, own.length > 0, words),
    open: own.length,
    also: headline.ofSeveral ? own : own.slice(1),
    path: part.kind === 'component' ? `/components/${part.id}` : '/',
  };
}

/** What it is about, and its status, in a few words: for a title, or before a sentence about something else. */
export function briefly(
  name: string,
  status: ComponentStatus,
  { glance }: Pick<GlanceWords, 'glance'>,
): string {
  return fill(glance.lead, { name, status: glance.within[status] });
}

function leadOf(
  { kind, name }: GlancePart,
  status: ComponentStatus,
  hasMatter: boolean,
  words: GlanceWords,
): string | null {
  if (kind !== 'page') return hasMatter ? briefly(name, status, words) : null;
  return hasMatter && status !== 'operational' ? words.labels[status] : null;
}

/** Of a part of the page without incidents the sentence names the part: it stands on a page that is about something else. */
function sentenceOf(
  part: GlancePart,
  headline: Headline,
  status: ComponentStatus,
  hasMatter: boolean,
  { glance }: GlanceWords,
): string {
  if (part.kind === 'page' || hasMatter) return headline.text;
  if (part.kind === 'group' && status !== 'operational') return headline.text;
  return fill(glance.says[status], { name: part.name });
}
