import { countAccountsOf } from '#db/accounts.ts';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { deleteInvitationOf } from '#db/invitations.ts';
import type { Tx } from '#db/open.ts';
import { deleteSessionsOf } from '#db/sessions.ts';
import {
  countActiveOwners,
  getUser,
  type ListedUser,
  listUsers as readUsers,
  setUserApprover,
  setUserDisabled,
  setUserRole,
  type User,
} from '#db/users.ts';
import { listSeenByAlone } from '#db/viewers.ts';
import { AppError } from '#domain/errors.ts';
import { ROLES, type Role, requirePermission } from '#domain/permissions.ts';
import { tellUnseen } from './restrictedMail.ts';

export type { ListedUser } from '#db/users.ts';

/** Everyone who has, or had, an account, the oldest first. */
export async function listUsers(ctx: Ctx): Promise<ListedUser[]> {
  requirePermission(ctx.actor, 'user.write');
  return ctx.db.read(readUsers);
}

/** Takes effect on the user's next request. @throws AppError `not_found`, or `conflict` for the last owner */
export async function setRole(ctx: Ctx, input: { userId: string; role: string }): Promise<void> {
  requirePermission(ctx.actor, 'user.write');
  const role = ROLES.find((known) => known === input.role);
  if (!role)
    throw new AppError('invalid', `Choose a role: ${ROLES.join(', ')}.`, {
      problems: [{ field: 'role', message: `Choose a role: ${ROLES.join(', ')}.` }],
    });
  await ctx.db.write(async (tx) => {
    const user = await existingUser(tx, input.userId);
    if (user.role === role) return;
    await requireAnotherOwner(tx, user, `give ${user.name} the role ${role}`);
    await setUserRole(tx, user.id, role);
    await audit(ctx, tx, user, 'user.setRole', { from: user.role, to: role satisfies Role });
  });
}

/** Whether someone may publish what is restricted and what waits for a second pair of eyes. */
export async function setApprover(ctx: Ctx, input: { userId: string; approver: boolean }): Promise<void> {
  requirePermission(ctx.actor, 'user.write');
  await ctx.db.write(async (tx) => {
    const user = await existingUser(tx, input.userId);
    if (user.approver === input.approver) return;
    await setUserApprover(tx, user.id, input.approver);
    await audit(ctx, tx, user, input.approver ? 'user.makeApprover' : 'user.endApprover');
  });
}

/**
 * Signs the user out everywhere and keeps them out, until enabled. Where nobody else sees a restricted incident it is refused once, so that
 * whoever does it knows: somebody who must be kept out can be kept out at once, and then the owners are told.
 * @param anyway though nobody will see what they alone see
 * @returns how many accounts have no contact any more
 * @throws AppError `not_found`, or `conflict` for the last owner, and for the last who sees something unless `anyway`
 */
export async function disableUser(
  ctx: Ctx,
  userId: string,
  { anyway = false }: { anyway?: boolean } = {},
): Promise<{ accounts: number }> {
  requirePermission(ctx.actor, 'user.write');
  const { accounts, unseen } = await ctx.db.write(async (tx) => {
    const user = await existingUser(tx, userId);
    if (user.disabledAt) return { accounts: 0, unseen: 0 };
    await requireAnotherOwner(tx, user, `disable ${user.name}`);
    const alone = await listSeenByAlone(tx, user.id);
    if (alone.length && !anyway) refuseLastViewer(user, alone.length);
    await setUserDisabled(tx, user.id, ctx.now());
    await deleteInvitationOf(tx, user.id);
    await deleteSessionsOf(tx, user.id);
    await audit(ctx, tx, user, 'user.disable');
    for (const incident of alone) await tellUnseen(tx, ctx, incident, { gone: user.name });
    return { accounts: await countAccountsOf(tx, user.id), unseen: alone.length };
  });
  if (unseen) ctx.changed('outbox');
  return { accounts };
}

function refuseLastViewer({ name }: User, count: number): never {
  const what = count === 1 ? 'a restricted incident' : `${count} restricted incidents`;
  throw new AppError('conflict', `Nobody but ${name} sees ${what}.`, {
    fix: 'Have someone let in first, or disable them anyway: the owners are mailed then.',
    problems: [
      {
        field: 'anyway',
        message: `Nobody but ${name} sees ${what}. Have someone let in first, or disable them anyway: all owners are mailed then, and one of them lets themselves in.`,
      },
    ],
  });
}

/** Lets a disabled user sign in again, with the password they had. */
export async function enableUser(ctx: Ctx, userId: string): Promise<void> {
  requirePermission(ctx.actor, 'user.write');
  await ctx.db.write(async (tx) => {
    const user = await existingUser(tx, userId);
    if (!user.disabledAt) return;
    await setUserDisabled(tx, user.id, null);
    await audit(ctx, tx, user, 'user.enable');
  });
}

async function existingUser(tx: Tx, id: string): Promise<User> {
  const user = await getUser(tx, id);
  if (user) return user;
  throw new AppError('not_found', 'There is no such user.', { fix: 'Open the list of users again.' });
}

/** Without an owner no one could add users or change settings: the last one stays. */
async function requireAnotherOwner(tx: Tx, user: User, deed: string): Promise<void> {
  const counts = user.role === 'owner' && user.disabledAt === null && user.passwordHash !== '';
  if (counts && (await countActiveOwners(tx)) < 2)
    throw new AppError('conflict', `You cannot ${deed}: this is the last owner who can sign in.`, {
      fix: 'Make someone else an owner first.',
    });
}

async function audit(ctx: Ctx, tx: Tx, user: User, action: string, detail?: Record<string, unknown>) {
  await insertAudit(tx, ctx, { action, subjectKind: 'user', subjectId: user.id, ...(detail && { detail }) });
}
