import { parseForm } from '#components/admin/forms.ts';
import type { Ctx } from '#db/context.ts';
import { optional, singleLine } from '#domain/text.ts';
import { loadDraft } from '#services/drafts.ts';
import { findMending, type MendPreview, previewMend } from '#services/fanoutControl.ts';
import { editSchema } from '../../../incidents/_actions.ts';

export const mendSchema = editSchema.extend({
  wrong: optional(singleLine(280, 'What was wrong')),
});

/** What the form holds: the person's draft over the update as it stands. */
export async function mendFields(
  ctx: Ctx,
  { id, body, affected, workaround, scope, estimate }: Awaited<ReturnType<typeof findMending>>['update'],
): Promise<Record<string, string>> {
  const { own } = await loadDraft(ctx, id);
  return {
    body,
    affected: affected ?? '',
    workaround: workaround ?? '',
    scope: scope ?? '',
    estimate: estimate ?? '',
    wrong: '',
    ...own?.fields,
  };
}

/** What would go out with what the form holds; null while that cannot be sent. */
export function previewOf(
  ctx: Ctx,
  updateId: string,
  fields: Record<string, string>,
): Promise<MendPreview | null> {
  const { data } = parseForm(mendSchema, fields);
  return data ? previewMend(ctx, { ...data, updateId }) : Promise.resolve(null);
}

/** One of the two mails that the signed-in person's draft makes. @throws AppError not_found or forbidden */
export async function draftMail(ctx: Ctx, noticeId: string, which: 'mail' | 'correction'): Promise<string> {
  const { update } = await findMending(ctx, noticeId);
  const preview = await previewOf(ctx, update.id, await mendFields(ctx, update));
  return preview?.[which].html ?? '<!doctype html><title>Nothing to see yet</title>';
}
