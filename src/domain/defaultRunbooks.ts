import type { Severity } from './severity.ts';

export type DefaultRunbook = { title: string; severities: readonly Severity[]; steps: readonly string[] };

/**
 * What a page without runbooks may begin with, for those who want it. None names a product or a place: whoever takes one over puts in
 * their own, as links at the ends of the lines.
 */
export const DEFAULT_RUNBOOKS: readonly DefaultRunbook[] = [
  {
    title: 'Social media watch',
    severities: ['SEV1', 'SEV2'],
    steps: [
      'Say in the channel who watches until it is over',
      'Pause every post and campaign that is scheduled',
      'Search for our name with “down”, “broken” and “not working”',
      'Answer with the address of the status page and nothing more',
      'Tell the comms lead what people report that the page does not say',
      'Let the scheduled posts run again once it is resolved',
    ],
  },
  {
    title: 'Legal and privacy',
    severities: ['SEV1'],
    steps: [
      'Ask the technical lead whether data was lost, changed or seen by others',
      'If so, or if nobody can say: call legal and the data protection officer now',
      'Write down when we knew; a regulator’s time limit may run from then (72 hours under the GDPR)',
      'Have legal read updates that speak of data before they are posted',
      'Check which contracts promise to tell a customer within a set time',
    ],
  },
  {
    title: 'Support macros',
    severities: ['SEV1', 'SEV2', 'SEV3'],
    steps: [
      'Give support a macro with the latest update and the address of the incident’s page',
      'Put a notice in the chat widget and on the contact form',
      'Tag tickets about it, so that they can be answered together',
      'Renew the macro with every public update',
      'Once it is resolved, answer the tagged tickets and take macro and notice away',
    ],
  },
];
