import type { Frame } from '#components/admin/frame.ts';
import type { PreviewView } from '#components/admin/preview.ts';
import type { Ctx } from '#db/context.ts';
import { may } from '#domain/permissions.ts';
import { isOver } from '#domain/status.ts';
import { durationText, msBetween, toLocal, whenText } from '#domain/time.ts';
import type { ApproversPromise } from '#services/approvalPromise.ts';
import type { ApprovalView } from '#services/approvalViews.ts';
import { previewOnScreen } from '#services/screenPreview.ts';
import { audiencesText, onThePage, reachText } from '../incidents/_preview.ts';
import { type Fields, nextChoices, paceText, readPromise } from '../incidents/_update.ts';

/** The frozen update as people would read it. How many would be told is known to those who may draft. */
export async function previewOf(ctx: Ctx, approval: ApprovalView, frame: Frame): Promise<PreviewView> {
  const { mail, incident, hindered, promised } = approval;
  // What was promised and has passed is left to the policy.
  const input = promised?.hasPassed ? { ...approval.input, nextUpdateBy: undefined } : approval.input;
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

/** What an approver sees of the promise and may choose in its place; null of an update that promises none. */
export function promiseOn(
  { input, incident, askedBy, promised, pace, nextUpdateBy }: ApprovalView,
  { zone, now }: Frame,
) {
  if (isOver(input.status)) return null;
  const severity = input.severity ?? incident.severity;
  const stands = promised !== null && !promised.hasPassed;
  const choices = nextChoices({ zone, pace }, now).map((choice) =>
    choice.value === 'policy' && pace.policy.publicUpdateEvery !== null
      ? { ...choice, label: `${choice.label}, as ${severity} asks` }
      : choice,
  );
  const written = stands && {
    value: 'written',
    label: `${whenText(promised.at, zone, now)} (in ${durationText(msBetween(now, promised.at))}), as ${askedBy.name} wrote`,
  };
  const instead = nextUpdateBy
    ? `it promises ${whenText(nextUpdateBy, zone, now)}, as ${severity} asks`
    : 'it promises none';
  return {
    choices: written ? [written, ...choices] : choices,
    chosen: stands ? 'written' : 'policy',
    pace: paceText(severity, pace),
    passed: promised?.hasPassed
      ? `${askedBy.name} promised it by ${whenText(promised.at, zone, now)}, which has passed. Unless you choose otherwise, ${instead}.`
      : null,
    // Words are never changed by who approves them.
    namesTime: /\b\d{1,2}[:.]\d{2}\b/.test(input.body),
  };
}

/** What the approver chose. */
export function promiseFrom(
  fields: Fields,
  { zone, now }: Frame,
): { promise: ApproversPromise } | Extract<ReturnType<typeof readPromise>, { problem: string }> {
  if (!fields.next || fields.next === 'written') return { promise: undefined };
  const read = readPromise(zone, fields, now);
  return 'problem' in read ? read : { promise: read.at ?? 'policy' };
}

/** As the posting form holds it, for its author to go on from. A promise that has passed is left to the policy. */
export function draftOf({ input, incident, promised }: ApprovalView, zone: string): Record<string, string> {
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
    ...(promised && !promised.hasPassed
      ? { next: 'at', nextAt: toLocal(promised.at, zone) }
      : { next: 'policy' }),
    ...Object.fromEntries(input.components.map(({ id, status }) => [`component:${id}`, status])),
  };
}
