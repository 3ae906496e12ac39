import type { Impact } from './status.ts';

export const SEVERITIES = ['SEV1', 'SEV2', 'SEV3', 'SEV4'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Minutes, unless a name says otherwise. `null` means that the policy asks for none. */
export type CadencePolicy = {
  name: string;
  meaning: string;
  respondWithin: number | 'next_business_day';
  firstPublicUpdate: number | null;
  publicUpdateEvery: number | null;
  internalUpdateEvery: number | null;
  /** The clocks of public updates run in business hours only. */
  businessHoursOnly: boolean;
  /** Minutes after declaration at which staff are reminded of the first update. */
  remindFirstAfter: readonly number[];
  /** Minutes before a due update at which staff are reminded; 0 is the moment itself. */
  remindBefore: readonly number[];
  lateTell: readonly DutyRole[];
  lateEvery: number;
  /** Whether an approved text is posted automatically when a public update is late. */
  postWhenLate: boolean;
  /** Which updates subscribers are mailed: the opening waits this long, in minutes (0: at once). */
  subscriberOpeningAfter: number | 'digest';
  /** At most one mail of an ordinary update per so many minutes. */
  subscriberUpdateEvery: number;
  /** A change of status is mailed at once, however short a while ago the last mail left. */
  subscriberStatusAtOnce: boolean;
  audiences: readonly AudienceId[];
  watchBeforeResolving: number | null;
  postmortemWithinHours: number | null;
  /** What is said in public needs an approver beside its author. Left out: it does not. */
  needsApproval?: boolean | undefined;
};

export const DUTY_ROLES = ['comms_lead', 'second', 'incident_commander', 'manager'] as const;
/** Whom staff calls are for: the first and the third are roles on the incident, all but the third are on duty. */
export type DutyRole = (typeof DUTY_ROLES)[number];
export const DUTY_ROLE_LABELS: Record<DutyRole, string> = {
  comms_lead: 'Comms lead',
  second: 'Second on duty',
  incident_commander: 'Incident commander',
  manager: 'Manager on duty',
};

export const AUDIENCE_IDS = ['executives', 'managers', 'support', 'accounts'] as const;
export type AudienceId = (typeof AUDIENCE_IDS)[number];

export type Policies = Record<Severity, CadencePolicy>;

/** The defaults of DESIGN section 7, as data. */
export const DEFAULT_POLICIES: Policies = {
  SEV1: {
    name: 'critical',
    meaning: 'Down, data loss or breach; all or most users',
    respondWithin: 5,
    firstPublicUpdate: 5,
    publicUpdateEvery: 30,
    internalUpdateEvery: 15,
    businessHoursOnly: false,
    remindFirstAfter: [0, 3, 5],
    remindBefore: [10, 0],
    lateTell: ['comms_lead', 'second', 'incident_commander', 'manager'],
    lateEvery: 5,
    postWhenLate: false,
    subscriberOpeningAfter: 0,
    subscriberUpdateEvery: 10,
    subscriberStatusAtOnce: true,
    audiences: ['executives', 'managers', 'support', 'accounts'],
    watchBeforeResolving: 15,
    postmortemWithinHours: 48,
  },
  SEV2: {
    name: 'major',
    meaning: 'Major feature broken, many users',
    respondWithin: 15,
    firstPublicUpdate: 5,
    publicUpdateEvery: 60,
    internalUpdateEvery: 30,
    businessHoursOnly: false,
    remindFirstAfter: [0, 3, 5],
    remindBefore: [15, 0],
    lateTell: ['comms_lead', 'second', 'incident_commander', 'manager'],
    lateEvery: 5,
    postWhenLate: false,
    subscriberOpeningAfter: 0,
    subscriberUpdateEvery: 15,
    subscriberStatusAtOnce: true,
    audiences: ['managers', 'support', 'accounts'],
    watchBeforeResolving: 15,
    postmortemWithinHours: 48,
  },
  SEV3: {
    name: 'minor',
    meaning: 'Degraded, workaround, some users',
    respondWithin: 60,
    firstPublicUpdate: 60,
    publicUpdateEvery: 120,
    internalUpdateEvery: null,
    businessHoursOnly: true,
    remindFirstAfter: [],
    remindBefore: [30, 0],
    lateTell: ['comms_lead', 'second'],
    lateEvery: 5,
    postWhenLate: false,
    subscriberOpeningAfter: 30,
    subscriberUpdateEvery: 120,
    subscriberStatusAtOnce: false,
    audiences: ['support'],
    watchBeforeResolving: null,
    postmortemWithinHours: null,
  },
  SEV4: {
    name: 'low',
    meaning: 'Cosmetic, no user impact',
    respondWithin: 'next_business_day',
    firstPublicUpdate: null,
    publicUpdateEvery: null,
    internalUpdateEvery: null,
    businessHoursOnly: true,
    remindFirstAfter: [],
    remindBefore: [],
    lateTell: [],
    lateEvery: 5,
    postWhenLate: false,
    subscriberOpeningAfter: 'digest',
    subscriberUpdateEvery: 1440,
    subscriberStatusAtOnce: false,
    audiences: [],
    watchBeforeResolving: null,
    postmortemWithinHours: null,
  },
};

const IMPACT_OF: Record<Severity, Impact> = { SEV1: 'critical', SEV2: 'major', SEV3: 'minor', SEV4: 'none' };

export function impactOf(severity: Severity): Impact {
  return IMPACT_OF[severity];
}

/** The severity that an imported incident's impact stands for; maintenance has none of its own and is SEV4. */
export function severityOfImpact(impact: Impact): Severity {
  return SEVERITIES.find((severity) => IMPACT_OF[severity] === impact) ?? 'SEV4';
}

export function isSeverity(value: unknown): value is Severity {
  return SEVERITIES.includes(value as Severity);
}

/** True when `a` is the more urgent of the two. */
export function isMoreSevere(a: Severity, b: Severity): boolean {
  return SEVERITIES.indexOf(a) < SEVERITIES.indexOf(b);
}

export type SeverityAnswers = {
  users: 'all' | 'many' | 'some' | 'none';
  effect: 'down' | 'broken' | 'degraded' | 'cosmetic';
  business: 'severe' | 'real' | 'slight';
  workaround: boolean;
  dataLossOrBreach: boolean;
};

/** Questions the severity helper asks, in order, with their answers from worst to mildest. */
export const SEVERITY_QUESTIONS = {
  users: {
    ask: 'How many users notice?',
    answers: { all: 'All or most', many: 'Many', some: 'Some', none: 'Nobody' },
  },
  effect: {
    ask: 'How badly?',
    answers: {
      down: 'It is down',
      broken: 'A major feature is broken',
      degraded: 'Slow or unreliable',
      cosmetic: 'It only looks wrong',
    },
  },
  business: {
    ask: 'What does it cost the business?',
    answers: { severe: 'Sales or safety are at stake', real: 'Work is blocked', slight: 'Little' },
  },
} as const;

/**
 * The severity that the answers suggest. Data loss or a breach is SEV1, as is being down for all; a major feature broken for many is
 * SEV2 at least. In doubt the higher one, which is easier to lower than to raise. It only advises: a person decides.
 */
export function suggestSeverity(answers: SeverityAnswers): Severity {
  if (answers.dataLossOrBreach) return 'SEV1';
  const points =
    { all: 3, many: 2, some: 1, none: 0 }[answers.users] +
    { down: 3, broken: 2, degraded: 1, cosmetic: 0 }[answers.effect] +
    { severe: 2, real: 1, slight: 0 }[answers.business] +
    (answers.workaround ? 0 : 1);
  const many = answers.users === 'all' || answers.users === 'many';
  if (answers.users === 'none' && answers.effect === 'cosmetic') return 'SEV4';
  if (points >= 7 || (answers.users === 'all' && answers.effect === 'down')) return 'SEV1';
  if (points >= 5 || (many && (answers.effect === 'down' || answers.effect === 'broken'))) return 'SEV2';
  if (points >= 2) return 'SEV3';
  return 'SEV4';
}
