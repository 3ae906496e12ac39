import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import {
  findRecipient,
  listChoices,
  markConfirmed,
  markUnsubscribed,
  type Recipient,
  replaceChoice,
  setPace,
  setShared,
} from '#db/recipients.ts';
import { withdrawMails } from '#db/subscriptionMails.ts';
import type { Choice, Choices } from '#domain/choice.ts';
import { AppError } from '#domain/errors.ts';
import { maskHookUrl } from '#domain/hooks.ts';
import { maskAddress } from '#domain/text.ts';
import { msBetween } from '#domain/time.ts';
import {
  linkToken,
  MANAGE_LIFETIME,
  readConfirmToken,
  readLinkToken,
  readManageToken,
} from '#emails/links.ts';
import { renderUnsubscribedMail } from '#emails/render.ts';
import { renderFreshLinkMail, renderLeaveMail } from '#emails/subscription.ts';
import { tellEnded } from './hookMail.ts';
import { choiceInput, knownChoice, paceInput } from './subscribers.ts';
import { mailSite, queueOwnMail } from './subscriptionMail.ts';

/** What people do by the links in their mails: confirm, choose, leave, come back. The link alone says who they are. */
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
    };
  });
}

/** What the form for it says. `shared` marks an address that many read; only staff take the mark off. */
export const subscriptionInput = choiceInput.extend({
  shared: z.boolean().optional(),
  pace: paceInput.optional(),
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
    await replaceChoice(tx, person.seq, choice);
    if (input.pace) await setPace(tx, person.seq, input.pace);
    await insertAudit(tx, ctx, {
      ...audit('subscriber.choose', person),
      detail: { wholePage: choice.wholePage, scopes: choice.scopes.length },
    });
    if (!input.shared || person.shared) return;
    await setShared(tx, person.seq, true);
    await insertAudit(tx, ctx, audit('subscriber.share', person));
  });
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

/** `left`: no more mail comes. `asked`: many read the address, so a mail to it asks whether to stop for everyone. */
export type Leaving = 'left' | 'asked';

/** Ends a subscription from its manage link, as `unsubscribe` does from its own. @throws AppError not_found, gone, conflict */
export async function unsubscribeFromManage(ctx: Ctx, token: string): Promise<Leaving> {
  return leave(ctx, async (tx) => ({
    person: await personToChange(ctx, tx, token),
    byList: false,
  }));
}

export type UnsubscribeView = {
  masked: string;
  /** Of a webhook or chat it is calls that stop, not mail. */
  isCalled: boolean;
  state: Recipient['state'];
  /** Many people read the address, and this link is from a mail to one and all: a press asks all of them. */
  asksAll: boolean;
  /** This link is from the mail that asked all of them. */
  byList: boolean;
  canUndo: boolean;
};

/** What an unsubscribe link would do; changes nothing. @throws AppError not_found, gone */
export async function viewUnsubscribe(ctx: Ctx, token: string): Promise<UnsubscribeView> {
  const { person, byList } = await ctx.db.read((tx) => personToLeave(ctx, tx, token));
  return {
    masked: person.channel === 'email' ? maskAddress(person.address) : maskHookUrl(person.address),
    isCalled: person.channel !== 'email',
    state: person.state,
    asksAll: !byList && isList(person),
    byList,
    canUndo: canUndo(person),
  };
}

/** RFC 8058: the token alone is enough. Twice is as good as once. @throws AppError not_found, gone */
export async function unsubscribe(ctx: Ctx, token: string): Promise<Leaving> {
  return leave(ctx, (tx) => personToLeave(ctx, tx, token));
}

