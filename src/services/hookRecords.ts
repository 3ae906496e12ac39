import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import { listChoices, replaceChoice } from '#db/choices.ts';
import type { Ctx } from '#db/context.ts';
import { listCalls } from '#db/hookCalls.ts';
import {
  changeHookSecret,
  claimHook,
  findHook,
  findHookAt,
  type Hook,
  hookChoice,
  insertHook,
  listHooks,
} from '#db/hooks.ts';
import type { Tx } from '#db/open.ts';
import { deleteEventsTo } from '#db/providerEvents.ts';
import { deleteRecipient, findRecipient, markUnsubscribed, setPace } from '#db/recipients.ts';
import type { Choice, Choices } from '#domain/choice.ts';
import { AppError } from '#domain/errors.ts';
import { HOOK_CHANNELS } from '#domain/hooks.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import type { Mode } from '#domain/subscriberPace.ts';
import { optional, singleLine } from '#domain/text.ts';
import { HOUSE_LOCALE } from '#i18n/locales.ts';
import {
  checkedHookUrl,
  hookAudit,
  newSigningSecret,
  oldSecretUntil,
  requireSecret,
  shownUrl,
} from './hookPlace.ts';
import { type HookInput, resumeWithin } from './hookSubscribers.ts';
import { type HookTrial, queueTrial, readTrial } from './hookTrial.ts';
import { addressInput, erasedKey, knownChoice, restoreSuppression } from './subscribers.ts';

/** What staff see and do about webhooks and chats. Of a chat the address is never shown whole: who knows it may write there. */
export type HookRow = Omit<Hook, 'secret' | 'address'> & { shown: string };

const AT_MOST = 500;

export async function listHookSubscribers(ctx: Ctx): Promise<HookRow[]> {
  requirePermission(ctx.actor, 'subscriber.read');
  return ctx.db.read(async (tx) => (await listHooks(tx, AT_MOST)).map(toRow));
}

export type HookFile = {
  hook: HookRow;
  choice: Choice;
  choices: Choices;
  mode: Mode;
  calls: Awaited<ReturnType<typeof listCalls>>;
  trial: HookTrial | null;
};

/** @throws AppError not_found */
export async function getHookSubscriber(ctx: Ctx, id: string): Promise<HookFile> {
  requirePermission(ctx.actor, 'subscriber.read');
  return ctx.db.read(async (tx) => {
    const hook = await hookById(tx, id);
    return {
      hook: toRow(hook),
      choice: await hookChoice(tx, id),
      choices: await listChoices(tx),
      mode: (await findRecipient(tx, id))?.mode ?? 'policy',
      calls: await listCalls(tx, hook.seq, 50),
      trial: await readTrial(tx, hook.seq),
    };
  });
}

export const hookInput = z.object({
  channel: z.enum(HOOK_CHANNELS, { error: 'Choose what is called.' }),
  url: z.string().trim().min(1, 'The address is empty. Write it as https://example.com/hook.'),
  name: optional(singleLine(80, 'The name')),
  owner: addressInput,
});

/**
 * Adds a webhook or chat, confirmed at once: whoever may add it answers for it.
 * @returns its id, and the secret of a webhook, which is shown this once
 * @throws AppError invalid when the address must not be called, conflict when it is called already
 */
export async function addHookSubscriber(
  ctx: Ctx,
  input: z.infer<typeof hookInput>,
): Promise<{ id: string; secret: string | null }> {
  requirePermission(ctx.actor, 'subscriber.write');
  const url = await checkedHookUrl(ctx, input.url);
  const secret = input.channel === 'webhook' ? newSigningSecret(ctx) : null;
  const { channel, owner, name } = input;
  const shared = {
    id: ctx.newId(),
    owner,
    name,
    secret,
    state: 'confirmed' as const,
    locale: HOUSE_LOCALE,
    consentVersion: null,
    consentSource: `staff: ${actorLabel(ctx.actor)}`,
    now: ctx.now(),
  };
  await ctx.db.write(async (tx) => {
    const known = await findHookAt(tx, channel, url);
    if (known?.state === 'confirmed')
      throw new AppError('conflict', 'This address is called already.', {
        problems: [{ field: 'url', message: 'This address is called already.' }],
      });
    await restoreSuppression(tx, erasedKey(ctx, owner), owner);
    if (known) await claimHook(tx, known.seq, shared);
    else await insertHook(tx, { ...shared, channel, address: url });
    await insertAudit(tx, ctx, { ...hookAudit('hook.add', shared), detail: { channel } });
  });
  return { id: shared.id, secret };
}

