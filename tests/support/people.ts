import type { Db } from '#db/open.ts';
import type { Mode } from '#domain/subscriberPace.ts';
import { LONG_AGO } from './factory.ts';

/** The address of the recipient with this number: makeSubscribers counts from 1 in each database. */
export function address(number: number): string {
  return `person${number}@example.org`;
}

/**
 * Confirmed subscribers of the whole page, or of what `scopes` names; who hears how often is the point of few tests, so they hear every
 * update at once unless told otherwise. @returns their addresses
 */
export async function makeSubscribers(
  db: Db,
  howMany: number,
  scopes: readonly { kind: 'group' | 'component'; id: string }[] = [],
  { mode = 'everything', zone = null }: { mode?: Mode; zone?: string | null } = {},
): Promise<string[]> {
  return db.write(async (tx) => {
    const { last } = await tx
      .selectFrom('recipients')
      .select((eb) => eb.fn.max('seq').as('last'))
      .executeTakeFirstOrThrow();
    const numbers = Array.from({ length: howMany }, (_, index) => Number(last ?? 0) + index + 1);
    for (let start = 0; start < numbers.length; start += 1000) {
      const rows = await tx
        .insertInto('recipients')
        .values(
          numbers.slice(start, start + 1000).map((number) => ({
            id: `p${String(number).padStart(11, '0')}`,
            kind: 'subscriber' as const,
            channel: 'email' as const,
            address: address(number),
            audience_id: '',
            state: 'confirmed' as const,
            mode,
            time_zone: zone,
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
    return numbers.map(address);
  });
}
