import type { Ctx } from '#db/context.ts';
import { insertDelivery } from '#db/deliveries.ts';
import { LAST_CALL, listCalls, QUARANTINED } from '#db/hookCalls.ts';
import { type Hook, listUntold } from '#db/hooks.ts';
import { insertNotice } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import type { PlaceChannel } from '#domain/hooks.ts';
import { PRIORITY } from '#domain/priority.ts';
import type { Instant } from '#domain/time.ts';
import { renderHookEndedMail, renderHookQuarantinedMail } from '#emails/hooks.ts';
import type { Rendered } from '#emails/render.ts';
import { shownUrl } from './hookPlace.ts';
import { mailSite } from './subscriptionMail.ts';

/** A mail about a webhook or chat, to its owner. */
export async function queueHookMail(
  tx: Tx,
  mail: {
    id: string;
    kind: 'confirm' | 'already' | 'quarantined' | 'unsubscribed';
    hook: Pick<Hook, 'seq'>;
    rendered: Rendered;
    now: Instant;
  },
): Promise<void> {
  const { id, kind, rendered, now } = mail;
  const shared = { priority: PRIORITY.urgent, now };
  const noticeSeq = await insertNotice(tx, {
    id,
    kind,
    incidentSeq: null,
    updateSeq: null,
    rendered,
    ...shared,
  });
  await insertDelivery(tx, { noticeSeq, recipientSeq: mail.hook.seq, ...shared });
}

/** Tells a webhook's or chat's owner that it was ended by the link in a call, in the transaction that ends it. */
export async function tellEnded(
  tx: Tx,
  ctx: Ctx,
  hook: Pick<Hook, 'seq' | 'address'> & { channel: PlaceChannel },
  { id, now }: { id: string; now: Instant },
): Promise<void> {
  const site = await mailSite(ctx, tx);
  const place = { channel: hook.channel, shown: shownUrl(hook) };
  await queueHookMail(tx, {
    id,
    kind: 'unsubscribed',
    hook,
    rendered: renderHookEndedMail({ site, place }),
    now,
  });
}

/** Tells the owner of each webhook and chat that is in quarantine, once. @returns how many were told */
export async function tellQuarantined(ctx: Ctx): Promise<number> {
  if (!(await ctx.db.read(listUntold)).length) return 0;
  const now = ctx.now();
  const told = await ctx.db.write(async (tx) => {
    const site = await mailSite(ctx, tx);
    const untold = await listUntold(tx);
    for (const hook of untold) {
      const calls = await listCalls(tx, hook.seq, 20);
      const rendered = renderHookQuarantinedMail({
        site,
        place: { channel: hook.channel, shown: shownUrl(hook) },
        since: hook.quarantinedAt as Instant,
        reason: lastWords(calls),
      });
      await queueHookMail(tx, { id: ctx.newId(), kind: 'quarantined', hook, rendered, now });
    }
    return untold.length;
  });
  if (told) ctx.changed('outbox');
  return told;
}

/** What came of the last call that was made. */
function lastWords(calls: readonly { reason: string | null }[]): string | null {
  const [reason] = calls.flatMap(({ reason: words }) => (words && words !== QUARANTINED ? [words] : []));
  return reason ? (reason.split(LAST_CALL)[1] ?? reason) : null;
}
