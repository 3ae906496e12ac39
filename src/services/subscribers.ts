import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { insertDelivery } from '#db/deliveries.ts';
import { insertNotice } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import {
  type Choice,
  type ChoiceGroup,
  findRecipient,
  findSubscriber,
  insertSubscribers,
  listAsks,
  listChoices,
  markAsked,
  markConfirmed,
  markUnsubscribed,
  type Recipient,
  replaceChoice,
} from '#db/recipients.ts';
import { listSuppressed, renameSuppression } from '#db/suppressions.ts';
import { AppError } from '#domain/errors.ts';
import { parseAddress } from '#domain/text.ts';
import { addMs, DAY, type Instant, MINUTE } from '#domain/time.ts';
import { readConfirmToken, readLinkToken } from '#emails/links.ts';
import { type Rendered, renderAlreadySubscribedMail, renderConfirmMail } from '#emails/render.ts';

export type { Choice };

/** The wording on the subscribe page that people agree to; a new wording gets a new name. */
export const CONSENT_VERSION = '2026-11';

const ASK_AGAIN_AFTER = 10 * MINUTE;
const ASKS_PER_DAY = 5;

/** Lets a client ask so often and no more; `retryAfter` is in seconds. */
export type TakeTurn = (clientKey: string) => Promise<{ ok: true } | { ok: false; retryAfter: number }>;

export const addressInput = z
  .string({ error: 'The mail address is missing.' })
  .trim()
  .min(1, 'The mail address is empty. Write it as mia@example.com.')
  .transform((text, issues) => {
    const address = parseAddress(text);
    if (address) return address;
    issues.addIssue({ code: 'custom', message: 'This is no mail address. Write it as mia@example.com.' });
    return z.NEVER;
  });

export const choiceInput = z.object({
  wholePage: z.boolean(),
  groups: z.array(z.string().max(40)).max(500),
  components: z.array(z.string().max(40)).max(2_000),
});
export type ChoiceInput = z.infer<typeof choiceInput>;

/** What the subscribe form says. */
export const subscribeInput = z.object({ address: addressInput, choice: choiceInput });

export const WHOLE_PAGE: ChoiceInput = { wholePage: true, groups: [], components: [] };

export type Choices = { groups: ChoiceGroup[]; components: ChoiceGroup['components'] };

/** What a subscriber can choose from. */
export function getChoices(ctx: Ctx): Promise<Choices> {
  return ctx.db.read(listChoices);
}

/**
 * Someone asks to be told, at an address that may be theirs. Whoever asks learns nothing: the answer, and the work behind it, is
 * the same for an address that is new, waiting or confirmed. What differs is the mail: a link to confirm, or word that it is
 * subscribed already. At most one mail per address in 10 minutes and five a day.
 * @throws AppError invalid, too_many (with `retryAfter`)
 */
export async function subscribe(
  ctx: Ctx,
  input: { address: string; choice: ChoiceInput; locale: string; source: string; clientKey: string },
  takeTurn: TakeTurn,
): Promise<void> {
  const turn = await takeTurn(input.clientKey);
  if (!turn.ok)
    throw new AppError('too_many', 'Too many addresses were subscribed from here in a short time.', {
      fix: 'Wait a few minutes and try again.',
      retryAfter: turn.retryAfter,
    });
  const { address } = input;
  const now = ctx.now();
  const id = ctx.newId();
  const noticeId = ctx.newId();
  const suppressionKey = erasedKey(ctx, address);
  const { mails, choice } = await ctx.db.read(async (tx) => {
    const page = await getPage(tx);
    const site = { name: page.name, url: ctx.site.url, timeZone: page.timeZone };
    return {
      mails: { confirm: renderConfirmMail({ site }), already: renderAlreadySubscribedMail({ site }) },
      choice: knownChoice(await listChoices(tx), input.choice),
    };
  });
  const consent = { consentVersion: CONSENT_VERSION, consentSource: input.source };
  const queued = await ctx.db.write(async (tx) => {
    let person = await findSubscriber(tx, address);
    if (!person) {
      const { locale } = input;
      await insertSubscribers(tx, [
        { id, address, state: 'pending', wholePage: true, locale, ...consent, now },
      ]);
      person = (await findSubscriber(tx, address)) as Recipient;
    }
    const isKnown = person.state === 'confirmed';
    await markAsked(tx, person.seq, {
      ...(isKnown ? person : { locale: input.locale, ...consent }),
      state: isKnown ? 'confirmed' : 'pending',
      now,
    });
    // A stranger who types someone's address must not change what that person gets.
    await replaceChoice(tx, person.seq, isKnown ? person.choice : choice);
    await restoreSuppression(tx, suppressionKey, address);
    if (!(await mayAsk(tx, person, now))) return false;
    const kind = isKnown ? 'already' : 'confirm';
    await queueMail(tx, { id: noticeId, kind, recipientSeq: person.seq, rendered: mails[kind], now });
    return true;
  });
  if (queued) ctx.changed('outbox');
}

