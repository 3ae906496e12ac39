import { z } from 'zod';
import { isOver } from '#domain/status.ts';
import { substitute } from '#domain/templates.ts';
import { multiLine } from '#domain/text.ts';
import type { Instant } from '#domain/time.ts';
import type { PostInput } from '#services/incidents.ts';
import { PLAIN_HOLD } from './_holding.ts';
import { variableValues } from './_update.ts';
import type { IncidentPage } from './_view.ts';

/** The next word as it could go out as it stands. */
export type NextWord = {
  /** True before anything was said in public. */
  first: boolean;
  body: string;
  hint: string;
  post: Omit<PostInput, 'incidentId' | 'version' | 'body' | 'notify'>;
};

export const nextWordInput = z.object({
  body: multiLine(5000, 'The text'),
  notify: z.enum(['yes', 'no'], { error: 'Choose who is told.' }).transform((text) => text === 'yes'),
  version: z.coerce.number().int(),
});

/** null when nothing is awaited: it is over, or keeps no pace. */
export function nextWord(
  { incident, subject, templates, hold }: IncidentPage,
  now: Instant,
): NextWord | null {
  if (incident.kind !== 'incident' || isOver(incident.status) || !incident.hasCadence) return null;
  const { affected, workaround } = subject.last;
  const first = incident.publishedAt === null;
  const post = { audience: 'public', status: subject.status, affected, workaround, holding: !first } as const;
  if (!first)
    return {
      first,
      body: hold?.text ?? PLAIN_HOLD,
      hint: 'Says that nothing has changed. Change it if something has.',
      post: { ...post, components: [] },
    };
  const template = templates.find(({ kind, variant }) => kind === 'initial' && variant === '');
  const known = variableValues(subject, { audience: 'public', status: subject.status }, now);
  const filled = template && substitute(template.body, known);
  const components = incident.components.flatMap(({ id, claimed }) =>
    claimed ? [{ id, status: claimed }] : [],
  );
  return {
    first,
    body: filled && filled.missing.length === 0 ? filled.text : `We are looking into it: ${incident.title}.`,
    hint: 'Posting it makes the incident public, with the components that were declared.',
    post: { ...post, components },
  };
}
