import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import type { Db, Tx } from '#db/open.ts';
import {
  attributeEvent,
  deleteOtherEvents,
  forgetBodies,
  giveUpWaiting,
  insertEvents,
  isAnyApplicable,
  listApplicable,
  markApplied,
  markWaiting,
  type NewProviderEvent,
  type WaitingEvent,
} from '#db/providerEvents.ts';
import {
  deleteSoftBounces,
  insertSoftBounces,
  listReceivers,
  moveDeliveries,
  type Receiver,
  setProviderId,
} from '#db/receipts.ts';
import { findSubscriber, markUnsubscribed } from '#db/recipients.ts';
import {
  furthest,
  installationMark,
  isOfEarlierTry,
  MAIL_RECEIPTS,
  type MailReceipt,
  type Receipt,
  stepOf,
} from '#domain/receipts.ts';
import { addMs, DAY, type Instant } from '#domain/time.ts';
import { OUTCOMES } from './receiptOutcomes.ts';
import { type ListChange, updateSuppressions } from './suppressionChanges.ts';

/** Events in one transaction: others write between two. */
const CHUNK = 200;
const GIVE_UP_AFTER = 3 * DAY;
const BODIES_KEPT = 90 * DAY;
const FORGET_AT_ONCE = 2_000;

export type ReceivedEvent = {
  provider: string;
  /** The provider's id of the event; one that came before is left as it is. */
  eventId: string;
  type: string;
  occurredAt: Instant | null;
  body: string;
  receipt: Receipt;
};

/**
 * Keeps an event that the provider sent; resolves once it is on disk. Whoever calls has verified its signature. Events that come in
 * while others are being written share one commit, so that a fan-out's receipts do not crowd out its sending.
 */
export function receiveEvent(ctx: Ctx, event: ReceivedEvent): Promise<void> {
  const now = ctx.now();
  const { occurredAt, receipt } = event;
  const isOurs = receipt.installation === installationMark(ctx.sign, ctx.site.url);
  const inbox = inboxOf(ctx.db);
  inbox.arrived.push({
    ...event,
    receivedAt: now,
    occurredAt: occurredAt && occurredAt < now ? occurredAt : now,
    deliverySeq: isOurs ? receipt.deliverySeq : null,
  });
  inbox.next ??= inbox.last.then(() => {
    const events = inbox.arrived.splice(0);
    const written = ctx.db.write((tx) => insertEvents(tx, events));
    inbox.last = written.catch(() => undefined);
    inbox.next = null;
    return written;
  });
  return inbox.next;
}

type Inbox = {
  /** Not on disk yet. */
  arrived: NewProviderEvent[];
  next: Promise<void> | null;
  last: Promise<unknown>;
  applying: boolean;
};

const inboxes = new WeakMap<Db, Inbox>();

function inboxOf(db: Db): Inbox {
  const inbox = inboxes.get(db) ?? { arrived: [], next: null, last: Promise.resolve(), applying: false };
  inboxes.set(db, inbox);
  return inbox;
}

/**
 * Applies what has come in: deliveries move on, addresses that bounced or complained are suppressed. Any number of processes may do so
 * at once: an event is applied in the transaction that marks it as applied, and writers take turns.
 * @returns how many events were dealt with
 */
export async function applyReceipts(given: Ctx): Promise<number> {
  const ctx: Ctx = { ...given, actor: { kind: 'system', name: 'mail provider' } };
  let total = 0;
  while (await ctx.db.read(isAnyApplicable)) {
    const count = await ctx.db.write((tx) => applyChunk(ctx, tx));
    if (!count) break;
    total += count;
  }
  return total;
}

/**
 * Applies what has come in, after the provider was answered and beside whatever else goes on; what comes in meanwhile is applied too.
 * Should it fail, the clock does it.
 */
export function applySoon(ctx: Ctx): void {
  const inbox = inboxOf(ctx.db);
  if (inbox.applying) return;
  inbox.applying = true;
  applyReceipts(ctx)
    .catch((error: unknown) =>
      ctx.log.error({ err: error }, 'Receipts could not be applied; the clock tries again.'),
    )
    .finally(() => {
      inbox.applying = false;
    });
}

type MailEvent = WaitingEvent & { kind: MailReceipt; receiver: Receiver };
type ListEvent = WaitingEvent & { kind: 'listed' | 'unlisted' };

async function applyChunk(ctx: Ctx, tx: Tx): Promise<number> {
  const events = await listApplicable(tx, CHUNK);
  const named = events.flatMap(({ receipt }) => receipt.deliverySeq ?? []);
  const receivers = named.length ? await listReceivers(tx, named) : new Map<number, Receiver>();
  const mark = installationMark(ctx.sign, ctx.site.url);
  const mails: MailEvent[] = [];
  const lists: ListEvent[] = [];
  const judged = events.map((event) => {
    const { kind } = event.receipt;
    const receiver = receivers.get(event.receipt.deliverySeq ?? 0);
    const outcome = judge(event.receipt, receiver, mark);
    if (outcome === 'applied' && (kind === 'listed' || kind === 'unlisted')) lists.push({ ...event, kind });
    if (outcome === 'applied' && isMailReceipt(kind) && receiver) mails.push({ ...event, kind, receiver });
    const keepsBody = isMailReceipt(kind) && (outcome === 'applied' || outcome === 'earlierTry');
    return { seq: event.seq, outcome, keepsBody };
  });
  await moveOn(ctx, tx, mails, mark);
  await changeLists(ctx, tx, mails, lists);
  const now = ctx.now();
  for (const alike of grouped(judged, ({ outcome, keepsBody }) => `${outcome} ${keepsBody}`).values()) {
    const [{ outcome, keepsBody }] = alike as [(typeof alike)[number]];
    const seqs = alike.map(({ seq }) => seq);
    if (outcome === 'waits') await markWaiting(tx, seqs, OUTCOMES.waits);
    else await markApplied(tx, seqs, { outcome: OUTCOMES[outcome], keepsBody, now });
  }
  return events.length;
}

