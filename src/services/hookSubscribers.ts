import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import { listChoices, replaceChoice } from '#db/choices.ts';
import type { Ctx } from '#db/context.ts';
import { listHookMails, resumeHook } from '#db/hookCalls.ts';
import {
  changeHookSecret,
  claimHook,
  confirmHook,
  findHook,
  findHookAt,
  type Hook,
  hookChoice,
  insertHook,
} from '#db/hooks.ts';
import type { Tx } from '#db/open.ts';
import { findRecipient, markUnsubscribed, setPace } from '#db/recipients.ts';
import type { Choice, Choices } from '#domain/choice.ts';
import { AppError } from '#domain/errors.ts';
import type { HookChannel } from '#domain/hooks.ts';
import type { Mode } from '#domain/subscriberPace.ts';
import { maskAddress } from '#domain/text.ts';
import { addMs, DAY, HOUR, type Instant, MINUTE, msBetween } from '#domain/time.ts';
import { renderHookConfirmMail, renderHookLinkMail } from '#emails/hooks.ts';
import { readConfirmToken } from '#emails/links.ts';
import { queueHookMail } from './hookMail.ts';
import {
  checkedHookUrl,
  hookAudit,
  newSigningSecret,
  oldSecretUntil,
  requireSecret,
  shownUrl,
} from './hookPlace.ts';
import { type HookTrial, queueTrial, readTrial } from './hookTrial.ts';
import {
  addressInput,
  CONSENT_VERSION,
  choiceInput,
  erasedKey,
  knownChoice,
  restoreSuppression,
  type TakeTurn,
} from './subscribers.ts';
import { mailSite } from './subscriptionMail.ts';

/** Webhooks that people subscribe from outside, and what their owners do by the links in their mails. */
export const webhookInput = z.object({
  url: z
    .string({ error: 'The address is missing.' })
    .trim()
    .min(1, 'The address is empty. Write it as https://example.com/hook.'),
  owner: addressInput,
});

const ASK_AGAIN_AFTER = 10 * MINUTE;
const MAILS_PER_HOUR = 5;
const MAILS_PER_DAY = 15;
/** With a link that is older, an owner can look but change nothing: mails are forwarded. */
const LINK_CHANGES_FOR = DAY;

/**
 * Someone asks to have an address of theirs called. Nothing is called before its owner has pressed the link in a mail to them. The answer
 * is the same whether the address is new, waiting or called already; then its present owner gets a mail.
 * @throws AppError invalid when the address must not be called, too_many (with `retryAfter`)
 */
export async function subscribeWebhook(
  ctx: Ctx,
  input: { url: string; owner: string; locale: string; source: string; clientKey: string },
  takeTurn: TakeTurn,
): Promise<void> {
  const turn = await takeTurn(input.clientKey);
  if (!turn.ok)
    throw new AppError('too_many', 'Too many addresses were subscribed from here in a short time.', {
      fix: 'Wait a few minutes and try again.',
      retryAfter: turn.retryAfter,
    });
  const url = await checkedHookUrl(ctx, input.url);
  const now = ctx.now();
  const [id, noticeId] = [ctx.newId(), ctx.newId()];
  const queued = await ctx.db.write(async (tx) => {
    const claim = {
      id,
      name: null,
      owner: input.owner,
      state: 'pending' as const,
      locale: input.locale,
      secret: null,
      consentVersion: CONSENT_VERSION,
      consentSource: input.source,
      now,
    };
    await restoreSuppression(tx, erasedKey(ctx, input.owner), input.owner);
    const known = await findHookAt(tx, 'webhook', url);
    if (!known) await insertHook(tx, { ...claim, channel: 'webhook', address: url });
    // The same owner asks again: the link that they have goes on working. For another, links of before end.
    else if (known.state !== 'confirmed')
      await claimHook(tx, known.seq, {
        ...claim,
        id: known.state === 'pending' && known.owner === input.owner ? known.id : id,
      });
    const hook = (await findHookAt(tx, 'webhook', url)) as Hook;
    return mailOwner(tx, ctx, hook, { noticeId, now });
  });
  if (queued) ctx.changed('outbox');
}

