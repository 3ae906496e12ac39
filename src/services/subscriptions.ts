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
} from '#db/recipients.ts';
import type { Choice, Choices } from '#domain/choice.ts';
import { AppError } from '#domain/errors.ts';
import { maskHookUrl } from '#domain/hooks.ts';
import { maskAddress } from '#domain/text.ts';
import { readConfirmToken, readLinkToken } from '#emails/links.ts';
import { type ChoiceInput, knownChoice } from './subscribers.ts';

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
  choice: Choice;
  choices: Choices;
};

/** What someone gets, by the link in their mails. @throws AppError not_found */
export async function getSubscription(ctx: Ctx, token: string): Promise<SubscriptionView> {
  return ctx.db.read(async (tx) => {
    const person = await personOf(ctx, tx, 'manage', token);
    return {
      masked: maskAddress(person.address),
      state: person.state,
      choice: person.choice,
      choices: await listChoices(tx),
    };
  });
}

/** Changes what someone gets. @throws AppError not_found, invalid, conflict when they are unsubscribed */
export async function saveSubscription(ctx: Ctx, token: string, input: ChoiceInput): Promise<void> {
  await ctx.db.write(async (tx) => {
    const person = await personOf(ctx, tx, 'manage', token);
    if (person.state !== 'confirmed')
      throw new AppError('conflict', 'This address is not subscribed, so there is nothing to change.', {
        fix: 'Subscribe again.',
      });
    const choice = knownChoice(await listChoices(tx), input);
    await replaceChoice(tx, person.seq, choice);
    await insertAudit(tx, ctx, {
      ...audit('subscriber.choose', person),
      detail: { wholePage: choice.wholePage, scopes: choice.scopes.length },
    });
  });
}

/** Ends a subscription from its manage link, as `unsubscribe` does from its own. @throws AppError not_found */
export async function unsubscribeFromManage(ctx: Ctx, token: string): Promise<void> {
  await leave(ctx, 'manage', token);
}

export type UnsubscribeView = {
  masked: string;
  /** Of a webhook or chat it is calls that stop, not mail. */
  isCalled: boolean;
  state: Recipient['state'];
  canUndo: boolean;
};

/** What an unsubscribe link would do; changes nothing. @throws AppError not_found */
export async function viewUnsubscribe(ctx: Ctx, token: string): Promise<UnsubscribeView> {
  const person = await ctx.db.read((tx) => personOf(ctx, tx, 'unsubscribe', token));
  return {
    masked: person.channel === 'email' ? maskAddress(person.address) : maskHookUrl(person.address),
    isCalled: person.channel !== 'email',
    state: person.state,
    canUndo: canUndo(person),
  };
}

/** RFC 8058: the token alone is enough. Twice is as good as once. @throws AppError not_found */
export async function unsubscribe(ctx: Ctx, token: string): Promise<void> {
  await leave(ctx, 'unsubscribe', token);
}

async function leave(ctx: Ctx, purpose: 'unsubscribe' | 'manage', token: string): Promise<void> {
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const person = await personOf(ctx, tx, purpose, token);
    if (person.state === 'unsubscribed') return;
    await markUnsubscribed(tx, person.seq, now);
    await insertAudit(tx, ctx, audit('subscriber.unsubscribe', person));
  });
}

/** Takes an unsubscribing back: whoever holds the link owns the mailbox. @throws AppError not_found, conflict */
export async function undoUnsubscribe(ctx: Ctx, token: string): Promise<void> {
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const person = await personOf(ctx, tx, 'unsubscribe', token);
    if (person.state === 'confirmed') return;
    if (!canUndo(person))
      throw new AppError('conflict', 'This address was never confirmed, so there is nothing to go back to.', {
        fix: 'Subscribe again.',
      });
    await markConfirmed(tx, person.seq, now, 'undo of an unsubscribing');
    await insertAudit(tx, ctx, audit('subscriber.undo', person));
  });
}

function canUndo(person: Recipient): boolean {
  return person.kind === 'subscriber' && person.state === 'unsubscribed' && person.confirmedAt !== null;
}

async function personOf(
  ctx: Ctx,
  tx: Tx,
  purpose: 'unsubscribe' | 'manage',
  token: string,
): Promise<Recipient> {
  const id = readLinkToken(ctx.sign, purpose, token);
  return (id && (await findRecipient(tx, id))) || brokenLink();
}

function brokenLink(): never {
  throw new AppError('not_found', 'This link is incomplete, or what it belonged to has been erased.', {
    fix: 'Open the link in the mail again, or copy all of it.',
  });
}

function audit(action: string, person: Recipient) {
  return { action, subjectKind: 'subscriber', subjectId: person.id };
}
