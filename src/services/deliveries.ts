import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import * as reports from '#db/deliveryReports.ts';
import { listNotices } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { getProvider, type Provider } from '#db/providers.ts';
import { listWorkers } from '#db/workers.ts';
import {
  countOutcomes,
  DELIVERY_STATES,
  type DeliveryOutcome,
  type DeliveryState,
  OUTCOME_OF,
  type StateCounts,
} from '#domain/deliveries.ts';
import { AppError } from '#domain/errors.ts';
import { may, requirePermission } from '#domain/permissions.ts';
import { addMs, durationText, type Instant, MINUTE, msBetween } from '#domain/time.ts';
import { recipientLinks } from '#emails/links.ts';
import { personalise } from '#emails/render.ts';

/** How far one message has got. */
export type FanoutView = Omit<reports.FanoutRow, 'noticeSeq'> & {
  states: StateCounts;
  waiting: number;
  sent: number;
  failed: number;
  /** Not sent on purpose: suppressed or superseded. */
  leftOut: number;
  total: number;
};

/** Messages to many, the newest first. `next` is the `before` of the page that follows; null on the last. */
export async function listFanouts(
  ctx: Ctx,
  { before = null, limit = 20 }: { before?: number | null; limit?: number } = {},
): Promise<{ fanouts: FanoutView[]; next: number | null }> {
  requirePermission(ctx.actor, 'delivery.read');
  return ctx.db.read(async (tx) => {
    const rows = await reports.listFanouts(tx, { before, limit: limit + 1 });
    const page = rows.slice(0, limit);
    return {
      fanouts: await withCounts(tx, page),
      next: rows.length > limit ? (page.at(-1)?.seq ?? null) : null,
    };
  });
}

/** What went out about one incident or maintenance, the newest first. */
export async function listFanoutsOf(ctx: Ctx, incidentId: string): Promise<FanoutView[]> {
  requirePermission(ctx.actor, 'delivery.read');
  return ctx.db.read(async (tx) => withCounts(tx, await reports.listFanoutsOf(tx, incidentId)));
}

/** @throws AppError not_found */
export async function getFanout(ctx: Ctx, noticeId: string): Promise<FanoutView> {
  requirePermission(ctx.actor, 'delivery.read');
  return ctx.db.read(async (tx) => {
    const [view] = await withCounts(tx, [(await reports.findFanout(tx, noticeId)) ?? missing()]);
    return view as FanoutView;
  });
}

/** One person's copy. The address is shown to those who may see subscribers; others see `a…@example.com`. */
export type DeliveryView = reports.DeliveryRow;

/** The people of one message with this outcome or state, in order; `next` is the `after` of the page that follows. */
export async function listDeliveries(
  ctx: Ctx,
  noticeId: string,
  { show, after = 0, limit = 100 }: { show: DeliveryOutcome | DeliveryState; after?: number; limit?: number },
): Promise<{ deliveries: DeliveryView[]; next: number | null }> {
  requirePermission(ctx.actor, 'delivery.read');
  const states = DELIVERY_STATES.filter((state) => state === show || OUTCOME_OF[state] === show);
  return ctx.db.read(async (tx) => {
    const { noticeSeq } = (await reports.findFanout(tx, noticeId)) ?? missing();
    const rows = await reports.listDeliveries(tx, { noticeSeq, states, after, limit: limit + 1 });
    const page = rows.slice(0, limit);
    return {
      deliveries: page.map((row) => ({ ...row, address: addressFor(ctx, row.address) })),
      next: rows.length > limit ? (page.at(-1)?.seq ?? null) : null,
    };
  });
}

export type MailView = DeliveryView & { subject: string; html: string; text: string };

/**
 * The mail as this person gets it, links included, so only for those who may see and change subscribers.
 * @throws AppError not_found
 */
export async function readMail(ctx: Ctx, deliverySeq: number): Promise<MailView> {
  requirePermission(ctx.actor, 'subscriber.write');
  return ctx.db.read(async (tx) => {
    const { noticeSeq, recipientId, ...delivery } =
      (await reports.findDelivery(tx, deliverySeq)) ?? missing();
    const [notice] = await listNotices(tx, [noticeSeq]);
    if (!notice) return missing();
    const links = recipientLinks(ctx.site.url, ctx.sign, recipientId, notice.createdAt);
    return { ...delivery, subject: notice.subject, ...personalise(notice, links) };
  });
}

/**
 * Sends a message again to those whose copy was refused, once the cause is mended. They are certain not to have it.
 * @returns to how many
 */
export async function retryRefused(ctx: Ctx, noticeId: string): Promise<number> {
  requirePermission(ctx.actor, 'delivery.write');
  const count = await ctx.db.write(async (tx) => {
    const { noticeSeq } = (await reports.findFanout(tx, noticeId)) ?? missing();
    const requeued = await reports.requeueRefused(tx, noticeSeq, ctx.now());
    await insertAudit(tx, ctx, {
      action: 'delivery.retry',
      subjectKind: 'notice',
      subjectId: noticeId,
      detail: { count: requeued },
    });
    return requeued;
  });
  ctx.changed('outbox');
  return count;
}

