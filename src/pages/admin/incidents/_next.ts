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
  label: string;
  body: string;
  hint: string;
  post: Omit<PostInput, 'incidentId' | 'version' | 'body' | 'notify'>;
};

export const nextWordInput = z.object({
  body: multiLine(5000, 'The text'),
  notify: z.enum(['yes', 'no'], { error: 'Choose who is told.' }).transform((text) => text === 'yes'),
  version: z.coerce.number().int(),
});

/** null when nothing is awaited: it is over, keeps no pace, or is not for visitors. */
export function nextWord(page: IncidentPage, inside: boolean, now: Instant): NextWord | null {
  const { incident } = page;
  if (incident.kind !== 'incident' || isOver(incident.status) || !incident.hasCadence) return null;
  if (inside) return wordInside(page);
  if (incident.restricted) return null;
  return incident.publishedAt === null ? firstWord(page, now) : holdingWord(page);
}

/** What colleagues should know nobody can draft. */
function wordInside({ subject }: IncidentPage): NextWord {
  return {
    label: 'What colleagues should know',
    body: '',
    hint: 'What is known, what is tried, what comes next. Visitors do not see it.',
    post: { audience: 'internal', status: subject.status, components: [] },
  };
}

function holdingWord({ subject, hold }: IncidentPage): NextWord {
  const { affected, workaround } = subject.last;
  return {
    label: 'What visitors read next',
    body: hold?.text ?? PLAIN_HOLD,
    hint: 'Says that nothing has changed. Change it if something has.',
    post: { audience: 'public', status: subject.status, affected, workaround, holding: true, components: [] },
  };
}

function firstWord({ incident, subject, templates }: IncidentPage, now: Instant): NextWord {
  const { affected, workaround } = subject.last;
  const template = templates.find(({ kind, variant }) => kind === 'initial' && variant === '');
  const known = variableValues(subject, { audience: 'public', status: subject.status }, now);
  const filled = template && substitute(template.body, known);
  const components = incident.components.flatMap(({ id, claimed }) =>
    claimed ? [{ id, status: claimed }] : [],
  );
  return {
    label: 'The first word to visitors',
    body: filled && filled.missing.length === 0 ? filled.text : `We are looking into it: ${incident.title}.`,
    hint: `${incident.drill ? 'Posting it tells those who take part' : 'Posting it makes the incident public'}${
      components.length ? ', with the components that were declared.' : '. No component is named yet.'
    }${incident.scope ? ` Beside its title stands “${incident.scope}”.` : ''}`,
    post: { audience: 'public', status: subject.status, affected, workaround, holding: false, components },
  };
}
