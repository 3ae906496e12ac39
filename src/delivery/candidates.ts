import { listReadyBatches, type NewBatch, type ReadyBatch } from '#db/batches.ts';
import { listHeads, listQueued, listSealed, type Place, type QueuedDelivery } from '#db/deliveries.ts';
import { QUARANTINED } from '#db/hookCalls.ts';
import { type HookFacts, listHookFacts } from '#db/hooks.ts';
import { listNotices } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { LEFT } from '#db/recipients.ts';
import { EVERYTHING } from '#domain/choice.ts';
import { isUrgent, PRIORITIES } from '#domain/priority.ts';
import { addMs, HOUR, type Instant, MINUTE } from '#domain/time.ts';
import type { Sign } from '#emails/links.ts';
import { freezeBatch, type Told } from './freeze.ts';
import { addressLetter, type Letter, letterIn, type Mail, openLetter, UnsendableMail } from './mail.ts';
import type { Transport } from './transport.ts';

/** The provider forgets a key after 24 h; an hour before that a repeat is no longer safe. */
export const KEY_LIFETIME = 23 * HOUR;

/** What could go now: a frozen batch that is to be called (again), one that was written ahead, or deliveries in no batch yet. */
export type Candidate =
  | ({ kind: 'ready' } & ReadyBatch)
  | { kind: 'ahead'; prepared: Ahead }
  | { kind: 'queued'; deliveries: Queued[] };

/** A delivery in no batch yet, with what its mail or call is written from. */
export type Queued = QueuedDelivery & HookFacts & { priority: number };

const NO_HOOK: HookFacts = { choice: EVERYTHING, secret: null, oldSecret: null };

/** Deliveries made ready to be frozen, and those that end without a call. */
export type Prepared = {
  batch: NewBatch | null;
  bytes: Buffer;
  priority: number;
  members: ({ seq: number; contentSeq: number; attempts: number } & Told)[];
  ended: { seqs: number[]; state: 'suppressed' | 'refused' | 'superseded'; reason: string }[];
  /** Where in the queue it ends. */
  last: Place;
};

/** A batch that was written before there was a slot for it. Nothing of it is stored. */
export type Ahead = Prepared & { writtenAt: Instant };

/** Frozen batches that are looked at, at most. */
const READY = 100;
/** A batch that had so many calls without an answer probes last: it may be what the provider fails at, where others would do. */
const PROBES = 5;
/** What is less urgent and has waited for so long gets a slot now and then. */
const OLD_MS = 10 * MINUTE;

/**
 * Picks what fills the free slots, the most urgent first. A batch holds one priority; a frozen batch goes before new ones of its
 * priority. With `oldFirst` the first slot goes to the oldest of what is less urgent, has waited long and may leave.
 * @returns `aged`: the priorities of such work, the oldest first, whether they got a slot or not
 */
export async function pickCandidates(
  tx: Tx,
  {
    transport,
    slots,
    now,
    ahead,
    busy,
    room,
    oldFirst,
    probe,
  }: {
    transport: Transport;
    slots: { urgent: number; other: number };
    now: Instant;
    ahead: readonly Ahead[];
    /** Batches that we are at: however old a lease may look, by a clock that leapt, they are not taken from ourselves. */
    busy: readonly number[];
    /** How many mails of a priority the quotas leave. */
    room: (priority: number) => number;
    oldFirst: boolean;
    /** One call tries whether the provider answers again: what is frozen does for that, so that no more people wait in a batch. */
    probe: boolean;
  },
): Promise<{ candidates: Candidate[]; aged: number[] }> {
  const frozen = await listReadyBatches(tx, {
    transport: transport.name,
    now,
    keysLastSince: addMs(now, -KEY_LIFETIME),
    early: probe ? PROBES : 0,
    limit: READY,
  });
  const ready = frozen.filter(({ seq }) => !busy.includes(seq));
  const heads = await listHeads(tx, { lane: transport.lane, now });
  const aged = agedOf(heads, ready, now);
  const candidates: Candidate[] = [];
  const fresh = ready.filter(({ attempts }) => attempts < PROBES);
  const slotsFor = (priority: number) => (isUrgent(priority) ? slots.urgent : slots.other);
  for (const frozenOnes of probe ? [fresh, ready] : [ready]) {
    for (const old of oldFirst ? aged : []) await fill(old, Math.min(1, slotsFor(old)), frozenOnes);
    for (const priority of PRIORITIES) await fill(priority, slotsFor(priority), frozenOnes);
  }
  return { candidates, aged };

  /** Adds what there is of this priority until so many slots are filled in all. */
  async function fill(priority: number, until: number, frozenOnes: readonly ReadyBatch[]): Promise<void> {
    let mails = room(priority);
    const fits = (candidate: Candidate, size: number) => {
      if (candidates.length >= until || size > mails || candidates.some((one) => isSame(one, candidate)))
        return;
      candidates.push(candidate);
      mails -= size;
    };
    for (const batch of frozenOnes)
      if (batch.priority === priority) fits({ kind: 'ready', ...batch }, batch.size);
    const written = ahead.filter((one) => one.priority === priority);
    for (const prepared of written) fits({ kind: 'ahead', prepared }, prepared.members.length);
    const wanted = Math.min((until - candidates.length) * transport.batchSize, mails);
    if (wanted <= 0 || !heads.has(priority)) return;
    for (const deliveries of await pickQueued(tx, { transport, priority, now, written, limit: wanted }))
      fits({ kind: 'queued', deliveries }, deliveries.length);
  }
}

