import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { deleteInvitationOf, getInvitation, putInvitation } from '#db/invitations.ts';
import type { Tx } from '#db/open.ts';
import { getUser, getUserByEmail, insertUser, setUserPassword } from '#db/users.ts';
import { AppError } from '#domain/errors.ts';
import { requirePermission } from '#domain/permissions.ts';
import { addMs, DAY, type Instant } from '#domain/time.ts';
import { emailTaken, invalid, readPerson, readRole } from './accounts.ts';
import { deviceCookie } from './device.ts';
import { hashPassword, passwordProblem } from './passwords.ts';
import { endSessionsOf } from './sessions.ts';
import { type Caller, welcome } from './signIn.ts';
import { hashSecret, newSecret } from './tokens.ts';

/** Shown once to the owner who asked for it: only its hash is kept. */
export type SignInLink = { userId: string; name: string; url: string; expiresAt: Instant };

const LIFETIME = 3 * DAY;

/** Adds a user who will choose a password by a link. @throws AppError `invalid`, or `conflict` when the address has an account */
export async function inviteUser(
  ctx: Ctx,
  input: { email: string; name: string; role: string },
): Promise<SignInLink> {
  requirePermission(ctx.actor, 'user.write');
  const { email, name } = readPerson(input);
  const role = readRole(input.role);
  const token = newSecret();
  return ctx.db.write(async (tx) => {
    if (await getUserByEmail(tx, email)) throw emailTaken();
    const id = ctx.newId();
    await insertUser(tx, { id, email, name, role, passwordHash: '', createdAt: ctx.now() });
    await insertAudit(tx, ctx, {
      action: 'user.invite',
      subjectKind: 'user',
      subjectId: id,
      detail: { role },
    });
    return openLink(ctx, tx, { id, name }, token);
  });
}

/**
 * A link by which a user who is there chooses a new password: for one who forgot it, or whose invitation ran out. An older link stops
 * working; the present password works until the new one is chosen.
 */
export async function makeSignInLink(ctx: Ctx, userId: string): Promise<SignInLink> {
  requirePermission(ctx.actor, 'user.write');
  const token = newSecret();
  return ctx.db.write(async (tx) => {
    const user = await getUser(tx, userId);
    if (!user)
      throw new AppError('not_found', 'There is no such user.', { fix: 'Open the list of users again.' });
    if (user.disabledAt)
      throw new AppError('conflict', `${user.name} is disabled.`, { fix: 'Enable the user first.' });
    await insertAudit(tx, ctx, { action: 'user.makeSignInLink', subjectKind: 'user', subjectId: userId });
    return openLink(ctx, tx, user, token);
  });
}

/** Whom a link is for; null when it was used, replaced or has expired, or the user is disabled. */
export async function readInvitation(
  ctx: Ctx,
  token: string,
): Promise<{ name: string; email: string } | null> {
  const user = await ctx.db.read((tx) => invitedUser(ctx, tx, token));
  return user && { name: user.name, email: user.email };
}

/**
 * Sets the password that the holder of the link chose, signs out whoever is signed in as that user, and signs the holder in.
 * A link works once.
 * @returns the Set-Cookie values
 * @throws AppError `gone` or `invalid`
 */
export async function acceptInvitation(
  ctx: Ctx,
  input: { token: string; password: string; caller: Caller },
): Promise<string[]> {
  const before = await readInvitation(ctx, input.token);
  if (!before) throw linkClosed();
  const problem = passwordProblem(input.password, before.email);
  if (problem) throw invalid([{ field: 'password', message: problem }]);
  const passwordHash = await hashPassword(input.password);
  const session = await ctx.db.write(async (tx) => {
    const user = await invitedUser(ctx, tx, input.token);
    if (!user) throw linkClosed();
    await deleteInvitationOf(tx, user.id);
    await setUserPassword(tx, user.id, passwordHash);
    await endSessionsOf(ctx, tx, user.id);
    return welcome(ctx, tx, user, input.caller, 'user.acceptInvitation');
  });
  return [session, deviceCookie(ctx, before.email)];
}

async function openLink(
  ctx: Ctx,
  tx: Tx,
  user: { id: string; name: string },
  token: string,
): Promise<SignInLink> {
  const createdAt = ctx.now();
  const expiresAt = addMs(createdAt, LIFETIME);
  await putInvitation(tx, { userId: user.id, tokenHash: hashSecret(token), createdAt, expiresAt });
  return { userId: user.id, name: user.name, url: `${ctx.site.url}/admin/join?token=${token}`, expiresAt };
}

async function invitedUser(ctx: Ctx, tx: Tx, token: string) {
  const invitation = await getInvitation(tx, hashSecret(token), ctx.now());
  const user = invitation && (await getUser(tx, invitation.userId));
  return user && user.disabledAt === null ? user : null;
}

function linkClosed(): AppError {
  return new AppError(
    'gone',
    'This link does not work any more: it was used, replaced, or is older than three days.',
    {
      fix: 'Ask an owner for a new one.',
    },
  );
}
