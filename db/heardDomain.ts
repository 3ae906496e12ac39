import type { Known } from './heard.ts';
import type { Tx } from './open.ts';

/** Rows that are counted of one domain at most: past that, how many more there are helps nobody. */
export const DOMAIN_COUNTED = 10_000;

/** How many of a domain there are in each part; `more` when only the first DOMAIN_COUNTED were counted. Uses recipients_domain. */
export async function countDomain(
  tx: Tx,
  domain: string,
): Promise<{
  kinds: { kind: Known['kind']; state: Known['state']; count: number }[];
  suppressed: number;
  more: boolean;
}> {
  const some = tx
    .selectFrom('recipients')
    .select(['kind', 'state', 'address'])
    .where('domain', '=', domain)
    .orderBy('address')
    .limit(DOMAIN_COUNTED + 1);
  const rows = await tx
    .selectFrom(some.as('some'))
    .leftJoin('suppressions as s', (join) =>
      join.onRef('s.address', '=', 'some.address').on('s.lifted_at', 'is', null),
    )
    .select((eb) => [
      'some.kind',
      'some.state',
      eb.fn.countAll<number>().as('count'),
      eb.fn.count<number>('s.address').as('suppressed'),
    ])
    .groupBy(['some.kind', 'some.state'])
    .execute();
  const kinds = rows.map(({ kind, state, count }) => ({ kind, state, count: Number(count) }));
  return {
    kinds,
    suppressed: rows.reduce((sum, row) => sum + Number(row.suppressed), 0),
    more: kinds.reduce((sum, { count }) => sum + count, 0) > DOMAIN_COUNTED,
  };
}

/** The addresses of a domain in their order, past `after`. Uses recipients_domain. */
export async function listAddressesOf(
  tx: Tx,
  { domain, after, limit }: { domain: string; after: string; limit: number },
): Promise<string[]> {
  const rows = await tx
    .selectFrom('recipients')
    .select('address')
    .distinct()
    .where('domain', '=', domain)
    .where('address', '>', after)
    .orderBy('address')
    .limit(limit)
    .execute();
  return rows.map((row) => row.address);
}

/** Who these addresses are, one row a part. Uses recipients_address. */
export async function listPartsOf(
  tx: Tx,
  addresses: readonly string[],
): Promise<
  { seq: number; address: string; kind: Known['kind']; state: Known['state']; suppressed: boolean }[]
> {
  if (!addresses.length) return [];
  const rows = await tx
    .selectFrom('recipients as r')
    .leftJoin('suppressions as s', (join) =>
      join.onRef('s.address', '=', 'r.address').on('s.lifted_at', 'is', null),
    )
    .select(['r.seq', 'r.address', 'r.kind', 'r.state', 's.address as suppressed'])
    .where('r.address', 'in', addresses)
    .orderBy('r.seq')
    .execute();
  return rows.map((row) => ({ ...row, suppressed: row.suppressed !== null }));
}
