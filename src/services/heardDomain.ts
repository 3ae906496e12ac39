import { type Known, listLastTold } from '#db/heard.ts';
import { countDomain, listAddressesOf, listPartsOf } from '#db/heardDomain.ts';
import type { Tx } from '#db/open.ts';
import type { Told } from '#domain/heard.ts';

export type HeardDomain = {
  found: 'domain';
  domain: string;
  counts: { subscribed: number; pending: number; unsubscribed: number; inside: number; suppressed: number };
  /** Only the first 10,000 were counted. */
  more: boolean;
  people: { address: string; parts: string[]; suppressed: boolean; last: Told | null }[];
  next: string | null;
};
const PEOPLE = 50;

export async function findDomain(tx: Tx, domain: string, after: string): Promise<HeardDomain> {
  const addresses = await listAddressesOf(tx, { domain, after, limit: PEOPLE + 1 });
  const page = addresses.slice(0, PEOPLE);
  const parts = Map.groupBy(await listPartsOf(tx, page), ({ address }) => address);
  const last = new Map<number, Told>();
  const seqs = [...parts.values()].flat().map(({ seq }) => seq);
  for (const { recipientSeq, ...told } of await listLastTold(tx, seqs)) last.set(recipientSeq, told);
  const { kinds, suppressed, more } = await countDomain(tx, domain);
  const count = (is: (row: (typeof kinds)[number]) => boolean) =>
    kinds.filter(is).reduce((sum, row) => sum + row.count, 0);
  const subscribers = (state: Known['state']) =>
    count((row) => row.kind === 'subscriber' && row.state === state);
  return {
    found: 'domain',
    domain,
    counts: {
      subscribed: subscribers('confirmed'),
      pending: subscribers('pending'),
      unsubscribed: subscribers('unsubscribed'),
      inside: count((row) => row.kind !== 'subscriber' && row.state === 'confirmed'),
      suppressed,
    },
    more,
    people: page.map((address) => {
      const own = parts.get(address) ?? [];
      const told = own.flatMap(({ seq }) => last.get(seq) ?? []).sort((a, b) => b.seq - a.seq);
      return {
        address,
        parts: own.map(partWords),
        suppressed: own.some((part) => part.suppressed),
        last: told[0] ?? null,
      };
    }),
    next: addresses.length > PEOPLE ? (page.at(-1) ?? null) : null,
  };
}

function partWords({ kind, state }: Pick<Known, 'kind' | 'state'>): string {
  if (kind === 'subscriber')
    return { confirmed: 'Subscribed', pending: 'Not confirmed yet', unsubscribed: 'Unsubscribed' }[state];
  return state === 'confirmed' ? 'In an audience' : 'Was in an audience';
}
