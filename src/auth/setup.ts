import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { getSetupToken, putSetupToken, useSetupToken } from '#db/setup.ts';
import { hasUsers, insertUser } from '#db/users.ts';
import { AppError } from '#domain/errors.ts';
import { readPersonForm } from './accounts.ts';
import { deviceCookie } from './device.ts';
import { hashPassword } from './passwords.ts';
import { type Caller, welcome } from './signIn.ts';
import { hashSecret, sameSecret } from './tokens.ts';

/**
 * The address at which the first owner is made; null once there are users. The token is a signature over its row's time, so that a
 * restart, or a second process, prints the same address; only its hash is stored.
 */
export async function ensureSetupToken(
  ctx: Pick<Ctx, 'db' | 'now' | 'sign' | 'site'>,
): Promise<string | null> {
  return ctx.db.write(async (tx) => {
    if (await hasUsers(tx)) return null;
    const stored = await getSetupToken(tx);
    const known = stored && ctx.sign('setup', stored.createdAt);
    if (stored && known && stored.usedAt === null && hashSecret(known) === stored.tokenHash)
      return setupUrl(ctx, known);
    const createdAt = ctx.now();
    const token = ctx.sign('setup', createdAt);
    await putSetupToken(tx, { tokenHash: hashSecret(token), createdAt });
    return setupUrl(ctx, token);
  });
}

/** True as long as no one has an account. */
export async function isSetupNeeded(ctx: Pick<Ctx, 'db'>): Promise<boolean> {
  return ctx.db.read(async (tx) => !(await hasUsers(tx)));
}

/** Whether this token may make the first owner now. */
export async function isSetupOpen(ctx: Pick<Ctx, 'db'>, token: string): Promise<boolean> {
  return ctx.db.read(async (tx) => {
    const stored = await getSetupToken(tx);
    return (
      stored !== null &&
      stored.usedAt === null &&
      sameSecret(hashSecret(token), stored.tokenHash) &&
      !(await hasUsers(tx))
    );
  });
}

/**
 * Makes the first owner and signs them in. However many try at once, one succeeds: the token is used and the users are found empty in
 * the transaction that adds the owner.
 * @returns the Set-Cookie values
 * @throws AppError `invalid` or `gone`
 */
export async function setUpFirstOwner(
  ctx: Ctx,
  input: { token: string; email: string; name: string; password: string; caller: Caller },
): Promise<string[]> {
  if (!(await isSetupOpen(ctx, input.token))) throw setupClosed();
  const { email, name, password } = readPersonForm(input);
  const passwordHash = await hashPassword(password);
  const session = await ctx.db.write(async (tx) => {
    const now = ctx.now();
    if (await hasUsers(tx)) throw setupClosed();
    if (!(await useSetupToken(tx, hashSecret(input.token), now))) throw setupClosed();
    const owner = { id: ctx.newId(), email, name, role: 'owner' as const, passwordHash, createdAt: now };
    await insertUser(tx, owner);
    await insertAudit(
      tx,
      { ...ctx, actor: { kind: 'system', name: 'First set-up' } },
      { action: 'user.create', subjectKind: 'user', subjectId: owner.id, detail: { role: 'owner' } },
    );
    return welcome(ctx, tx, owner, input.caller, 'user.signIn');
  });
  return [session, deviceCookie(ctx, email)];
}

function setupUrl(ctx: Pick<Ctx, 'site'>, token: string): string {
  return `${ctx.site.url}/admin/setup?token=${token}`;
}

function setupClosed(): AppError {
  return new AppError('gone', 'This set-up link does not work: it was used, or is not the newest.', {
    fix: 'If there is an owner already, sign in. If not, start Foghorn again and open the link that it prints.',
  });
}
