import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { getReceiptReport } from '#db/providerEvents.ts';
import * as rows from '#db/suppressions.ts';
import { AppError } from '#domain/errors.ts';
import { may, requirePermission } from '#domain/permissions.ts';
import { maskAddress, multiLine, parseAddress } from '#domain/text.ts';
import { addMs, DAY, type Instant } from '#domain/time.ts';
import { OUTCOMES } from './receiptOutcomes.ts';
import { addressInput } from './subscribers.ts';

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

/** What a search may be for: one whole address, or a domain. Null when it is neither. */
export function readSearch(text: string): { address: string } | { domain: string } | null {
  const typed = text.trim();
  const address = parseAddress(typed);
  if (address) return { address };
  const domain = parseAddress(`x@${typed.replace(/^@/, '')}`)?.slice(2);
  return domain ? { domain } : null;
}

/** Whether this very address must not be mailed, and why; null when it may be mailed. */
export async function findSuppression(ctx: Ctx, address: string): Promise<SuppressionView | null> {
  requirePermission(ctx.actor, 'delivery.read');
  const row = await ctx.db.read((tx) => rows.findSuppression(tx, address));
  return row && { ...row, address };
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
    if (!(await rows.liftSuppression(tx, { address, reason, now })))
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
  const { address, reason } = input;
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    if (await rows.findSuppression(tx, address))
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
  const { address, ...rest } = row;
  if (!address.includes('@')) return { ...rest, address: null };
  return { ...rest, address: may(ctx.actor, 'subscriber.read') ? address : maskAddress(address) };
}
