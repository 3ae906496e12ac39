import { insertAudit } from '#db/audit.ts';
import { listNeverCalled, settleBatch } from '#db/batches.ts';
import { endMembers, requeueMembers } from '#db/batchMembers.ts';
import { setStopped } from '#db/contents.ts';
import { findTold } from '#db/deliveries.ts';
import type { Tx } from '#db/open.ts';
import { getProvider, noteRefusals, openCircuit } from '#db/providers.ts';
import { takeBackRefused } from '#db/refused.ts';
import { listUnfinished, STOPPED_BY_FAULT } from '#db/unfinished.ts';
import { withoutAddresses } from '#domain/text.ts';
import type { Instant } from '#domain/time.ts';
import { goesWhole, type Transport } from './transport.ts';

/** So many people in a row refused in the same words, and none taken in between: then the fault is not theirs. */
const IN_A_ROW = 5;

/** A single mail that was definitely refused. */
export type Refusal = { batchSeq: number; seq: number; reason: string };

/**
 * Ends a mail that was refused; unless the fault is one that others share. Then nobody is refused for it, and whoever met it waits in the
 * queue again, to be written anew: of one message alone that message is stopped, and the others go on; of several the provider stops, until
 * someone mends it.
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
  const told = words === null ? null : await findTold(tx, seq);
  if (words === null || told === null) return endMembers(tx, [seq], { state: 'refused', reason, now });
  const { to, notice } = told;
  const alike = provider.refusals.filter((one) => one.words === words && one.to !== to);
  const row = [...alike, { seq, to, notice, words }].slice(-IN_A_ROW);
  await noteRefusals(tx, { id: provider.id, refusals: row });
  if (row.length < IN_A_ROW) return endMembers(tx, [seq], { state: 'refused', reason, now });
  await again(batchSeq, [seq]);
  await takeBackRefused(
    tx,
    row.map((one) => one.seq),
    now,
  );
  // Their bytes have the fault in them. They were certainly never taken, so they may be written anew.
  for (const batch of await listNeverCalled(tx, transport.name))
    if (await settleBatch(tx, batch, { now, error: COMMON })) await again(batch.seq);
  const said = sentence(withoutAddresses(reason));
  if (row.every((one) => one.notice === notice) && (await stopMessage(tx, told, { said, now }))) return;
  await noteRefusals(tx, { id: provider.id, refusals: [] });
  await openCircuit(tx, { id: provider.id, now, reason: `${COMMON} ${said} ${FIX}` });
}

/**
 * Stops what is left of one message, as a person would. Who was refused stays noted: the next message that meets the same words shows that
 * the fault is not this one's.
 * @returns false where it is none that anybody could let go on
 */
async function stopMessage(
  tx: Tx,
  {
    noticeId,
    incidentSeq,
    updateSeq,
  }: { noticeId: string; incidentSeq: number | null; updateSeq: number | null },
  { said, now }: { said: string; now: Instant },
): Promise<boolean> {
  if (incidentSeq === null) return false;
  const group = (await listUnfinished(tx, incidentSeq)).filter((one) => one.updateSeq === updateSeq);
  await setStopped(
    tx,
    group.map(({ noticeSeq }) => noticeSeq),
    { at: now, by: `${STOPPED_BY_FAULT} ${said}`.slice(0, 400) },
  );
  // What was under way when it stopped may meet the fault again: that is the same deed.
  if (group.some(({ stoppedAt }) => stoppedAt === null))
    await insertAudit(
      tx,
      { actor: FOGHORN, now: () => now },
      // Not the words of the refusal: they may quote what not everyone who reads the record may know.
      { action: 'delivery.stopByFault', subjectKind: 'notice', subjectId: noticeId, detail: { text: ALIKE } },
    );
  return group.length > 0;
}

const FOGHORN = { kind: 'system', name: 'Foghorn, automatically' } as const;
const ALIKE = `${IN_A_ROW} people in a row were refused in the same words`;

const COMMON = `${IN_A_ROW} people in a row were refused in the same words and nobody was taken in between, so the fault is in what all mails share; they wait again.`;
const FIX =
  'Mend what those words name: MAIL_FROM, MAIL_REPLY_TO, what the account or the mail server lets Foghorn send. Then resume.';

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
