import { z } from 'zod';
import { textOf } from '#components/admin/forms.ts';
import { localTime } from '#components/admin/times.ts';
import {
  SEVERITIES,
  SEVERITY_QUESTIONS,
  type Severity,
  type SeverityAnswers,
  suggestSeverity,
} from '#domain/severity.ts';
import { optional, singleLine } from '#domain/text.ts';

/** What the declaring form holds, as typed. */
export type Declaration = Record<
  'title' | 'severity' | 'scope' | 'summary' | 'startedAt' | 'detectedAt',
  string
>;

export function declarationFields(read: (name: string) => string): Declaration {
  return {
    title: read('title'),
    severity: read('severity'),
    scope: read('scope'),
    summary: read('summary'),
    startedAt: read('startedAt'),
    detectedAt: read('detectedAt'),
  };
}

export function declarationSchema(zone: string) {
  return z.object({
    title: singleLine(140, 'The title'),
    severity: z.enum(SEVERITIES, { error: 'Choose a severity. In doubt, the higher one.' }),
    scope: optional(singleLine(120, 'Where it is felt')),
    summary: optional(singleLine(280, 'The summary')),
    startedAt: localTime(zone, 'When it began'),
    detectedAt: localTime(zone, 'When it was noticed'),
  });
}

/** The helper's answers by name, as the form sent them. */
export function helperAnswers(form: FormData): Record<string, string> {
  const names = [...Object.keys(SEVERITY_QUESTIONS), 'workaround', 'dataLossOrBreach'];
  return Object.fromEntries(names.map((name) => [name, textOf(form, `helper.${name}`)]));
}

/** What the answers suggest; null while a question is open, unless data is at stake. */
export function suggestionOf(answers: Record<string, string>): Severity | null {
  const dataLossOrBreach = answers.dataLossOrBreach === 'yes';
  const complete = Object.entries(SEVERITY_QUESTIONS).every(([name, question]) =>
    Object.hasOwn(question.answers, answers[name] ?? ''),
  );
  if (!complete && !dataLossOrBreach) return null;
  return suggestSeverity({
    ...answers,
    workaround: answers.workaround === 'yes',
    dataLossOrBreach,
  } as SeverityAnswers);
}
