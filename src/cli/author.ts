import type { Ctx } from '#db/context.ts';
import { getUserByEmail } from '#db/users.ts';
import { AppError } from '#domain/errors.ts';
import type { Foghorn } from '../foghorn.ts';
import { COMMAND_LINE } from './installation.ts';

/**
 * In whose name a command acts: the person's, with their role and no more; the command line's own when nobody is named. Whoever has this
 * shell has the database as well, so they are believed.
 * @throws AppError not_found; forbidden of someone who cannot sign in
 */
export async function contextOf(foghorn: Foghorn, email: string | undefined): Promise<Ctx> {
  if (email === undefined) return foghorn.contextFor(COMMAND_LINE);
  const user = await foghorn.db.read((tx) => getUserByEmail(tx, email.trim().toLowerCase()));
  if (!user)
    throw new AppError('not_found', `Nobody signs in as "${email}".`, {
      fix: 'Give the address that they sign in with; an owner sees it under Users.',
    });
  if (user.disabledAt || user.passwordHash === '')
    throw new AppError('forbidden', `${user.name} cannot sign in.`, {
      fix: 'Give the address of someone who can, or ask an owner to let them in.',
    });
  const { id, name, role } = user;
  return foghorn.contextFor({ kind: 'user', id, name, email: user.email, role, via: 'command line' });
}
