import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

/** A customer whom one of us tells when a component of theirs is affected. Their people are members (db/audiences.ts) of its id. */
export type Account = {
  id: string;
  name: string;
  /** Who tells them; null when that person has left and nobody took them over. */
  contact: { id: string; name: string; address: string } | null;
  /** The name of the contact who has left; null while there is one. */
  left: string | null;
  /** Linked components, in the order of the page. */
  components: { id: string; name: string }[];
};

/** By name. */
export async function listAccounts(tx: Tx): Promise<Account[]> {
  const rows = await tx
    .selectFrom('accounts as a')
    .innerJoin('users as u', 'u.id', 'a.contact_id')
    .select(['a.id', 'a.name', 'u.id as user_id', 'u.name as user_name', 'u.email', 'u.disabled_at'])
    .orderBy('a.name')
    .orderBy('a.id')
    .execute();
  if (!rows.length) return [];
  const links = await tx
    .selectFrom('account_components as l')
    .innerJoin('components as c', 'c.id', 'l.component_id')
    .select(['l.account_id', 'c.id', 'c.name'])
    .orderBy('c.position')
    .orderBy('c.id')
    .execute();
  const components = Map.groupBy(links, ({ account_id }) => account_id);
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    contact: row.disabled_at === null ? { id: row.user_id, name: row.user_name, address: row.email } : null,
    left: row.disabled_at === null ? null : row.user_name,
    components: (components.get(row.id) ?? []).map(({ id, name }) => ({ id, name })),
  }));
}

/** How many accounts this person tells. */
export async function countAccountsOf(tx: Tx, userId: string): Promise<number> {
  const { count } = await tx
    .selectFrom('accounts')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('contact_id', '=', userId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function insertAccount(
  tx: Tx,
  account: { id: string; name: string; contactId: string; now: Instant },
): Promise<void> {
  const { id, name, contactId, now } = account;
  await tx.insertInto('accounts').values({ id, name, contact_id: contactId, created_at: now }).execute();
}

/** False when there is no such account. */
export async function updateAccount(
  tx: Tx,
  id: string,
  { name, contactId }: { name: string; contactId: string },
): Promise<boolean> {
  const result = await tx
    .updateTable('accounts')
    .set({ name, contact_id: contactId })
    .where('id', '=', id)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** From now on these are the components that concern the account. */
export async function replaceAccountComponents(
  tx: Tx,
  id: string,
  components: readonly string[],
): Promise<void> {
  await tx.deleteFrom('account_components').where('account_id', '=', id).execute();
  if (!components.length) return;
  await tx
    .insertInto('account_components')
    .values([...new Set(components)].map((component) => ({ account_id: id, component_id: component })))
    .execute();
}

/** Its people are let go before. */
export async function deleteAccount(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('account_components').where('account_id', '=', id).execute();
  await tx.deleteFrom('accounts').where('id', '=', id).execute();
}
