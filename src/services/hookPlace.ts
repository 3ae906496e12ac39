import { isIP } from 'node:net';
import type { Ctx } from '#db/context.ts';
import type { Hook } from '#db/hooks.ts';
import { AppError } from '#domain/errors.ts';
import { addressProblem, hostOf, maskHookUrl, type PlaceChannel, readHookUrl } from '#domain/hooks.ts';
import { addMs, DAY, type Instant } from '#domain/time.ts';

/**
 * The address as it is kept, once every address that its host has may be called. The same is asked again at each call.
 * @throws AppError invalid
 */
export async function checkedHookUrl(ctx: Ctx, text: string): Promise<string> {
  const read = readHookUrl(text, ctx.hooks);
  if (read.url === null) throw wrongUrl(read.problem);
  const host = hostOf(new URL(read.url));
  if (isIP(host)) return read.url;
  const addresses = await ctx.hooks.resolve(host).catch(() => []);
  if (!addresses.length) throw wrongUrl('Its host cannot be found. Check how it is written.');
  const problem = addresses.map((address) => addressProblem(address, ctx.hooks)).find((one) => one !== null);
  if (problem) throw wrongUrl(problem);
  return read.url;
}

function wrongUrl(message: string): AppError {
  return new AppError('invalid', message, { problems: [{ field: 'url', message }] });
}

/** 24 bytes that nobody can guess, as Standard Webhooks writes them. */
export function newSigningSecret(ctx: Ctx): string {
  const bytes = Buffer.from(ctx.sign('hook secret', ctx.newId() + ctx.newId()), 'base64url');
  return `whsec_${bytes.toString('base64')}`;
}

/** How long both secrets sign: long enough to put the new one in place, and a receiver that has it heeds the old one no more. */
export function oldSecretUntil(now: Instant): Instant {
  return addMs(now, DAY);
}

export function requireSecret(hook: Hook): void {
  if (hook.channel === 'webhook') return;
  throw new AppError('conflict', 'Calls of a chat are not signed, so there is no secret.', {
    fix: 'Make a new incoming webhook in the chat, and put its address here.',
  });
}

/** A webhook's owner knows its address; that of a chat or a pager is a secret. */
export function shownUrl(hook: { channel: PlaceChannel; address: string }): string {
  return hook.channel === 'webhook' ? hook.address : maskHookUrl(hook.address);
}

const PLACES: Record<PlaceChannel, string> = {
  webhook: 'webhook',
  slack: 'Slack channel',
  teams: 'Teams channel',
  discord: 'Discord channel',
  pager: 'pager',
};

export function placeWords(channel: PlaceChannel): string {
  return PLACES[channel];
}

export function hookAudit(action: string, hook: Pick<Hook, 'id'>) {
  return { action, subjectKind: 'subscriber', subjectId: hook.id };
}
