import { listReadyBatches, type NewBatch } from '#db/batches.ts';
import { listQueued, type QueuedDelivery } from '#db/deliveries.ts';
import { QUARANTINED } from '#db/hooks.ts';
import { listNotices } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { addMs, HOUR, type Instant } from '#domain/time.ts';
import type { Sign } from '#emails/links.ts';
import { freezeBatch } from './freeze.ts';
import { addressLetter, type Letter, type Mail, openLetter, UnsendableMail } from './mail.ts';
import type { Transport } from './transport.ts';

/** The provider forgets a key after 24 h; an hour before that a repeat is no longer safe. */
export const KEY_LIFETIME = 23 * HOUR;

/** 0 confirmations and SEV1, 1 incidents, 2 maintenance, 3 digests: the lower goes first. */
const PRIORITIES = [0, 1, 2, 3] as const;

/** What could go now, the most urgent first: batches that wait to be called (again), and deliveries in no batch yet. */
export type Candidates = { ready: { seq: number; priority: number }[]; queued: QueuedDelivery[][] };

/** Picks what fills the free slots. A batch holds one priority; a frozen batch goes before new ones of its priority. */
export async function pickCandidates(
  tx: Tx,
  { transport, slots, now }: { transport: Transport; slots: number; now: Instant },
): Promise<Candidates> {
  const ready = await listReadyBatches(tx, {
    transport: transport.name,
    now,
    keysLastSince: addMs(now, -KEY_LIFETIME),
    limit: slots,
  });
  const picked: Candidates = { ready: [], queued: [] };
  let free = slots;
  for (const priority of PRIORITIES) {
    if (!free) break;
    const waiting = ready.filter((batch) => batch.priority === priority).slice(0, free);
    picked.ready.push(...waiting);
    free -= waiting.length;
    if (!free) break;
    const queued = await listQueued(tx, {
      lane: transport.lane,
      priority,
      now,
      limit: free * transport.batchSize,
    });
    for (let start = 0; start < queued.length; start += transport.batchSize, free--)
      picked.queued.push(queued.slice(start, start + transport.batchSize));
  }
  return picked;
}

/** Deliveries made ready to be frozen, and those that end without a call. */
export type Prepared = {
  batch: NewBatch | null;
  bytes: Buffer;
  members: { seq: number; contentSeq: number; attempts: number }[];
  ended: { seqs: number[]; state: 'suppressed' | 'refused' | 'superseded'; reason: string }[];
};

const REASON_AGAINST = {
  suppressed: 'The address is on the suppression list.',
  unsubscribed: 'Unsubscribed before it was sent.',
  quarantined: QUARANTINED,
  needless: 'The wrong text never reached this person, so there is nothing to correct.',
};

/** Writes the mails and decides the batch's bytes. `letters` holds the notices of the moment, by seq. */
export async function prepareBatch(
  queued: readonly QueuedDelivery[],
  { letters, transport, now, site, sign }: Preparation,
): Promise<Prepared> {
  const ended: Prepared['ended'] = [];
  const mails: Mail[] = [];
  const members: Prepared['members'] = [];
  // The order of the bytes is the order of the seqs: whoever takes the batch up later knows it too.
  for (const delivery of [...queued].sort((a, b) => a.seq - b.seq)) {
    if (delivery.against) {
      ended.push({
        seqs: [delivery.seq],
        state: delivery.against === 'needless' ? 'superseded' : 'suppressed',
        reason: REASON_AGAINST[delivery.against],
      });
      continue;
    }
    const letter = letters.get(delivery.contentSeq) as Letter | UnsendableMail;
    try {
      if (letter instanceof UnsendableMail) throw letter;
      if (transport.lane === 'hook' && !letter.notice.payload)
        throw new UnsendableMail('This message has nothing for webhooks and chats.');
      mails.push(
        addressLetter(letter, { ...delivery, deliverySeq: delivery.seq }, { siteUrl: site.url, sign }),
      );
      members.push({ seq: delivery.seq, contentSeq: delivery.contentSeq, attempts: delivery.attempts });
    } catch (error) {
      if (!(error instanceof UnsendableMail)) throw error;
      ended.push({ seqs: [delivery.seq], state: 'refused', reason: error.message });
    }
  }
  if (!mails.length) return { batch: null, bytes: Buffer.alloc(0), members, ended };
  const bytes = await transport.build(mails, now);
  const batch = await freezeBatch(transport.name, {
    generation: Math.max(...members.map((member) => member.attempts)),
    priority: (queued[0] as QueuedDelivery).priority,
    deliverySeqs: members.map((member) => member.seq),
    bytes,
  });
  return { batch, bytes, members, ended };
}

export type Preparation = {
  letters: Map<number, Letter | UnsendableMail>;
  transport: Transport;
  now: Instant;
  site: { url: string };
  sign: Sign;
};

/** At most this many notices are kept open; they never change, so they can be kept. */
const OPEN_LETTERS = 50;

/** Reads the notices that the candidates need and that are not open yet. */
export async function openLetters(
  tx: Tx,
  letters: Preparation['letters'],
  queued: readonly (readonly QueuedDelivery[])[],
): Promise<void> {
  const needed = new Set(queued.flat().map((delivery) => delivery.contentSeq));
  const missing = [...needed].filter((seq) => !letters.has(seq));
  if (letters.size + missing.length > OPEN_LETTERS)
    for (const seq of letters.keys()) if (!needed.has(seq)) letters.delete(seq);
  for (const notice of await listNotices(tx, missing)) {
    try {
      letters.set(notice.seq, openLetter(notice));
    } catch (error) {
      letters.set(notice.seq, new UnsendableMail(`The message cannot be sent: ${(error as Error).message}`));
    }
  }
}
