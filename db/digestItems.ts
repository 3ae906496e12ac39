import type { Mode } from '#domain/subscriberPace.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

type Filter = { components: readonly string[]; groups: readonly string[] };

/** An update that people were told of. */
export type DigestItem = {
  seq: number;
  updateSeq: number;
  incidentSeq: number;
  at: Instant;
  filter: Filter;
  modes: Mode[];
};

export async function insertDigestItem(
  tx: Tx,
  item: { updateSeq: number; incidentSeq: number; at: Instant; filter: Filter; modes: readonly Mode[] },
): Promise<void> {
  await tx
    .insertInto('digest_items')
    .values({
      update_seq: item.updateSeq,
      incident_seq: item.incidentSeq,
      at: item.at,
      filter: JSON.stringify(item.filter),
      modes: JSON.stringify(item.modes),
    })
    .execute();
}
