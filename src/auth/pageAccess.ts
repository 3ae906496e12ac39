import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { bumpPageVersion, getPageAccess, updatePage } from '#db/page.ts';
import { AppError } from '#domain/errors.ts';
import { ACCESS_MODES, type AccessMode } from '#domain/pageAccess.ts';
import { requirePermission } from '#domain/permissions.ts';
import { hashPassword, passwordProblem } from './passwords.ts';

export type AccessSettings = {
  mode: AccessMode;
  hasPassword: boolean;
};

export async function getAccessSettings(ctx: Ctx): Promise<AccessSettings> {
  requirePermission(ctx.actor, 'settings.write');
  const { mode, passwordHash } = await ctx.db.read(getPageAccess);
  return { mode, hasPassword: passwordHash !== null };
}

export const accessInput = z.object({
  mode: z.enum(ACCESS_MODES, 'Choose who may see the page.'),
  /** Empty: the one that there is stays. */
  password: z.string().max(1_000, 'The password is too long.').default(''),
});

/**
 * Who may see the page: in this process from the next request on, in others within half a second. A new password shuts out whoever came in by the one before.
 * @throws AppError `invalid` for a password that is missing or would be guessed
 */
export async function saveAccess(ctx: Ctx, { mode, password }: z.infer<typeof accessInput>): Promise<void> {
  requirePermission(ctx.actor, 'settings.write');
  const problem = password ? passwordProblem(password, '') : null;
  if (problem) throw refused(problem);
  const hash = password ? await hashPassword(password) : null;
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const before = await getPageAccess(tx);
    const passwordHash = hash ?? before.passwordHash;
    if (mode === 'password' && !passwordHash) throw refused('Choose a password for the page.');
    await updatePage(tx, { access: { mode, passwordHash } });
    await bumpPageVersion(tx, now);
    await insertAudit(tx, ctx, {
      action: 'settings.saveAccess',
      subjectKind: 'page',
      subjectId: '1',
      detail: { from: before.mode, to: mode, password: hash ? 'new' : 'as it was' },
    });
  });
  ctx.changed('access');
  ctx.changed('page');
}

function refused(message: string): AppError {
  return new AppError('invalid', message, { problems: [{ field: 'password', message }] });
}
