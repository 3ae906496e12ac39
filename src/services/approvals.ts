import * as rows from '#db/approvals.ts';
import { insertAudit } from '#db/audit.ts';
import { listHolds } from '#db/calls.ts';
import type { Ctx } from '#db/context.ts';
import { findIncident, type Incident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { listViewers } from '#db/viewers.ts';
import { isAskedAgain } from '#domain/approvalAsks.ts';
import { AppError } from '#domain/errors.ts';
import { type Actor, may, requirePermission } from '#domain/permissions.ts';
import { isOver } from '#domain/status.ts';
import { clockTimeWithZone, type Instant } from '#domain/time.ts';
import { renderStaffMail } from '#emails/staff.ts';
import { mailApprovers } from './approvalGate.ts';
import { type ApproversPromise, otherPromise, withPromise } from './approvalPromise.ts';
import { changeSince } from './approvalStanding.ts';
import { paceOf } from './pace.ts';
import { type Posted, type PostInput, tellOthers, writePost } from './postUpdate.ts';
import { requireIncident } from './requireIncident.ts';
import { RESTRICTED_TITLE } from './restrictedMail.ts';
import { mailStaff } from './staffMail.ts';
import { planUpdate } from './updatePlan.ts';

/**
 * Posts exactly the text that was frozen, in its author's name. Its promise is the one thing that an approver may set otherwise.
 * @param input.promise when the next update comes, or what the policy asks; left out it is what the author promised, and what the policy
 * asks once that has passed
 * @param input.reason asked for when its author publishes it because nobody else could
 * @throws AppError not_found; forbidden for who is no approver; conflict when it was decided before, or the incident stands otherwise now
 */
export async function publishApproved(
  ctx: Ctx,
  input: { approvalId: string; reason?: string | null; promise?: ApproversPromise },
): Promise<Posted> {
  requirePermission(ctx.actor, 'incident.read');
  const noticeId = ctx.newId();
  const written = await ctx.db.write(async (tx) => {
    const approval = await requireApproval(tx, ctx, input.approvalId);
    const incident = await requireIncident(tx, approval.incidentId, undefined, ctx.actor);
    const how = await mayPublish(tx, ctx, approval, incident);
    if (how === 'no') refuseDecider(ctx, approval);
    if (how === 'own' && !input.reason?.trim())
      throw new AppError('invalid', 'Nobody else could approve it. Say why it cannot wait for someone.', {
        problems: [{ field: 'reason', message: 'Say why it cannot wait for an approver.' }],
      });
    await decide(tx, ctx, approval, { state: 'published', reason: how === 'own' ? input.reason : null });
    await refuseOtherStanding(tx, ctx, approval, incident);
    const post = inputOf(approval, incident);
    const plan = await planUpdate(tx, ctx, withPromise(post, input.promise, ctx.now()));
    const { name } = approval.askedBy;
    const deed =
      how === 'own' ? 'Published an update without a second pair of eyes' : `Approved ${name}’s update`;
    await audit(tx, ctx, incident, 'approval.publish', {
      text: `${deed}${otherPromise(post, plan, input.promise)}`,
      note: input.reason ?? null,
      update: approval.id,
    });
    return writePost(tx, ctx, { plan, input: post, ids: { updateId: approval.id, noticeId }, author: name });
  });
  return tellOthers(ctx, written);
}

/** Gives it back to its author with a reason. Its text stays on record and can be put in the form again. */
export async function sendBack(ctx: Ctx, input: { approvalId: string; reason: string }): Promise<void> {
  requirePermission(ctx.actor, 'incident.read');
  await ctx.db.write(async (tx) => {
    const approval = await requireApproval(tx, ctx, input.approvalId);
    const incident = await requireIncident(tx, approval.incidentId, undefined, ctx.actor);
    if ((await mayPublish(tx, ctx, approval, incident)) === 'no') refuseDecider(ctx, approval);
    if (!input.reason?.trim())
      throw new AppError('invalid', 'Say what is wrong with it.', {
        problems: [
          { field: 'reason', message: 'Say what is wrong with it, so that its author can mend it.' },
        ],
      });
    await decide(tx, ctx, approval, { state: 'sent_back', reason: input.reason });
    await audit(tx, ctx, incident, 'approval.sendBack', {
      text: `Sent ${approval.askedBy.name}’s update back`,
      note: incident.restricted ? null : input.reason,
      update: approval.id,
    });
    await tellAuthor(tx, ctx, approval, incident, input.reason);
  });
  ctx.changed('outbox');
}

/** Its author takes it back. Its text stays on record and can be put in the form again. */
export async function takeBack(ctx: Ctx, approvalId: string): Promise<void> {
  requirePermission(ctx.actor, 'incident.read');
  await ctx.db.write(async (tx) => {
    const approval = await requireApproval(tx, ctx, approvalId);
    const incident = await requireIncident(tx, approval.incidentId, undefined, ctx.actor);
    if (!isAuthor(ctx.actor, approval))
      throw new AppError('forbidden', `${approval.askedBy.name} wrote it and alone can take it back.`, {
        fix: 'An approver can send it back.',
      });
    await decide(tx, ctx, approval, { state: 'withdrawn', reason: null });
    await audit(tx, ctx, incident, 'approval.takeBack', {
      text: 'Took an update back before it was approved',
      update: approval.id,
    });
  });
}

/**
 * Once what was promised is late and nobody has decided, every approver is asked, and again for as long as staff are called. That they
 * were asked and their mail are one transaction, so each time is once, whatever restarts. A duty of the clock.
 * @returns how many updates they were asked about
 */
export async function askAllApprovers(ctx: Ctx): Promise<number> {
  const now = ctx.now();
  const late = await ctx.db.read((tx) => listOverdue(tx, now));
  if (!late.length) return 0;
  const asked = await ctx.db.write(async (tx) => {
    const again = await listOverdue(tx, now);
    for (const { approval, incident } of again) {
      const people = (await couldDecide(tx, approval, incident)).filter(
        ({ userId }) => userId !== approval.askedBy.id,
      );
      await rows.markToldAll(tx, approval.seq, now);
      await mailApprovers(tx, ctx, incident, {
        people,
        id: approval.id,
        restricted: incident.restricted,
        by: approval.askedBy.name,
        at: approval.askedAt,
        due: incident.nextUpdateDue,
        body: inputOf(approval, incident).body,
        waited: true,
      });
    }
    return again.length;
  });
  ctx.changed('outbox');
  return asked;
}

async function listOverdue(tx: Tx, now: Instant): Promise<{ approval: rows.Approval; incident: Incident }[]> {
  const overdue: { approval: rows.Approval; incident: Incident }[] = [];
  for (const approval of await rows.listWaitingForClock(tx)) {
    const reader = await someoneWhoSees(tx, approval);
    const incident = await findIncident(tx, approval.incidentId, reader);
    // What nobody can publish any more is not asked about.
    if (!incident || (await changeSince(tx, approval, incident, reader))) continue;
    const due = incident.nextUpdateDue;
    const over = isOver(incident.status);
    const facts = { due, over, pace: await paceOf(tx, incident), holds: await listHolds(tx, [incident.seq]) };
    if (isAskedAgain(approval, facts, now)) overdue.push({ approval, incident });
  }
  return overdue;
}

/** As whom the clock looks at an update that waits: of what is restricted its author may see no more what others still do. */
async function someoneWhoSees(tx: Tx, { incidentSeq, askedBy }: rows.Approval): Promise<Actor> {
  const viewer = (await listViewers(tx, incidentSeq)).find(({ canSignIn }) => canSignIn);
  const { id, name, email } = viewer ? { ...viewer, id: viewer.userId } : askedBy;
  return { kind: 'user', role: 'viewer', id, name, email };
}

export async function requireApproval(tx: Tx, ctx: Ctx, id: string): Promise<rows.Approval> {
  const approval = await rows.findApproval(tx, id, ctx.actor);
  if (approval) return approval;
  throw new AppError('not_found', 'There is no such update waiting.', { fix: 'Open the incident.' });
}

/** The frozen post, against the incident's present version: what matters of how it stands is compared apart. */
export function inputOf(approval: rows.Approval, { version }: Incident): PostInput {
  return { ...(JSON.parse(approval.input) as PostInput), version };
}

export async function tryPlan(tx: Tx, ctx: Ctx, approval: rows.Approval, incident: Incident) {
  try {
    await refuseOtherStanding(tx, ctx, approval, incident);
    const post = withPromise(inputOf(approval, incident), undefined, ctx.now());
    return { plan: await planUpdate(tx, ctx, post), hindered: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { plan: null, hindered: [error.message, error.fix].filter(Boolean).join(' ') };
  }
}

/** Approvers who may know of it; when nobody else could decide, its author. */
export async function couldDecide(tx: Tx, approval: rows.Approval, incident: Incident) {
  const approvers = await rows.listApprovers(tx, incident.restricted ? incident.seq : null);
  const others = approvers.filter(({ userId }) => userId !== approval.askedBy.id);
  return others.length ? others : approvers;
}

/** Whether one may publish it; `own`: it is what one wrote oneself. */
export type MayPublish = 'yes' | 'own' | 'no';

export async function mayPublish(
  tx: Tx,
  { actor }: Ctx,
  approval: rows.Approval,
  incident: Incident,
): Promise<MayPublish> {
  if (actor.kind !== 'user') return 'no';
  const approvers = await rows.listApprovers(tx, incident.restricted ? incident.seq : null);
  if (!isAuthor(actor, approval)) return approvers.some(({ userId }) => userId === actor.id) ? 'yes' : 'no';
  // What is restricted takes an approver; a policy is not to silence the house when it has none.
  const others = approvers.some(({ userId }) => userId !== actor.id);
  const could = incident.restricted
    ? approvers.some(({ userId }) => userId === actor.id)
    : may(actor, 'incident.publish');
  return others || !could ? 'no' : 'own';
}

function refuseDecider({ actor }: Ctx, approval: rows.Approval): never {
  if (isAuthor(actor, approval))
    throw new AppError('forbidden', 'You wrote it: someone else has to approve it.', {
      fix: 'Take it back, or wait for an approver.',
    });
  throw new AppError('forbidden', 'Only an approver can decide about it.', {
    fix: 'Ask one of the approvers. An owner says who is one, under Users.',
  });
}

export function isAuthor(actor: Actor, { askedBy }: rows.Approval): boolean {
  return actor.kind === 'user' && actor.id === askedBy.id;
}

async function decide(
  tx: Tx,
  ctx: Ctx,
  approval: rows.Approval,
  {
    state,
    reason = null,
  }: { state: 'published' | 'sent_back' | 'withdrawn'; reason?: string | null | undefined },
): Promise<void> {
  const { actor } = ctx;
  if (actor.kind !== 'user') throw new AppError('forbidden', 'Only a person can decide about it.');
  const by = { state, by: actor.id, at: ctx.now(), reason };
  if (approval.state === 'waiting' && (await rows.decideApproval(tx, approval.seq, by))) return;
  const deed = {
    published: 'published it',
    sent_back: 'sent it back',
    withdrawn: 'took it back',
    waiting: '',
  };
  const { timeZone } = await getPage(tx);
  const when = approval.decidedAt && ` at ${clockTimeWithZone(approval.decidedAt, timeZone)}`;
  throw new AppError(
    'conflict',
    `${approval.decidedBy ?? 'Someone'} ${deed[approval.state]}${when ?? ''}: it waits no more.`,
    { fix: 'Open the incident to see how it stands.' },
  );
}

/** An update that was written before something else was said, or renamed, could be wrong by now. */
async function refuseOtherStanding(
  tx: Tx,
  ctx: Ctx,
  approval: rows.Approval,
  incident: Incident,
): Promise<void> {
  const changed = await changeSince(tx, approval, incident, ctx.actor);
  if (changed)
    throw new AppError('conflict', `Since this was written, ${changed}.`, {
      fix: 'Send it back, so that its author looks at it again.',
    });
}

async function tellAuthor(
  tx: Tx,
  ctx: Ctx,
  approval: rows.Approval,
  incident: Incident,
  reason: string,
): Promise<void> {
  const page = await getPage(tx);
  const by = ctx.actor.kind === 'user' ? ctx.actor.name : 'An approver';
  const { restricted } = incident;
  const rendered = renderStaffMail({
    site: { name: page.name, url: ctx.site.url, timeZone: page.timeZone },
    about: incident.id,
    subject: `[${incident.severity}] Sent back: ${restricted ? RESTRICTED_TITLE : incident.title}`,
    lines: [`${by} sent your update back. Nothing was posted, and your text is kept.`],
    deed: { words: 'Mend it', url: `${ctx.site.url}/admin/approvals/${approval.id}` },
    quoted: restricted ? null : { heading: 'Why', body: reason },
  });
  await mailStaff(tx, ctx, { incidentSeq: incident.seq, people: [approval.askedBy], rendered });
}

async function audit(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  action: 'approval.publish' | 'approval.sendBack' | 'approval.takeBack',
  detail: { text: string; note?: string | null; update: string },
): Promise<void> {
  await insertAudit(tx, ctx, { action, subjectKind: 'incident', subjectId: incident.id, detail });
}
