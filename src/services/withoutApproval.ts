import { listApprovers } from '#db/approvals.ts';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import type { ApprovalsTable } from '#db/schema.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, isAtTheMachine, userIdOf } from '#domain/permissions.ts';
import { clockTimeWithZone } from '#domain/time.ts';
import { renderStaffMail } from '#emails/staff.ts';
import { mailStaff } from './staffMail.ts';
import type { UpdatePlan } from './updatePlan.ts';

/**
 * Lets an update past its approvers in the night when none of them answers: the reason goes on record, and each of them is mailed what was
 * said. A part of the post's own transaction.
 * @throws AppError forbidden for who does not work at the machine itself, and of what is restricted, which its viewers alone decide about
 */
export async function postWithoutApproval(
  tx: Tx,
  ctx: Ctx,
  { incident, update, now }: UpdatePlan,
  { why, reason }: { why: ApprovalsTable['why']; reason: string },
): Promise<void> {
  if (why === 'restricted')
    throw new AppError(
      'forbidden',
      'What is restricted is published by an approver who sees it, and nobody else.',
      {
        fix: 'Post it without a way round them: it then waits for one.',
      },
    );
  if (!isAtTheMachine(ctx.actor))
    throw new AppError('forbidden', 'Only who works at the machine itself can post without an approver.', {
      fix: 'Post it: it then waits for one.',
    });
  const page = await getPage(tx);
  const by = actorLabel(ctx.actor);
  const approvers = await listApprovers(tx, null);
  const rendered = renderStaffMail({
    site: { name: page.name, url: ctx.site.url, timeZone: page.timeZone },
    about: incident.id,
    subject: `[${update.severity}] Posted without approval: ${incident.title}`,
    lines: [
      `At ${clockTimeWithZone(now, page.timeZone)} this was posted by ${ctx.actor.kind === 'user' ? `${by}, from the command line` : `the ${by}`}, without asking an approver.`,
      `The reason given: ${reason}`,
    ],
    deed: { words: 'Read it over', url: `${ctx.site.url}/admin/incidents/${incident.id}` },
    quoted: { heading: 'What it says', body: update.body },
  });
  await mailStaff(tx, ctx, {
    incidentSeq: incident.seq,
    people: approvers.filter(({ userId }) => userId !== userIdOf(ctx.actor)),
    rendered,
  });
  await insertAudit(tx, ctx, {
    action: 'approval.without',
    subjectKind: 'incident',
    subjectId: incident.id,
    detail: { text: 'Posted an update without the approval that it needs', note: reason },
  });
}
