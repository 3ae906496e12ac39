import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

export type SetupToken = { tokenHash: string; createdAt: Instant; usedAt: Instant | null };

export async function getSetupToken(tx: Tx): Promise<SetupToken | null> {
  const row = await tx.selectFrom('setup_token').selectAll().where('id', '=', 1).executeTakeFirst();
  return row ? { tokenHash: row.token_hash, createdAt: row.created_at, usedAt: row.used_at } : null;
}

/** There is one row: a new token takes the place of the old one, which then opens nothing. */
export async function putSetupToken(tx: Tx, token: { tokenHash: string; createdAt: Instant }): Promise<void> {
  const fields = { token_hash: token.tokenHash, created_at: token.createdAt, used_at: null };
  await tx
    .insertInto('setup_token')
    .values({ id: 1, ...fields })
    .onConflict((oc) => oc.column('id').doUpdateSet(fields))
    .execute();
}

/** Marks the token used. @returns false when it is not this one, or was used before: at most one caller ever gets true */
export async function useSetupToken(tx: Tx, tokenHash: string, now: Instant): Promise<boolean> {
  const result = await tx
    .updateTable('setup_token')
    .set({ used_at: now })
    .where('id', '=', 1)
    .where('token_hash', '=', tokenHash)
    .where('used_at', 'is', null)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}