/** What becomes of an event. A mail is ours when it bears our mark, or when the provider calls it by the name that we know it by. */
function judge(receipt: Receipt, receiver: Receiver | undefined, mark: string): keyof typeof OUTCOMES {
  const { kind } = receipt;
  if (kind === 'listed' || kind === 'unlisted') return 'applied';
  if (!isMailReceipt(kind)) return 'noNews';
  const isMarked = receipt.installation === mark;
  if (!receiver) return isMarked && receipt.deliverySeq !== null ? 'waits' : 'foreign';
  if (!isMarked && (receipt.providerId === null || receipt.providerId !== receiver.providerId))
    return 'foreign';
  // After a restore from a backup, numbers are given out a second time.
  if (receipt.addresses.length && !receipt.addresses.includes(receiver.address ?? '')) return 'otherPerson';
  return isOfEarlierTry(receiver, { kind, providerId: receipt.providerId }) ? 'earlierTry' : 'applied';
}

function isMailReceipt(kind: Receipt['kind']): kind is MailReceipt {
  return (MAIL_RECEIPTS as readonly string[]).includes(kind);
}

/** Each delivery goes as far as the furthest of its receipts says; those that go the same way go together. */
async function moveOn(ctx: Ctx, tx: Tx, mails: readonly MailEvent[], mark: string): Promise<void> {
  const now = ctx.now();
  const ways = new Map<string, { kind: MailReceipt; reason: string | null; seqs: number[] }>();
  for (const own of grouped(mails, ({ receiver }) => receiver.seq).values()) {
    const { kind, receipt, receiver } = furthest(own);
    const key = JSON.stringify([kind, receipt.reason]);
    const way = ways.get(key) ?? { kind, reason: receipt.reason, seqs: [] };
    way.seqs.push(receiver.seq);
    ways.set(key, way);
    const providerId = own.find((event) => event.receipt.providerId)?.receipt.providerId;
    if (receiver.providerId === null && providerId) await setProviderId(tx, receiver.seq, providerId);
    for (const { seq, receipt } of own)
      if (receipt.installation !== mark) await attributeEvent(tx, seq, receiver.seq);
  }
  for (const { seqs, ...receipt } of ways.values()) await moveDeliveries(tx, seqs, stepOf(receipt), now);
}

/** Who may be mailed no more, or again; who complained has unsubscribed besides. */
async function changeLists(
  ctx: Ctx,
  tx: Tx,
  mails: readonly MailEvent[],
  lists: readonly ListEvent[],
): Promise<void> {
  const changes: ListChange[] = [];
  const soft: { address: string; incidentSeq: number; at: Instant }[] = [];
  for (const { kind, at, receipt, receiver } of mails) {
    const { address, incidentSeq } = receiver;
    if (!address) continue;
    const detail = receipt.reason;
    if (kind === 'complained') changes.push({ kind: 'suppress', address, reason: 'complaint', detail, at });
    else if (kind === 'suppressed')
      changes.push({ kind: 'suppress', address, reason: receipt.cause ?? 'bounce', detail, at });
    else if (kind === 'bounced' && receipt.permanent)
      changes.push({ kind: 'suppress', address, reason: 'bounce', detail, at });
    else if (kind === 'bounced' && incidentSeq !== null) soft.push({ address, incidentSeq, at });
  }
  for (const { kind, at, receipt } of lists)
    for (const address of receipt.addresses)
      changes.push(
        kind === 'unlisted'
          ? { kind: 'unlisted', address, at }
          : {
              kind: 'listed',
              address,
              reason: receipt.cause ?? 'manual',
              detail: 'On the provider’s suppression list.',
              at,
            },
      );
  await insertSoftBounces(tx, soft);
  for (const { address } of soft) changes.push({ kind: 'softBounced', address });
  await updateSuppressions(tx, changes);
  for (const { kind, receiver } of mails) {
    const person =
      kind === 'complained' && receiver.address ? await findSubscriber(tx, receiver.address) : null;
    if (!person || person.state === 'unsubscribed') continue;
    await markUnsubscribed(tx, person.seq, ctx.now());
    await insertAudit(tx, ctx, {
      action: 'subscriber.unsubscribe',
      subjectKind: 'subscriber',
      subjectId: person.id,
      detail: { text: 'reported a mail as spam' },
    });
  }
}

/**
 * What time does to events: one that waited three days for its delivery is given up, which is logged; the text of those that were
 * applied goes after 90 days, and events of no delivery of ours go altogether.
 * @returns how many were given up
 */
export async function tidyEvents(ctx: Ctx): Promise<number> {
  const now = ctx.now();
  const givenUp = await ctx.db.write((tx) =>
    giveUpWaiting(tx, { before: addMs(now, -GIVE_UP_AFTER), outcome: OUTCOMES.givenUp, now }),
  );
  if (givenUp)
    ctx.log.warn(
      { events: givenUp },
      'The mail provider told of deliveries that are not known here; after three days their events are given up.',
    );
  const before = addMs(now, -BODIES_KEPT);
  for (const forget of [forgetBodies, deleteOtherEvents])
    while ((await ctx.db.write((tx) => forget(tx, before, FORGET_AT_ONCE))) === FORGET_AT_ONCE);
  await ctx.db.write((tx) => deleteSoftBounces(tx, { before }));
  return givenUp;
}

function grouped<T, K>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
