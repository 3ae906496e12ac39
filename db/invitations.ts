import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

export type Invitation = { userId: string; tokenHash: string; createdAt: Instant; expiresAt: Instant };

/** One open link a user: a new one takes the place of the old. */
export async function putInvitation(tx: Tx, invitation: Invitation): Promise<void> {
  const fields = {
    token_hash: invitation.tokenHash,
    created_at: invitation.createdAt,
    expires_at: invitation.expiresAt,
  };
  await tx
    .insertInto('invitations')
    .values({ user_id: invitation.userId, ...fields })
    .onConflict((oc) => oc.column('user_id').doUpdateSet(fields))
    .execute();
}

/** Null when it was used, replaced or never made, or has expired by `now`. */
export async function getInvitation(tx: Tx, tokenHash: string, now: Instant): Promise<Invitation | null> {
  const row = await tx
    .selectFrom('invitations')
    .selectAll()
    .where('token_hash', '=', tokenHash)
    .where('expires_at', '>', now)
    .executeTakeFirst();
  return row
    ? {
        userId: row.user_id,
        tokenHash: row.token_hash,
        createdAt: row.created_at,
        expiresAt: row.expires_at,
      }
    : null;
}

export async function deleteInvitationOf(tx: Tx, userId: string): Promise<void> {
  await tx.deleteFrom('invitations').where('user_id', '=', userId).execute();
}
