import { z } from 'zod';
import {
  type Account,
  deleteAccount as deleteAccountRow,
  insertAccount,
  listAccounts as listAccountRows,
  replaceAccountComponents,
  updateAccount,
} from '#db/accounts.ts';
import {
  type AudienceMember,
  countAudienceMembers,
  insertAudiences,
  listAudienceMembers,
  removeAllMembers,
} from '#db/audiences.ts';
import { insertAudit } from '#db/audit.ts';
import { findComponents } from '#db/components.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { listUsers } from '#db/users.ts';
import { AppError, type FieldProblem } from '#domain/errors.ts';
import { requirePermission } from '#domain/permissions.ts';
import { ACCOUNTS, DEFAULT_AUDIENCES } from '#domain/stakeholders.ts';
import { singleLine } from '#domain/text.ts';

export type { Account };

/** Every account with how many people it has. */
export async function listAccounts(ctx: Ctx): Promise<(Account & { people: number })[]> {
  requirePermission(ctx.actor, 'audience.write');
  return ctx.db.read(async (tx) => {
    const counts = await countAudienceMembers(tx);
    return (await listAccountRows(tx)).map((account) => ({
      ...account,
      people: counts.get(account.id) ?? 0,
    }));
  });
}

/** @throws AppError not_found */
export async function getAccount(
  ctx: Ctx,
  id: string,
): Promise<{ account: Account; members: AudienceMember[] }> {
  requirePermission(ctx.actor, 'audience.write');
  return ctx.db.read(async (tx) => ({
    account: await requireAccount(tx, id),
    members: await listAudienceMembers(tx, id),
  }));
}

/** Who can be an account's contact: everyone who can sign in, by name. */
export async function listContacts(ctx: Ctx): Promise<{ id: string; name: string }[]> {
  requirePermission(ctx.actor, 'audience.write');
  const users = await ctx.db.read(listUsers);
  return users
    .filter(({ disabledAt }) => disabledAt === null)
    .map(({ id, name }) => ({ id, name }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

export const accountInput = z.object({
  name: singleLine(100, 'The name'),
  contactId: z.string().min(1, 'Choose who tells them.'),
  components: z.array(z.string()).min(1, 'Choose at least one component: it is told of nothing else.'),
});
export type AccountInput = z.infer<typeof accountInput>;

/** @throws AppError invalid with the field at fault, conflict when another is called so */
export async function createAccount(ctx: Ctx, input: AccountInput): Promise<string> {
  requirePermission(ctx.actor, 'audience.write');
  const [id, now] = [ctx.newId(), ctx.now()];
  await ctx.db.write(async (tx) => {
    // Their severities and wording are those of this audience.
    await insertAudiences(
      tx,
      DEFAULT_AUDIENCES.filter((audience) => audience.id === ACCOUNTS).map((audience) => ({
        ...audience,
        severities: null,
      })),
    );
    await refuseWrong(tx, id, input);
    await insertAccount(tx, { id, now, ...input });
    await replaceAccountComponents(tx, id, input.components);
    await insertAudit(tx, ctx, { ...about('account.create', id), detail: { name: input.name } });
  });
  return id;
}

/** @throws AppError not_found, invalid with the field at fault, conflict when another is called so */
export async function saveAccount(ctx: Ctx, id: string, input: AccountInput): Promise<void> {
  requirePermission(ctx.actor, 'audience.write');
  await ctx.db.write(async (tx) => {
    await requireAccount(tx, id);
    await refuseWrong(tx, id, input);
    await updateAccount(tx, id, input);
    await replaceAccountComponents(tx, id, input.components);
    await insertAudit(tx, ctx, { ...about('account.change', id), detail: input });
  });
}

/** Its people are told nothing more. @throws AppError not_found */
export async function deleteAccount(ctx: Ctx, id: string): Promise<void> {
  requirePermission(ctx.actor, 'audience.write');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const { name } = await requireAccount(tx, id);
    await removeAllMembers(tx, id, now);
    await deleteAccountRow(tx, id);
    await insertAudit(tx, ctx, { ...about('account.delete', id), detail: { name } });
  });
}

async function requireAccount(tx: Tx, id: string): Promise<Account> {
  const account = (await listAccountRows(tx)).find((one) => one.id === id);
  if (account) return account;
  throw new AppError('not_found', 'There is no such account.', { fix: 'Choose one from the list.' });
}

async function refuseWrong(tx: Tx, id: string, input: AccountInput): Promise<void> {
  const problems: FieldProblem[] = [];
  const others = (await listAccountRows(tx)).filter((account) => account.id !== id);
  if (others.some(({ name }) => name.toLowerCase() === input.name.toLowerCase()))
    problems.push({ field: 'name', message: 'Another account is called so. Choose another name.' });
  const users = await listUsers(tx);
  if (!users.some((user) => user.id === input.contactId && user.disabledAt === null))
    problems.push({ field: 'contactId', message: 'There is no such user. Choose one from the list.' });
  const known = await findComponents(tx, input.components);
  if (known.length !== new Set(input.components).size)
    problems.push({
      field: 'components',
      message: 'One of these components is gone. Look at the list again.',
    });
  if (problems.length) throw new AppError('invalid', 'It cannot be kept like this.', { problems });
}

function about(action: string, id: string) {
  return { action, subjectKind: 'account', subjectId: id };
}