/** Mails a link to a hook's owner: to confirm it, or a fresh one. @returns false when they have had enough mails for now */
async function mailOwner(
  tx: Tx,
  ctx: Ctx,
  hook: Hook,
  { noticeId, now }: { noticeId: string; now: Instant },
): Promise<boolean> {
  const mails = await listHookMails(tx, hook.owner, addMs(now, -DAY));
  const lastHour = mails.filter((mail) => mail.at > addMs(now, -HOUR));
  const again = mails.some(
    (mail) => mail.recipientSeq === hook.seq && mail.at > addMs(now, -ASK_AGAIN_AFTER),
  );
  if (again || lastHour.length >= MAILS_PER_HOUR || mails.length >= MAILS_PER_DAY) return false;
  const site = await mailSite(ctx, tx);
  const isKnown = hook.state === 'confirmed';
  const render = isKnown ? renderHookLinkMail : renderHookConfirmMail;
  await queueHookMail(tx, {
    id: noticeId,
    kind: isKnown ? 'already' : 'confirm',
    hook,
    rendered: render({ site, place: { channel: hook.channel, shown: shownUrl(hook) } }),
    now,
  });
  return true;
}

export type OwnHook = {
  channel: HookChannel;
  shown: string;
  owner: string;
  state: Hook['state'];
  failures: number;
  quarantinedAt: Instant | null;
  choice: Choice;
  choices: Choices;
  mode: Mode;
  /** Whether this link may still change something. */
  isFresh: boolean;
  trial: HookTrial | null;
};

/** What its owner sees by the link. @throws AppError not_found, gone */
export async function viewOwnHook(ctx: Ctx, token: string): Promise<OwnHook> {
  return ctx.db.read(async (tx) => {
    const { hook, isFresh } = await hookOf(ctx, tx, token);
    return {
      channel: hook.channel,
      shown: shownUrl(hook),
      owner: maskAddress(hook.owner),
      state: hook.state,
      failures: hook.failures,
      quarantinedAt: hook.quarantinedAt,
      choice: await hookChoice(tx, hook.id),
      choices: await listChoices(tx),
      mode: (await findRecipient(tx, hook.id))?.mode ?? 'policy',
      isFresh,
      trial: await readTrial(tx, hook.seq),
    };
  });
}

/**
 * The owner says yes; calls begin with the next update. Twice is as good as once, but the secret is told the first time alone.
 * @returns what calls are signed with; null when it was confirmed before
 */
export async function confirmWebhook(ctx: Ctx, token: string): Promise<string | null> {
  const now = ctx.now();
  const secret = newSigningSecret(ctx);
  return ctx.db.write(async (tx) => {
    const { hook } = await hookOf(ctx, tx, token);
    if (hook.state !== 'pending') return null;
    if (!(await confirmHook(tx, hook.seq, { secret, now }))) return null;
    await insertAudit(tx, ctx, hookAudit('hook.confirm', hook));
    return secret;
  });
}

/** How often a webhook or chat may hear: a digest is for people. */
export const HOOK_MODES = ['everything', 'policy', 'important'] as const;

export const hookInput = choiceInput.extend({
  mode: z.enum(HOOK_MODES, { error: 'Choose how often from the list.' }).optional(),
});
export type HookInput = z.infer<typeof hookInput>;

/** @throws AppError not_found, gone, conflict, invalid */
export async function saveOwnHook(ctx: Ctx, token: string, input: HookInput): Promise<void> {
  await ctx.db.write(async (tx) => {
    const hook = await hookToChange(ctx, tx, token);
    await replaceChoice(tx, hook.seq, knownChoice(await listChoices(tx), input));
    if (input.mode) await setPace(tx, hook.seq, { mode: input.mode, timeZone: null, digestFrom: null });
    await insertAudit(tx, ctx, hookAudit('hook.choose', hook));
  });
}

