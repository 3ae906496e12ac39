import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { getReceiptReport } from '#db/providerEvents.ts';
import { findRecipient, findSubscriber } from '#db/recipients.ts';
import * as rows from '#db/suppressions.ts';
import { AppError } from '#domain/errors.ts';
import { may, requirePermission } from '#domain/permissions.ts';
import { maskAddress, maskAddressesIn, multiLine, parseAddress } from '#domain/text.ts';
import { addMs, DAY, type Instant } from '#domain/time.ts';
import { OUTCOMES } from './receiptOutcomes.ts';
import { addressInput, erasedKey } from './subscribers.ts';

/** An address that gets no mail. */
export type SuppressionView = Omit<rows.Suppression, 'address'> & {
  /** Masked for those who may not read subscribers; null of someone who was erased. */
  address: string | null;
};

export type SuppressionPage = {
  suppressions: SuppressionView[];
  /** Where the next page begins; null on the last. */
  next: rows.Place | null;
};

const PAGE_SIZE = 50;

/** Addresses that must not be mailed, the newest first. */
export async function listSuppressions(
  ctx: Ctx,
  { from = null, domain = null }: { from?: rows.Place | null; domain?: string | null } = {},
): Promise<SuppressionPage> {
  requirePermission(ctx.actor, 'delivery.read');
  const found = await ctx.db.read((tx) => rows.listSuppressions(tx, { domain, from, limit: PAGE_SIZE + 1 }));
  const page = found.slice(0, PAGE_SIZE);
  return {
    suppressions: page.map((row) => viewOf(ctx, row)),
    next: found.length > PAGE_SIZE ? placeAfter(page, from) : null,
  };
}

function placeAfter(page: readonly rows.Suppression[], from: rows.Place | null): rows.Place {
  const { createdAt } = page.at(-1) as rows.Suppression;
  const same = page.filter((row) => row.createdAt === createdAt).length;
  return { createdAt, skip: same + (from?.createdAt === createdAt ? from.skip : 0) };
}

/** What a search may be for: one whole address, or a domain. */
export const searchInput = z.object({
  sought: z
    .string({ error: 'What to look for is missing.' })
    .transform((text, issues): { address: string } | { domain: string } => {
      const typed = text.trim();
      const address = parseAddress(typed);
      if (address) return { address };
      const domain = parseAddress(`x@${typed.replace(/^@/, '')}`)?.slice(2);
      if (domain) return { domain };
      issues.addIssue({
        code: 'custom',
        message: 'This is no mail address and no domain. Write mia@example.com, or example.com.',
      });
      return z.NEVER;
    }),
});

/** One address, and what was decided about it. */
export type SuppressionFile = {
  address: string;
  /** null when it was never suppressed; one that was let go says when and why. */
  record: Omit<rows.SuppressionRecord, 'address'> | null;
  /** Whose it is among the subscribers. */
  subscriberId: string | null;
};

/**
 * What holds of one address, or of a subscriber's. An address whose owner was erased is found by who knows it.
 * @throws AppError not_found when there is no such subscriber
 */
export async function findSuppression(
  ctx: Ctx,
  sought: { address: string } | { subscriberId: string },
): Promise<SuppressionFile> {
  requirePermission(ctx.actor, 'subscriber.read');
  return ctx.db.read(async (tx) => {
    const person =
      'subscriberId' in sought
        ? await findRecipient(tx, sought.subscriberId)
        : await findSubscriber(tx, sought.address);
    const isSubscriber = person?.kind === 'subscriber' && person.channel === 'email';
    if ('subscriberId' in sought && !isSubscriber)
      throw new AppError('not_found', 'There is no such subscriber. They may have been erased.', {
        fix: 'Look at the list again.',
      });
    const address = 'address' in sought ? sought.address : (person?.address as string);
    const keys = [address, erasedKey(ctx, address)];
    const found = await rows.listRecords(tx, keys);
    const all = keys.flatMap((key) => found.get(key) ?? []);
    const record = all.find(({ liftedAt }) => liftedAt === null) ?? all[0] ?? null;
    if (!record) return { address, record, subscriberId: person?.id ?? null };
    const { address: _, ...decided } = record;
    return { address, record: decided, subscriberId: person?.id ?? null };
  });
}

