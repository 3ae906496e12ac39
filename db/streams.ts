import type { Mode } from '#domain/subscriberPace.ts';
import type { Instant } from '#domain/time.ts';
import type { FanoutFilter } from './fanouts.ts';
import type { Tx } from './open.ts';
import type { Unfinished } from './unfinished.ts';

/** What subscribers were told of an incident by mail so far. */
export type ToldSoFar = {
  /** Every message to many of it, but for corrections of a wrong one. */
  noticeSeqs: number[];
  /** When the last of them left to those who go by the policy; null when none has. */
  lastLeft: Instant | null;
  /** What those that have left were about, for people who follow that alone. */
  of: { components: string[]; groups: string[] };
  /** The most people that one of them was for. */
  most: number;
};

/** Uses notices_incident. */
export async function readToldSoFar(tx: Tx, incidentSeq: number, now: Instant): Promise<ToldSoFar> {
  const rows = await tx
    .selectFrom('notices as n')
    .innerJoin('fanouts as f', 'f.notice_seq', 'n.seq')
    .select(['n.seq', 'n.stopped_at', 'f.filter', 'f.release_at', 'f.created_at', 'f.expected'])
    .where('n.incident_seq', '=', incidentSeq)
    // What audiences are told keeps no subscriber waiting.
    .where('n.kind', 'in', ['update', 'maintenance'])
    .where('f.mends', 'is', null)
    .orderBy('n.seq')
    .execute();
  const gone = rows
    .filter((row) => row.release_at <= now && !row.stopped_at)
    .map((row) => ({ ...row, filter: JSON.parse(row.filter) as FanoutFilter }));
  // What only those heard whom it turned out to concern keeps nobody else waiting.
  const left = gone.filter(({ filter }) => listens(filter, 'policy') && !filter.scopedOnly);
  return {
    noticeSeqs: rows.map(({ seq }) => seq),
    of: {
      components: [...new Set(gone.flatMap(({ filter }) => filter.components))],
      groups: [...new Set(gone.flatMap(({ filter }) => filter.groups))],
    },
    lastLeft:
      left
        .map((row) => row.release_at || row.created_at)
        .sort()
        .at(-1) ?? null,
    most: Math.max(0, ...rows.map(({ expected }) => expected)),
  };
}

/** Whether all who chose this are told, and not only those who were told before. */
export function listens({ modes }: FanoutFilter, mode: Mode): boolean {
  return !modes || modes.includes(mode);
}

/** Whether someone may be told by both, as far as what they chose goes. */
export function shareListeners(a: FanoutFilter, b: FanoutFilter): boolean {
  const [ours, theirs] = [modesOf(a), modesOf(b)];
  return ours === null || theirs === null || ours.some((mode) => theirs.includes(mode));
}

/** Whether the newer one says all that those who wait for this one will be told: they are told by it, or not at all. */
export function isTakenUp(one: Pick<Unfinished, 'filter'>, by: FanoutFilter): boolean {
  const told = by.toldModes ?? [];
  return (
    (one.filter.modes ?? []).length > 0 && (modesOf(one.filter) ?? []).every((mode) => told.includes(mode))
  );
}

/** null: everyone. */
function modesOf({ modes, toldModes = [] }: FanoutFilter): readonly Mode[] | null {
  return modes ? [...modes, ...toldModes] : null;
}
