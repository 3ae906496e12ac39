import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

/** The row that mails to someone of the staff point at; made when there is none. @returns its seq */
export async function ensureStaff(
  tx: Tx,
  person: { id: string; address: string; name: string; now: Instant },
): Promise<number> {
  const { seq } = await tx
    .insertInto('recipients')
    .values({
      id: person.id,
      kind: 'staff',
      channel: 'email',
      address: person.address,
      name: person.name,
      audience_id: '',
      state: 'confirmed',
      mode: 'everything',
      whole_page: 0,
      locale: 'en',
      created_at: person.now,
      confirmed_at: person.now,
      consent_source: 'staff',
    })
    .onConflict((conflict) =>
      conflict
        .columns(['kind', 'audience_id', 'channel', 'address'])
        .doUpdateSet({ name: person.name, state: 'confirmed' }),
    )
    .returning('seq')
    .executeTakeFirstOrThrow();
  return seq;
}

/** Whose mailbox is not there, of those who can sign in, by name: no call reaches them by mail. */
export async function listBouncedStaff(tx: Tx): Promise<{ name: string; email: string }[]> {
  return await tx
    .selectFrom('users as u')
    // In this order: those who work here are few, those who must not be mailed may be many.
    .crossJoin('suppressions as s')
    .whereRef('s.address', '=', 'u.email')
    .select(['u.name', 'u.email'])
    .where('u.disabled_at', 'is', null)
    .where('s.lifted_at', 'is', null)
    .where('s.reason', '=', 'bounce')
    .orderBy('u.name')
    .execute();
}
