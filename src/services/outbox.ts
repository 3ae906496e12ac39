import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import * as providers from '#db/providers.ts';
import * as uncertain from '#db/uncertain.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import { placeFor } from './shownAddress.ts';

/** The ways out that there can be. */
const PROVIDERS: readonly string[] = ['file', 'resend', 'smtp', 'hook'];

export type UncertainView = uncertain.UncertainDelivery;

/**
 * Deliveries of which nobody knows whether they arrived and about which nobody has decided, of one message or of all, in order;
 * `next` is the `after` of the page that follows. Addresses are shown to those who may see subscribers; others see `a…@example.com`.
 */
export async function listUncertain(
  ctx: Ctx,
  {
    noticeId = null,
    after = 0,
    limit = 100,
  }: { noticeId?: string | null; after?: number; limit?: number } = {},
): Promise<{ deliveries: UncertainView[]; total: number; next: number | null }> {
  requirePermission(ctx.actor, 'delivery.read');
  return ctx.db.read(async (tx) => {
    const rows = await uncertain.listUncertain(tx, { noticeId, after, limit: limit + 1 }, ctx.actor);
    const page = rows.slice(0, limit);
    return {
      deliveries: page.map((row) => ({ ...row, address: placeFor(ctx, row) })),
      total: await uncertain.countUncertain(tx, ctx.actor),
      next: rows.length > limit ? (page.at(-1)?.seq ?? null) : null,
    };
  });
}

/**
 * Sends these again as new mails, knowing that some may arrive twice. What is not uncertain (any more) is left alone; what newer news has
 * overtaken ends as superseded.
 * @returns how many will go again
 */
export async function repeatUncertain(ctx: Ctx, deliverySeqs: readonly number[]): Promise<number> {
  requirePermission(ctx.actor, 'delivery.write');
  const count = await ctx.db.write(async (tx) => {
    const requeued = await uncertain.requeueUncertain(tx, deliverySeqs, ctx.now(), ctx.actor);
    await auditDecision(tx, ctx, 'delivery.repeatUncertain', deliverySeqs, requeued);
    return requeued;
  });
  if (count) ctx.changed('outbox');
  return count;
}

/**
 * Leaves these as they are: they stay uncertain, and nobody is asked about them again.
 * @returns how many that was news for
 */
export async function closeUncertain(ctx: Ctx, deliverySeqs: readonly number[]): Promise<number> {
  requirePermission(ctx.actor, 'delivery.write');
  return ctx.db.write(async (tx) => {
    const decided = await uncertain.decideUncertain(tx, deliverySeqs, ctx.now(), ctx.actor);
    await auditDecision(tx, ctx, 'delivery.closeUncertain', deliverySeqs, decided);
    return decided;
  });
}

/** Nothing more is handed to this provider until someone resumes it; calls under way are finished. */
export async function pauseProvider(ctx: Ctx, id: string): Promise<void> {
  requirePermission(ctx.actor, 'delivery.write');
  requireProvider(id);
  await ctx.db.write(async (tx) => {
    await providers.pauseProvider(tx, { id, by: actorLabel(ctx.actor), now: ctx.now() });
    await insertAudit(tx, ctx, { action: 'provider.pause', subjectKind: 'provider', subjectId: id });
  });
  ctx.changed('outbox');
}

/** Tries a stopped, paused or waiting provider again, once what stopped it is mended. */
export async function resumeProvider(ctx: Ctx, id: string): Promise<void> {
  requirePermission(ctx.actor, 'delivery.write');
  requireProvider(id);
  await ctx.db.write(async (tx) => {
    await providers.resetProvider(tx, id, ctx.now());
    await insertAudit(tx, ctx, { action: 'provider.resume', subjectKind: 'provider', subjectId: id });
  });
  ctx.changed('outbox');
}

/** One row for the deed, however many people it was about; none when it changed nothing. */
async function auditDecision(
  tx: Parameters<typeof insertAudit>[0],
  ctx: Ctx,
  action: 'delivery.repeatUncertain' | 'delivery.closeUncertain',
  deliverySeqs: readonly number[],
  count: number,
): Promise<void> {
  if (!count) return;
  await insertAudit(tx, ctx, {
    action,
    subjectKind: 'delivery',
    subjectId: String(deliverySeqs[0]),
    detail: { count },
  });
}

function requireProvider(id: string): void {
  if (!PROVIDERS.includes(id))
    throw new AppError('not_found', 'There is no such way out.', {
      fix: 'Go back to the list of deliveries.',
    });
}