export type SuppressionCounts = {
  total: number;
  byReason: Partial<Record<rows.Suppression['reason'], number>>;
};

export async function countSuppressions(ctx: Ctx): Promise<SuppressionCounts> {
  requirePermission(ctx.actor, 'delivery.read');
  const byReason = await ctx.db.read(rows.countSuppressions);
  return { byReason, total: Object.values(byReason).reduce((sum, count) => sum + count, 0) };
}

/** How the provider's word comes in: the last of it, what waits for its delivery, and what in 30 days was about others' mail. */
export async function getReceiptHealth(
  ctx: Ctx,
): Promise<{ lastAt: Instant | null; waiting: number; other: number }> {
  requirePermission(ctx.actor, 'delivery.read');
  const since = addMs(ctx.now(), -30 * DAY);
  return ctx.db.read((tx) => getReceiptReport(tx, { outcome: OUTCOMES.foreign, since }));
}

const reasonInput = multiLine(300, 'The reason');
export const liftInput = z.object({ address: addressInput, reason: reasonInput });
export const addInput = z.object({ address: addressInput, reason: reasonInput });

/**
 * Lets an address be mailed again. The reason is kept.
 * @throws AppError not_found when it is not suppressed
 */
export async function liftSuppression(ctx: Ctx, input: z.infer<typeof liftInput>): Promise<void> {
  requirePermission(ctx.actor, 'subscriber.write');
  const { address, reason } = input;
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const isLifted = await rows.liftSuppression(tx, { address, reason, now });
    const wasErased = await rows.liftSuppression(tx, { address: erasedKey(ctx, address), reason, now });
    if (!isLifted && !wasErased)
      throw new AppError('not_found', 'This address is not suppressed, or no longer.', {
        fix: 'Look at the list again.',
      });
    await insertAudit(tx, ctx, audit(ctx, 'suppression.lift', address, reason));
  });
}

/**
 * Sees to it that nothing more is mailed to an address, whoever asked for that.
 * @throws AppError conflict when it is suppressed already
 */
export async function addSuppression(ctx: Ctx, input: z.infer<typeof addInput>): Promise<void> {
  requirePermission(ctx.actor, 'subscriber.write');
  // SQLite would keep a suppression of no address.
  const { address, reason } = addInput.parse(input);
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    if ((await rows.listSuppressed(tx, [address, erasedKey(ctx, address)])).size)
      throw new AppError('conflict', 'This address is suppressed already.', {
        problems: [{ field: 'address', message: 'This address is suppressed already.' }],
      });
    await rows.suppressAddress(tx, { address, reason: 'manual', detail: reason, now });
    await insertAudit(tx, ctx, audit(ctx, 'suppression.add', address, reason));
  });
}

/** The audit outlives an erasure, so it names the address by a mark: the same mark is the same address. */
function audit(ctx: Ctx, action: string, address: string, reason: string) {
  const subjectId = ctx.sign('suppression', address).slice(0, 12);
  return { action, subjectKind: 'suppression', subjectId, detail: { text: reason } };
}

function viewOf(ctx: Ctx, row: rows.Suppression): SuppressionView {
  const { address, detail, ...rest } = row;
  const isKnown = address.includes('@');
  if (may(ctx.actor, 'subscriber.read')) return { ...rest, detail, address: isKnown ? address : null };
  return {
    ...rest,
    // What someone typed here may name anyone.
    detail: detail && maskAddressesIn(detail),
    address: isKnown ? maskAddress(address) : null,
  };
}