async function leave(
  ctx: Ctx,
  find: (tx: Tx) => Promise<{ person: Recipient; byList: boolean }>,
): Promise<Leaving> {
  const [now, id] = [ctx.now(), ctx.newId()];
  const { leaving, queued } = await ctx.db.write(async (tx) => {
    const { person, byList } = await find(tx);
    if (person.state === 'unsubscribed') return { leaving: 'left' as const, queued: false };
    const site = await mailSite(ctx, tx);
    if (!byList && isList(person)) {
      const rendered = renderLeaveMail({ site });
      // One from before it came back does not count: its link has ended.
      const freshFrom = person.confirmedAt;
      const queued = await queueOwnMail(tx, person, { id, kind: 'leave', rendered, freshFrom, now });
      return { leaving: 'asked' as const, queued };
    }
    const wasTold = person.state === 'confirmed' && person.kind === 'subscriber';
    await markUnsubscribed(tx, person.seq, now);
    await insertAudit(tx, ctx, audit('subscriber.unsubscribe', person));
    if (!wasTold) return { leaving: 'left' as const, queued: false };
    const { channel } = person;
    if (channel !== 'email') {
      await tellEnded(tx, ctx, { ...person, channel }, { id, now });
      return { leaving: 'left' as const, queued: true };
    }
    // The mail may have been forwarded: whoever owns the mailbox learns of it, and can take it back.
    const rendered = renderUnsubscribedMail({ site });
    const notice = { id, kind: 'unsubscribed' as const, rendered, freshFrom: null, now };
    return { leaving: 'left' as const, queued: await queueOwnMail(tx, person, notice) };
  });
  if (queued) ctx.changed('outbox');
  return leaving;
}

/** Takes an unsubscribing back: whoever holds the link owns the mailbox. @throws AppError not_found, conflict, gone */
export async function undoUnsubscribe(ctx: Ctx, token: string): Promise<void> {
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const { person } = await personToLeave(ctx, tx, token);
    if (person.state === 'confirmed') return;
    if (!canUndo(person))
      throw new AppError('conflict', 'This address was never confirmed, so there is nothing to go back to.', {
        fix: 'Subscribe again.',
      });
    await markConfirmed(tx, person.seq, now, 'undo of an unsubscribing');
    await withdrawMails(tx, {
      recipientSeq: person.seq,
      kind: 'unsubscribed',
      reason: 'The unsubscribing was undone before.',
      now,
    });
    await insertAudit(tx, ctx, audit('subscriber.undo', person));
  });
}

function canUndo(person: Recipient): boolean {
  return person.kind === 'subscriber' && person.state === 'unsubscribed' && person.confirmedAt !== null;
}

/** Of these, one reader alone cannot end it for all. */
function isList(person: Recipient): boolean {
  return person.shared && person.channel === 'email' && person.state === 'confirmed';
}

/** By the link in every mail; or, with `byList`, by the one in the mail that asked everyone who reads the address. */
async function personToLeave(
  ctx: Ctx,
  tx: Tx,
  token: string,
): Promise<{ person: Recipient; byList: boolean }> {
  const id = readLinkToken(ctx.sign, 'unsubscribe', token);
  const asked = id === null ? readConfirmToken(ctx.sign, token, 'leave') : null;
  const known = id ?? asked?.recipientId;
  const person = (known && (await findRecipient(tx, known))) || brokenLink();
  // The token holds whole seconds, so the comparison does too.
  const cameBack = person.confirmedAt?.slice(0, 19);
  const fix = 'Press Unsubscribe in one of its mails, and we will ask anew.';
  if (asked && person.state === 'confirmed' && asked.expiresAt <= ctx.now())
    throw new AppError('gone', 'This link has expired: it works for 7 days.', { fix });
  if (asked && person.state === 'confirmed' && cameBack && asked.issuedAt.slice(0, 19) < cameBack)
    throw new AppError('gone', 'Since this mail the updates were stopped and taken up again.', { fix });
  return { person, byList: asked !== null };
}

async function personToChange(ctx: Ctx, tx: Tx, token: string): Promise<Recipient> {
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

function brokenLink(): never {
  throw new AppError('not_found', 'This link is incomplete, or what it belonged to has been erased.', {
    fix: 'Open the link in the mail again, or copy all of it.',
  });
}

function audit(action: string, person: Recipient) {
  return { action, subjectKind: 'subscriber', subjectId: person.id };
}