/** How sending is, for the top of the admin. `fine` needs no one; `waiting` mends itself; `trouble` needs someone. */
export type DeliveryHealth = {
  level: 'fine' | 'waiting' | 'trouble';
  /** What is so, and why. */
  message: string;
  /** What to do; null when nothing is to be done. */
  fix: string | null;
  /** The provider that `resumeProvider` would start again; null when none has stopped. */
  resumable: string | null;
  /** Mails not out yet. */
  waiting: number;
  oldestDue: Instant | null;
  workers: number;
};

/** A worker beats every 5 s; three missed beats and it is gone. */
const ALIVE_MS = 20_000;
/** Mail that has been due for longer is late. */
const LATE_MS = 2 * MINUTE;

export async function getDeliveryHealth(ctx: Ctx): Promise<DeliveryHealth> {
  requirePermission(ctx.actor, 'delivery.read');
  const now = ctx.now();
  return ctx.db.read(async (tx) => {
    const backlog = await reports.getBacklog(tx, now);
    const alive = (await listWorkers(tx)).filter(
      (worker) => worker.role.startsWith('mail:') && worker.beatAt >= addMs(now, -ALIVE_MS),
    );
    const providers: Provider[] = [];
    for (const id of new Set(alive.map((worker) => worker.role.slice('mail:'.length))))
      providers.push(await getProvider(tx, id));
    const waiting = backlog.queued + backlog.inBatch;
    const shared = {
      waiting,
      oldestDue: backlog.oldestDue,
      workers: alive.length,
      resumable: providers.find((provider) => provider.circuit === 'open')?.id ?? null,
    };
    return { ...shared, ...judge(backlog, providers, alive.length, now) };
  });
}

function judge(
  backlog: reports.Backlog,
  providers: readonly Provider[],
  workers: number,
  now: Instant,
): Pick<DeliveryHealth, 'level' | 'message' | 'fix'> {
  const stopped = providers.find((provider) => provider.circuit === 'open');
  if (stopped)
    return {
      level: 'trouble',
      message: `Sending has stopped. ${stopped.circuitReason ?? ''}`.trim(),
      fix: 'Mend it, then press Resume.',
    };
  const left = backlog.queued + backlog.inBatch + backlog.expanding;
  if (!workers)
    return {
      level: left ? 'trouble' : 'waiting',
      message: left ? 'Mail is waiting and no process is sending.' : 'No process is ready to send.',
      fix: 'Start Foghorn with FOGHORN_ROLE=all, or start a worker.',
    };
  if (backlog.held)
    return {
      level: 'trouble',
      message: `${backlog.held} ${backlog.held === 1 ? 'batch is' : 'batches are'} held: the provider says that their contents changed, so they may be out already.`,
      fix: 'Compare with the provider’s log. They are never sent again by themselves; after 23 hours their mails are shown as uncertain.',
    };
  const blocked = providers.find((provider) => provider.blockedUntil && provider.blockedUntil > now);
  if (blocked && left && msBetween(now, blocked.blockedUntil as Instant) > MINUTE)
    return {
      level: 'trouble',
      message:
        `Sending waits for another ${durationText(msBetween(now, blocked.blockedUntil as Instant))}. ${blocked.blockedReason ?? ''}`.trim(),
      fix: 'It goes on by itself. A higher plan at the provider lets it go on now: raise it, then press Resume.',
    };
  if (backlog.oldestDue && msBetween(backlog.oldestDue, now) > LATE_MS)
    return {
      level: 'waiting',
      message:
        `The oldest mail has been waiting for ${durationText(msBetween(backlog.oldestDue, now))}. ${blocked?.blockedReason ?? ''}`.trim(),
      fix: null,
    };
  return {
    level: left ? 'waiting' : 'fine',
    message: left ? 'Mail is going out.' : 'Nothing is waiting.',
    fix: null,
  };
}

async function withCounts(tx: Tx, rows: readonly reports.FanoutRow[]): Promise<FanoutView[]> {
  const counts = await reports.countStates(
    tx,
    rows.map((row) => row.noticeSeq),
  );
  return rows.map(({ noticeSeq, ...row }) => {
    const states = counts.get(noticeSeq) ?? {};
    const { left_out, ...outcomes } = countOutcomes(states, row);
    return { ...row, states, ...outcomes, leftOut: left_out };
  });
}

function addressFor(ctx: Ctx, address: string): string {
  if (may(ctx.actor, 'subscriber.read')) return address;
  const at = address.lastIndexOf('@');
  return `${address.slice(0, 1)}…${address.slice(at)}`;
}

function missing(): never {
  throw new AppError('not_found', 'There is no such message.', { fix: 'Go back to the list of deliveries.' });
}