/** What will probably be picked next, beyond what has been written ahead: of the most urgent priority that has any. */
export async function pickAhead(
  tx: Tx,
  {
    transport,
    now,
    ahead,
    batches,
  }: { transport: Transport; now: Instant; ahead: readonly Ahead[]; batches: number },
): Promise<Queued[][]> {
  const heads = await listHeads(tx, { lane: transport.lane, now });
  for (const priority of PRIORITIES) {
    if (!heads.has(priority)) continue;
    const written = ahead.filter((one) => one.priority === priority);
    const limit = batches * transport.batchSize;
    const next = await pickQueued(tx, { transport, priority, now, written, limit });
    if (next.length) return next.slice(0, batches);
  }
  return [];
}

async function pickQueued(
  tx: Tx,
  {
    transport,
    priority,
    now,
    written,
    limit,
  }: { transport: Transport; priority: number; now: Instant; written: readonly Ahead[]; limit: number },
): Promise<Queued[][]> {
  const queued = await listQueued(tx, {
    lane: transport.lane,
    priority,
    now,
    after: written.at(-1)?.last ?? null,
    limit,
  });
  const facts =
    transport.lane === 'hook'
      ? await listHookFacts(
          tx,
          queued.map(({ recipientSeq }) => recipientSeq),
        )
      : null;
  const known = queued.map((delivery) => ({
    ...delivery,
    ...(facts?.get(delivery.recipientSeq) ?? NO_HOOK),
    priority,
  }));
  return inBatches(known, transport.batchSize, await sealedOf(tx, known));
}

async function sealedOf(tx: Tx, queued: readonly Queued[]): Promise<ReadonlyMap<string, number>> {
  const noticeIds = [...new Set(queued.map(({ noticeId }) => noticeId))];
  // What all tell alike is of one incident: almost always, and then nothing is asked.
  return noticeIds.length > 1 ? listSealed(tx, noticeIds) : new Map();
}

/**
 * In the order of the queue. No batch tells of two restricted incidents: should it ever be held, only a person who may know all that is in it
 * can decide about it, and there may be nobody who may know of both.
 */
function inBatches(queued: readonly Queued[], size: number, sealed: ReadonlyMap<string, number>): Queued[][] {
  const all: Queued[][] = [];
  let within: number | undefined;
  for (const delivery of queued) {
    const own = sealed.get(delivery.noticeId);
    const last = all.at(-1);
    const fits = last && last.length < size && (own === undefined || within === undefined || own === within);
    if (fits) last.push(delivery);
    else all.push([delivery]);
    within = fits ? (within ?? own) : own;
  }
  return all;
}

/** The priorities that have waited long, the longest first, among what is less urgent than something else that waits. */
function agedOf(heads: ReadonlyMap<number, Instant>, ready: readonly ReadyBatch[], now: Instant): number[] {
  const since = new Map(heads);
  for (const { priority, createdAt } of ready)
    if (createdAt < (since.get(priority) ?? now)) since.set(priority, createdAt);
  const top = Math.min(...since.keys());
  const old = [...since].filter(([priority, at]) => priority > top && at <= addMs(now, -OLD_MS));
  return old.sort(([, a], [, b]) => (a < b ? -1 : 1)).map(([priority]) => priority);
}

function isSame(one: Candidate, other: Candidate): boolean {
  if (one.kind === 'ready') return other.kind === 'ready' && one.seq === other.seq;
  if (one.kind === 'ahead') return other.kind === 'ahead' && one.prepared === other.prepared;
  return other.kind === 'queued' && one.deliveries[0]?.seq === other.deliveries[0]?.seq;
}

export const REASON_AGAINST = {
  suppressed: 'The address is on the suppression list.',
  unsubscribed: LEFT,
  quarantined: QUARANTINED,
  needless: 'The wrong text never reached this person, so there is nothing to correct.',
  emptied: 'All that this digest was to tell was stopped.',
};

