import { insertAudit } from '#db/audit.ts';
import { endHolds } from '#db/calls.ts';
import { BY_HAND, endClaims, insertClaims, voidClaims } from '#db/claims.ts';
import type { Ctx } from '#db/context.ts';
import { markCorrected, updateIncident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import { insertUpdate } from '#db/updates.ts';
import { renderMarkdown } from '#domain/markdown.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import type { Severity } from '#domain/severity.ts';
import { type AnyStatus, type ComponentStatus, isOver } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import type { Rendered } from '#emails/render.ts';
import { askWhereNeeded } from './approvalGate.ts';
import { bringForward } from './bringForward.ts';
import { applyRunbooks } from './incidentRunbooks.ts';
import { keepPostmortem } from './postmortems.ts';
import { countTold, tellOfUpdate } from './stakeholders.ts';
import { countUpdateMail, queueUpdateMail, type Reach, renderPlannedMail } from './updateMail.ts';
import { isOpenToAll, planUpdate, type UpdatePlan } from './updatePlan.ts';

export type PostInput = {
  incidentId: string;
  /** The incident's version that the writer saw; an older one means that someone was faster. */
  version: number;
  audience: 'public' | 'internal';
  status: AnyStatus;
  /** Markdown. */
  body: string;
  severity?: Severity;
  scope?: string | null;
  affected?: string | null;
  workaround?: string | null;
  estimate?: string | null;
  /** undefined leaves it to the policy; null promises none, where the policy asks for none. */
  nextUpdateBy?: Instant | null;
  /** What this update says of components; those left out keep what the incident said before. */
  components: readonly { id: string; status: ComponentStatus }[];
  /** Tell subscribers; of a drill, those who take part. Only a public update can. */
  notify: boolean;
  /** Why it is resolved before it was watched for as long as the policy asks. */
  reason?: string | null;
  /** It says that nothing has changed. */
  holding?: boolean;
  /** A maintenance that never took place: what it claimed is taken back. */
  calledOff?: boolean;
  /** When it began or ended, where that was before it is said. */
  at?: Instant;
  /** It began or ended as was announced: whoever heard of that is not told once more, but for those who want every update. */
  asPlanned?: boolean;
  /** The window that a maintenance has from now on. */
  window?: { from: Instant; until: Instant };
  /** Nobody wrote it: the policy has it posted. */
  automatic?: boolean;
  /** Why it is posted without the approval that its policy asks for: only from the machine itself. Recorded where approval was needed. */
  withoutApproval?: string;
  /** Its mail leaves at once, without the release window. */
  releaseNow?: boolean;
};

export type Posted = {
  updateId: string;
  /** How many subscribers will be told; 0 when nobody. */
  told: number;
  /** It is not posted but waits for an approver (approvalGate.ts): who was asked. Left out when it is posted. */
  waitsFor?: readonly string[];
  /** How many people in audiences and of accounts will be told. */
  inAudiences: number;
};

/**
 * Says one thing about an incident or maintenance. The first public update publishes it; `resolved` ends what it claims; an open
 * status after that reopens it. Update, components, page version, notice, fan-out and audit row are one transaction: when this
 * returns they are on disk. Where it needs an approver, its text is frozen and waits instead.
 * @throws AppError conflict when someone else changed the incident since `version`; nothing is lost, nothing is posted
 */
export async function postUpdate(ctx: Ctx, input: PostInput): Promise<Posted> {
  requirePost(ctx, input.audience);
  const ids = newPostIds(ctx);
  return tellOthers(ctx, await ctx.db.write((tx) => postWithin(tx, ctx, input, ids)));
}

type PostIds = { updateId: string; noticeId: string };
/** `hastens`: mail that waited leaves sooner. */
export type Written = Posted & { changesPage: boolean; hastens: boolean };

export function newPostIds(ctx: Ctx): PostIds {
  return { updateId: ctx.newId(), noticeId: ctx.newId() };
}

/** postUpdate as a part of a larger transaction, whose service has asked for permission; `tellOthers` follows its commit. */
export async function postWithin(tx: Tx, ctx: Ctx, input: PostInput, ids: PostIds): Promise<Written> {
  const plan = await planUpdate(tx, ctx, input);
  if (changesSeverityInPublic(plan)) requirePermission(ctx.actor, 'incident.publish');
  const waitsFor = await askWhereNeeded(tx, ctx, { plan, input, id: ids.updateId });
  if (waitsFor)
    return {
      updateId: ids.updateId,
      told: 0,
      inAudiences: 0,
      waitsFor,
      changesPage: false,
      hastens: false,
    };
  return writePost(tx, ctx, { plan, input, ids, author: actorLabel(ctx.actor) });
}

/** Posts what is planned, whoever had to agree to it. */
export async function writePost(
  tx: Tx,
  ctx: Ctx,
  { plan, input, ids, author }: { plan: UpdatePlan; input: PostInput; ids: PostIds; author: string },
): Promise<Written> {
  const changesPage = plan.isVisible || changesSeverityInPublic(plan);
  const updateSeq = await writePlan(tx, ctx, plan, {
    updateId: ids.updateId,
    author,
    automatic: input.automatic ?? false,
  });
  if (changesPage && !plan.isVisible) await markCorrected(tx, plan.incident.seq, plan.now);
  if (changesPage) await bumpPageVersion(tx, plan.now);
  // Its own mail, where it has any, takes the place of what waits.
  const hastens =
    plan.severityChange !== null &&
    !plan.notify &&
    (await bringForward(tx, { ...plan.incident, severity: plan.update.severity, ownPace: null }, plan.now));
  const inAudiences = await tellOfUpdate(tx, ctx, plan, { updateSeq, releaseNow: input.releaseNow });
  const told = plan.notify
    ? await queueUpdateMail(tx, ctx, plan, {
        noticeId: ids.noticeId,
        updateSeq,
        releaseNow: input.releaseNow,
      })
    : 0;
  return { updateId: ids.updateId, told, inAudiences, changesPage, hastens };
}

/** Lets this process know of what was committed. */
export function tellOthers(ctx: Ctx, { changesPage, hastens, ...posted }: Written): Posted {
  if (changesPage) ctx.changed('page');
  if (hastens || posted.told || posted.inAudiences || posted.waitsFor) ctx.changed('outbox');
  return posted;
}

/** Visitors see the impact and when the next update is due, and both go by the severity, whoever was told of its change. */
function changesSeverityInPublic({ incident, severityChange }: UpdatePlan): boolean {
  return severityChange !== null && incident.publishedAt !== null && isOpenToAll(incident);
}

export type Preview = Reach & {
  mail: Rendered;
  /** The update's text as the page shows it, sanitised. */
  bodyHtml: string;
  /** Audiences and accounts that would be told, each with how many. */
  audiences: { name: string; people: number }[];
  nextUpdateBy: Instant | null;
};

/** What postUpdate would post, without posting it: the same plan, the same mail, by the same code. */
export async function previewUpdate(ctx: Ctx, input: PostInput): Promise<Preview> {
  requirePermission(ctx.actor, 'incident.draft');
  return ctx.db.read(async (tx) => {
    const plan = await planUpdate(tx, ctx, { ...input, notify: true });
    return {
      mail: renderPlannedMail(ctx, plan),
      bodyHtml: renderMarkdown(plan.update.body),
      ...(plan.notify ? await countUpdateMail(tx, plan) : NOBODY),
      audiences: await countTold(tx, { ...plan, notify: true }),
      nextUpdateBy: plan.update.nextUpdateBy,
    };
  });
}

const NOBODY: Reach = { told: 0, waiting: [], inDigest: 0 };

function requirePost(ctx: Ctx, audience: PostInput['audience']): void {
  requirePermission(ctx.actor, audience === 'public' ? 'incident.publish' : 'incident.internalUpdate');
}

async function writePlan(
  tx: Tx,
  ctx: Ctx,
  plan: UpdatePlan,
  { updateId, author, automatic }: { updateId: string; author: string; automatic: boolean },
): Promise<number> {
  const { incident, now } = plan;
  const by = { at: now, label: actorLabel(ctx.actor) };
  await voidClaims(tx, plan.voidClaims, plan.voidedAt);
  await endClaims(tx, plan.source, plan.endClaims, plan.at);
  await insertClaims(tx, plan.source, plan.newClaims, by);
  if (plan.leftByHand.length) {
    await endClaims(
      tx,
      BY_HAND,
      plan.leftByHand.map(({ componentId }) => componentId),
      now,
    );
    await insertClaims(tx, BY_HAND, plan.leftByHand, by);
  }
  const updateSeq = await insertUpdate(tx, {
    ...plan.update,
    id: updateId,
    incidentSeq: incident.seq,
    author,
    createdAt: now,
    notified: plan.notify,
    automatic,
  });
  await updateIncident(tx, incident.seq, plan.changes, now);
  await keepPostmortem(tx, plan);
  const concernsOthers = plan.severityChange || plan.newClaims.length || plan.voidClaims.length;
  if (concernsOthers || isOver(incident.status))
    await applyRunbooks(tx, { ...incident, ...plan.changes }, now);
  // Over, nothing is awaited on either clock: should it be open again, it is nobody's yet.
  const { audience, status } = plan.update;
  await endHolds(tx, incident.seq, isOver(status) ? ['public', 'internal'] : [audience], now);
  await insertAudit(tx, ctx, {
    action: plan.update.audience === 'public' ? 'incident.post' : 'incident.postInternal',
    subjectKind: 'incident',
    subjectId: incident.id,
    detail: { update: updateId, status: plan.update.status, reason: plan.reason },
  });
  if (plan.unseals)
    await insertAudit(tx, ctx, {
      action: 'incident.unseal',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: 'Published: it is restricted no more' },
    });
  if (plan.severityChange) {
    const [from, to] = plan.severityChange;
    await insertAudit(tx, ctx, {
      action: 'incident.severity',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: `Severity changed from ${from} to ${to}`, from, audience },
    });
  }
  return updateSeq;
}
