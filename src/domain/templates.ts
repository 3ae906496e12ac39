import type { AnyStatus } from './status.ts';
import type { Instant } from './time.ts';

/**
 * Saved wording with `{{variables}}`. A variable is a name from a fixed list and nothing else: no template engine ever runs
 * what a person typed.
 */
export const TEMPLATE_KINDS = [
  'initial',
  'progress',
  'holding',
  'resolution',
  'internal',
  'maintenance',
] as const;
export type TemplateKind = (typeof TEMPLATE_KINDS)[number];

export const TEMPLATE_KIND_LABELS: Record<TemplateKind, string> = {
  initial: 'First update',
  progress: 'Progress',
  holding: 'Holding',
  resolution: 'Resolution',
  internal: 'Internal',
  maintenance: 'Planned work',
};

export const TEMPLATE_VARIANTS = ['', 'third_party', 'region'] as const;
export type TemplateVariant = (typeof TEMPLATE_VARIANTS)[number];

export const TEMPLATE_VARIANT_LABELS: Record<TemplateVariant, string> = {
  '': 'General',
  third_party: 'A provider’s fault',
  region: 'One region',
};

export type Template = {
  id: string;
  kind: TemplateKind;
  variant: TemplateVariant;
  name: string;
  /** A suggested incident title; only declaring uses it. */
  title: string | null;
  body: string;
  /** The status that usually goes with it; null leaves the status as it is. */
  status: AnyStatus | null;
  /** Since when it may be posted automatically, and who said so; null when it may not. Any change of it takes that back. */
  approved: { at: Instant; by: string } | null;
};

export type Variable = { name: VariableName; meaning: string; example: string };

/** Every variable there is, in the order in which the editor lists them. */
export const VARIABLES = [
  { name: 'components', meaning: 'The affected components, in words', example: 'Checkout and Card payments' },
  { name: 'affected', meaning: 'Who is affected and how many', example: 'about one in three customers' },
  { name: 'scope', meaning: 'Where it is felt', example: 'Europe' },
  { name: 'region', meaning: 'The region concerned', example: 'Europe (Frankfurt)' },
  { name: 'provider', meaning: 'The provider that has the trouble', example: 'our card processor' },
  { name: 'workaround', meaning: 'What still works', example: 'Bank transfer and gift cards work.' },
  { name: 'started', meaning: 'When it began, with zone', example: '14:05 UTC' },
  { name: 'duration', meaning: 'How long it has lasted', example: '51 minutes' },
  { name: 'next_update', meaning: 'When the next update comes', example: '15:30 UTC' },
  { name: 'estimate', meaning: 'When it may be over', example: 'by 17:00 UTC' },
  { name: 'title', meaning: 'The incident’s title', example: 'Checkout fails for card payments in Europe' },
  { name: 'severity', meaning: 'SEV1 to SEV4', example: 'SEV1' },
  { name: 'status', meaning: 'The status this update gives it', example: 'Identified' },
  { name: 'page_name', meaning: 'What the status page is called', example: 'Harbour' },
  {
    name: 'page_url',
    meaning: 'Where the incident is on the page',
    example: 'https://status.example.com/incidents/k3v9q0x2m7ab',
  },
] as const;

export type VariableName = (typeof VARIABLES)[number]['name'];
export type VariableValues = Partial<Record<VariableName, string | null>>;

const PLACEHOLDER = /\{\{\s*([a-z_]{1,40})\s*\}\}/g;
const NAMES: ReadonlySet<string> = new Set(VARIABLES.map((variable) => variable.name));

export type Substituted = {
  text: string;
  /** Listed variables that had no value: they stand in the text as they were. */
  missing: VariableName[];
};

/**
 * Fills the listed variables in one pass, so a value that itself holds `{{...}}` is never read again. A variable without a
 * value, and everything that is not on the list, stays in the text as it is.
 */
export function substitute(text: string, values: VariableValues): Substituted {
  const missing = new Set<VariableName>();
  const filled = text.replace(PLACEHOLDER, (placeholder, name: string) => {
    if (!isVariable(name)) return placeholder;
    const value = Object.hasOwn(values, name) ? values[name]?.trim() : undefined;
    if (value) return value;
    missing.add(name);
    return placeholder;
  });
  return { text: filled, missing: [...missing] };
}

/** The variables that a text uses, each once. */
export function variablesIn(text: string): VariableName[] {
  return [...new Set([...text.matchAll(PLACEHOLDER)].map((match) => match[1] as string).filter(isVariable))];
}

/** What stands between double braces but is no variable: a slip of the pen, which the template's editor points out. */
export function unknownVariables(text: string): string[] {
  const inner = [...text.matchAll(/\{\{([^{}\n]{0,80})\}\}/g)].map((match) => (match[1] as string).trim());
  return [...new Set(inner.filter((name) => !isVariable(name)))];
}

/** A value for every variable, for the live example beside the editor. */
export const EXAMPLE_VALUES: VariableValues = Object.fromEntries(
  VARIABLES.map((variable) => [variable.name, variable.example]),
);

/** "Checkout", "Checkout and Cards", "Checkout, Cards and 3 others": names as a sentence has them. */
export function namesInWords(names: readonly string[]): string {
  if (names.length <= 1) return names[0] ?? '';
  if (names.length <= 4) return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  return `${names.slice(0, 3).join(', ')} and ${names.length - 3} others`;
}

function isVariable(name: string): name is VariableName {
  return NAMES.has(name);
}
