import { listNeverCalled, settleBatch } from '#db/batches.ts';
import { endMembers, requeueMembers } from '#db/batchMembers.ts';
import { recipientOf } from '#db/deliveries.ts';
import type { Tx } from '#db/open.ts';
import { getProvider, noteRefusals, openCircuit } from '#db/providers.ts';
import { takeBackRefused } from '#db/refused.ts';
import { withoutAddresses } from '#domain/text.ts';
import type { Instant } from '#domain/time.ts';
import { goesWhole, type Transport } from './transport.ts';

/** So many people in a row refused in the same words, and none taken in between: then the fault is not theirs. */
const IN_A_ROW = 5;

/** A single mail that was definitely refused. */
export type Refusal = { batchSeq: number; seq: number; reason: string };

/**
 * Ends a mail that was refused; unless the fault is one that all mails share. Then nobody is refused for it: the provider stops until someone
 * mends it, and whoever met the fault waits in the queue again, to be written anew.
 */
export async function refuse(
  tx: Tx,
  { batchSeq, seq, reason }: Refusal,
  { now, transport }: { now: Instant; transport: Transport },
): Promise<void> {
  const provider = await getProvider(tx, transport.name);
  const words = wordsOf(reason);
  const again = (of: number, seqs?: readonly number[]) =>
    requeueMembers(
      tx,
      { batchSeq: of, seqs },
      { counts: goesWhole(transport.name), notBefore: now, reason: null, now },
    );
  // Calls that were under way when it stopped.
  if (words !== null && provider.circuit === 'open') return again(batchSeq, [seq]);
  const to = words === null ? null : await recipientOf(tx, seq);
  if (words === null || to === null) return endMembers(tx, [seq], { state: 'refused', reason, now });
  const alike = provider.refusals.filter((one) => one.words === words && one.to !== to);
  const row = [...alike, { seq, to, words }];
  if (row.length < IN_A_ROW) {
    await noteRefusals(tx, { id: provider.id, refusals: row });
    return endMembers(tx, [seq], { state: 'refused', reason, now });
  }
  await again(batchSeq, [seq]);
  await takeBackRefused(
    tx,
    row.map((one) => one.seq),
    now,
  );
  // Their bytes have the fault in them. They were certainly never taken, so they may be written anew.
  for (const batch of await listNeverCalled(tx, transport.name))
    if (await settleBatch(tx, batch, { now, error: COMMON })) await again(batch.seq);
  await noteRefusals(tx, { id: provider.id, refusals: [] });
  await openCircuit(tx, {
    id: provider.id,
    now,
    reason: `${COMMON} ${sentence(withoutAddresses(reason))} ${FIX}`,
  });
}

const COMMON = `${IN_A_ROW} people in a row were refused in the same words and nobody was taken in between, so the fault is in what all mails share; they wait again.`;
const FIX =
  'Mend what those words name: MAIL_FROM, MAIL_REPLY_TO, what the account or the mail server lets Foghorn send. If they name one message alone, stop that message. Then resume.';

/**
 * What of a refusal is the same for everyone; null when it speaks of that one recipient. RFC 3463: X.1 is about the address and X.2 about
 * the mailbox, but for X.1.7 and X.1.8, which are about the sender's.
 */
function wordsOf(reason: string): string | null {
  if (/\b5\.(1\.(?![78]\b)|2\.)\d+\b/.test(reason)) return null;
  if (/[`'"]to[`'"]|\brecipients?\b/i.test(reason) && !/\b5\.\d+\.\d+\b/.test(reason)) return null;
  // Without such a code, 550 says that there is no such mailbox (RFC 5321 section 4.2.3), or that there is no way on from here.
  if (/said: 550(?![ -]5\.\d)/.test(reason) && !/\brelay/i.test(reason)) return null;
  // The numbers under which a server files its refusals.
  return withoutAddresses(reason).replace(/\b(?=\w*\d)\w{6,}\b/g, '#');
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
