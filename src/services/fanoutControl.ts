import { insertAudit } from '#db/audit.ts';
import { clearStops, findSubject, setRelease, setStopped } from '#db/contents.ts';
import type { Ctx } from '#db/context.ts';
import { countStates } from '#db/deliveryReports.ts';
import { findIncident, findIncidentBySeq, type Incident } from '#db/incidents.ts';
import { listNotices } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { FAR } from '#db/parking.ts';
import { listTellings } from '#db/tellings.ts';
import { listUnfinished, MAY_HAVE_IT, type Unfinished } from '#db/unfinished.ts';
import { listUpdates, type Update, type UpdateText } from '#db/updates.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import type { Wait } from '#domain/subscriberPace.ts';
import { namesInWords } from '#domain/templates.ts';
import type { Instant } from '#domain/time.ts';
import { personalise, type Rendered } from '#emails/render.ts';
import { rewriteDigests, tellInDigests } from './digestTexts.ts';
import { countMend, renderCorrection, rewriteWaiting, storedPlans } from './mendMail.ts';
import { rewriteStakeholders } from './stakeholderMend.ts';
import { requireUpdate } from './updateEdits.ts';
import { renderPlannedMail } from './updateMail.ts';

/** Mail about one update that is not through. */
export type Outgoing = {
  noticeId: string;
  updateId: string;
  subject: string;
  /** `waiting` for its release; `going` out; `stopped`; `behind` a stopped one, which it would not overtake. */
  state: 'waiting' | 'going' | 'stopped' | 'behind';
  releaseAt: Instant;
  /** Why it leaves later than at once; null when it does not. */
  wait: Wait | null;
  stoppedBy: string | null;
  /** How many got it, or may have: it is handed over, or being handed over. */
  got: number;
  total: number;
  /** How many get a correction beside it. */
  corrected: number;
  /** The audiences and accounts that it is for, in words; null when it is for subscribers. */
  audiences: string | null;
  /** It says what visitors can read. */
  isPublic: boolean;
};

/** What is going out about one incident or maintenance, the newest first. A correction goes with what it corrects, while that does. */
export async function listOutgoing(ctx: Ctx, incidentId: string): Promise<Outgoing[]> {
  requirePermission(ctx.actor, 'delivery.read');
  const now = ctx.now();
  return ctx.db.read(async (tx) => {
    const incident = await findIncident(tx, incidentId, ctx.actor);
    if (!incident) return [];
    const all = (await listUnfinished(tx, incident.seq)).filter(mayStillGo);
    const open = all.filter(
      (one) =>
        one.to === 'subscribers' &&
        (one.mends === null ||
          !all.some((other) => other.mends === null && other.updateSeq === one.updateSeq)),
    );
    const notices = await listNotices(
      tx,
      open.map(({ noticeSeq }) => noticeSeq),
    );
    const counts = await countStates(
      tx,
      open.map(({ noticeSeq }) => noticeSeq),
    );
    const updates = new Map((await listUpdates(tx, incident.seq)).map(({ seq, id }) => [seq, id]));
    const audiences = await listToAudiences(tx, incident.seq, all, now);
    const toSubscribers = open
      .flatMap((one): Outgoing[] => {
        const notice = notices.find(({ seq }) => seq === one.noticeSeq);
        if (!notice) return [];
        const states = counts.get(one.noticeSeq) ?? {};
        const made = Object.values(states).reduce((sum, count) => sum + count, 0);
        return [
          {
            noticeId: notice.id,
            updateId: updates.get(one.updateSeq ?? 0) ?? '',
            subject: notice.subject,
            state: stateOf(one, now),
            releaseAt: one.releaseAt,
            wait: one.wait,
            stoppedBy: one.stoppedBy,
            got: MAY_HAVE_IT.reduce((sum, state) => sum + (states[state] ?? 0), 0),
            total: one.expanding ? Math.max(one.expected, made) : made,
            corrected: all
              .filter((other) => other !== one && other.mends && other.updateSeq === one.updateSeq)
              .reduce((sum, { expected }) => sum + expected, 0),
            audiences: null,
            isPublic: true,
          },
        ];
      })
      .reverse();
    return [...toSubscribers, ...audiences];
  });
}

