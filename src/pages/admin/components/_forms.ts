import { z } from 'zod';
import { textOf } from '#components/admin/forms.ts';
import { optional, singleLine } from '#domain/text.ts';

export const componentSchema = z.object({
  name: singleLine(80, 'The name'),
  description: optional(singleLine(300, 'The description')),
  groupId: optional(z.string()),
  showUptime: z.boolean(),
  onlyShowIfDegraded: z.boolean(),
  startDate: optional(
    z.string().refine((text) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)), {
      message: 'This is no day. Write it as 2026-11-21.',
    }),
  ),
});

export function componentFields(form: FormData) {
  return {
    name: textOf(form, 'name'),
    description: textOf(form, 'description'),
    groupId: textOf(form, 'groupId'),
    showUptime: textOf(form, 'showUptime') === 'yes',
    onlyShowIfDegraded: textOf(form, 'onlyShowIfDegraded') === 'yes',
    startDate: textOf(form, 'startDate'),
  };
}

export const groupSchema = z.object({
  name: singleLine(80, 'The name'),
  description: optional(singleLine(300, 'The description')),
});
