import type { Frame } from '#components/admin/frame.ts';
import type { PreviewView } from '#components/admin/preview.ts';
import type { Ctx } from '#db/context.ts';
import { may } from '#domain/permissions.ts';
import { toLocal } from '#domain/time.ts';
import type { ApprovalView } from '#services/approvalViews.ts';
import { previewOnScreen } from '#services/screenPreview.ts';
import { audiencesText, onThePage, reachText } from '../incidents/_preview.ts';

/** The frozen update as people would read it. How many would be told is known to those who may draft. */
export async function previewOf(ctx: Ctx, approval: ApprovalView, frame: Frame): Promise<PreviewView> {
  const { input, mail, incident, hindered } = approval;
  const counts =
    mail !== null && input.notify && approval.state === 'waiting' && may(ctx.actor, 'incident.draft');
  const reach = counts ? await previewOnScreen(ctx, { ...input }) : null;
  return {
    url: `/admin/approvals/${approval.id}/mail`,
    ...reachText(reach, frame.zone, frame.now),
    audiences: audiencesText(reach?.audiences ?? []),
    subject: mail?.subject ?? `“${input.body.slice(0, 80)}”`,
    text: mail?.text ?? input.body,
    pageHtml: onThePage(
      { title: incident.title, zone: frame.zone },
      {
        status: input.status,
        scope: input.scope ?? null,
        affected: input.affected ?? null,
        workaround: input.workaround ?? null,
        estimate: input.estimate ?? null,
      },
      approval.bodyHtml,
      approval.nextUpdateBy,
      frame.now,
    ),
    problems: hindered ? [hindered] : [],
  };
}

/** As the posting form holds it, for its author to go on from. A promise that has passed is left to the policy. */
export function draftOf({ input, incident }: ApprovalView, zone: string): Record<string, string> {
  const { nextUpdateBy } = input;
  return {
    audience: 'public',
    status: input.status,
    severity: input.severity ?? incident.severity,
    body: input.body,
    scope: input.scope ?? '',
    affected: input.affected ?? '',
    workaround: input.workaround ?? '',
    estimate: input.estimate ?? '',
    reason: input.reason ?? '',
    ...(nextUpdateBy ? { next: 'at', nextAt: toLocal(nextUpdateBy, zone) } : { next: 'policy' }),
    ...Object.fromEntries(input.components.map(({ id, status }) => [`component:${id}`, status])),
  };
}
