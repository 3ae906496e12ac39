import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { deleteEventsTo } from '#db/providerEvents.ts';
import { deleteSoftBounces } from '#db/receipts.ts';
import {
  countSubscribers as countRows,
  deleteRecipient,
  findRecipient,
  findSubscriber,
  insertSubscribers,
  listKnownAddresses,
  listMailsTo,
  listSubscribers as listRows,
  type Recipient,
  setShared,
} from '#db/recipients.ts';
import { deleteSuppression, listSuppressed, renameSuppression } from '#db/suppressions.ts';
import { AppError } from '#domain/errors.ts';
import { requirePermission } from '#domain/permissions.ts';
import { singleLine } from '#domain/text.ts';
import { dateText } from '#domain/time.ts';
import { markLeft } from './leaving.ts';
import { addressInput, erasedKey } from './subscribers.ts';

/** What staff see and do about subscribers. */
export type SubscriberRow = Omit<Recipient, 'choice'>;

const PAGE_SIZE = 50;

export async function countSubscribers(ctx: Ctx): Promise<Record<Recipient['state'], number>> {
  requirePermission(ctx.actor, 'subscriber.read');
  return ctx.db.read(countRows);
}

/** The newest first; `next` is the `before` of the following page, null on the last. */
export async function listSubscribers(
  ctx: Ctx,
  query: { state: Recipient['state'] | null; before: number | null },
): Promise<{ people: SubscriberRow[]; next: number | null }> {
  requirePermission(ctx.actor, 'subscriber.read');
  const rows = await ctx.db.read((tx) => listRows(tx, { ...query, limit: PAGE_SIZE + 1 }));
  const people = rows.slice(0, PAGE_SIZE);
  return { people, next: rows.length > PAGE_SIZE ? (people.at(-1) as SubscriberRow).seq : null };
}

/** The subscriber with exactly this address; null when there is none. */
export async function findSubscriberByAddress(ctx: Ctx, address: string): Promise<SubscriberRow | null> {
  requirePermission(ctx.actor, 'subscriber.read');
  return ctx.db.read((tx) => findSubscriber(tx, address));
}

export type SubscriberFile = {
  person: Recipient;
  suppressed: boolean;
  mails: Awaited<ReturnType<typeof listMailsTo>>;
};

/** Everything that is kept about someone: for the screen, and for whoever asks what we know of them. @throws AppError not_found */
export async function getSubscriberFile(ctx: Ctx, id: string): Promise<SubscriberFile> {
  requirePermission(ctx.actor, 'subscriber.read');
  return ctx.db.read(async (tx) => {
    const person = await subscriberById(tx, id);
    return {
      person,
      suppressed: (await listSuppressed(tx, [person.address])).has(person.address),
      mails: await listMailsTo(tx, person.seq, 1_000),
    };
  });
}

export const addInput = z.object({
  address: addressInput,
  consent: singleLine(200, 'Where the consent comes from'),
});

/**
 * Adds someone who agreed elsewhere, confirmed at once; the note says where. Who unsubscribed, or must not be mailed, is refused:
 * only they can come back.
 * @throws AppError conflict
 */
export async function addSubscriber(ctx: Ctx, input: z.infer<typeof addInput>): Promise<string> {
  requirePermission(ctx.actor, 'subscriber.write');
  const now = ctx.now();
  const id = ctx.newId();
  const hashed = erasedKey(ctx, input.address);
  await ctx.db.write(async (tx) => {
    const known = await findSubscriber(tx, input.address);
    if (known) refuseKnown(known);
    if ((await listSuppressed(tx, [input.address, hashed])).size)
      throw refused(
        'address',
        'This address must not be mailed: mail to it bounced or was reported as unwanted.',
      );
    await insertSubscribers(tx, [
      {
        id,
        address: input.address,
        state: 'confirmed',
        wholePage: true,
        locale: 'en',
        // They agreed elsewhere, to a wording that is not ours.
        consentVersion: null,
        consentSource: `staff: ${input.consent}`,
        now,
      },
    ]);
    await insertAudit(tx, ctx, { action: 'subscriber.add', subjectKind: 'subscriber', subjectId: id });
  });
  return id;
}

function refuseKnown(known: Recipient): never {
  if (known.state === 'confirmed') throw refused('address', 'This address is subscribed already.');
  if (known.state === 'pending')
    throw refused(
      'address',
      'This address was asked to confirm and has not answered yet. Only its owner can.',
    );
  const day = known.unsubscribedAt ? ` on ${dateText(known.unsubscribedAt, 'UTC')}` : '';
  throw refused('address', `This person unsubscribed${day}. Only they can subscribe again, at /subscribe.`);
}

function refused(field: string, message: string): AppError {
  return new AppError('conflict', message, { problems: [{ field, message }] });
}

/** @throws AppError not_found */
export async function unsubscribeSubscriber(ctx: Ctx, id: string): Promise<void> {
  requirePermission(ctx.actor, 'subscriber.write');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const person = await subscriberById(tx, id);
    if (person.state === 'unsubscribed') return;
    await markLeft(tx, person, now);
    await insertAudit(tx, ctx, {
      action: 'subscriber.unsubscribe',
      subjectKind: 'subscriber',
      subjectId: id,
    });
  });
}

/** Marks an address that many people read, such as a list, or takes the mark off. @throws AppError not_found */
export async function markShared(ctx: Ctx, id: string, shared: boolean): Promise<void> {
  requirePermission(ctx.actor, 'subscriber.write');
  await ctx.db.write(async (tx) => {
    const person = await subscriberById(tx, id);
    if (person.shared === shared) return;
    await setShared(tx, person.seq, shared);
    const action = shared ? 'subscriber.share' : 'subscriber.unshare';
    await insertAudit(tx, ctx, { action, subjectKind: 'subscriber', subjectId: id });
  });
}

/**
 * Removes everything about someone. If their address must not be mailed, that alone is kept, as a keyed hash, so that an import cannot
 * bring them back.
 * @throws AppError not_found
 */
export async function eraseSubscriber(ctx: Ctx, id: string): Promise<void> {
  requirePermission(ctx.actor, 'subscriber.write');
  await ctx.db.write(async (tx) => {
    const { seq, address } = await subscriberById(tx, id);
    // The provider's words name the person too.
    await deleteEventsTo(tx, seq);
    await deleteRecipient(tx, seq);
    await forgetAddress(ctx, tx, address);
    await insertAudit(tx, ctx, { action: 'subscriber.erase', subjectKind: 'subscriber', subjectId: id });
  });
}

/** Whoever else has the address, as a member of an audience, keeps what is known of it. */
async function forgetAddress(ctx: Ctx, tx: Tx, address: string): Promise<void> {
  if ((await listKnownAddresses(tx, [address])).has(address)) return;
  await deleteSoftBounces(tx, { address });
  if ((await listSuppressed(tx, [address])).has(address))
    await renameSuppression(tx, address, erasedKey(ctx, address));
  else await deleteSuppression(tx, address);
}

async function subscriberById(tx: Tx, id: string): Promise<Recipient> {
  const person = await findRecipient(tx, id);
  if (person?.kind === 'subscriber' && person.channel === 'email') return person;
  throw new AppError('not_found', 'There is no such subscriber. They may have been erased.', {
    fix: 'Look at the list again.',
  });
}
