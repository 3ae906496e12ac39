import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { deleteInvitationOf } from '#db/invitations.ts';
import { getUser, getUserByEmail, insertUser, setUserPassword } from '#db/users.ts';
import { AppError, type FieldProblem } from '#domain/errors.ts';
import { ROLES, type Role, requirePermission } from '#domain/permissions.ts';
import { parseAddress, singleLine } from '#domain/text.ts';
import { within } from './adapter.ts';
import { deviceCookie } from './device.ts';
import { type SignInLimits, signInLimits } from './limits.ts';
import { hashPassword, passwordProblem, verifyPassword } from './passwords.ts';
import { endSession, endSessionsOf, listSessions, type OwnSession, type UserActor } from './sessions.ts';
import { type Caller, welcome } from './signIn.ts';

/** Adds a user who can sign in at once. @throws AppError `invalid`, or `conflict` when the address has an account */
export async function createUser(
  ctx: Ctx,
  input: { email: string; name: string; role: Role; password: string },
): Promise<{ id: string }> {
  requirePermission(ctx.actor, 'user.write');
  const role = readRole(input.role);
  const { email, name, password } = readPersonForm(input);
  const passwordHash = await hashPassword(password);
  return ctx.db.write(async (tx) => {
    if (await getUserByEmail(tx, email)) throw emailTaken();
    const id = ctx.newId();
    await insertUser(tx, { id, email, name, role, passwordHash, createdAt: ctx.now() });
    await insertAudit(tx, ctx, {
      action: 'user.create',
      subjectKind: 'user',
      subjectId: id,
      detail: { role },
    });
    return { id };
  });
}

/**
 * Changes one's own password: everyone signed in as this user is signed out, and the caller signed in anew.
 * @returns the Set-Cookie values
 * @throws AppError `invalid` or `too_many`
 */
export async function changePassword(
  ctx: Ctx,
  input: { current: string; password: string; caller: Caller },
  limits: SignInLimits = signInLimits,
): Promise<string[]> {
  const { id, email } = signedIn(ctx);
  const problem = passwordProblem(input.password, email);
  if (problem) throw invalid([{ field: 'password', message: problem }]);
  // Counted apart from everyone else's attempts: who holds a stolen session must not guess on, nor hold up the owner elsewhere.
  const attempt = { account: email, address: input.caller.address, device: `account ${id}` };
  await limits.admit(attempt);
  const user = await ctx.db.read((tx) => getUser(tx, id));
  const right = await verifyPassword(user?.passwordHash ?? null, input.current);
  if (!user || !right)
    throw invalid([{ field: 'current', message: 'This is not your present password. Type it again.' }]);
  const passwordHash = await hashPassword(input.password);
  const session = await ctx.db.write(async (tx) => {
    if ((await getUser(tx, id))?.passwordHash !== user.passwordHash) return null;
    await setUserPassword(tx, id, passwordHash);
    await deleteInvitationOf(tx, id);
    await endSessionsOf(ctx, tx, id);
    return welcome(ctx, tx, user, input.caller, 'user.changePassword');
  });
  if (!session)
    throw new AppError('conflict', 'The password was changed elsewhere at the same moment.', {
      fix: 'Sign in with the newer one.',
    });
  await limits.succeeded(attempt);
  return [session, deviceCookie(ctx, email)];
}

/** The caller's own sessions, the newest first. */
export async function listOwnSessions(ctx: Ctx, current: string | null): Promise<OwnSession[]> {
  return listSessions(ctx, ctx.db, signedIn(ctx).id, current);
}

/** Ends one of the caller's own sessions. @throws AppError `not_found` for anyone else's */
export async function endOwnSession(ctx: Ctx, sessionId: string): Promise<void> {
  const { id } = signedIn(ctx);
  await ctx.db.write(async (tx) => {
    const own = await listSessions(ctx, within(tx), id, null);
    if (!own.some((session) => session.id === sessionId))
      throw new AppError('not_found', 'That session has ended already.', { fix: 'There is nothing to do.' });
    await endSession(ctx, tx, sessionId);
    await insertAudit(tx, ctx, { action: 'user.endSession', subjectKind: 'user', subjectId: id });
  });
}

/** Ends all of the caller's sessions, this one too. */
export async function signOutEverywhere(ctx: Ctx): Promise<void> {
  const { id } = signedIn(ctx);
  await ctx.db.write(async (tx) => {
    await endSessionsOf(ctx, tx, id);
    await insertAudit(tx, ctx, { action: 'user.signOutEverywhere', subjectKind: 'user', subjectId: id });
  });
}

/** Reads who someone is and the password they want. @throws AppError `invalid` with every problem at once */
export function readPersonForm(input: { email: string; name: string; password: string }): {
  email: string;
  name: string;
  password: string;
} {
  const { person, problems } = checkPerson(input);
  const problem = passwordProblem(input.password, person.email);
  if (problem) problems.push({ field: 'password', message: problem });
  if (problems.length) throw invalid(problems);
  return { ...person, password: input.password };
}

/** The same without a password, for someone who will choose it. @throws AppError `invalid` */
export function readPerson(input: { email: string; name: string }): { email: string; name: string } {
  const { person, problems } = checkPerson(input);
  if (problems.length) throw invalid(problems);
  return person;
}

export function readRole(role: string): Role {
  const parsed = z.enum(ROLES).safeParse(role);
  if (parsed.success) return parsed.data;
  throw invalid([{ field: 'role', message: `Choose a role: ${ROLES.join(', ')}.` }]);
}

export function invalid(problems: FieldProblem[]): AppError {
  return new AppError('invalid', problems.map((problem) => problem.message).join(' '), { problems });
}

export function emailTaken(): AppError {
  const message = 'There is already a user with this address.';
  return new AppError('conflict', message, {
    fix: 'Change that user instead, or use another address.',
    problems: [{ field: 'email', message }],
  });
}

function checkPerson(input: { email: string; name: string }) {
  const problems: FieldProblem[] = [];
  const name = singleLine(100, 'The name').safeParse(input.name);
  if (!name.success) problems.push({ field: 'name', message: name.error.issues[0]?.message ?? '' });
  const email = parseAddress(input.email);
  if (!email)
    problems.push({
      field: 'email',
      message: 'This is not an email address. Write it like ada@example.com.',
    });
  return { person: { name: name.data ?? '', email: email ?? '' }, problems };
}

function signedIn(ctx: Ctx): UserActor {
  if (ctx.actor.kind === 'user') return ctx.actor;
  throw new AppError('unauthenticated', 'You are not signed in.', { fix: 'Sign in and try again.' });
}
