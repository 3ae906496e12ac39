import { createHash } from 'node:crypto';
import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { deleteLogo, findLogo, saveLogo } from '#db/logos.ts';
import { bumpPageVersion, getPage, updatePage } from '#db/page.ts';
import { BACKGROUNDS, type Background, type Brand, type LogoType } from '#domain/brand.ts';
import { AppError } from '#domain/errors.ts';
import { readLogo } from '#domain/logo.ts';
import { requirePermission } from '#domain/permissions.ts';
import { optional, singleLine } from '#domain/text.ts';

export async function getBrand(ctx: Ctx): Promise<Brand> {
  return ctx.db.read(async (tx) => (await getPage(tx)).brand);
}

/** What the form says beside the files. */
export const brandInput = z.object({
  accent: optional(
    singleLine(20, 'The accent colour').refine(
      (text) => /^#[0-9a-f]{6}$/i.test(text),
      'Write the colour as # and six digits, such as #1f5fbf.',
    ),
  ),
  footer: optional(singleLine(200, 'The line at the foot')),
  wordmark: z.boolean().default(false),
});

/** For each background a file in place of the logo that is there, 'remove', or nothing when it stays. */
export type LogoChanges = Partial<Record<Background, Uint8Array | 'remove'>>;

/**
 * Makes the page look like its owner's. Files are read by what is in them, and only what draws is kept.
 * @returns what was left out of the files, in words
 * @throws AppError invalid with a problem beside the field of a file that cannot be a logo: then nothing is changed
 */
export async function saveBrand(
  ctx: Ctx,
  { accent, footer, wordmark }: z.infer<typeof brandInput>,
  changes: LogoChanges,
): Promise<string[]> {
  requirePermission(ctx.actor, 'settings.write');
  const now = ctx.now();
  const { files, dropped } = readFiles(changes);
  await ctx.db.write(async (tx) => {
    const logos = { ...(await getPage(tx)).brand.logos };
    for (const background of BACKGROUNDS) {
      const file = files.get(background);
      if (file) {
        const { body, ...logo } = file;
        await saveLogo(tx, { background, body, hash: logo.hash, type: logo.type });
        logos[background] = logo;
      } else if (changes[background] === 'remove') {
        await deleteLogo(tx, background);
        delete logos[background];
      }
    }
    await updatePage(tx, {
      brand: { accent: accent?.toLowerCase() ?? null, footer: footer ?? null, logos, wordmark },
    });
    await bumpPageVersion(tx, now);
    await insertAudit(tx, ctx, {
      action: 'settings.saveBrand',
      subjectKind: 'page',
      subjectId: '1',
      detail: { accent: accent ?? null, footer: footer ?? null, logos: Object.keys(logos).join(', ') },
    });
  });
  ctx.changed('page');
  return dropped;
}

/** @throws AppError not_found */
export async function getLogo(ctx: Ctx, hash: string): Promise<{ type: LogoType; body: Buffer }> {
  const logo = await ctx.db.read((tx) => findLogo(tx, hash));
  if (!logo)
    throw new AppError('not_found', 'There is no such logo.', { fix: 'It may have been changed: reload.' });
  return logo;
}

function readFiles(changes: LogoChanges) {
  const files = new Map<Background, Brand['logos'][Background] & { body: Uint8Array }>();
  const dropped: string[] = [];
  const problems = [];
  for (const background of BACKGROUNDS) {
    const change = changes[background];
    if (change === undefined || change === 'remove') continue;
    const read = readLogo(change);
    if ('problem' in read) {
      problems.push({ field: background, message: read.problem });
      continue;
    }
    const { type, body, width, height } = read;
    const hash = createHash('sha256').update(body).digest('hex').slice(0, 16);
    files.set(background, { hash, type, width, height, body });
    dropped.push(...read.dropped);
  }
  if (problems.length)
    throw new AppError('invalid', problems.map(({ message }) => message).join(' '), { problems });
  return { files, dropped: [...new Set(dropped)] };
}
