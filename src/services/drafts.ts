import { z } from 'zod';
import type { Ctx } from '#db/context.ts';
import { type DraftFields, deleteDraft, isHiddenSubject, listDraftsOf, upsertDraft } from '#db/drafts.ts';
import type { Tx } from '#db/open.ts';
import { AppError } from '#domain/errors.ts';
import { isPublicId } from '#domain/ids.ts';
import { type Actor, may, requirePermission } from '#domain/permissions.ts';
import { addMs, DAY, type Instant, MINUTE } from '#domain/time.ts';

/** Someone counts as drafting this long after their last keystroke. */
const DRAFTING_FOR = 2 * MINUTE;
/** What others left lying longer than this is of no use to anyone else. */
const OTHERS_KEPT_FOR = DAY;
/** Room for a field of each of the 2,000 components that a page may have, and for the words. */
const MAX_FIELDS = 2_100;
const MAX_BYTES = 256 * 1024;

export const draftInput = z.object({
  /** The incident's id, or what is being made: `new`, `backfill`, `maintenance`. */
  subject: z.string().refine(isPublicId, 'This is no id of an incident.'),
  /** The form as it stands, field by field. Kept as typed: it is checked when it is posted, not before. */
  fields: z
    .record(z.string().max(80), z.string().max(20_000))
    .refine((fields) => Object.keys(fields).length <= MAX_FIELDS, `A draft has at most ${MAX_FIELDS} fields.`)
    .refine((fields) => JSON.stringify(fields).length <= MAX_BYTES, 'The draft is too long to keep.'),
});

export type KeptDraft = { fields: DraftFields; updatedAt: Instant };
/** `drafting`: they are at it now; else they left it for whoever may post it. */
export type OtherDraft = { name: string; updatedAt: Instant; body: string; drafting: boolean };

/**
 * Keeps what the signed-in person has typed so far, in place of what was kept before.
 * @throws AppError invalid when it is more than a form holds
 */
export async function saveDraft(ctx: Ctx, input: z.infer<typeof draftInput>): Promise<KeptDraft> {
  const user = requireUser(ctx);
  const { error } = draftInput.safeParse(input);
  if (error)
    throw new AppError('invalid', error.issues[0]?.message ?? 'This is no draft.', {
      fix: 'Shorten it, or copy it elsewhere.',
    });
  const updatedAt = ctx.now();
  await ctx.db.write(async (tx) => {
    await refuseUnknown(tx, ctx, input.subject);
    await upsertDraft(tx, { ...input, userId: user.id, userName: user.name, updatedAt });
  });
  return { fields: input.fields, updatedAt };
}

/** The signed-in person's own draft and what others have drafted of it; nothing for those who may not draft. */
export async function loadDraft(
  ctx: Ctx,
  subject: string,
): Promise<{ own: KeptDraft | null; others: OtherDraft[] }> {
  const { actor } = ctx;
  if (actor.kind !== 'user' || !may(actor, 'incident.draft')) return { own: null, others: [] };
  const drafts = await ctx.db.read((tx) => listDraftsOf(tx, subject, ctx.actor));
  const now = ctx.now();
  const own = drafts.find((draft) => draft.userId === actor.id);
  return {
    own: own ? { fields: own.fields, updatedAt: own.updatedAt } : null,
    others: drafts
      .filter((draft) => draft.userId !== actor.id && draft.updatedAt > addMs(now, -OTHERS_KEPT_FOR))
      .map(({ userName, updatedAt, fields }) => ({
        name: userName,
        updatedAt,
        body: fields.body ?? '',
        drafting: updatedAt > addMs(now, -DRAFTING_FOR),
      })),
  };
}

/** Forgets the signed-in person's draft: it was posted, or is not wanted. */
export async function discardDraft(ctx: Ctx, subject: string): Promise<void> {
  const user = requireUser(ctx);
  await ctx.db.write((tx) => deleteDraft(tx, subject, user.id));
}

/** A draft of an incident that its writer may not know of would be of one that is not there. */
async function refuseUnknown(tx: Tx, ctx: Ctx, subject: string): Promise<void> {
  if (await isHiddenSubject(tx, subject, ctx.actor))
    throw new AppError('not_found', 'There is no such incident.', {
      fix: 'Open it from the list of incidents.',
    });
}

function requireUser({ actor }: Ctx): Extract<Actor, { kind: 'user' }> {
  requirePermission(actor, 'incident.draft');
  if (actor.kind !== 'user') throw new Error('Only people draft.');
  return actor;
}
