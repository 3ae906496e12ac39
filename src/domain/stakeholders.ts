import { AUDIENCE_IDS, type AudienceId, DEFAULT_POLICIES, SEVERITIES, type Severity } from './severity.ts';
import { unknownVariables, VARIABLES, type VariableName } from './templates.ts';

/** `inside` may read what is said inside; `outside` only what is public. */
export const AUDIENCE_KINDS = ['inside', 'outside'] as const;
export type AudienceKind = (typeof AUDIENCE_KINDS)[number];

/** What beside the news itself an audience gets. The first three only inside. */
export const AUDIENCE_FACTS = ['inside', 'insideAtOnce', 'team', 'affected', 'components', 'before'] as const;
export type AudienceFact = (typeof AUDIENCE_FACTS)[number];

export const FACT_WORDS: Record<AudienceFact, { label: string; meaning: string }> = {
  inside: {
    label: 'What is said inside',
    meaning: 'Internal updates: theory, next action, bridge link, figures',
  },
  insideAtOnce: {
    label: 'And each of it at once',
    meaning: 'A mail for every internal update; else it stands in the next one that they get',
  },
  team: { label: 'Who does what', meaning: 'Commander, technical lead, comms lead, scribe' },
  affected: { label: 'Who is affected', meaning: 'And what still works, and the estimate' },
  components: { label: 'Components', meaning: 'Each with how it is now' },
  before: { label: 'What was said before', meaning: 'The last three updates in brief' },
};

const ONLY_INSIDE: readonly AudienceFact[] = ['inside', 'insideAtOnce', 'team'];

/** Told of every internal update as it is posted. */
export function hearsInsideAtOnce(facts: readonly AudienceFact[]): boolean {
  return facts.includes('inside') && facts.includes('insideAtOnce');
}

/** The facts that an audience of this kind may get at all. */
export function factsFor(kind: AudienceKind): AudienceFact[] {
  return AUDIENCE_FACTS.filter((fact) => kind === 'inside' || !ONLY_INSIDE.includes(fact));
}

export type Audience = {
  id: string;
  name: string;
  kind: AudienceKind;
  /** Of which it is told; null: as the policies say. */
  severities: Severity[] | null;
  /** Their own first line, with variables; null for none. */
  intro: string | null;
  facts: AudienceFact[];
  position: number;
};

/** The audience whose severities, wording and facts hold for every account. */
export const ACCOUNTS: AudienceId = 'accounts';

const NAMES: Record<AudienceId, string> = {
  executives: 'Executives',
  managers: 'Managers',
  support: 'Support',
  accounts: 'Enterprise accounts',
};

/** The four of the policy table. `severities` here are what the policies say that came with the product. */
export const DEFAULT_AUDIENCES: readonly (Audience & { severities: Severity[] })[] = AUDIENCE_IDS.map(
  (id, position) => {
    const kind = id === ACCOUNTS ? 'outside' : 'inside';
    return {
      id,
      name: NAMES[id],
      kind,
      severities: SEVERITIES.filter((severity) => DEFAULT_POLICIES[severity].audiences.includes(id)),
      intro: null,
      // Whoever answers for much reads what matters when it matters, not each theory in the night.
      facts: factsFor(kind).filter((fact) => id !== 'executives' || fact !== 'insideAtOnce'),
      position,
    };
  },
);

export function isFromPolicies(id: string): id is AudienceId {
  return (AUDIENCE_IDS as readonly string[]).includes(id);
}

/** Variables that an intro may hold: those that always have a value, so that no mail goes out with a gap in it. */
export const INTRO_VARIABLES = VARIABLES.filter(({ name }) =>
  (
    [
      'title',
      'severity',
      'status',
      'components',
      'started',
      'duration',
      'page_name',
      'page_url',
    ] as VariableName[]
  ).includes(name),
);