/** What goes to audiences and accounts: one entry for all mail about the same update, which is stopped and let go as one. */
async function listToAudiences(
  tx: Tx,
  incidentSeq: number,
  all: readonly Unfinished[],
  now: Instant,
): Promise<Outgoing[]> {
  const open = all.filter(({ to }) => to === 'stakeholders');
  if (!open.length) return [];
  const seqs = seqsOf(open);
  const notices = await listNotices(tx, seqs);
  const counts = await countStates(tx, seqs);
  const updates = await listUpdates(tx, incidentSeq);
  const tellings = await listTellings(tx, incidentSeq);
  return [...Map.groupBy(open, ({ updateSeq }) => updateSeq)]
    .map(([updateSeq, group]): Outgoing => {
      const first = group[0] as Unfinished;
      const own = seqsOf(group);
      const states = own.flatMap((seq) => Object.entries(counts.get(seq) ?? {}));
      const names = tellings.flatMap(({ noticeSeq, name }) => (own.includes(noticeSeq ?? 0) ? [name] : []));
      const update = updates.find(({ seq }) => seq === updateSeq);
      const notice = notices.find(({ seq }) => seq === first.noticeSeq);
      return {
        noticeId: notice?.id ?? '',
        updateId: update?.id ?? '',
        subject: notice?.subject ?? '',
        state: stateOf(group.find(({ stoppedAt }) => stoppedAt) ?? first, now),
        releaseAt: first.releaseAt,
        wait: null,
        stoppedBy: group.find(({ stoppedBy }) => stoppedBy)?.stoppedBy ?? null,
        got: states
          .filter(([state]) => (MAY_HAVE_IT as readonly string[]).includes(state))
          .reduce((sum, [, count]) => sum + count, 0),
        total: group.reduce((sum, { expected }) => sum + expected, 0),
        corrected: 0,
        audiences: namesInWords(names),
        isPublic: update?.audience === 'public',
      };
    })
    .reverse();
}

/** What a later correction has taken the place of never leaves, and nothing more of what was dropped. */
export function mayStillGo({ releaseAt, droppedBy }: Unfinished): boolean {
  return releaseAt !== FAR && droppedBy === null;
}

function stateOf({ stoppedAt, heldBack, releaseAt }: Unfinished, now: Instant): Outgoing['state'] {
  if (stoppedAt) return 'stopped';
  if (heldBack) return 'behind';
  return releaseAt > now ? 'waiting' : 'going';
}

/** Ends the release window now. */
export async function sendNow(ctx: Ctx, noticeId: string): Promise<void> {
  await control(ctx, noticeId, 'delivery.sendNow', async (tx, group) => {
    const now = ctx.now();
    const pressed = (await listNotices(tx, seqsOf(group))).find(({ id }) => id === noticeId);
    const until = group.find(({ noticeSeq }) => noticeSeq === pressed?.seq)?.releaseAt ?? now;
    // Those who wait longer wait because they chose so, or because they had mail a short while ago.
    const early = group.filter(({ releaseAt }) => releaseAt > now && releaseAt <= until);
    await setRelease(tx, seqsOf(early), now);
  });
}

/**
 * Stops all mail about an update: once this returns, nothing more of it is handed over but for batches that are frozen already. What
 * was stopped waits until someone lets it go on or mends the update.
 */
export async function stopSending(ctx: Ctx, noticeId: string): Promise<void> {
  await control(ctx, noticeId, 'delivery.stop', async (tx, group, subject) => {
    await setStopped(tx, seqsOf(group), { at: ctx.now(), by: actorLabel(ctx.actor) });
    await requoteLater(tx, ctx, subject);
    const update = await findSaid(tx, subject);
    if (update) await rewriteDigests(tx, ctx, update, ctx.now());
  });
}

/** Lets what was stopped go on as it is, at once. */
export async function goOn(ctx: Ctx, noticeId: string): Promise<void> {
  await control(ctx, noticeId, 'delivery.goOn', async (tx, group, subject) => {
    const stopped = await clearStops(tx, subject);
    await setRelease(tx, seqsOf(group.filter(({ wait }) => !wait)), ctx.now());
    await requoteLater(tx, ctx, subject);
    const update = await findSaid(tx, subject);
    if (update && stopped) await tellInDigests(tx, update, ctx.now());
  });
}

/** Mail of newer updates that is waiting says what people missed, too: not what is stopped. */
async function requoteLater(tx: Tx, ctx: Ctx, { incidentSeq, updateSeq }: Subject): Promise<void> {
  if (updateSeq === null) return;
  const incident = (await findIncidentBySeq(tx, incidentSeq, ctx.actor)) as Incident;
  await rewriteWaiting(tx, ctx, incident, { from: updateSeq + 1, now: ctx.now() });
  await rewriteStakeholders(tx, ctx, incidentSeq, { from: updateSeq + 1, now: ctx.now() });
}

