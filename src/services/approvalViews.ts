import * as rows from '#db/approvals.ts';
import type { Ctx } from '#db/context.ts';
import type { Incident } from '#db/incidents.ts';
import type { Pace } from '#domain/cadence.ts';
import { renderMarkdown } from '#domain/markdown.ts';
import { requirePermission } from '#domain/permissions.ts';
import type { Instant } from '#domain/time.ts';
import { personalise } from '#emails/render.ts';
import { hasPassed } from './approvalPromise.ts';
import { type Standing, standingOf } from './approvalStanding.ts';
import {
  couldDecide,
  inputOf,
  isAuthor,
  type MayPublish,
  mayPublish,
  requireApproval,
  tryPlan,
} from './approvals.ts';
import { paceOf } from './pace.ts';
import type { PostInput } from './postUpdate.ts';
import { requireIncident } from './requireIncident.ts';
import { renderPlannedMail } from './updateMail.ts';

export type Waiting = {
  id: string;
  incidentId: string;
  incidentTitle: string;
  askedBy: string;
  askedAt: Instant;
  /** Who was asked and could decide now. */
  waitsFor: string[];
  due: Instant | null;
};

/** What waits for an approver, the one asked for first before the others. */
export async function listWaiting(ctx: Ctx): Promise<Waiting[]> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read(async (tx) => {
    const waiting: Waiting[] = [];
    for (const approval of await rows.listWaiting(tx, ctx.actor)) {
      const incident = await requireIncident(tx, approval.incidentId, undefined, ctx.actor);
      waiting.push({
        id: approval.id,
        incidentId: incident.id,
        incidentTitle: incident.title,
        askedBy: approval.askedBy.name,
        askedAt: approval.askedAt,
        waitsFor: (await couldDecide(tx, approval, incident)).map(({ name }) => name),
        due: incident.nextUpdateDue,
      });
    }
    return waiting;
  });
}

export type ApprovalView = {
  id: string;
  incident: Pick<Incident, 'id' | 'title' | 'severity' | 'status' | 'restricted' | 'nextUpdateDue'>;
  why: rows.Approval['why'];
  askedBy: { id: string; name: string };
  askedAt: Instant;
  state: rows.Approval['state'];
  decidedBy: string | null;
  decidedAt: Instant | null;
  reason: string | null;
  waitsFor: string[];
  /** What would be posted, to the letter. */
  input: PostInput;
  bodyHtml: string;
  /** As it would go out; null when it cannot be posted any more, for the reason in `hindered`. */
  mail: { subject: string; html: string; text: string } | null;
  nextUpdateBy: Instant | null;
  /** What its author promised; null where that was left to the policy, or nothing was promised. */
  promised: { at: Instant; hasPassed: boolean } | null;
  /** Of the severity that it would have with this update. */
  pace: Pace;
  hindered: string | null;
  /** `own`: only with a reason, because nobody else could. */
  mayPublish: MayPublish;
  mayTakeBack: boolean;
};

/** @throws AppError not_found, also for those who may not know of the incident */
export async function getApproval(ctx: Ctx, id: string): Promise<ApprovalView> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read(async (tx) => {
    const approval = await requireApproval(tx, ctx, id);
    const incident = await requireIncident(tx, approval.incidentId, undefined, ctx.actor);
    const input = inputOf(approval, incident);
    const severity = input.severity ?? incident.severity;
    const { plan, hindered } = await tryPlan(tx, ctx, approval, incident);
    const mail = plan && renderPlannedMail(ctx, plan);
    const links = { unsubscribe_url: ctx.site.url, manage_url: ctx.site.url };
    const isWaiting = approval.state === 'waiting';
    return {
      id,
      incident,
      why: approval.why,
      askedBy: { id: approval.askedBy.id, name: approval.askedBy.name },
      askedAt: approval.askedAt,
      state: approval.state,
      decidedBy: approval.decidedBy,
      decidedAt: approval.decidedAt,
      reason: approval.reason,
      waitsFor: isWaiting ? (await couldDecide(tx, approval, incident)).map(({ name }) => name) : [],
      input,
      bodyHtml: renderMarkdown(input.body),
      mail: mail && { subject: mail.subject, ...personalise(mail, links) },
      nextUpdateBy: plan?.update.nextUpdateBy ?? null,
      promised: input.nextUpdateBy
        ? { at: input.nextUpdateBy, hasPassed: hasPassed(input.nextUpdateBy, ctx.now()) }
        : null,
      pace: await paceOf(tx, {
        ...incident,
        severity,
        ownPace: severity === incident.severity ? incident.ownPace : null,
      }),
      hindered: isWaiting ? hindered : null,
      mayPublish: isWaiting ? await mayPublish(tx, ctx, approval, incident) : 'no',
      mayTakeBack: isWaiting && isAuthor(ctx.actor, approval),
    };
  });
}

/** The newest of an incident while it is of use: it waits, or it was sent back or taken back and nothing was posted since. */
export async function getApprovalOf(ctx: Ctx, incidentId: string): Promise<ApprovalView | null> {
  requirePermission(ctx.actor, 'incident.read');
  const last = await ctx.db.read(async (tx) => {
    const incident = await requireIncident(tx, incidentId, undefined, ctx.actor);
    const approval = await rows.lastApproval(tx, incident.seq, ctx.actor);
    if (!approval || approval.state === 'published') return null;
    if (approval.state === 'waiting') return approval;
    const now = await standingOf(tx, incident, ctx.actor);
    return now.lastPublic === (JSON.parse(approval.standing) as Standing).lastPublic ? approval : null;
  });
  return last && getApproval(ctx, last.id);
}
