import type { Instant } from '#domain/time.ts';
import type { FanoutFilter } from './fanouts.ts';
import type { Tx } from './open.ts';
import { countReach } from './reach.ts';
import { listUnfinished } from './unfinished.ts';

type Concerned = { components: readonly string[]; groups: readonly string[] };

/**
 * What of an incident has not begun to leave, and what digests will say of it, goes to nobody any more whom it turned out not to concern.
 * It goes to nobody else either. Uses fanouts_unfinished and digest_items_at.
 * @param declaredAt nothing was told of it before
 */
export async function narrowWaiting(
  tx: Tx,
  { seq, declaredAt }: { seq: number; declaredAt: Instant },
  concerned: Concerned,
  now: Instant,
): Promise<void> {
  const waiting = (await listUnfinished(tx, seq, 'subscribers')).filter(
    ({ expanding, cursorSeq, releaseAt, heldBack, mends, filter }) =>
      expanding && cursorSeq === 0 && (releaseAt > now || heldBack) && !mends && !filter.people,
  );
  for (const fanout of waiting) {
    const filter: FanoutFilter = { ...fanout.filter, ...within(fanout.filter, concerned) };
    await tx
      .updateTable('fanouts')
      .set({ filter: JSON.stringify(filter), expected: await countReach(tx, filter) })
      .where('seq', '=', fanout.seq)
      .execute();
  }
  const items = await tx
    .selectFrom('digest_items')
    .select(['seq', 'filter'])
    .where('at', '>=', declaredAt)
    .where('incident_seq', '=', seq)
    .execute();
  for (const item of items) {
    const filter = JSON.parse(item.filter) as Concerned;
    await tx
      .updateTable('digest_items')
      // Who had it before stays who is told that it reads otherwise.
      .set({ filter: JSON.stringify({ ...filter, ...within(filter, concerned) }) })
      .where('seq', '=', item.seq)
      .execute();
  }
}

function within(told: Concerned, concerned: Concerned): Concerned {
  return {
    components: told.components.filter((id) => concerned.components.includes(id)),
    groups: told.groups.filter((id) => concerned.groups.includes(id)),
  };
}
