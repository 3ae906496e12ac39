import type { Severity } from '#domain/severity.ts';
import type { IncidentStatus } from '#domain/status.ts';
import type { PersonId, Touched } from './demoData.ts';

/** What is going on at Harbour while someone looks. Minutes count back from the moment when the demo is filled. */
export type OpenIncident = {
  title: string;
  severity: Severity;
  scope?: string;
  summary: string;
  startedAgo: number;
  detectedAgo: number;
  declaredAgo: number;
  declaredBy: PersonId;
  components: Touched;
  roles: readonly {
    role: 'incident_commander' | 'technical_lead' | 'comms_lead' | 'scribe';
    person: PersonId;
  }[];
  updates: readonly OpenUpdate[];
  log: readonly { ago: number; by: PersonId; body: string }[];
  /** Steps of its runbooks that are done, by how they begin. */
  ticked: readonly { ago: number; by: PersonId; step: string }[];
};

export type OpenUpdate = {
  ago: number;
  by: PersonId;
  audience: 'public' | 'internal';
  status: IncidentStatus;
  body: string;
  affected?: string;
  workaround?: string;
  estimate?: string;
  /** Minutes after this update by which the next is promised; the policy's own when left out. */
  nextWithin?: number;
  holding?: boolean;
  notify?: boolean;
  components?: Touched;
};

/** Minutes from now until the SEV1's next public update is due, give or take the rounding to a whole minute. */
export const NEXT_DUE_WITHIN = 8;

export const CHECKOUT_FAILURES: OpenIncident = {
  title: 'Checkout is failing for some customers',
  severity: 'SEV1',
  scope: 'Europe',
  summary: 'Card payments in Europe are rejected, about one in three',
  startedAgo: 58,
  detectedAgo: 55,
  declaredAgo: 53,
  declaredBy: 'priya',
  components: [
    ['Checkout', 'partial_outage'],
    ['Card payments', 'partial_outage'],
  ],
  roles: [
    { role: 'incident_commander', person: 'priya' },
    { role: 'technical_lead', person: 'sam' },
    { role: 'comms_lead', person: 'jonas' },
    { role: 'scribe', person: 'lena' },
  ],
  updates: [
    {
      ago: 50,
      by: 'jonas',
      audience: 'public',
      status: 'investigating',
      body: 'Some customers in Europe see an error when they pay by card. We are looking for the cause.',
      affected: 'Customers who pay by card in Europe; how many is not clear yet',
      workaround: 'Browsing, sign-in and existing orders work normally.',
      notify: true,
      components: [
        ['Checkout', 'partial_outage'],
        ['Card payments', 'partial_outage'],
      ],
    },
    {
      ago: 44,
      by: 'priya',
      audience: 'internal',
      status: 'investigating',
      body: 'Rejections began at once, with no release of ours near. Both payment teams are on the call.',
    },
    {
      ago: 37,
      by: 'jonas',
      audience: 'public',
      status: 'investigating',
      body: 'We are still looking into failed card payments. Nothing new to report yet; orders that were placed are safe, and nobody is charged for a payment that fails.',
      holding: true,
    },
    {
      ago: 30,
      by: 'priya',
      audience: 'internal',
      status: 'investigating',
      body: 'All rejected payments go through one provider in Frankfurt. Their own page shows nothing yet; Sam has them on the phone.',
    },
    {
      ago: 22,
      by: 'jonas',
      audience: 'public',
      status: 'identified',
      body: 'A payment provider in Frankfurt is rejecting about one in three card payments. We are moving European card traffic to a second provider.',
      affected: 'about one in three customers who pay by card in Europe',
      workaround: 'Bank transfer and gift cards work. A card payment that failed can be tried again.',
      estimate: 'Most payments within the hour',
      nextWithin: 22 + NEXT_DUE_WITHIN,
      notify: true,
      components: [
        ['Checkout', 'major_outage'],
        ['Cart', 'degraded_performance'],
        ['Card payments', 'partial_outage'],
        ['Europe (Frankfurt)', 'partial_outage'],
      ],
    },
    {
      ago: 16,
      by: 'priya',
      audience: 'internal',
      status: 'identified',
      body: 'The second provider takes 20 % of European traffic without errors. Sam raises it by 20 % every ten minutes.',
    },
    {
      ago: 5,
      by: 'sam',
      audience: 'internal',
      status: 'identified',
      body: '40 % of European traffic now goes to the second provider, still without errors. The next step is in five minutes.',
    },
  ],
  log: [
    { ago: 55, by: 'lena', body: 'Alarm: card payments in Frankfurt below 80 % success.' },
    { ago: 53, by: 'lena', body: 'Priya declares SEV1 and takes command.' },
    {
      ago: 45,
      by: 'lena',
      body: 'Checked: no release since yesterday 16:00 UTC, no change to the firewall.',
    },
    { ago: 34, by: 'lena', body: 'Sam reaches the provider. They see it too and have no cause yet.' },
    { ago: 26, by: 'lena', body: 'Decision (Priya): move European card traffic to the second provider.' },
    { ago: 6, by: 'lena', body: 'Second provider at 40 %. No errors in 2,100 payments.' },
  ],
  ticked: [
    { ago: 51, by: 'lena', step: 'Say in #incident-comms' },
    { ago: 50, by: 'lena', step: 'Pause scheduled posts' },
    { ago: 47, by: 'lena', step: 'Search for' },
    { ago: 46, by: 'jonas', step: 'Ask the technical lead' },
    { ago: 41, by: 'jonas', step: 'Give support a macro' },
  ],
};

/** Declared, but not published yet: only the team sees it, and what it says of Webhooks. */
export const LATE_WEBHOOKS: OpenIncident = {
  title: 'Webhooks arrive late',
  severity: 'SEV3',
  summary: 'Webhooks up to ten minutes late for shops with more than one app',
  startedAgo: 31,
  detectedAgo: 20,
  declaredAgo: 17,
  declaredBy: 'sam',
  components: [['Webhooks', 'degraded_performance']],
  roles: [{ role: 'technical_lead', person: 'sam' }],
  updates: [
    {
      ago: 9,
      by: 'sam',
      audience: 'internal',
      status: 'investigating',
      body: 'More webhooks arrive than the queues were set up for, because failed payments are tried again. None are lost. Adding room now.',
    },
  ],
  log: [],
  ticked: [{ ago: 12, by: 'lena', step: 'Give support a macro' }],
};

/** Hours from now, negative for what has begun. */
export type Planned = {
  title: string;
  startsIn: number;
  hours: number;
  components: readonly string[];
  announcement: string;
  announcedDaysBefore: number;
};

export const PLANNED: readonly Planned[] = [
  {
    title: 'Community moves to new machines',
    startsIn: -0.4,
    hours: 2,
    components: ['Community'],
    announcement: 'The community can be read, but not written to, for up to two hours.',
    announcedDaysBefore: 6,
  },
  {
    title: 'Payouts database upgrade',
    startsIn: 31,
    hours: 2,
    components: ['Payouts'],
    announcement: 'Payouts pause for up to 30 minutes. Nothing else is affected, and no payout is lost.',
    announcedDaysBefore: 5,
  },
];
