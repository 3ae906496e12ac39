import type { Tx } from '#db/open.ts';
import { listSoftBounces } from '#db/receipts.ts';
import { listKnownAddresses } from '#db/recipients.ts';
import { listRecords, putRecord, type SuppressionRecord, suppressedBy } from '#db/suppressions.ts';
import { SOFT_BOUNCES } from '#domain/receipts.ts';
import { addMs, DAY, type Instant } from '#domain/time.ts';

type Reason = SuppressionRecord['reason'];

/**
 * What receipts make of the suppression list. `listed` and `unlisted` say that the provider put an address on its own list, or took
 * it off; they count for addresses that we know. `softBounced`: see whether that was once too often.
 */
export type ListChange =
  | { kind: 'suppress' | 'listed'; address: string; reason: Reason; detail: string | null; at: Instant }
  | { kind: 'unlisted'; address: string; at: Instant }
  | { kind: 'softBounced'; address: string };

/**
 * Applies the changes by when they happened, not by when we heard of them: what happened before an address was let go again suppresses
 * it no more.
 */
export async function updateSuppressions(tx: Tx, changes: readonly ListChange[]): Promise<void> {
  if (!changes.length) return;
  const addresses = [...new Set(changes.map(({ address }) => address))];
  const known = await listKnownAddresses(tx, addresses);
  const before = await listRecords(tx, addresses);
  const after = new Map(before);
  for (const change of changes) {
    const { address } = change;
    if (
      (change.kind === 'listed' || change.kind === 'unlisted') &&
      !known.has(address) &&
      !after.has(address)
    )
      continue;
    const record = after.get(address) ?? null;
    const changed =
      change.kind === 'unlisted'
        ? taken(record, change)
        : change.kind === 'softBounced'
          ? quarantined(record, address, await listSoftBounces(tx, address))
          : suppressedBy(record, change);
    if (changed) after.set(address, changed);
  }
  for (const [address, record] of after) if (before.get(address) !== record) await putRecord(tx, record);
}

/** The provider let it go. What we ourselves decided stands. */
function taken(
  record: SuppressionRecord | null,
  { address, at }: { address: string; at: Instant },
): SuppressionRecord | null {
  const lifted = { liftedAt: at, liftedReason: 'Taken off the provider’s suppression list.' };
  if (!record) return { address, reason: 'bounce', detail: null, createdAt: at, ...lifted };
  if (record.reason === 'manual' || record.reason === 'soft_bounces') return null;
  if (at <= (record.liftedAt ?? record.createdAt)) return null;
  return { ...record, ...lifted };
}

function quarantined(
  record: SuppressionRecord | null,
  address: string,
  bounces: readonly Instant[],
): SuppressionRecord | null {
  const { incidents, days } = SOFT_BOUNCES;
  const counted = bounces.filter((at) => !record?.liftedAt || at > record.liftedAt);
  const last = counted.findLast((at, index) => {
    const first = counted[index - incidents + 1];
    return first !== undefined && first > addMs(at, -days * DAY);
  });
  if (!last) return null;
  const detail = `Could not be reached during ${incidents} incidents within ${days} days.`;
  return suppressedBy(record, { address, reason: 'soft_bounces', detail, at: last });
}
