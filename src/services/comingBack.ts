import { listUnsaid, omitsOf } from '#db/contents.ts';
import type { Ctx } from '#db/context.ts';
import { findIncidentBySeq, type Incident } from '#db/incidents.ts';
import {
  type CaughtUp,
  findVariant,
  listMissable,
  returnDigests,
  returnMissed,
  setContent,
} from '#db/missed.ts';
import { insertNotice } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import type { Recipient } from '#db/recipients.ts';
import type { Instant } from '#domain/time.ts';
import { renderUpdateMail } from '#emails/render.ts';
import { hookWriter } from './hookPayload.ts';
import { rewriteWaiting, storedPlans } from './mendMail.ts';
import { missedContentOf, noticeKindOf, priorityOf } from './updateMail.ts';
import { isOpenToAll } from './updatePlan.ts';

/**
 * Someone who took their unsubscribing back is told what they missed: of each open incident, and of each that they had heard of and that has
 * ended meanwhile, in one message, the newest. A part of the transaction that brings them back.
 */
export async function tellMissed(
  tx: Tx,
  ctx: Ctx,
  { seq: recipientSeq }: Pick<Recipient, 'seq'>,
  leftAt: Instant,
): Promise<void> {
  const now = ctx.now();
  await returnDigests(tx, recipientSeq, leftAt, now);
  for (const incidentSeq of await listMissable(tx, recipientSeq, leftAt)) {
    const incident = await findIncidentBySeq(tx, incidentSeq);
    if (!incident?.publishedAt || !isOpenToAll(incident)) continue;
    const caughtUp = await returnMissed(tx, { recipientSeq, incidentSeq, leftAt, now });
    if (caughtUp) await writeMissed(tx, ctx, incident, { ...caughtUp, recipientSeq, leftAt });
  }
}

/** What they get says all that they missed, in the words in which it stands by now. */
async function writeMissed(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  { recipientSeq, leftAt, ...caughtUp }: CaughtUp & { recipientSeq: number; leftAt: Instant },
): Promise<void> {
  const { noticeSeq, updateSeq, since } = caughtUp;
  const plan = (await storedPlans(tx, incident))(updateSeq);
  const told = [plan.update, ...plan.earlier.filter(({ seq }) => seq >= since)];
  // What everybody else had by then was not written anew.
  if (told.some(({ editedAt }) => editedAt !== null && editedAt >= leftAt))
    await rewriteWaiting(tx, ctx, incident, { from: since, now: ctx.now() });
  if (since === updateSeq) return;
  const contentSeq =
    (await findVariant(tx, caughtUp)) ?? (await insertVariant(tx, ctx, incident, { plan, ...caughtUp }));
  await setContent(tx, { noticeSeq, recipientSeq, contentSeq });
}

async function insertVariant(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  {
    plan,
    noticeSeq,
    updateSeq,
    since,
  }: CaughtUp & { plan: ReturnType<Awaited<ReturnType<typeof storedPlans>>> },
): Promise<number> {
  const unsaid = await listUnsaid(tx, incident.seq);
  const omits = omitsOf(unsaid).filter((seq) => since <= seq && seq < updateSeq);
  const earlier = plan.earlier.filter(({ seq }) => !unsaid.stopped.includes(seq));
  const mail = missedContentOf(ctx, { ...plan, earlier }, { since, omits });
  return insertNotice(tx, {
    id: ctx.newId(),
    kind: noticeKindOf(incident),
    incidentSeq: incident.seq,
    updateSeq,
    priority: priorityOf(incident.kind, plan.update.severity),
    rendered: renderUpdateMail(mail),
    payload: (await hookWriter(tx, ctx, incident.id))(mail, { id: plan.update.id, missed: mail.missed }),
    variant: { of: noticeSeq, sinceUpdateSeq: since, omits },
    now: ctx.now(),
  });
}
