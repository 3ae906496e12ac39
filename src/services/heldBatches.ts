import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import * as held from '#db/heldBatches.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';

export type HeldView = held.HeldBatch;

/** What a person may find out by the provider's log about a batch that is held: that it never went out, or that it did. */
export const HELD_DECISIONS = ['notSent', 'wasSent'] as const;
export type HeldDecision = (typeof HELD_DECISIONS)[number];

/** More than a screen of them needs nobody: the first decisions tell about the rest. */
const LIMIT = 100;

/** Batches that the provider says contradict themselves, the oldest first. They are never sent again by themselves. */
export async function listHeld(ctx: Ctx): Promise<HeldView[]> {
  requirePermission(ctx.actor, 'delivery.read');
  return ctx.db.read((tx) => held.listHeld(tx, { limit: LIMIT }, ctx.actor));
}

/**
 * Decides about a held batch: what was not sent goes in a new batch under a new key, what was sent is as though the provider had said so.
 * @returns how many mails that was
 * @throws AppError conflict when it is not held any more
 */
export async function decideHeld(
  ctx: Ctx,
  { batchSeq, decision }: { batchSeq: number; decision: HeldDecision },
): Promise<number> {
  requirePermission(ctx.actor, 'delivery.write');
  const now = ctx.now();
  const count = await ctx.db.write(async (tx) => {
    const why = `${actorLabel(ctx.actor)} decided: ${decision === 'notSent' ? 'it was not sent' : 'it was sent'}.`;
    const key = await held.endHeld(tx, batchSeq, { why, now }, ctx.actor);
    if (key === null) throw goneOn();
    const mails =
      decision === 'notSent'
        ? await held.requeueHeld(tx, batchSeq, now, ctx.actor)
        : await held.acceptMembers(tx, batchSeq, now);
    await insertAudit(tx, ctx, {
      action: decision === 'notSent' ? 'delivery.heldNotSent' : 'delivery.heldWasSent',
      subjectKind: 'batch',
      subjectId: String(batchSeq),
      detail: { count: mails, key },
    });
    return mails;
  });
  ctx.changed('outbox');
  return count;
}

function goneOn(): AppError {
  return new AppError(
    'conflict',
    'That batch is not held any more: someone has decided, or its time is up.',
    {
      fix: 'Look at the list again.',
    },
  );
}