/** A new secret; the old one signs beside it for a day. @throws as `saveOwnHook` */
export async function rotateOwnSecret(ctx: Ctx, token: string): Promise<string> {
  const secret = newSigningSecret(ctx);
  await ctx.db.write(async (tx) => {
    const hook = await hookToChange(ctx, tx, token);
    requireSecret(hook);
    await changeHookSecret(tx, hook.seq, { secret, oldUntil: oldSecretUntil(ctx.now()) });
    await insertAudit(tx, ctx, hookAudit('hook.rotate', hook));
  });
  return secret;
}

/** Lets calls go on. The link in the mail about it is enough, however old: it can only do what its owner wants. */
export async function resumeOwnHook(ctx: Ctx, token: string): Promise<void> {
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const { hook } = await hookOf(ctx, tx, token);
    if (hook.state !== 'confirmed' || !hook.quarantinedAt) return;
    await resumeWithin(tx, ctx, hook, now);
  });
  ctx.changed('outbox');
}

export async function resumeWithin(tx: Tx, ctx: Ctx, hook: Hook, now: Instant): Promise<void> {
  const count = await resumeHook(tx, hook.seq, { since: addMs(now, -DAY), now });
  await insertAudit(tx, ctx, { ...hookAudit('hook.resume', hook), detail: { count } });
}

/** Nothing more is called. @throws AppError not_found */
export async function removeOwnHook(ctx: Ctx, token: string): Promise<void> {
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const { hook } = await hookOf(ctx, tx, token);
    if (hook.state === 'unsubscribed') return;
    await markUnsubscribed(tx, hook.seq, now);
    await insertAudit(tx, ctx, hookAudit('hook.remove', hook));
  });
}

/** One call of a sample, now. @throws as `saveOwnHook`, too_many */
export async function tryOwnHook(ctx: Ctx, token: string): Promise<void> {
  const [now, noticeId] = [ctx.now(), ctx.newId()];
  await ctx.db.write(async (tx) =>
    queueTrial(tx, ctx, await hookToChange(ctx, tx, token), { noticeId, now }),
  );
  ctx.changed('outbox');
}

/** Mails the owner a link that may change things again. @throws AppError not_found */
export async function askForFreshLink(ctx: Ctx, token: string): Promise<void> {
  const [now, noticeId] = [ctx.now(), ctx.newId()];
  await ctx.db.write(async (tx) => {
    const { hook } = await hookOf(ctx, tx, token);
    if (hook.state === 'confirmed') await mailOwner(tx, ctx, hook, { noticeId, now });
  });
  ctx.changed('outbox');
}

async function hookToChange(ctx: Ctx, tx: Tx, token: string): Promise<Hook> {
  const { hook, isFresh } = await hookOf(ctx, tx, token);
  if (hook.state !== 'confirmed')
    throw new AppError('conflict', 'Nothing is called there, so there is nothing to change.', {
      fix: 'Subscribe again.',
    });
  if (!isFresh)
    throw new AppError('gone', 'This link is older than a day, so it changes nothing any more.', {
      fix: 'Have a fresh one mailed, and use that.',
    });
  return hook;
}

async function hookOf(ctx: Ctx, tx: Tx, token: string): Promise<{ hook: Hook; isFresh: boolean }> {
  const read = readConfirmToken(ctx.sign, token, 'hook');
  const hook = read && (await findHook(tx, read.recipientId));
  if (!read || !hook)
    throw new AppError('not_found', 'This link is incomplete, or what it belonged to has been erased.', {
      fix: 'Open the link in the mail again, or copy all of it.',
    });
  if (hook.state === 'pending' && read.expiresAt <= ctx.now())
    throw new AppError('gone', 'This link has expired: a confirmation link works for 7 days.', {
      fix: 'Subscribe again, and we will send you a new link.',
    });
  return { hook, isFresh: msBetween(read.issuedAt, ctx.now()) <= LINK_CHANGES_FOR };
}
