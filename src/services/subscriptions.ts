import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import { listChoices, replaceChoice } from '#db/choices.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { findRecipient, markConfirmed, type Recipient, setLocale, setShared } from '#db/recipients.ts';
import type { Choice, Choices } from '#domain/choice.ts';
import { AppError } from '#domain/errors.ts';
import { maskAddress } from '#domain/text.ts';
import { msBetween } from '#domain/time.ts';
import { linkToken, MANAGE_LIFETIME, readConfirmToken, readManageToken } from '#emails/links.ts';
import { renderFreshLinkMail } from '#emails/subscription.ts';
import { type Locale, nearestOf } from '#i18n/locales.ts';
import { choosePace } from './pacing.ts';
import { choiceInput, knownChoice, paceInput } from './subscribers.ts';
import { mailSite, queueOwnMail } from './subscriptionMail.ts';

/** What people do by the links in their mails: confirm and choose (they leave by leaving.ts). The link alone says who they are. */
export type ConfirmView = {
  /** Enough of the address for its owner to know it, and for no one else. */
  masked: string;
  state: Recipient['state'];
  choice: Choice;
};

/**
 * What a confirmation link would do; changes nothing.
 * @throws AppError not_found when the link was not made here, gone when it is too old or was made before an unsubscribing
 */
export async function viewConfirmation(ctx: Ctx, token: string): Promise<ConfirmView> {
  const person = await ctx.db.read((tx) => personToConfirm(ctx, tx, token));
  return { masked: maskAddress(person.address), state: person.state, choice: person.choice };
}

/** The owner of the address says yes. Twice is as good as once. @throws as `viewConfirmation` */
export async function confirmSubscription(ctx: Ctx, token: string): Promise<void> {
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const person = await personToConfirm(ctx, tx, token);
    if (person.state === 'confirmed') return;
    await markConfirmed(tx, person.seq, now);
    await insertAudit(tx, ctx, audit('subscriber.confirm', person));
  });
}

async function personToConfirm(ctx: Ctx, tx: Tx, token: string): Promise<Recipient> {
  const read = readConfirmToken(ctx.sign, token);
  const person = read && (await findRecipient(tx, read.recipientId));
  if (!read || person?.kind !== 'subscriber') brokenLink();
  const fix = 'Subscribe again, and we will send you a new link.';
  if (person.state === 'confirmed') return person;
  if (read.expiresAt <= ctx.now())
    throw new AppError('gone', 'This link has expired: a confirmation link works for 7 days.', { fix });
  // The token holds whole seconds, so the comparison does too.
  const left = person.unsubscribedAt?.slice(0, 19);
  if (person.state === 'unsubscribed' || (left && read.issuedAt.slice(0, 19) < left))
    throw new AppError('gone', 'This link is older than your unsubscribing, so it does nothing any more.', {
      fix,
    });
  return person;
}

export type SubscriptionView = {
  masked: string;
  state: Recipient['state'];
  /** Many people read the address, so it is not unsubscribed by one press. */
  shared: boolean;
  /** Whether this link may still change something: it was mailed within the last day. */
  isFresh: boolean;
  /** Where the mails can be stopped, however old the link is: the mail that held it holds this one, too. */
  unsubscribePath: string;
  choice: Choice;
  choices: Choices;
  mode: Recipient['mode'];
  /** '' for the page's. */
  timeZone: string;
  hourBefore: boolean;
  /** That mails are in. */
  locale: Locale;
};

/** What someone gets, by the link in their mails. @throws AppError not_found */
export async function getSubscription(ctx: Ctx, token: string): Promise<SubscriptionView> {
  return ctx.db.read(async (tx) => {
    const { person, isFresh } = await personToManage(ctx, tx, token);
    return {
      masked: maskAddress(person.address),
      state: person.state,
      shared: person.shared,
      isFresh,
      unsubscribePath: `/unsubscribe/${linkToken(ctx.sign, 'unsubscribe', person.id)}`,
      choice: person.choice,
      choices: await listChoices(tx),
      mode: person.mode,
      timeZone: person.timeZone ?? '',
      hourBefore: person.hourBefore,
      locale: nearestOf(ctx.site.languages, person.locale),
    };
  });
}

/** What the form for it says. `shared` marks an address that many read; only staff take the mark off. */
export const subscriptionInput = choiceInput.extend({
  shared: z.boolean().optional(),
  pace: paceInput.optional(),
  /** Left out, it stays as it is. */
  locale: z.string().max(35).optional(),
});

/** Changes what someone gets. @throws AppError not_found, invalid, conflict when they are unsubscribed, gone when the link is older than a day */
export async function saveSubscription(
  ctx: Ctx,
  token: string,
  input: z.infer<typeof subscriptionInput>,
): Promise<void> {
  await ctx.db.write(async (tx) => {
    const person = await personToChange(ctx, tx, token);
    const choice = knownChoice(await listChoices(tx), input);
    // First, while they still follow what their digest would have told of.
    if (input.pace) await choosePace(tx, ctx, person, input.pace);
    await replaceChoice(tx, person.seq, choice);
    if (input.locale) await setLocale(tx, person.seq, nearestOf(ctx.site.languages, input.locale));
    await insertAudit(tx, ctx, {
      ...audit('subscriber.choose', person),
      detail: { wholePage: choice.wholePage, scopes: choice.scopes.length },
    });
    if (!input.shared || person.shared) return;
    await setShared(tx, person.seq, true);
    await insertAudit(tx, ctx, audit('subscriber.share', person));
  });
  if (input.pace) ctx.changed('outbox');
}

/**
 * Mails a link that may change things again, to the address itself. Whoever asks learns nothing of it.
 * @throws AppError not_found
 */
export async function mailFreshLink(ctx: Ctx, token: string): Promise<void> {
  const [now, id] = [ctx.now(), ctx.newId()];
  const queued = await ctx.db.write(async (tx) => {
    const { person } = await personToManage(ctx, tx, token);
    if (person.state !== 'confirmed') return false;
    const rendered = renderFreshLinkMail({ site: await mailSite(ctx, tx) });
    return queueOwnMail(tx, person, { id, kind: 'manage', rendered, freshFrom: null, now });
  });
  if (queued) ctx.changed('outbox');
}

export async function personToChange(ctx: Ctx, tx: Tx, token: string): Promise<Recipient> {
  const { person, isFresh } = await personToManage(ctx, tx, token);
  if (person.state !== 'confirmed')
    throw new AppError('conflict', 'This address is not subscribed, so there is nothing to change.', {
      fix: 'Subscribe again.',
    });
  if (!isFresh)
    throw new AppError('gone', 'This link is older than a day, so it changes nothing any more.', {
      fix: 'Have a fresh one mailed, and use that.',
    });
  return person;
}

async function personToManage(
  ctx: Ctx,
  tx: Tx,
  token: string,
): Promise<{ person: Recipient; isFresh: boolean }> {
  const read = readManageToken(ctx.sign, token);
  const person = (read && (await findRecipient(tx, read.recipientId))) || brokenLink();
  const issuedAt = read?.issuedAt ?? null;
  return { person, isFresh: issuedAt !== null && msBetween(issuedAt, ctx.now()) <= MANAGE_LIFETIME };
}

export function brokenLink(): never {
  throw new AppError('not_found', 'This link is incomplete, or what it belonged to has been erased.', {
    fix: 'Open the link in the mail again, or copy all of it.',
  });
}

export function audit(action: string, person: Recipient) {
  return { action, subjectKind: 'subscriber', subjectId: person.id };
}
