import type { AnyStatus } from './status.ts';
import type { TemplateKind, TemplateVariant } from './templates.ts';

export type DefaultTemplate = {
  kind: TemplateKind;
  variant: TemplateVariant;
  name: string;
  status: AnyStatus | null;
  body: string;
};

/**
 * The wording that a new installation starts with. Each says what fails, for whom and since when, without a cause that nobody
 * has confirmed. What still works and when the next word comes have fields of their own, which page and mail print below the
 * text, so it does not repeat them. Sentences fit one component or several.
 */
export const DEFAULT_TEMPLATES: readonly DefaultTemplate[] = [
  {
    kind: 'initial',
    variant: '',
    name: 'First update',
    status: 'investigating',
    body: 'Since {{started}}, {{components}} may fail or be slow for {{affected}}. We are looking for the cause.',
  },
  {
    kind: 'initial',
    variant: '',
    name: 'First update: little is known',
    status: 'investigating',
    body: 'Since {{started}}, {{components}} may fail or be slow for customers. We are looking into it.',
  },
  {
    kind: 'initial',
    variant: 'third_party',
    name: 'First update: a provider has trouble',
    status: 'identified',
    body: 'Since {{started}}, {{components}} may fail or be slow for {{affected}}. We rely on {{provider}} for this, and their service has trouble. We are in touch with them and are looking for a way round it.',
  },
  {
    kind: 'initial',
    variant: 'region',
    name: 'First update: one region',
    status: 'investigating',
    body: 'Since {{started}}, {{components}} may fail or be slow for customers in {{region}}. Everywhere else works as usual. We are looking for the cause.',
  },
  {
    kind: 'progress',
    variant: '',
    name: 'Found, being mended',
    status: 'identified',
    body: 'We have found the fault and are mending it. Until that is done, {{components}} may still fail for {{affected}}.',
  },
  {
    kind: 'progress',
    variant: '',
    name: 'Mended, being watched',
    status: 'monitoring',
    body: 'You can use {{components}} again. We are watching closely before we call this resolved. If something still fails for you, please try it once more.',
  },
  {
    kind: 'progress',
    variant: 'third_party',
    name: 'A provider is mending it',
    status: 'identified',
    body: 'The team at {{provider}} has found the fault on their side and is mending it. Until that is done, {{components}} may still fail for {{affected}}. We pass on what they tell us.',
  },
  {
    kind: 'progress',
    variant: 'region',
    name: 'One region, being mended',
    status: 'identified',
    body: 'We have found the fault in {{region}} and are mending it. Until that is done, {{components}} may still fail for customers there. Everywhere else works as usual.',
  },
  {
    kind: 'holding',
    variant: '',
    name: 'Nothing has changed',
    status: null,
    body: 'Nothing has changed since our last update. {{components}} may still fail for {{affected}}, and we are still working on it.',
  },
  {
    kind: 'holding',
    variant: '',
    name: 'Nothing has changed: in short',
    status: null,
    body: 'Nothing has changed since our last update: {{components}} may still fail for customers. We are still working on it.',
  },
  {
    kind: 'holding',
    variant: 'third_party',
    name: 'Waiting for a provider',
    status: null,
    body: 'Nothing has changed since our last update. {{components}} may still fail for {{affected}} until {{provider}} has mended the fault on their side. We are in touch with them.',
  },
  {
    kind: 'holding',
    variant: 'region',
    name: 'Nothing has changed: one region',
    status: null,
    body: 'Nothing has changed since our last update. {{components}} may still fail for customers in {{region}}, and we are still working on it. Everywhere else works as usual.',
  },
  {
    kind: 'resolution',
    variant: '',
    name: 'Resolved',
    status: 'resolved',
    body: 'This is resolved. You can use {{components}} as usual. It began at {{started}} and lasted {{duration}}.',
  },
  {
    kind: 'resolution',
    variant: 'third_party',
    name: 'Resolved by a provider',
    status: 'resolved',
    body: 'This is resolved: {{provider}} has mended the fault on their side. You can use {{components}} as usual. It began at {{started}} and lasted {{duration}}.',
  },
  {
    kind: 'resolution',
    variant: 'region',
    name: 'Resolved in one region',
    status: 'resolved',
    body: 'This is resolved. Customers in {{region}} can use {{components}} as usual. It began at {{started}} and lasted {{duration}}.',
  },
  {
    kind: 'internal',
    variant: '',
    name: 'For colleagues',
    status: null,
    body: '**Customers see:** {{components}} may fail for {{affected}}, since {{started}}.\n\n**What to tell them:** {{workaround}}\n\n**Being done now:** \n\n**Needed from you:** nothing for now.',
  },
  {
    kind: 'internal',
    variant: 'third_party',
    name: 'For colleagues: a provider has trouble',
    status: null,
    body: '**Customers see:** {{components}} may fail for {{affected}}, since {{started}}.\n\n**Where the fault is:** {{provider}}. Our case with them: \n\n**What to tell customers:** {{workaround}}\n\n**Needed from you:** nothing for now.',
  },
  {
    kind: 'internal',
    variant: 'region',
    name: 'For colleagues: one region',
    status: null,
    body: '**Customers see:** {{components}} may fail for customers in {{region}}, since {{started}}. Everywhere else works.\n\n**What to tell them:** {{workaround}}\n\n**Being done now:** \n\n**Needed from you:** nothing for now.',
  },
  {
    kind: 'maintenance',
    variant: '',
    name: 'Planned work',
    status: null,
    body: 'We are working on {{components}}, which may fail or be slow for customers for a few minutes in that time. You need not do anything before. What you had begun is kept.',
  },
  {
    kind: 'maintenance',
    variant: 'third_party',
    name: 'Planned work of a provider',
    status: null,
    body: '{{provider}} works on what we rely on for {{components}}, which may fail or be slow for customers in that time. You need not do anything before.',
  },
  {
    kind: 'maintenance',
    variant: 'region',
    name: 'Planned work in one region',
    status: null,
    body: 'We are working on {{components}} in {{region}}, which may fail or be slow for customers there in that time. Everywhere else works as usual.',
  },
];