/** The last mail counts only from the last unsubscribing on: who left and comes back at once gets their link. */
async function mayAsk(tx: Tx, person: Recipient, now: Instant): Promise<boolean> {
  const asks = await listAsks(tx, person.seq, addMs(now, -DAY));
  if (asks.length >= ASKS_PER_DAY) return false;
  const last = asks[0];
  if (!last || (person.unsubscribedAt && last <= person.unsubscribedAt)) return true;
  return last <= addMs(now, -ASK_AGAIN_AFTER);
}

async function queueMail(
  tx: Tx,
  mail: {
    id: string;
    kind: 'confirm' | 'already';
    recipientSeq: number;
    rendered: Rendered;
    now: Instant;
  },
): Promise<void> {
  const { id, kind, recipientSeq, rendered, now } = mail;
  const noticeSeq = await insertNotice(tx, {
    id,
    kind,
    incidentSeq: null,
    updateSeq: null,
    priority: 0,
    rendered,
    now,
  });
  await insertDelivery(tx, { noticeSeq, recipientSeq, priority: 0, now });
}

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

export type UnsubscribeView = { masked: string; state: Recipient['state']; canUndo: boolean };

/** What an unsubscribe link would do; changes nothing. @throws AppError not_found */
export async function viewUnsubscribe(ctx: Ctx, token: string): Promise<UnsubscribeView> {
  const person = await ctx.db.read((tx) => personOf(ctx, tx, 'unsubscribe', token));
  return {
    masked: maskAddress(person.address),
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

/** Only what exists, each once; a group stands for its components, so those need no row of their own. */
export function knownChoice(known: Choices, input: ChoiceInput): Choice {
  if (input.wholePage) return { wholePage: true, scopes: [] };
  const groups = known.groups.filter((group) => input.groups.includes(group.id));
  const single = [...known.groups.filter((group) => !groups.includes(group)).flatMap((g) => g.components)];
  const components = [...single, ...known.components].filter(({ id }) => input.components.includes(id));
  if (groups.length + components.length === 0)
    throw new AppError('invalid', 'Nothing is chosen.', {
      problems: [{ field: 'scopes', message: 'Choose at least one component, or the whole page.' }],
    });
  return {
    wholePage: false,
    scopes: [
      ...groups.map(({ id }) => ({ kind: 'group' as const, id })),
      ...components.map(({ id }) => ({ kind: 'component' as const, id })),
    ],
  };
}

/** "m***@example.com" */
export function maskAddress(address: string): string {
  return address.replace(/^(.)[^@]*/, '$1***');
}

/** What stands for a suppressed address after its erasure: only this installation can tell whose it was, and only when asked. */
export function erasedKey(ctx: Pick<Ctx, 'sign'>, address: string): string {
  return `erased:${ctx.sign('suppression', address)}`;
}

/** An address whose suppression outlived its erasure is with us again: the suppression applies to it by name again. */
export async function restoreSuppression(tx: Tx, key: string, address: string): Promise<void> {
  if ((await listSuppressed(tx, [key])).has(key)) await renameSuppression(tx, key, address);
}

function audit(action: string, person: Recipient) {
  return { action, subjectKind: 'subscriber', subjectId: person.id };
}