async function findSaid(tx: Tx, { incidentSeq, updateSeq }: Subject): Promise<Update | null> {
  return (await listUpdates(tx, incidentSeq)).find(({ seq }) => seq === updateSeq) ?? null;
}

/** `updateSeq` is null for a declaration. */
type Subject = { incidentSeq: number; updateSeq: number | null };
type Deed = 'delivery.sendNow' | 'delivery.stop' | 'delivery.goOn' | 'delivery.drop';

/**
 * Acts on all mail about the same update that is not through: what says the update, and what corrects it.
 * @param act gives what the audit says besides
 */
export async function control(
  ctx: Ctx,
  noticeId: string,
  action: Deed,
  act: (
    tx: Tx,
    group: readonly Unfinished[],
    subject: Subject,
  ) => Promise<Record<string, unknown> | undefined>,
): Promise<void> {
  requirePermission(ctx.actor, 'incident.publish');
  await ctx.db.write(async (tx) => {
    const subject = (await findSubject(tx, noticeId)) ?? missing();
    const group = (await listUnfinished(tx, subject.incidentSeq)).filter(
      (one) => one.updateSeq === subject.updateSeq && mayStillGo(one),
    );
    if (!group.length) gone();
    const detail = await act(tx, group, subject);
    await insertAudit(tx, ctx, {
      action,
      subjectKind: 'notice',
      subjectId: noticeId,
      ...(detail && { detail }),
    });
  });
  ctx.changed('outbox');
}

/** The update that a message is about, for mending it; `outgoing` is null when all of it has left. @throws AppError not_found */
export async function findMending(
  ctx: Ctx,
  noticeId: string,
): Promise<{ incident: Incident; update: Update; outgoing: Outgoing | null }> {
  requirePermission(ctx.actor, 'incident.publish');
  const { incident, update } = await ctx.db.read(async (tx) => {
    const subject = (await findSubject(tx, noticeId)) ?? missing();
    const updates = await listUpdates(tx, subject.incidentSeq);
    return {
      incident: (await findIncidentBySeq(tx, subject.incidentSeq, ctx.actor)) ?? missing(),
      update: updates.find(({ seq }) => seq === subject.updateSeq) ?? missing(),
    };
  });
  const outgoing = (await listOutgoing(ctx, incident.id)).find(({ updateId }) => updateId === update.id);
  return { incident, update, outgoing: outgoing ?? null };
}

export type MendPreview = {
  /** As those get it who have not had the wrong one, and how many they are. */
  mail: ScreenMail;
  right: number;
  /** As those get it who have. */
  correction: ScreenMail;
  corrected: number;
};
type ScreenMail = { subject: string; html: string; text: string };

/** What editUpdate would send with this text while mail about the update is going out. */
export async function previewMend(
  ctx: Ctx,
  { updateId, wrong, ...text }: UpdateText & { updateId: string; wrong: string | null },
): Promise<MendPreview> {
  requirePermission(ctx.actor, 'incident.publish');
  const now = ctx.now();
  return ctx.db.read(async (tx) => {
    const update = await requireUpdate(tx, updateId, ctx.actor);
    const incident = (await findIncidentBySeq(tx, update.incidentSeq, ctx.actor)) as Incident;
    const stored = (await storedPlans(tx, incident))(update.seq);
    const plan = { ...stored, update: { ...stored.update, ...text } };
    const onScreen = (mail: Rendered): ScreenMail => ({
      subject: mail.subject,
      ...personalise(mail, { unsubscribe_url: ctx.site.url, manage_url: ctx.site.url }),
    });
    return {
      mail: onScreen(renderPlannedMail(ctx, plan)),
      correction: onScreen(renderCorrection(ctx, plan, { saidAt: update.postedAt, wrong, now })),
      ...(await countMend(tx, incident, update.seq)),
    };
  });
}

export function missing(): never {
  throw new AppError('not_found', 'There is no such message.', { fix: 'Open the incident again.' });
}

function gone(): never {
  throw new AppError('conflict', 'Nothing of it is waiting any more: it has left, or its rest was dropped.', {
    fix: 'Edit the update on the incident’s page and tell people of the change.',
  });
}

export function seqsOf(group: readonly Unfinished[]): number[] {
  return group.map(({ noticeSeq }) => noticeSeq);
}
