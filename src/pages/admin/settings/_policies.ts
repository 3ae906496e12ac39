import { textOf } from '#components/admin/forms.ts';
import { DUTY_ROLE_LABELS, DUTY_ROLES, SEVERITIES, type Severity } from '#domain/severity.ts';
import type { PolicyVersion } from '#services/policies.ts';

/** What is one line of text for each severity, in the order of the form. Minutes unless the hint says otherwise. */
export const LINES = [
  { name: 'meaning', label: 'What it means', hint: '' },
  { name: 'firstPublicUpdate', label: 'First public update within', hint: 'From the declaration.' },
  { name: 'publicUpdateEvery', label: 'Then a public update every', hint: '' },
  { name: 'internalUpdateEvery', label: 'An internal update every', hint: '' },
  {
    name: 'respondWithin',
    label: 'Taken up within',
    hint: 'Roles of a SEV1 or SEV2 are asked for then. Empty: the next business day. When it begins, the comms lead on duty is asked once, unless someone has taken it up.',
  },
  { name: 'watchBeforeResolving', label: 'Watched before it is resolved', hint: 'In Monitoring.' },
  { name: 'postmortemWithinHours', label: 'Postmortem within', hint: 'Hours. Empty: it may be left out.' },
  { name: 'remindFirstAfter', label: 'Before the first update', hint: 'After the declaration, with commas.' },
  {
    name: 'remindBefore',
    label: 'Before each later one',
    hint: 'Before it is due, with commas. 0: when it is.',
  },
  { name: 'lateEvery', label: 'When it is late, every', hint: 'One more of those below each time.' },
  {
    name: 'subscriberOpeningAfter',
    label: 'Subscribers hear of it after',
    hint: '0: at once. Empty: in the daily digest.',
  },
  {
    name: 'subscriberUpdateEvery',
    label: 'Then a mail at most every',
    hint: 'A change of severity and the end go at once.',
  },
] as const;

export type LineName = (typeof LINES)[number]['name'];

/** The form's parts, each with its lines. */
export const PARTS: readonly { title: string; lines: readonly LineName[] }[] = [
  {
    title: 'What is promised',
    lines: [
      'firstPublicUpdate',
      'publicUpdateEvery',
      'internalUpdateEvery',
      'respondWithin',
      'watchBeforeResolving',
      'postmortemWithinHours',
    ],
  },
  { title: 'When staff are called', lines: ['remindFirstAfter', 'remindBefore', 'lateEvery'] },
  { title: 'Mail to subscribers', lines: ['subscriberOpeningAfter', 'subscriberUpdateEvery'] },
];

/** What hours past midnight mean, in words, so that two times which were swapped do not pass for a night; '' of hours by day. */
export function nightWords({ opens, closes }: PoliciesFields['hours']): string {
  if (!opens || !closes || opens <= closes) return '';
  return `They go past midnight: work begins at ${opens} and ends at ${closes} on the day after. The whole night counts to the day on which it begins, so Friday’s ends on Saturday morning.`;
}

export function lineOf(name: LineName): (typeof LINES)[number] {
  return LINES.find((line) => line.name === name) as (typeof LINES)[number];
}

/** The form of one severity: text as it is typed, boxes that are ticked. */
type PolicyFields = Record<LineName, string> & {
  businessHoursOnly: boolean;
  postWhenLate: boolean;
  needsApproval: boolean;
  subscriberStatusAtOnce: boolean;
  lateTell: string[];
};

export type PoliciesFields = Record<Severity, PolicyFields> & {
  hours: { opens: string; closes: string; weekdays: string[]; holidays: string };
  reason: string;
};

/** As it stands, written as it would be typed. */
export function fieldsOf({ policies, hours }: PolicyVersion): PoliciesFields {
  const one = (severity: Severity): PolicyFields => {
    const policy = policies[severity];
    const lines = Object.fromEntries(LINES.map(({ name }) => [name, typed(policy[name])]));
    return {
      ...(lines as Record<LineName, string>),
      businessHoursOnly: policy.businessHoursOnly,
      postWhenLate: policy.postWhenLate ?? false,
      needsApproval: policy.needsApproval ?? false,
      subscriberStatusAtOnce: policy.subscriberStatusAtOnce,
      lateTell: [...policy.lateTell],
    };
  };
  return {
    SEV1: one('SEV1'),
    SEV2: one('SEV2'),
    SEV3: one('SEV3'),
    SEV4: one('SEV4'),
    hours: { ...hours, weekdays: hours.weekdays.map(String), holidays: hours.holidays.join('\n') },
    reason: '',
  };
}

/** As it was sent. */
export function readFields(form: FormData): PoliciesFields {
  const one = (severity: Severity): PolicyFields => {
    const lines = Object.fromEntries(LINES.map(({ name }) => [name, textOf(form, `${severity}.${name}`)]));
    return {
      ...(lines as Record<LineName, string>),
      businessHoursOnly: form.has(`${severity}.businessHoursOnly`),
      postWhenLate: form.has(`${severity}.postWhenLate`),
      needsApproval: form.has(`${severity}.needsApproval`),
      subscriberStatusAtOnce: form.has(`${severity}.subscriberStatusAtOnce`),
      lateTell: form.getAll(`${severity}.lateTell`).map(String),
    };
  };
  const [SEV1, SEV2, SEV3, SEV4] = SEVERITIES.map(one) as [
    PolicyFields,
    PolicyFields,
    PolicyFields,
    PolicyFields,
  ];
  return {
    SEV1,
    SEV2,
    SEV3,
    SEV4,
    hours: {
      opens: textOf(form, 'hours.opens'),
      closes: textOf(form, 'hours.closes'),
      weekdays: form.getAll('hours.weekdays').map(String),
      holidays: textOf(form, 'hours.holidays'),
    },
    reason: textOf(form, 'reason'),
  };
}

function typed(value: string | number | readonly number[] | null): string {
  if (value === null || value === 'digest' || value === 'next_business_day') return '';
  return typeof value === 'object' ? value.join(', ') : String(value);
}

type Tick = {
  name: string;
  value: string;
  label: string;
  hint?: string;
  isOn: (severity: Severity) => boolean;
};

/** The boxes of a part, below its numbers. */
export function ticksOf(part: number, fields: PoliciesFields): Tick[] {
  if (part === 0)
    return [
      {
        name: 'businessHoursOnly',
        value: 'hours',
        label: 'In business hours only',
        isOn: (severity) => fields[severity].businessHoursOnly,
      },
      {
        name: 'needsApproval',
        value: 'yes',
        label: 'Public updates need an approver',
        isOn: (severity) => fields[severity].needsApproval,
      },
    ];
  if (part === 2)
    return [
      {
        name: 'subscriberStatusAtOnce',
        value: 'status',
        label: 'A change of status goes at once, too',
        isOn: (severity) => fields[severity].subscriberStatusAtOnce,
      },
    ];
  if (part !== 1) return [];
  const calls = DUTY_ROLES.map((role) => ({
    name: 'lateTell',
    value: role,
    label: `Called when late: ${DUTY_ROLE_LABELS[role].toLowerCase()}`,
    isOn: (severity: Severity) => fields[severity].lateTell.includes(role),
  }));
  return [
    ...calls,
    {
      name: 'postWhenLate',
      value: 'post',
      label: 'When late, post an approved text',
      hint: 'Marked as automatic, at most twice in a row. Staff are called all the same.',
      isOn: (severity) => fields[severity].postWhenLate,
    },
  ];
}
