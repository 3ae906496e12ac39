import { z } from 'zod';
import {
  type Audience,
  type AudienceMember,
  countAudienceMembers,
  insertAudiences,
  listAudienceMembers,
  listAudiences as listAudienceRows,
  removeAudienceMember,
  updateAudience,
  upsertAudienceMember,
} from '#db/audiences.ts';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { AppError } from '#domain/errors.ts';
import { requirePermission } from '#domain/permissions.ts';
import { AUDIENCE_IDS, type AudienceId, DEFAULT_POLICIES, SEVERITIES } from '#domain/severity.ts';
import { optional, parseAddress, singleLine } from '#domain/text.ts';

export type { Audience, AudienceMember };

const NAMES: Record<AudienceId, string> = {
  executives: 'Executives',
  managers: 'Managers',
  support: 'Support',
  accounts: 'Enterprise accounts',
};

/** The four audiences of the policy table: those that are missing are made. */
export async function ensureAudiences(ctx: Ctx): Promise<void> {
  requirePermission(ctx.actor, 'audience.write');
  const audiences = AUDIENCE_IDS.map((id, position) => ({
    id,
    name: NAMES[id],
    position,
    severities: SEVERITIES.filter((severity) => DEFAULT_POLICIES[severity].audiences.includes(id)),
  }));
  await ctx.db.write((tx) => insertAudiences(tx, audiences));
}

export async function listAudiences(ctx: Ctx): Promise<(Audience & { people: number })[]> {
  requirePermission(ctx.actor, 'audience.write');
  return ctx.db.read(async (tx) => {
    const counts = await countAudienceMembers(tx);
    return (await listAudienceRows(tx)).map((audience) => ({
      ...audience,
      people: counts.get(audience.id) ?? 0,
    }));
  });
}

/** @throws AppError not_found */
export async function getAudience(
  ctx: Ctx,
  id: string,
): Promise<{ audience: Audience; members: AudienceMember[] }> {
  requirePermission(ctx.actor, 'audience.write');
  return ctx.db.read(async (tx) => {
    const audience = (await listAudienceRows(tx)).find((row) => row.id === id) ?? missing();
    return { audience, members: await listAudienceMembers(tx, id) };
  });
}

export const audienceInput = z.object({
  name: singleLine(80, 'The name'),
  severities: z.array(z.enum(SEVERITIES, { error: 'Choose severities from SEV1 to SEV4.' })),
});

/** @throws AppError not_found */
export async function saveAudience(
  ctx: Ctx,
  id: string,
  input: z.infer<typeof audienceInput>,
): Promise<void> {
  requirePermission(ctx.actor, 'audience.write');
  await ctx.db.write(async (tx) => {
    if (!(await updateAudience(tx, id, input))) missing();
    await insertAudit(tx, ctx, {
      action: 'audience.change',
      subjectKind: 'audience',
      subjectId: id,
      detail: input,
    });
  });
}

export const memberInput = z.object({
  address: z
    .string({ error: 'The mail address is missing.' })
    .trim()
    .min(1, 'The mail address is empty. Write something.')
    .transform((text, issues) => {
      const address = parseAddress(text);
      if (address) return address;
      issues.addIssue({ code: 'custom', message: 'This is no mail address. Write it as mia@example.com.' });
      return z.NEVER;
    }),
  name: optional(singleLine(100, 'The name')),
});

/** Adding someone who is there already changes their name. @throws AppError not_found */
export async function addMember(
  ctx: Ctx,
  audienceId: string,
  input: z.infer<typeof memberInput>,
): Promise<void> {
  requirePermission(ctx.actor, 'audience.write');
  const member = { ...input, id: ctx.newId(), audienceId, now: ctx.now() };
  await ctx.db.write(async (tx) => {
    if (!(await listAudienceRows(tx)).some((row) => row.id === audienceId)) missing();
    await upsertAudienceMember(tx, member);
    await insertAudit(tx, ctx, {
      action: 'audience.addMember',
      subjectKind: 'audience',
      subjectId: audienceId,
      detail: { name: input.name },
    });
  });
}

/** @throws AppError not_found */
export async function removeMember(ctx: Ctx, audienceId: string, memberId: string): Promise<void> {
  requirePermission(ctx.actor, 'audience.write');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    if (!(await removeAudienceMember(tx, audienceId, memberId, now)))
      throw new AppError('not_found', 'This person is not in the audience: someone may have removed them.', {
        fix: 'Look at the list again.',
      });
    await insertAudit(tx, ctx, {
      action: 'audience.removeMember',
      subjectKind: 'audience',
      subjectId: audienceId,
      detail: { recipient: memberId },
    });
  });
}

function missing(): never {
  throw new AppError('not_found', 'There is no such audience.', { fix: 'Choose one from the list.' });
}
