import type { CadencePolicy } from './severity.ts';
import { type Template, unknownVariables, type VariableName, variablesIn } from './templates.ts';
import { type Instant, MINUTE, msBetween } from './time.ts';

/** What decides whether something is posted because nobody did. */
export type AutomaticFacts = {
  policy: Pick<CadencePolicy, 'postWhenLate' | 'publicUpdateEvery'>;
  /** When the next public word is due; null when none is. */
  due: Instant | null;
  /** Someone has said "I have it": they are writing. */
  isHeld: boolean;
  /** What was said in public, what was said last first. */
  said: readonly { postedAt: Instant; automatic: boolean }[];
};

/** In a row; after that only a person can say more. */
const MOST = 2;

/**
 * What to post automatically now: the first acknowledgement, a holding text, or nothing. Only where the policy says so and the word is
 * late; at most twice in a row; never within the interval after a person's own word.
 */
export function automaticKind(facts: AutomaticFacts, now: Instant): 'initial' | 'holding' | null {
  const { policy, due, isHeld, said } = facts;
  if (!policy.postWhenLate || !due || due > now || isHeld) return null;
  if (said.length >= MOST && said.slice(0, MOST).every(({ automatic }) => automatic)) return null;
  const human = said.find(({ automatic }) => !automatic);
  const every = policy.publicUpdateEvery;
  if (human && every !== null && isWithin(every * MINUTE, human.postedAt, now)) return null;
  return said.length ? 'holding' : 'initial';
}

/** Of what a clock said that had leapt ahead nobody knows when it was: it is not waited for. */
function isWithin(ms: number, at: Instant, now: Instant): boolean {
  return Math.abs(msBetween(at, now)) < ms;
}

/** What is known of every incident, so that no text goes out with a gap. */
const ALWAYS_KNOWN: readonly VariableName[] = [
  'components',
  'started',
  'duration',
  'next_update',
  'severity',
  'status',
  'page_name',
  'page_url',
];

/** Only the general texts for these two can be posted by themselves. */
export function canBeAutomatic({ kind, variant }: Pick<Template, 'kind' | 'variant'>): boolean {
  return (kind === 'initial' || kind === 'holding') && variant === '';
}

/** Which variables of a text keep it from being posted by itself, because they may be unknown then. */
export function uncertainVariables(body: string): string[] {
  return [...variablesIn(body).filter((name) => !ALWAYS_KNOWN.includes(name)), ...unknownVariables(body)];
}

/** Stands below every text that was posted by itself, wherever it is read. */
export const AUTOMATIC_MARK = '*This update was posted automatically.*';
