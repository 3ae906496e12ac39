import type { APIRoute } from 'astro';
import { problemsFrom } from '#components/admin/forms.ts';
import { AppError, httpStatus } from '#domain/errors.ts';
import { isPublicId } from '#domain/ids.ts';
import { clockTimeWithZone } from '#domain/time.ts';
import { draftInput, loadDraft, saveDraft } from '#services/drafts.ts';
import { getSettings } from '#services/settings.ts';

/** Keeps what is typed so far: `{subject, fields}`. Answers when it was kept and what others have drafted. */
export const POST: APIRoute = async ({ locals, request }) => {
  try {
    const parsed = draftInput.safeParse(await request.json().catch(() => null));
    if (!parsed.success)
      throw new AppError('invalid', parsed.error.issues[0]?.message ?? 'This is no draft.', {
        fix: 'Shorten it, or copy it elsewhere.',
      });
    const { updatedAt } = await saveDraft(locals.ctx, parsed.data);
    return Response.json({ keptAt: updatedAt, others: await othersOf(locals, parsed.data.subject) });
  } catch (error) {
    return Response.json({ problems: problemsFrom(error) }, { status: httpStatus(error) });
  }
};

/** Who else drafts the subject, for a page that stays open. */
export const GET: APIRoute = async ({ locals, url }) => {
  const subject = url.searchParams.get('subject') ?? '';
  return Response.json({ others: isPublicId(subject) ? await othersOf(locals, subject) : [] });
};

async function othersOf({ ctx }: App.Locals, subject: string) {
  const [{ others }, { timeZone }] = await Promise.all([loadDraft(ctx, subject), getSettings(ctx)]);
  return others.map(({ updatedAt, ...other }) => ({ ...other, at: clockTimeWithZone(updatedAt, timeZone) }));
}
