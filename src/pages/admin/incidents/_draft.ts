import { requirePermission } from '#domain/permissions.ts';
import { type KeptDraft, loadDraft, type OtherDraft } from '#services/drafts.ts';
import { adminFrame } from '../_frame.ts';
import { type FullPreview, previewOf } from './_preview.ts';
import type { Fields } from './_update.ts';
import { type IncidentPage, readIncidentPage, startingFields } from './_view.ts';

export type FormState = {
  fields: Fields;
  /** Null when the form is as it starts. */
  kept: KeptDraft | null;
  others: OtherDraft[];
  /** The incident has changed since the draft was begun. */
  isBehind: boolean;
};

/** What the form holds: the person's draft over what stands. A status that can no longer follow is left out. */
export async function formState({ ctx }: App.Locals, page: IncidentPage): Promise<FormState> {
  const { own, others } = await loadDraft(ctx, page.subject.id);
  const start = startingFields(page);
  // A draft that was on its way while its text was posted comes back too late to be one.
  const isPosted = own && page.incident.updates.some(({ body }) => body === own.fields.body?.trim());
  if (!own || isPosted) return { fields: start, kept: null, others, isBehind: false };
  const fields = { ...start, ...own.fields };
  if (!page.subject.statuses.some((status) => status === fields.status))
    fields.status = start.status as string;
  const isBehind = own.fields.version !== undefined && own.fields.version !== String(page.subject.version);
  return { fields, kept: own, others, isBehind };
}

/** The preview of what is kept. @throws AppError not_found or forbidden */
export async function draftPreview(locals: App.Locals, id: string): Promise<FullPreview> {
  requirePermission(locals.ctx.actor, 'incident.draft');
  const page = await readIncidentPage(locals, await adminFrame(locals), id);
  const { fields } = await formState(locals, page);
  return previewOf(locals.ctx, page.subject, `${page.path}/preview`, fields);
}
