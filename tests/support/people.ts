import type { Db } from '#db/open.ts';
import { LONG_AGO } from './factory.ts';

let count = 0;

/** Confirmed subscribers of the whole page, or of what `scopes` names. @returns their addresses */
export async function makeSubscribers(
  db: Db,
  howMany: number,
  scopes: readonly { kind: 'group' | 'component'; id: string }[] = [],
): Promise<string[]> {
  const people = Array.from({ length: howMany }, () => `p${(++count).toString(36).padStart(11, '0')}`);
  await db.write(async (tx) => {
    for (let start = 0; start < people.length; start += 1000) {
      const rows = await tx
        .insertInto('recipients')
        .values(
          people.slice(start, start + 1000).map((id) => ({
            id,
            kind: 'subscriber' as const,
            channel: 'email' as const,
            address: `${id}@example.com`,
            audience_id: '',
            state: 'confirmed' as const,
            mode: 'policy' as const,
            whole_page: scopes.length ? (0 as const) : (1 as const),
            locale: 'en',
            created_at: LONG_AGO,
            confirmed_at: LONG_AGO,
          })),
        )
        .returning('seq')
        .execute();
      const named = rows.flatMap(({ seq }) =>
        scopes.map(({ kind, id }) => ({ recipient_seq: seq, kind, ref_id: id })),
      );
      if (named.length) await tx.insertInto('recipient_scopes').values(named).execute();
    }
  });
  return people.map((id) => `${id}@example.com`);
}
