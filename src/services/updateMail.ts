import { listContents, listResolutionFilters, listUnsaid, omitsOf } from '#db/contents.ts';
import type { Ctx } from '#db/context.ts';
import { type FanoutFilter, insertFanout } from '#db/fanouts.ts';
import type { Incident } from '#db/incidents.ts';
import { insertNotice } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { countReach } from '#db/reach.ts';
import { shareListeners } from '#db/streams.ts';
import { listUnfinished, type Unfinished } from '#db/unfinished.ts';
import { type Update, updateId } from '#db/updates.ts';
import { PRIORITY } from '#domain/priority.ts';
import { isCalledOff } from '#domain/publicIncident.ts';
import type { Severity } from '#domain/severity.ts';
import { type IncidentKind, isOver } from '#domain/status.ts';
import { addMs, type Instant } from '#domain/time.ts';
import { type Rendered, renderUpdateMail, type UpdateMail } from '#emails/render.ts';
import { listReachable, participantsOf } from './drillPeople.ts';
import { hookWriter } from './hookPayload.ts';
import { noteForDigest, type PlannedStream, planUpdateStreams } from './subscriberPace.ts';
import type { UpdatePlan } from './updatePlan.ts';

/** What of a plan the mail is made from. */
export type MailPlan = Pick<
  UpdatePlan,
  'incident' | 'page' | 'now' | 'update' | 'earlier' | 'changes' | 'components' | 'filter'
> &
  Partial<Pick<UpdatePlan, 'asPlanned'>> & {
    /** It says again what was announced, because it is near. */
    reminder?: boolean;
  };

/** The mail of a planned update; the preview and the post both get it here. */
export function renderPlannedMail(ctx: Ctx, plan: MailPlan): Rendered {
  return renderUpdateMail(contentOf(ctx, plan));
}

/** The same mail for people whom the updates since `since` (a seq) did not reach: it says them in full, but for those that it omits. */
export function missedContentOf(
  ctx: Ctx,
  plan: MailPlan,
  { since, omits }: { since: number; omits: readonly number[] },
): UpdateMail & { missed: readonly Update[] } {
  const isMissed = ({ seq }: Update) => seq >= since && !omits.includes(seq);
  return {
    ...contentOf(ctx, plan),
    missed: plan.earlier.filter(isMissed),
    earlier: plan.earlier.filter((update) => !isMissed(update)),
  };
}

export function contentOf(ctx: Ctx, plan: MailPlan): UpdateMail {
  const { incident, page, update, changes } = plan;
  const standing = {
    kind: incident.kind,
    status: update.status,
    resolvedAt: changes.resolvedAt ?? incident.resolvedAt,
    scheduledFor: changes.scheduledFor ?? incident.scheduledFor,
    updates: plan.earlier,
  };
  return {
    site: { name: page.name, url: ctx.site.url, timeZone: page.timeZone, languages: ctx.site.languages },
    incident: {
      id: incident.id,
      kind: incident.kind,
      title: incident.title,
      status: update.status,
      severity: incident.kind === 'maintenance' ? null : update.severity,
      scope: changes.scope === undefined ? incident.scope : changes.scope,
      startedAt: incident.startedAt,
      scheduledFor: changes.scheduledFor ?? incident.scheduledFor,
      scheduledUntil: changes.scheduledUntil ?? incident.scheduledUntil,
      drill: incident.drill,
      calledOff: isOver(update.status) && isCalledOff(standing),
    },
    update,
    reminder: plan.reminder ?? false,
    components: plan.components,
    earlier: plan.earlier,
    now: plan.now,
  };
}

/**
 * Promises the mail to everyone concerned: to each when what they chose and the policy say, once its release window is over. Where earlier mail of the incident is not through, this
 * one takes its place for whoever has not had it, with a variant that says what they missed. What is stopped is quoted by none of them.
 * @returns how many it is for by now, those who wait for it included
 */
export async function queueUpdateMail(
  tx: Tx,
  ctx: Ctx,
  plan: MailPlan,
  { noticeId, updateSeq, releaseNow }: { noticeId: string; updateSeq: number; releaseNow?: boolean },
): Promise<number> {
  const atOnce = releaseNow ? plan.now : releaseAfter(plan);
  if (plan.incident.drill) {
    const filter = await participantsOf(tx, ctx, plan.incident);
    const expected = filter.people.length;
    const stream = { filter, releaseAt: atOnce, wait: null, expected };
    if (expected) await queueStream(tx, ctx, plan, { ...stream, noticeId, updateSeq });
    return expected;
  }
  const audience = await audienceOf(tx, plan);
  const { streams, digest } = await planUpdateStreams(tx, plan, audience, atOnce);
  const noticeSeqs: number[] = [];
  for (const stream of streams) {
    // Whoever chose otherwise in between is not told the same twice.
    const filter = noticeSeqs.length ? { ...stream.filter, beside: [...noticeSeqs] } : stream.filter;
    const id = noticeSeqs.length ? ctx.newId() : noticeId;
    noticeSeqs.push(await queueStream(tx, ctx, plan, { ...stream, filter, noticeId: id, updateSeq }));
  }
  await noteForDigest(tx, plan, { updateSeq, audience, modes: digest });
  return sumOf(streams);
}

/** Whom the mail of an update is for. */
export type Reach = {
  /** As queueUpdateMail counts them. */
  told: number;
  /** Who of these waits, until when. */
  waiting: { people: number; until: Instant }[];
  /** Who finds it in the mail of the day instead. */
  inDigest: number;
};