/** Writes the mails and decides the batch's bytes. `letters` holds the notices of the moment, by seq. */
export async function prepareBatch(
  queued: readonly Queued[],
  { letters, transport, now, site, sign, mark }: Preparation,
): Promise<Prepared> {
  const ended: Prepared['ended'] = [];
  const mails: Mail[] = [];
  const members: Prepared['members'] = [];
  // The order of the bytes is the order of the seqs: whoever takes the batch up later knows it too.
  for (const delivery of [...queued].sort((a, b) => a.seq - b.seq)) {
    if (delivery.against) {
      ended.push({
        seqs: [delivery.seq],
        state:
          delivery.against === 'needless' || delivery.against === 'emptied' ? 'superseded' : 'suppressed',
        reason: REASON_AGAINST[delivery.against],
      });
      continue;
    }
    const opened = letters.get(delivery.contentSeq) as Letter | UnsendableMail;
    try {
      if (opened instanceof UnsendableMail) throw opened;
      const letter = letterIn(opened, delivery.locale);
      if (transport.lane === 'hook' && !letter.notice.payload)
        throw new UnsendableMail('This message has nothing for webhooks and chats.');
      mails.push(
        addressLetter(letter, { ...delivery, deliverySeq: delivery.seq }, { siteUrl: site.url, sign }),
      );
      const { seq, noticeId, recipientId, contentSeq, attempts } = delivery;
      members.push({ seq, noticeId, recipientId, contentSeq, attempts });
    } catch (error) {
      // Whatever is odd about it, it keeps no other from leaving.
      ended.push({ seqs: [delivery.seq], state: 'refused', reason: faultOf(error) });
    }
  }
  const { priority, notBefore, seq } = queued.at(-1) as Queued;
  const shared = { priority, members, ended, last: { notBefore, seq } };
  const { bytes, faults } = await buildSound(mails, { transport, now });
  for (const [seq, reason] of faults) {
    ended.push({ seqs: [seq], state: 'refused', reason });
    members.splice(
      members.findIndex((member) => member.seq === seq),
      1,
    );
  }
  if (!members.length) return { batch: null, bytes: Buffer.alloc(0), ...shared };
  const batch = await freezeBatch(transport.name, {
    mark,
    generation: Math.max(...members.map((member) => member.attempts)),
    priority,
    members,
    bytes,
  });
  return { batch, bytes, ...shared };
}

function faultOf(error: unknown): string {
  const { message } = error as Error;
  return error instanceof UnsendableMail ? message : `The message cannot be sent: ${message}`;
}

/** The bytes of those that can be written. One that cannot keeps no other from leaving: it is said why (by seq of its delivery). */
async function buildSound(
  mails: readonly Mail[],
  { transport, now }: Pick<Preparation, 'transport' | 'now'>,
): Promise<{ bytes: Buffer; faults: Map<number, string> }> {
  const faults = new Map<number, string>();
  if (!mails.length) return { bytes: Buffer.alloc(0), faults };
  try {
    return { bytes: await transport.build(mails, now), faults };
  } catch (failure) {
    for (const mail of mails)
      try {
        const bytes = await transport.build([mail], now);
        transport.release?.(bytes);
      } catch (error) {
        faults.set(mail.deliverySeq, faultOf(error));
      }
    // Each of them can be written: then it is not they who are at fault.
    if (!faults.size) throw failure;
    return buildSound(
      mails.filter(({ deliverySeq }) => !faults.has(deliverySeq)),
      { transport, now },
    ).then(({ bytes }) => ({ bytes, faults }));
  }
}

export type Preparation = {
  letters: Map<number, Letter | UnsendableMail>;
  transport: Transport;
  now: Instant;
  site: { url: string };
  sign: Sign;
  /** Of the installation: part of every key. */
  mark: string;
};

/** At most this many notices are kept open; they never change, so they can be kept. */
const OPEN_LETTERS = 50;

/** Reads the notices that the candidates need and that are not open yet. */
export async function openLetters(
  tx: Tx,
  letters: Preparation['letters'],
  queued: readonly (readonly Queued[])[],
): Promise<void> {
  const needed = new Set(queued.flat().map((delivery) => delivery.contentSeq));
  const missing = [...needed].filter((seq) => !letters.has(seq));
  if (letters.size + missing.length > OPEN_LETTERS)
    for (const seq of letters.keys()) if (!needed.has(seq)) letters.delete(seq);
  for (const notice of await listNotices(tx, missing)) {
    try {
      letters.set(notice.seq, openLetter(notice));
    } catch (error) {
      letters.set(notice.seq, new UnsendableMail(faultOf(error)));
    }
  }
}
