import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import * as held from '#db/heldBatches.ts';
import type { Tx } from '#db/open.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import type { Instant } from '#domain/time.ts';

export type HeldView = held.HeldBatch;

/**
 * What a person may find out by the provider's log about a batch that is held: that it never went out, or that it did. Where it has no answer
 * and the account is the same, it may be asked about again under its key.
 */
export const HELD_DECISIONS = ['notSent', 'wasSent', 'askAgain'] as const;
export type HeldDecision = (typeof HELD_DECISIONS)[number];

/** More than a screen of them needs nobody: the first decisions tell about the rest. */
const LIMIT = 100;

/** Batches that may be out though nobody can say so, the oldest first. They are never sent again by themselves. */
export async function listHeld(ctx: Ctx): Promise<HeldView[]> {
  requirePermission(ctx.actor, 'delivery.read');
  return ctx.db.read((tx) => held.listHeld(tx, { limit: LIMIT }, ctx.actor));
}

/**
 * Decides about a held batch: what was not sent goes in a new batch under a new key, what was sent is as though the provider had said so,
 * and what is asked about again is the same call as before.
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
    const { key, mails } = await carryOut(tx, ctx, { batchSeq, decision, now });
    await insertAudit(tx, ctx, {
      action: ACTIONS[decision],
      subjectKind: 'batch',
      subjectId: String(batchSeq),
      detail: { count: mails, key },
    });
    return mails;
  });
  ctx.changed('outbox');
  return count;
}

const ACTIONS = {
  notSent: 'delivery.heldNotSent',
  wasSent: 'delivery.heldWasSent',
  askAgain: 'delivery.heldAskAgain',
} as const satisfies Record<HeldDecision, string>;

async function carryOut(
  tx: Tx,
  ctx: Ctx,
  { batchSeq, decision, now }: { batchSeq: number; decision: HeldDecision; now: Instant },
): Promise<{ key: string; mails: number }> {
  const { actor } = ctx;
  if (decision === 'askAgain') {
    const same = await held.goOnHeld(tx, batchSeq, now, actor);
    if (same === null) throw goneOn();
    return same;
  }
  const why = `${actorLabel(actor)} decided: ${decision === 'notSent' ? 'it was not sent' : 'it was sent'}.`;
  const key = await held.endHeld(tx, batchSeq, { why, now }, actor);
  if (key === null) throw goneOn();
  const mails =
    decision === 'notSent'
      ? await held.requeueHeld(tx, batchSeq, now, actor)
      : await held.acceptMembers(tx, batchSeq, now);
  return { key, mails };
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
