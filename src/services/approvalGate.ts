import { decideApproval, insertApproval, lastApproval, listApprovers } from '#db/approvals.ts';
import { insertAudit, listAuditOf } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { getOnDuty, listTeam, type Person } from '#db/duty.ts';
import type { Incident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import type { ApprovalsTable } from '#db/schema.ts';
import { listUsers } from '#db/users.ts';
import { AppError } from '#domain/errors.ts';
import { type Actor, may, userIdOf } from '#domain/permissions.ts';
import type { Severity } from '#domain/severity.ts';
import { namesInWords } from '#domain/templates.ts';
import { clockTimeWithZone, durationText, type Instant, msBetween, whenText } from '#domain/time.ts';
import { renderStaffMail } from '#emails/staff.ts';
import { changeSince, standingOf } from './approvalStanding.ts';
import { paceOf } from './pace.ts';
import type { PostInput } from './postUpdate.ts';
import { RESTRICTED_TITLE } from './restrictedMail.ts';
import { mailStaff } from './staffMail.ts';
import type { UpdatePlan } from './updatePlan.ts';
import { postWithoutApproval } from './withoutApproval.ts';

/**
 * Where an update needs an approver beside its author, freezes it and asks for one, all in the post's own transaction.
 * @returns who was asked; null where it may be posted: it needs none, or is posted without it for a reason
 * @throws AppError conflict when another one waits already, or when nobody could ever approve it; forbidden of what has no author
 */
export async function askWhereNeeded(
  tx: Tx,
  ctx: Ctx,
  { plan, input, id }: { plan: UpdatePlan; input: PostInput; id: string },
): Promise<string[] | null> {
  // What Foghorn posts by itself has a rule of its own: its text was approved before anything happened (automaticPosts.ts).
  if (input.automatic) return null;
  const why = await whyItWaits(tx, ctx, plan);
  if (!why) return null;
  if (input.withoutApproval) {
    await postWithoutApproval(tx, ctx, plan, { why, reason: input.withoutApproval });
    return null;
  }
  const { incident, now } = plan;
  const { actor } = ctx;
  if (actor.kind !== 'user')
    throw new AppError(
      'forbidden',
      `A public update of a ${incident.severity} needs an approver beside its author, and nobody is named as that.`,
      {
        fix: 'Name them with --by EMAIL: it then waits in their name. When no approver answers, give --without-approval "WHY".',
      },
    );
  const last = await lastApproval(tx, incident.seq, actor);
  if (last?.state === 'waiting') {
    const changed = await changeSince(tx, last, incident, actor);
    if (!changed)
      throw new AppError('conflict', `An update of ${last.askedBy.name} waits for approval already.`, {
        fix: 'Your text is kept. Take that one back first, or wait until it is decided.',
      });
    // Nobody can publish that one any more: this one takes its place.
    const reason = `Since it was written, ${changed}.`;
    await decideApproval(tx, last.seq, { state: 'withdrawn', by: actor.id, at: now, reason });
    await insertAudit(tx, ctx, {
      action: 'approval.takeBack',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: {
        text: `Took the place of ${last.askedBy.name}’s update, which waited`,
        note: reason,
        update: last.id,
      },
    });
  }
  const approvers = await listApprovers(tx, plan.unseals ? incident.seq : null);
  const others = approvers.filter(({ userId }) => userId !== actor.id);
  if (plan.unseals && !approvers.length) await refuseUnpublishable(tx);
  const asked = await askedFirst(tx, incident, others, now);
  await insertApproval(tx, {
    id,
    incidentSeq: incident.seq,
    input: JSON.stringify(input),
    standing: JSON.stringify(await standingOf(tx, { ...incident, restricted: plan.unseals }, actor)),
    why,
    askedBy: actor.id,
    askedAt: now,
    toldAllAt: asked.length === others.length ? now : null,
  });
  await mailApprovers(tx, ctx, incident, {
    people: asked,
    id,
    restricted: plan.unseals,
    by: actor.name,
    at: now,
    due: incident.nextUpdateDue,
    body: plan.update.body,
  });
  await insertAudit(tx, ctx, {
    action: 'approval.ask',
    subjectKind: 'incident',
    subjectId: incident.id,
    detail: {
      text: asked.length
        ? `Asked ${namesInWords(asked.map(({ name }) => name))} to approve an update`
        : 'Wrote an update that nobody else can approve',
      update: id,
    },
  });
  return asked.map(({ name }) => name);
}

async function whyItWaits(tx: Tx, ctx: Ctx, plan: UpdatePlan): Promise<ApprovalsTable['why'] | null> {
  const { actor } = ctx;
  if (plan.update.audience !== 'public') return null;
  const { incident, update } = plan;
  if (plan.unseals) {
    const approvers = await listApprovers(tx, incident.seq);
    if (!approvers.some(({ userId }) => userId === userIdOf(actor))) return 'restricted';
  }
  if (incident.kind !== 'incident' || incident.drill) return null;
  // A severity that the same post leaves behind counts as well, and so does one that was left inside: lowering it is said to be so by
  // someone else, too.
  const left = await leftInside(tx, actor, incident);
  for (const severity of new Set([incident.severity, update.severity, ...left]))
    if ((await paceOf(tx, { ...incident, severity })).policy.needsApproval) return 'policy';
  return null;
}

/** The severities that updates inside have left since visitors were last told of the incident. */
async function leftInside(tx: Tx, actor: Actor, { id }: Incident): Promise<Severity[]> {
  // As whoever posts it: what was done while it was restricted is known to its viewers alone.
  const deeds = await listAuditOf(tx, 'incident', id, actor);
  const told = deeds.findLastIndex(({ action }) => action === 'incident.post');
  return deeds
    .slice(told + 1)
    .filter(({ action, detail }) => action === 'incident.severity' && detail.audience === 'internal')
    .map(({ detail }) => detail.from as Severity);
}

/** Approvers who are at it or on duty; when there are none, all of them. */
async function askedFirst(tx: Tx, incident: Incident, approvers: Person[], now: Instant): Promise<Person[]> {
  const { primary, second, manager } = await getOnDuty(tx, now);
  const near = [...(await listTeam(tx, incident.seq)), primary, second, manager].filter(
    (person) => person !== null,
  );
  const first = approvers.filter(({ userId }) => near.some((person) => person.userId === userId));
  return first.length ? first : approvers;
}

/**
 * Words that an approver agreed to, and the title above them, are changed by an approver alone. Where nobody who may post is one, whoever
 * may post changes them: a policy is not to silence the house.
 * @throws AppError forbidden, with who can
 */
export async function refuseUnapproved(
  tx: Tx,
  { actor }: Ctx,
  incident: Pick<
    Incident,
    'kind' | 'drill' | 'restricted' | 'seq' | 'severity' | 'policySeq' | 'paceZone' | 'ownPace'
  >,
  instead = (names: string) => `Ask ${names} to change it, or post another update, which waits for approval.`,
): Promise<void> {
  if (actor.kind !== 'user' || incident.kind !== 'incident' || incident.drill) return;
  if (!(await paceOf(tx, incident)).policy.needsApproval) return;
  const users = new Map((await listUsers(tx)).map((user) => [user.id, user]));
  const approvers = (await listApprovers(tx, incident.restricted ? incident.seq : null)).filter(
    ({ userId, name, email }) => {
      const role = users.get(userId)?.role;
      return role && may({ kind: 'user', id: userId, name, email, role }, 'incident.publish');
    },
  );
  if (!approvers.length || approvers.some(({ userId }) => userId === actor.id)) return;
  throw new AppError('forbidden', `What is said in public of a ${incident.severity} needs an approver.`, {
    fix: instead(disjunction(approvers.map(({ name }) => name))),
  });
}

function disjunction(names: readonly string[]): string {
  return new Intl.ListFormat('en', { type: 'disjunction' }).format(names);
}

/** One mail to whoever could approve it, with the text unless that is restricted. */
export async function mailApprovers(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  asked: {
    people: readonly Person[];
    id: string;
    restricted: boolean;
    by: string;
    at: Instant;
    due: Instant | null;
    body: string;
    /** They are asked because nobody has decided. */
    waited?: boolean;
  },
): Promise<void> {
  const page = await getPage(tx);
  const now = ctx.now();
  const title = asked.restricted ? RESTRICTED_TITLE : incident.title;
  const when = clockTimeWithZone(asked.at, page.timeZone);
  const names = asked.people.map(({ name }) => name);
  const isLate = asked.due !== null && asked.due <= now;
  const lateness = isLate ? 'Late: approve an update' : 'Still waiting: approve an update';
  const rendered = renderStaffMail({
    site: { name: page.name, url: ctx.site.url, timeZone: page.timeZone },
    about: incident.id,
    subject: `[${incident.severity}] ${asked.waited ? lateness : 'Approve an update'}: ${title}`,
    lines: [
      `${asked.by} wrote it at ${when}. It is not posted before you, or another approver, publish it.`,
      ...(asked.waited
        ? [
            `It has waited for ${disjunction(names)} since ${whenText(asked.at, page.timeZone, now)}, which is ${durationText(msBetween(asked.at, now))}.`,
          ]
        : []),
      ...(asked.due
        ? [`Visitors ${isLate ? 'were' : 'are'} owed it by ${whenText(asked.due, page.timeZone, now)}.`]
        : []),
    ],
    deed: {
      words: 'Read it, publish it or send it back',
      url: `${ctx.site.url}/admin/approvals/${asked.id}`,
    },
    quoted: asked.restricted ? null : { heading: 'What it says', body: asked.body },
    after: names.length > 1 ? `Asked now: ${names.join(', ')}.` : null,
  });
  await mailStaff(tx, ctx, { incidentSeq: incident.seq, people: asked.people, rendered });
}

async function refuseUnpublishable(tx: Tx): Promise<never> {
  const approvers = (await listApprovers(tx, null)).map(({ name }) => name);
  throw new AppError('conflict', 'Nobody who sees this incident may publish it.', {
    fix: approvers.length
      ? `Let an approver in under “Who sees it”: ${namesInWords(approvers)}.`
      : 'Ask an owner to make someone an approver, under Users, and let them in.',
  });
}
