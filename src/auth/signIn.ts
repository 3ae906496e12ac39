import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { getUser, getUserByEmail, setUserPassword, type User } from '#db/users.ts';
import { AppError } from '#domain/errors.ts';
import { parseAddress } from '#domain/text.ts';
import { deviceCookie, deviceName, knownDevice } from './device.ts';
import { type SignInLimits, signInLimits } from './limits.ts';
import { hashPassword, needsRehash, verifyPassword } from './passwords.ts';
import { beginSession, blankSessionCookie, endSession, presentedSession } from './sessions.ts';

/** What a request says of where it comes from. */
export type Caller = { address: string; cookies: string | null; userAgent: string | null };

/**
 * Signs in with email and password. An unknown account, a wrong password and a disabled account get the same answer after the same
 * work. The session id is always new, and one that was presented ends (no fixation).
 * @returns the Set-Cookie values
 * @throws AppError `unauthenticated`, `too_many` or `unavailable`
 */
export async function signIn(
  ctx: Ctx,
  input: { email: string; password: string; caller: Caller },
  limits: SignInLimits = signInLimits,
): Promise<string[]> {
  const { password, caller } = input;
  const email = parseAddress(input.email) ?? input.email.trim().toLowerCase().slice(0, 254);
  const attempt = {
    account: email,
    address: caller.address,
    device: knownDevice(ctx, email, caller.cookies),
  };
  await limits.admit(attempt);

  const user = await ctx.db.read((tx) => getUserByEmail(tx, email));
  const usable = user !== null && user.disabledAt === null;
  const right = await verifyPassword(usable ? user.passwordHash : null, password);
  if (!usable || !right) {
    await recordFailure(ctx, user, email, caller);
    throw wrong();
  }
  const newHash = needsRehash(user.passwordHash) ? await hashPassword(password) : null;
  const session = await ctx.db.write(async (tx) => {
    // Hashing took its time: the password may have been changed, or the user disabled, since it was read.
    const current = await getUser(tx, user.id);
    if (current?.passwordHash !== user.passwordHash || current.disabledAt !== null) return null;
    if (newHash) await setUserPassword(tx, user.id, newHash);
    return welcome(ctx, tx, current, caller, 'user.signIn');
  });
  if (!session) throw wrong();
  await limits.succeeded(attempt);
  return [session, deviceCookie(ctx, email)];
}

/** Ends the presented session, if there is one. @returns the Set-Cookie value that removes the cookie */
export async function signOut(ctx: Ctx, cookies: string | null): Promise<string> {
  const sessionId = presentedSession(ctx.site.url, cookies);
  const { actor } = ctx;
  if (sessionId)
    await ctx.db.write(async (tx) => {
      await endSession(ctx, tx, sessionId);
      if (actor.kind === 'user')
        await insertAudit(tx, ctx, { action: 'user.signOut', subjectKind: 'user', subjectId: actor.id });
    });
  return blankSessionCookie(ctx.site.url);
}

/**
 * Begins a user's session and ends the one that the browser presented, with its audit row, in the transaction of what led to it.
 * @returns the Set-Cookie value
 */
export async function welcome(
  ctx: Ctx,
  tx: Tx,
  user: Pick<User, 'id' | 'name' | 'email' | 'role'>,
  caller: Caller,
  action: string,
): Promise<string> {
  const previous = presentedSession(ctx.site.url, caller.cookies);
  if (previous) await endSession(ctx, tx, previous);
  const { id, name, email, role } = user;
  const actor = { kind: 'user', id, name, email, role } as const;
  await insertAudit(tx, { ...ctx, actor }, { action, subjectKind: 'user', subjectId: user.id });
  return beginSession(ctx, tx, user.id, deviceName(caller.userAgent));
}

/** Neither the account nor the address is kept in clear: their signatures tell one attacker from another, and no more. */
async function recordFailure(ctx: Ctx, user: User | null, email: string, caller: Caller): Promise<void> {
  const detail = { account: mark(ctx, 'account', email), from: mark(ctx, 'address', caller.address) };
  await ctx.db.write((tx) =>
    insertAudit(tx, ctx, {
      action: 'user.signInFailed',
      subjectKind: 'user',
      subjectId: user?.id ?? 'unknown',
      detail,
    }),
  );
}

function mark(ctx: Ctx, what: string, value: string): string {
  return ctx.sign(`audit-${what}`, value).slice(0, 10);
}

function wrong(): AppError {
  return new AppError('unauthenticated', 'The email or the password is wrong.', {
    fix: 'Check both and try again. If you have forgotten the password, ask an owner for a new sign-in link.',
  });
}
