import type { Ctx } from '#db/context.ts';
import { personalise } from '#emails/render.ts';
import { type PostInput, type Preview, previewUpdate } from './postUpdate.ts';

export type ScreenPreview = Omit<Preview, 'mail'> & { subject: string; html: string; text: string };

/** A preview to look at before it is posted: as postUpdate would send it, but its personal links lead to the page itself. */
export async function previewOnScreen(ctx: Ctx, input: PostInput): Promise<ScreenPreview> {
  const { mail, ...preview } = await previewUpdate(ctx, input);
  const links = { unsubscribe_url: ctx.site.url, manage_url: ctx.site.url };
  return { ...preview, subject: mail.subject, ...personalise(mail, links) };
}
