import { textOf } from '#components/admin/forms.ts';
import { SEVERITIES, type Severity } from '#domain/severity.ts';
import type { PolicyVersion } from '#services/policies.ts';

/** The fields of one severity that are one line of text each, in the order of the form. */
export const LINES = [
  { name: 'meaning', label: 'What it means', hint: '', wide: true },
  {
    name: 'firstPublicUpdate',
    label: 'First public update within',
    hint: 'Minutes from the declaration. Empty: none is asked for.',
  },
  {
    name: 'publicUpdateEvery',
    label: 'Then a public update every',
    hint: 'Minutes. Empty: none is asked for.',
  },
  { name: 'internalUpdateEvery', label: 'Internal update every', hint: 'Minutes. Empty: none is asked for.' },
  { name: 'respondWithin', label: 'Roles are given within', hint: 'Minutes. Empty: the next business day.' },
  {
    name: 'remindFirstAfter',
    label: 'Before the first: call after',
    hint: 'Minutes after the declaration, with commas.',
  },
  {
    name: 'remindBefore',
    label: 'Later: call before',
    hint: 'Minutes before an update is due, with commas.',
  },
  { name: 'lateEvery', label: 'When late: call every', hint: 'Minutes.' },
  {
    name: 'subscriberOpeningAfter',
    label: 'Subscribers hear of it after',
    hint: 'Minutes that it has been open; 0 at once. Empty: in the daily digest.',
  },
  {
    name: 'subscriberUpdateEvery',
    label: 'Then a mail at most every',
    hint: 'Minutes. A change of status or severity goes at once.',
  },
  {
    name: 'watchBeforeResolving',
    label: 'Watch before resolving',
    hint: 'Minutes in Monitoring. Empty: none is asked for.',
  },
  { name: 'postmortemWithinHours', label: 'Postmortem within', hint: 'Hours. Empty: it may be left out.' },
] as const;

/** The form of one severity: text as it is typed, boxes that are ticked. */
type PolicyFields = { [K in (typeof LINES)[number]['name']]: string } & {
  businessHoursOnly: boolean;
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
      ...(lines as Record<(typeof LINES)[number]['name'], string>),
      businessHoursOnly: policy.businessHoursOnly,
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
      ...(lines as Record<(typeof LINES)[number]['name'], string>),
      businessHoursOnly: form.has(`${severity}.businessHoursOnly`),
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
