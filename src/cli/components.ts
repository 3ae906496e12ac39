import type { Ctx } from '#db/context.ts';
import {
  COMPONENT_STATUS_LABELS,
  COMPONENT_STATUSES,
  type ComponentStatus,
  isComponentStatus,
} from '#domain/status.ts';
import { listComponents } from '#services/components.ts';
import { UsageError } from './command.ts';

const SHORT: Record<string, ComponentStatus> = {
  degraded: 'degraded_performance',
  partial: 'partial_outage',
  major: 'major_outage',
  maintenance: 'under_maintenance',
};

export const STATUS_WORDS = 'operational, degraded, partial, major, maintenance';

/**
 * Reads `ID=STATUS` or `Name=STATUS`, the status in the API's words, ours, or short.
 * @throws UsageError that lists what is known
 */
export async function readComponents(
  ctx: Ctx,
  given: readonly string[],
): Promise<{ id: string; status: ComponentStatus }[]> {
  const wanted = given.map(readPair);
  if (!wanted.length) return [];
  const known = await knownComponents(ctx);
  return wanted.map(({ key, status }) => ({ id: idOf(key, known), status }));
}

function readPair(text: string): { key: string; status: ComponentStatus } {
  const at = text.lastIndexOf('=');
  const key = text.slice(0, at).trim();
  if (at < 1 || !key)
    throw new UsageError(`"${text}" names no component and status.`, 'Write --component Checkout=partial.');
  const word = text
    .slice(at + 1)
    .trim()
    .toLowerCase();
  const byLabel = COMPONENT_STATUSES.find((status) => COMPONENT_STATUS_LABELS[status].toLowerCase() === word);
  const status = isComponentStatus(word) ? word : (SHORT[word] ?? byLabel);
  if (status) return { key, status };
  throw new UsageError(`There is no component status "${word}".`, `Choose one of ${STATUS_WORDS}.`);
}

type Known = { id: string; name: string };

function idOf(key: string, known: readonly Known[]): string {
  if (known.some(({ id }) => id === key)) return key;
  const named = known.filter(({ name }) => name.toLowerCase() === key.toLowerCase());
  if (named.length === 1) return named[0]!.id;
  const list = known.map(({ id, name }) => `${id} (${name})`).join(', ');
  throw named.length
    ? new UsageError(
        `More than one component is called "${key}".`,
        `Give the id: ${named.map(({ id }) => id).join(' or ')}.`,
      )
    : new UsageError(`There is no component "${key}".`, list ? `There are: ${list}.` : 'There are none yet.');
}

async function knownComponents(ctx: Ctx): Promise<Known[]> {
  return (await listComponents(ctx)).flatMap((group) => group.components);
}
