import type { Ctx } from '#db/context.ts';
import { countReach, insertFanout } from '#db/fanouts.ts';
import { insertNotice } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import type { Severity } from '#domain/severity.ts';
import type { IncidentKind } from '#domain/status.ts';
import { type Rendered, renderUpdateMail, type UpdateMail } from '#emails/render.ts';
import { renderHookPayload } from './hookPayload.ts';
import type { UpdatePlan } from './updatePlan.ts';

/** What of a plan the mail is made from. */
export type MailPlan = Pick<
  UpdatePlan,
  'incident' | 'page' | 'now' | 'update' | 'earlier' | 'changes' | 'components' | 'filter'
>;

/** The mail of a planned update; the preview and the post both get it here. */
export function renderPlannedMail(ctx: Ctx, plan: MailPlan): Rendered {
  return renderUpdateMail(contentOf(ctx, plan));
}

function contentOf(ctx: Ctx, plan: MailPlan): UpdateMail {
  const { incident, page, update, changes } = plan;
  return {
    site: { name: page.name, url: ctx.site.url, timeZone: page.timeZone },
    incident: {
      id: incident.id,
      kind: incident.kind,
      title: incident.title,
      status: update.status,
      severity: incident.kind === 'maintenance' ? null : update.severity,
      scope: changes.scope === undefined ? incident.scope : changes.scope,
      startedAt: incident.startedAt,
      scheduledFor: incident.scheduledFor,
      scheduledUntil: incident.scheduledUntil,
    },
    update,
    components: plan.components,
    earlier: plan.earlier,
    now: plan.now,
  };
}

/** Promises the mail to everyone concerned. @returns how many that is now */
export async function queueUpdateMail(
  tx: Tx,
  ctx: Ctx,
  plan: MailPlan,
  { noticeId, updateSeq }: { noticeId: string; updateSeq: number },
): Promise<number> {
  const { incident, now, filter } = plan;
  const noticeSeq = await insertNotice(tx, {
    id: noticeId,
    kind: incident.kind === 'maintenance' ? 'maintenance' : 'update',
    incidentSeq: incident.seq,
    updateSeq,
    priority: priorityOf(incident.kind, plan.update.severity),
    rendered: renderPlannedMail(ctx, plan),
    payload: await renderHookPayload(tx, ctx, contentOf(ctx, plan), updateSeq),
    now,
  });
  const expected = await countReach(tx, filter);
  await insertFanout(tx, { noticeSeq, filter, expected, now });
  return expected;
}

/** 0 goes before everything, 2 after every incident. */
export function priorityOf(kind: IncidentKind, severity: Severity): number {
  if (kind === 'maintenance') return 2;
  return severity === 'SEV1' ? 0 : 1;
}
