import { z } from 'zod';
import { textOf } from '#components/admin/forms.ts';
import { localTime } from '#components/admin/times.ts';
import { SEVERITIES } from '#domain/severity.ts';
import { STATUS_LABELS } from '#domain/status.ts';
import { multiLine, optional, singleLine } from '#domain/text.ts';
import type { Instant } from '#domain/time.ts';

/** How many updates from before the end the form has room for. */
export const EARLIER = 3;
const STATUSES = ['investigating', 'identified', 'monitoring'] as const;
export const earlierStatuses = STATUSES.map((value) => ({ value, label: STATUS_LABELS[value] }));

export function backfillFields(form: FormData): Record<string, string> {
  const names = ['title', 'severity', 'scope', 'startedAt', 'resolvedAt', 'resolution'];
  for (let index = 0; index < EARLIER; index++) names.push(`at${index}`, `status${index}`, `body${index}`);
  return Object.fromEntries(names.map((name) => [name, textOf(form, name)]));
}

/** The form as the service takes it: the earlier updates in order, and the resolution at the end. */
export function backfillSchema(zone: string) {
  const required = (name: string, label: string) =>
    localTime(zone, label).transform((at, issues): Instant => {
      if (at) return at;
      issues.addIssue({ code: 'custom', message: `${name} is missing. Give a time.` });
      return z.NEVER;
    });
  const earlier = Object.fromEntries(
    Array.from({ length: EARLIER }, (_, index) => [
      [`at${index}`, localTime(zone, `The time of update ${index + 1}`)],
      [`status${index}`, z.enum(['', ...STATUSES], { error: 'Choose a status.' })],
      [`body${index}`, optional(multiLine(5000, `The text of update ${index + 1}`))],
    ]).flat(),
  );
  return z
    .object({
      title: singleLine(140, 'The title'),
      severity: z.enum(SEVERITIES, { error: 'Choose a severity.' }),
      scope: optional(singleLine(120, 'Where it was felt')),
      startedAt: required('When it began', 'When it began'),
      resolvedAt: required('When it ended', 'When it ended'),
      resolution: multiLine(5000, 'What happened'),
    })
    .and(z.object(earlier))
    .transform((form, issues) => {
      const fields = form as unknown as Record<string, string | null>;
      const updates = Array.from({ length: EARLIER }, (_, index) => index).flatMap((index) => {
        const body = fields[`body${index}`];
        const postedAt = fields[`at${index}`];
        if (!body) return [];
        if (!postedAt)
          issues.addIssue({
            code: 'custom',
            path: [`at${index}`],
            message: `Say when update ${index + 1} was given.`,
          });
        return [
          {
            status: (fields[`status${index}`] || 'investigating') as (typeof STATUSES)[number],
            body,
            postedAt: postedAt ?? '',
          },
        ];
      });
      const { title, severity, scope, startedAt, resolvedAt, resolution } = form;
      return {
        title,
        severity,
        scope,
        startedAt,
        resolvedAt,
        updates: [...updates, { status: 'resolved' as const, body: resolution, postedAt: resolvedAt }],
      };
    });
}