/** @throws AppError not_found, invalid */
export async function saveHookChoice(ctx: Ctx, id: string, input: HookInput): Promise<void> {
  await change(ctx, id, 'hook.choose', async (tx, hook) => {
    await replaceChoice(tx, hook.seq, knownChoice(await listChoices(tx), input));
    if (input.mode) await setPace(tx, hook.seq, { mode: input.mode, timeZone: null, digestFrom: null });
  });
}

/** A new secret; the old one signs beside it for a day. @throws AppError not_found, conflict */
export async function rotateHookSecret(ctx: Ctx, id: string): Promise<string> {
  const secret = newSigningSecret(ctx);
  await change(ctx, id, 'hook.rotate', (tx, hook) => {
    requireSecret(hook);
    return changeHookSecret(tx, hook.seq, { secret, oldUntil: oldSecretUntil(ctx.now()) });
  });
  return secret;
}

/** Lets calls go on after a quarantine. @throws AppError not_found */
export async function resumeHookSubscriber(ctx: Ctx, id: string): Promise<void> {
  requirePermission(ctx.actor, 'subscriber.write');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const hook = await hookById(tx, id);
    if (hook.quarantinedAt) await resumeWithin(tx, ctx, hook, now);
  });
  ctx.changed('outbox');
}

/** Nothing more is called there. @throws AppError not_found */
export async function removeHookSubscriber(ctx: Ctx, id: string): Promise<void> {
  const now = ctx.now();
  await change(ctx, id, 'hook.remove', (tx, hook) => markUnsubscribed(tx, hook.seq, now));
}

/**
 * Removes everything about one that is not called: its address, its owner's, and what was said to both.
 * @throws AppError not_found, conflict while it is called
 */
export async function eraseHookSubscriber(ctx: Ctx, id: string): Promise<void> {
  requirePermission(ctx.actor, 'subscriber.write');
  await ctx.db.write(async (tx) => {
    const hook = await hookById(tx, id);
    if (hook.state === 'confirmed')
      throw new AppError('conflict', 'It is called with every update.', { fix: 'Remove it first.' });
    // What the provider said of the mails to its owner names them too.
    await deleteEventsTo(tx, hook.seq);
    await deleteRecipient(tx, hook.seq);
    await insertAudit(tx, ctx, hookAudit('hook.erase', hook));
  });
}

/** One call of a sample, now. @throws AppError not_found, too_many */
export async function tryHookSubscriber(ctx: Ctx, id: string): Promise<void> {
  requirePermission(ctx.actor, 'subscriber.write');
  const [now, noticeId] = [ctx.now(), ctx.newId()];
  await ctx.db.write(async (tx) => queueTrial(tx, ctx, await hookById(tx, id), { noticeId, now }));
  ctx.changed('outbox');
}

async function change(
  ctx: Ctx,
  id: string,
  action: string,
  work: (tx: Tx, hook: Hook) => Promise<void>,
): Promise<void> {
  requirePermission(ctx.actor, 'subscriber.write');
  await ctx.db.write(async (tx) => {
    const hook = await hookById(tx, id);
    await work(tx, hook);
    await insertAudit(tx, ctx, hookAudit(action, hook));
  });
}

async function hookById(tx: Tx, id: string): Promise<Hook> {
  const hook = await findHook(tx, id);
  if (hook) return hook;
  throw new AppError('not_found', 'There is no such webhook or chat.', { fix: 'Look at the list again.' });
}

function toRow({ secret, address, ...hook }: Hook): HookRow {
  return { ...hook, shown: shownUrl({ ...hook, address }) };
}