/** Of an audience outside: our severities are a word of the house. */
export function introVariables(kind: AudienceKind): typeof INTRO_VARIABLES {
  return INTRO_VARIABLES.filter(({ name }) => kind === 'inside' || name !== 'severity');
}

/** What stands between double braces in an intro and may not, for an audience of this kind. */
export function unusableVariables(intro: string, kind: AudienceKind): string[] {
  const usable = new Set<string>(introVariables(kind).map(({ name }) => name));
  const written = [...intro.matchAll(/\{\{\s*([a-z_]{1,40})\s*\}\}/g)].map((match) => match[1] as string);
  return [...new Set([...unknownVariables(intro), ...written.filter((name) => !usable.has(name))])];
}

/** What an audience is told of one thing that happened. */
export type What =
  /** An incident was declared: before anything is public. */
  | 'declared'
  /** Something was said, inside or in public. */
  | 'update'
  /** It became more severe, and concerns them from now on. */
  | 'raised'
  /** It became less severe, or is open again as less than what they are told of: it does not concern them until it is over. */
  | 'lowered'
  /** Words that they were sent are put right. */
  | 'correction'
  /** Planned work that they were told of is near. */
  | 'reminder'
  /** Nothing that they use is affected, though they had been told of it. */
  | 'spared'
  /** Something that they use is affected again, though they had been told that nothing is. */
  | 'affected';

/** One thing that happened to an incident. */
export type Moment = {
  /** `declared`, or whom the update was for. */
  kind: 'declared' | 'internal' | 'public';
  severity: Severity;
  /** The one before, when this changed it. */
  before: Severity | null;
  /** Visitors can see the incident now. */
  isPublic: boolean;
  /** It is over with this, or open again. */
  turns: boolean;
  /** It is over once this is said. */
  over: boolean;
  /** Subscribers are mailed as well. */
  notify: boolean;
  /** It was imported or put on the record afterwards, and is the team's own from now on. */
  isTakenOver?: boolean;
  /** It is about planned work: that has no severity, and concerns the accounts whose components it touches. */
  planned?: boolean;
};

/** What an audience or account has to do with an incident: whether it is told at a severity, and has been told of it before. */
export type Concern = {
  kind: AudienceKind;
  facts: readonly AudienceFact[];
  tells: (severity: Severity) => boolean;
  toldBefore: boolean;
  /** The last that they were told is that they hear nothing more until it is over. */
  waitsForEnd: boolean;
};

/**
 * What someone is told of a moment; null when nothing. A post that is quiet is quiet towards subscribers and audiences, but for what
 * was promised: a change of severity inside; to everyone who has heard of it how it ends; and to whoever drops out that the next word
 * they were promised does not come.
 */
export function whatFor(
  moment: Moment,
  { kind, facts, tells, toldBefore, waitsForEnd }: Concern,
): What | null {
  const { severity, before } = moment;
  const inside = kind === 'inside';
  const now = tells(severity);
  if (moment.kind === 'declared') return now && inside ? 'declared' : null;
  if (!inside && !moment.isPublic) return null;
  if (moment.turns) {
    if (!toldBefore && !(now && (inside || moment.notify))) return null;
    return now || moment.over ? 'update' : 'lowered';
  }
  if (before !== null && !now && tells(before)) return toldBefore && !waitsForEnd ? 'lowered' : null;
  if (before !== null && (inside || moment.kind === 'internal' || moment.notify)) {
    if (now && !tells(before)) return 'raised';
    if (now && inside) return 'update';
  }
  if (!now) return null;
  if (moment.kind === 'internal') return inside && hearsInsideAtOnce(facts) ? 'update' : null;
  return moment.notify ? 'update' : null;
}

/** Of several ways to be told of one moment, the one that a person gets: the first. */
export const WHAT_FIRST: readonly What[] = [
  'correction',
  'declared',
  'update',
  'reminder',
  'affected',
  'raised',
  'lowered',
  'spared',
];
