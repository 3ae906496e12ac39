import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { bumpPageVersion, getPage, type Page, updatePage } from '#db/page.ts';
import { requirePermission } from '#domain/permissions.ts';
import { optional, singleLine } from '#domain/text.ts';
import { isTimeZone } from '#domain/time.ts';

export type Settings = Page;

/** What the page is called and how it is kept. The public page shows all of it, so anyone may read it. */
export async function getSettings(ctx: Ctx): Promise<Settings> {
  return ctx.db.read((tx) => getPage(tx));
}

export const settingsInput = z.object({
  name: singleLine(80, 'The page’s name'),
  timeZone: singleLine(60, 'The time zone').refine(
    isTimeZone,
    'This time zone is not known. Write it as Europe/Berlin or UTC.',
  ),
  supportUrl: optional(
    singleLine(300, 'The support address').refine(
      (text) => /^https?:$|^mailto:$/.test(URL.parse(text)?.protocol ?? ''),
      'This is no web or mail address. Write it as https://example.com/help or mailto:help@example.com.',
    ),
  ),
  uptimeWeight: z.preprocess(
    // JavaScript takes an empty field for 0, which would count partial outages for nothing.
    (value) => (typeof value === 'string' && value.trim() === '' ? Number.NaN : value),
    z.coerce
      .number({ error: 'The weight of a partial outage is a number from 0 to 1, such as 0.3.' })
      .min(0, 'The weight of a partial outage is at least 0.')
      .max(1, 'The weight of a partial outage is at most 1.'),
  ),
  releaseSeconds: z.preprocess(
    (value) => (typeof value === 'string' && value.trim() === '' ? Number.NaN : value),
    z.coerce
      .number({ error: 'The wait is a number of seconds, such as 10.' })
      .int('The wait is a whole number of seconds.')
      .min(0, 'The wait is at least 0 seconds.')
      .max(600, 'The wait is at most 600 seconds.'),
  ),
  /** Left out: as it is. */
  showKept: z.boolean().optional(),
  digestAt: z
    .string()
    .trim()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'The daily mail is made at a time such as 09:00.')
    .optional(),
});
export type SettingsInput = z.infer<typeof settingsInput>;

export async function saveSettings(ctx: Ctx, input: SettingsInput): Promise<void> {
  requirePermission(ctx.actor, 'settings.write');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    await updatePage(tx, input);
    await bumpPageVersion(tx, now);
    await insertAudit(tx, ctx, {
      action: 'settings.save',
      subjectKind: 'page',
      subjectId: '1',
      detail: input,
    });
  });
  ctx.changed('page');
}
