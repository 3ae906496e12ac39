import type { Instant } from '#domain/time.ts';
import type { FanoutFilter } from './fanouts.ts';
import { endExpansion, returnLeftOut } from './fanouts.ts';
import type { Tx } from './open.ts';
import { countReach } from './reach.ts';
import { listUnfinished, type To, type Unfinished } from './unfinished.ts';

type Concerned = { components: readonly string[]; groups: readonly string[] };

/** Mail of an incident that has not begun to leave, and is no correction of a wrong one. Uses fanouts_unfinished. */
export async function listWaitingMail(
  tx: Tx,
  incidentSeq: number,
  to: To,
  now: Instant,
): Promise<Unfinished[]> {
  return (await listUnfinished(tx, incidentSeq, to)).filter(
    ({ expanding, cursorSeq, releaseAt, heldBack, mends, droppedBy }) =>
      expanding && cursorSeq === 0 && (releaseAt > now || heldBack) && !mends && droppedBy === null,
  );
}

/**
 * What of an incident has not begun to leave, and what digests will say of it, goes to nobody any more whom it turned out not to concern;
 * and what has not begun to leave goes to those whom it turned out to concern as well. Uses digest_items_at.
 * @param declaredAt nothing was told of it before
 * @param added what it turned out to touch besides
 * @returns the mail that waits, as it is from now on
 */
export async function fitWaiting(
  tx: Tx,
  { seq, declaredAt }: { seq: number; declaredAt: Instant },
  { concerned, added }: { concerned: Concerned; added: Concerned },
  now: Instant,
): Promise<Unfinished[]> {
  const waiting = (await listWaitingMail(tx, seq, 'subscribers', now)).filter(
    ({ filter }) => !filter.people && !filter.noLonger,
  );
  const fitted: Unfinished[] = [];
  for (const fanout of waiting) {
    const left = within(fanout.filter, concerned);
    // What tells of a change is for those who had what was changed.
    const fit = fanout.corrects ? left : union(left, added);
    const filter: FanoutFilter = { ...fanout.filter, ...fit };
    const expected = await countReach(tx, filter);
    await tx
      .updateTable('fanouts')
      .set({ filter: JSON.stringify(filter), expected })
      .where('seq', '=', fanout.seq)
      .execute();
    fitted.push({ ...fanout, filter, expected });
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
  return fitted;
}

/** Leaves these people alone in mail to stakeholders that has not begun to leave. Where nobody is left, none of it is made. */
export async function spareAllBut(
  tx: Tx,
  fanout: Unfinished,
  people: readonly number[],
  now: Instant,
): Promise<void> {
  const { seq, noticeSeq, filter } = fanout;
  await tx
    .updateTable('fanouts')
    .set({ filter: JSON.stringify({ ...filter, people }), expected: people.length })
    .where('seq', '=', seq)
    .execute();
  if (!people.length) await endExpansion(tx, [noticeSeq], now);
  const spared = filter.people?.filter((one) => !people.includes(one)) ?? [];
  await returnLeftOut(tx, fanout, spared, now);
}

function within(told: Concerned, concerned: Concerned): Concerned {
  return {
    components: told.components.filter((id) => concerned.components.includes(id)),
    groups: told.groups.filter((id) => concerned.groups.includes(id)),
  };
}

function union(a: Concerned, b: Concerned): Concerned {
  return {
    components: [...new Set([...a.components, ...b.components])],
    groups: [...new Set([...a.groups, ...b.groups])],
  };
}