/** Whom queueUpdateMail would tell, without telling them. */
export async function countUpdateMail(tx: Tx, plan: MailPlan): Promise<Reach> {
  if (plan.incident.drill)
    return { told: (await listReachable(tx, plan.incident.seq)).length, waiting: [], inDigest: 0 };
  const audience = await audienceOf(tx, plan);
  const { streams, digest } = await planUpdateStreams(tx, plan, audience, releaseAfter(plan));
  return {
    told: sumOf(streams),
    waiting: streams
      .filter(({ wait }) => wait !== null)
      .map(({ expected, releaseAt }) => ({ people: expected, until: releaseAt })),
    inDigest: await countReach(tx, { ...audience, modes: digest }),
  };
}

function sumOf(streams: readonly PlannedStream[]): number {
  return streams.reduce((sum, { expected }) => sum + expected, 0);
}

/** @returns the notice's seq */
export async function queueStream(
  tx: Tx,
  ctx: Ctx,
  plan: MailPlan,
  {
    noticeId,
    updateSeq,
    filter,
    releaseAt,
    wait,
    expected,
  }: PlannedStream & { noticeId: string; updateSeq: number },
): Promise<number> {
  const { incident, now } = plan;
  const open = (await listUnfinished(tx, incident.seq, 'subscribers')).filter(
    (one) => one.mends === null && shareListeners(one.filter, filter),
  );
  const unsaid = await listUnsaid(tx, incident.seq);
  // A correction is about what was said before: it takes the place of nothing, it only keeps its turn.
  const follows = plan.update.kind === 'correction' ? [] : followsOf(plan, open);
  const replaces = (seq: number) => follows.some(({ noticeSeq, yields }) => yields && noticeSeq === seq);
  const said = { ...plan, earlier: plan.earlier.filter(({ seq }) => !unsaid.stopped.includes(seq)) };
  const notice = {
    kind: noticeKindOf(incident),
    incidentSeq: incident.seq,
    updateSeq,
    // What it must wait for anyway it does not overtake in the queue: there it would only be in others' way.
    priority: Math.max(
      priorityOf(incident.kind, plan.update.severity),
      ...open.filter(({ noticeSeq }) => !replaces(noticeSeq)).map(({ priority }) => priority),
    ),
    now,
  };
  const id = await updateId(tx, updateSeq);
  const writeHook = await hookWriter(tx, ctx, incident.id);
  const noticeSeq = await insertNotice(tx, {
    ...notice,
    id: noticeId,
    rendered: renderPlannedMail(ctx, said),
    payload: writeHook(contentOf(ctx, said), { id }),
  });
  for (const since of await missedSince(
    tx,
    incident.seq,
    follows.flatMap(({ noticeSeq, yields }) => (yields ? [noticeSeq] : [])),
  )) {
    const omits = omitsOf(unsaid).filter((seq) => seq >= since);
    const content = missedContentOf(ctx, said, { since, omits });
    await insertNotice(tx, {
      ...notice,
      id: ctx.newId(),
      rendered: renderUpdateMail(content),
      payload: writeHook(content, { id, missed: content.missed }),
      variant: { of: noticeSeq, sinceUpdateSeq: since, omits },
    });
  }
  const corrects = plan.update.kind === 'correction';
  await insertFanout(tx, { noticeSeq, filter, expected, now, releaseAt, follows, wait, corrects });
  return noticeSeq;
}

export function noticeKindOf({
  kind,
  drill,
}: Pick<Incident, 'kind' | 'drill'>): 'drill' | 'maintenance' | 'update' {
  if (drill) return 'drill';
  return kind === 'maintenance' ? 'maintenance' : 'update';
}

/** A reopening also goes to everyone whom the resolution was for. */
export async function audienceOf(
  tx: Tx,
  { incident, update, filter }: Pick<MailPlan, 'incident' | 'update' | 'filter'>,
): Promise<FanoutFilter> {
  if (update.kind !== 'reopening') return filter;
  const all = [filter, ...(await listResolutionFilters(tx, incident.seq))];
  return {
    components: [...new Set(all.flatMap(({ components }) => components))],
    groups: [...new Set(all.flatMap(({ groups }) => groups))],
  };
}

export function releaseAfter({ page, now }: Pick<MailPlan, 'page' | 'now'>): Instant {
  return addMs(now, page.releaseSeconds * 1000);
}

export function priorityOf(kind: IncidentKind, severity: Severity): number {
  if (kind === 'maintenance') return PRIORITY.maintenance;
  return severity === 'SEV1' ? PRIORITY.urgent : PRIORITY.incident;
}

/** That something is over nobody should miss, unless it is not over after all; and what tells of a change is not news that a newer one brings. */
function followsOf({ update, earlier }: MailPlan, open: readonly Unfinished[]) {
  const kindOf = (seq: number | null): Update['kind'] | undefined =>
    earlier.find((one) => one.seq === seq)?.kind;
  return open.map(({ noticeSeq, updateSeq, corrects }) => ({
    noticeSeq,
    yields: !corrects && (update.kind === 'reopening' || kindOf(updateSeq) !== 'resolution'),
  }));
}

/** The first updates that people to whom one of these notices has not gone may have missed. */
async function missedSince(tx: Tx, incidentSeq: number, noticeSeqs: readonly number[]): Promise<number[]> {
  if (!noticeSeqs.length) return [];
  const contents = await listContents(tx, incidentSeq);
  return [...new Set(contents.filter(({ base }) => noticeSeqs.includes(base)).map(({ since }) => since))];
}
