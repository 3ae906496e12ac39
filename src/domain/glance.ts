import { type Headline, headlineOf, type OpenIncident } from './headline.ts';
import { COMPONENT_STATUS_LABELS, type ComponentStatus, type IncidentKind, worstStatus } from './status.ts';

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

/**
 * @param components those of the part that visitors see
 * @param matters what is open on the whole page, the gravest first
 */
export function glanceOf(
  part: GlancePart,
  components: readonly { id: string; name: string; status: ComponentStatus }[],
  matters: readonly GlanceMatter[],
  now: string,
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
  );
  // What happens elsewhere is no fault of this part's: of a part its own components decide.
  const status = part.kind === 'page' ? headline.status : worstStatus(components.map((one) => one.status));
  return {
    ...part,
    status,
    label: COMPONENT_STATUS_LABELS[status],
    headline: { ...headline, status, text: sentenceOf(part, headline, status, own.length > 0) },
    lead: leadOf(part, status, own.length > 0),
    open: own.length,
    also: headline.ofSeveral ? own : own.slice(1),
    path: part.kind === 'component' ? `/components/${part.id}` : '/',
  };
}

function leadOf({ kind, name }: GlancePart, status: ComponentStatus, hasMatter: boolean): string | null {
  const label = COMPONENT_STATUS_LABELS[status];
  if (kind !== 'page') return hasMatter ? `${name}: ${label.toLowerCase()}` : null;
  return hasMatter && status !== 'operational' ? label : null;
}

/** Of a part of the page without incidents the sentence names the part: it stands on a page that is about something else. */
function sentenceOf(
  part: GlancePart,
  headline: Headline,
  status: ComponentStatus,
  hasMatter: boolean,
): string {
  if (part.kind === 'page' || hasMatter) return headline.text;
  if (part.kind === 'group' && status !== 'operational') return headline.text;
  return `${part.name} ${SAYS[status]}.`;
}

const SAYS: Record<ComponentStatus, string> = {
  operational: 'is operational',
  under_maintenance: 'is under maintenance',
  degraded_performance: 'is degraded',
  partial_outage: 'has a partial outage',
  major_outage: 'has a major outage',
};
