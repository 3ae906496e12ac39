import { z } from 'zod';
import { textOf } from '#components/admin/forms.ts';
import { optional, singleLine } from '#domain/text.ts';

const webAddress = singleLine(300, 'The address').refine(
  (text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''),
  'This is no web address. Write it as https://status.example.com.',
);

export const componentSchema = z
  .object({
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
    upstreamName: optional(singleLine(80, 'The name')),
    upstreamUrl: optional(webAddress),
  })
  .superRefine(({ upstreamName, upstreamUrl }, problems) => {
    if (upstreamUrl && !upstreamName)
      problems.addIssue({ code: 'custom', path: ['upstreamName'], message: 'Say whose page that is.' });
    if (upstreamName && !upstreamUrl)
      problems.addIssue({
        code: 'custom',
        path: ['upstreamUrl'],
        message: 'Give the address of their own status page.',
      });
  })
  .transform(({ upstreamName: name, upstreamUrl: url, ...rest }) => ({
    ...rest,
    upstream: name && url ? { name, url } : null,
  }));

export function componentFields(form: FormData) {
  return {
    name: textOf(form, 'name'),
    description: textOf(form, 'description'),
    groupId: textOf(form, 'groupId'),
    showUptime: textOf(form, 'showUptime') === 'yes',
    onlyShowIfDegraded: textOf(form, 'onlyShowIfDegraded') === 'yes',
    startDate: textOf(form, 'startDate'),
    upstreamName: textOf(form, 'upstreamName'),
    upstreamUrl: textOf(form, 'upstreamUrl'),
  };
}

export const groupSchema = z.object({
  name: singleLine(80, 'The name'),
  description: optional(singleLine(300, 'The description')),
});
