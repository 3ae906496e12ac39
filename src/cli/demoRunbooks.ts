import type { Severity } from '#domain/severity.ts';
import type { PersonId } from './demoData.ts';

/** What Harbour does beside writing updates. One review is overdue, as one usually is. */
export const RUNBOOKS: readonly {
  title: string;
  severities: readonly Severity[];
  component: string | null;
  owner: PersonId;
  reviewedDaysAgo: number;
  steps: readonly (readonly [text: string, link?: string])[];
}[] = [
  {
    title: 'Social media watch',
    severities: ['SEV1', 'SEV2'],
    component: null,
    owner: 'jonas',
    reviewedDaysAgo: 19,
    steps: [
      ['Say in #incident-comms who watches until it is over'],
      ['Pause scheduled posts and campaigns', 'https://social.harbour.example/queue'],
      ['Search for “harbour down” and “harbour checkout”', 'https://social.harbour.example/search'],
      ['Answer with the address of the status page and nothing more'],
      ['Tell the comms lead what people report that the page does not say'],
    ],
  },
  {
    title: 'Legal and privacy',
    severities: ['SEV1'],
    component: null,
    owner: 'mara',
    reviewedDaysAgo: 104,
    steps: [
      ['Ask the technical lead whether data was lost, changed or seen by others'],
      ['If so, or if nobody can say: call legal now', 'https://wiki.harbour.example/legal-on-call'],
      ['Write down when we knew; 72 hours run from then'],
      ['Check which contracts promise to tell a customer within a set time'],
    ],
  },
  {
    title: 'Support macros',
    severities: ['SEV1', 'SEV2', 'SEV3'],
    component: null,
    owner: 'lena',
    reviewedDaysAgo: 33,
    steps: [
      ['Give support a macro with the latest update', 'https://help.harbour.example/admin/macros'],
      ['Put a notice in the chat widget and on the contact form'],
      ['Tag tickets about it, so that they can be answered together'],
      ['Renew the macro with every public update'],
    ],
  },
  {
    title: 'Merchants who cannot be paid',
    severities: [],
    component: 'Payouts',
    owner: 'priya',
    reviewedDaysAgo: 61,
    steps: [['Ask finance who waits for more than a day'], ['Call each of them by telephone']],
  },
];
