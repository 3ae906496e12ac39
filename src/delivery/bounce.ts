import { endMembers } from '#db/batchMembers.ts';
import type { Tx } from '#db/open.ts';
import { bouncesSince, listReceivers } from '#db/receipts.ts';
import { listRecords, putRecord, suppressedBy } from '#db/suppressions.ts';
import { addMs, DAY, type Instant } from '#domain/time.ts';

/** So long an address must have bounced, and taken nothing in between, before it is not mailed again. */
const FOR_GOOD_MS = DAY;

/**
 * Ends a mail to a mailbox that is not there, as the mail server says. If that has been so for a day, the address is not mailed again, as when
 * a provider tells that one bounced. Not at once: a mail server that has lost its list of mailboxes says it of everyone.
 */
export async function bounce(
  tx: Tx,
  { deliverySeq, reason }: { deliverySeq: number; reason: string },
  now: Instant,
): Promise<void> {
  const since = await bouncesSince(tx, deliverySeq);
  const address = (await listReceivers(tx, [deliverySeq])).get(deliverySeq)?.address;
  if (address && since !== null && since <= addMs(now, -FOR_GOOD_MS)) {
    const before = (await listRecords(tx, [address])).get(address) ?? null;
    const record = suppressedBy(before, { address, reason: 'bounce', detail: reason, at: now });
    if (record) await putRecord(tx, record);
  }
  await endMembers(tx, [deliverySeq], { state: 'bounced', reason, now });
}
