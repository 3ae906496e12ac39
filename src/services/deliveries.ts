import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import * as reports from '#db/deliveryReports.ts';
import { hookChoice } from '#db/hooks.ts';
import { listNotices } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { reopenFanouts, requeueRefused } from '#db/refused.ts';
import { namesOfNotices } from '#db/tellings.ts';
import {
  countOutcomes,
  DELIVERY_STATES,
  type DeliveryOutcome,
  type DeliveryState,
  OUTCOME_OF,
  type StateCounts,
} from '#domain/deliveries.ts';
import { AppError } from '#domain/errors.ts';
import { type HookPayload, hookBodies } from '#domain/hooks.ts';
import { may, requirePermission } from '#domain/permissions.ts';
import { maskAddressesIn } from '#domain/text.ts';
import { addMs, DAY, type Instant } from '#domain/time.ts';
import { recipientLinks } from '#emails/links.ts';
import { personalise } from '#emails/render.ts';
import { closest } from '#i18n/locales.ts';
import { forget, kept } from './kept.ts';
import { closeUncertain, listUncertain, repeatUncertain } from './outbox.ts';
import { type Prospects, readProspects } from './prospects.ts';
import { placeFor } from './shownAddress.ts';

/** How far one message has got. */
export type FanoutView = Omit<reports.FanoutRow, 'noticeSeq'> &
  Prospects & {
    states: StateCounts;
    waiting: number;
    sent: number;
    failed: number;
    /** Not sent on purpose: suppressed or superseded. */
    leftOut: number;
    total: number;
    /** Which audiences or accounts it is for; null when it is for subscribers. */
    audience: string | null;
  };

/** Messages to many, the newest first. `next` is the `before` of the page that follows; null on the last. */
export async function listFanouts(
  ctx: Ctx,
  { before = null, limit = 20 }: { before?: number | null; limit?: number } = {},
): Promise<{ fanouts: FanoutView[]; next: number | null }> {
  requirePermission(ctx.actor, 'delivery.read');
  const rows = await ctx.db.read((tx) => reports.listFanouts(tx, { before, limit: limit + 1 }, ctx.actor));
  const page = rows.slice(0, limit);
  return {
    fanouts: await viewsOf(ctx, page),
    next: rows.length > limit ? (page.at(-1)?.seq ?? null) : null,
  };
}

/** What went out about one incident or maintenance, the newest first. */
export async function listFanoutsOf(ctx: Ctx, incidentId: string): Promise<FanoutView[]> {
  requirePermission(ctx.actor, 'delivery.read');
  return viewsOf(ctx, await ctx.db.read((tx) => reports.listFanoutsOf(tx, incidentId, ctx.actor)));
}

/** @throws AppError not_found */
export async function getFanout(ctx: Ctx, noticeId: string): Promise<FanoutView> {
  requirePermission(ctx.actor, 'delivery.read');
  const row = (await ctx.db.read((tx) => reports.findFanout(tx, noticeId, ctx.actor))) ?? missing();
  return (await viewsOf(ctx, [row]))[0] as FanoutView;
}

export type FanoutDetail = {
  /** Other texts that some people get: with what they missed, or mended. */
  variants: Awaited<ReturnType<typeof reports.listVariants>>;
  /** Why copies failed or were left out, by state, the most common first. */
  reasons: { state: DeliveryState; reason: string | null; count: number }[];
};

/** What stands behind a message's bar. @throws AppError not_found */
export async function getFanoutDetail(ctx: Ctx, noticeId: string): Promise<FanoutDetail> {
  requirePermission(ctx.actor, 'delivery.read');
  return ctx.db.read(async (tx) => {
    const { noticeSeq } = (await reports.findFanout(tx, noticeId, ctx.actor)) ?? missing();
    const reasons: FanoutDetail['reasons'] = [];
    for (const state of EXPLAINED)
      for (const row of await reports.countReasons(tx, { noticeSeq, state, limit: 8 }))
        reasons.push({ ...row, state, reason: row.reason && reasonFor(ctx, row.reason) });
    return { variants: await reports.listVariants(tx, noticeSeq), reasons };
  });
}

const EXPLAINED = ['refused', 'bounced', 'uncertain', 'complained', 'suppressed', 'superseded'] as const;

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
    const { noticeSeq } = (await reports.findFanout(tx, noticeId, ctx.actor)) ?? missing();
    const rows = await reports.listDeliveries(tx, { noticeSeq, states, after, limit: limit + 1 });
    const page = rows.slice(0, limit);
    return {
      deliveries: page.map((row) => ({
        ...row,
        address: placeFor(ctx, row),
        reason: row.reason && reasonFor(ctx, row.reason),
      })),
      next: rows.length > limit ? (page.at(-1)?.seq ?? null) : null,
    };
  });
}

export type MailView = DeliveryView & {
  subject: string;
  html: string;
  text: string;
  /** What a webhook or chat is called with in place of a mail, call by call; null of mail. */
  calls: string[] | null;
};

/**
 * The mail as this person gets it, or the calls, links included, so only for those who may see and change subscribers.
 * @throws AppError not_found
 */
export async function readMail(ctx: Ctx, deliverySeq: number): Promise<MailView> {
  requirePermission(ctx.actor, 'subscriber.write');
  return ctx.db.read(async (tx) => {
    const { noticeSeq, contentSeq, recipientId, zone, locale, ...delivery } =
      (await reports.findDelivery(tx, deliverySeq, ctx.actor)) ?? missing();
    const [content] = await listNotices(tx, [contentSeq]);
    if (!content) return missing();
    const language = closest(content.translations.keys(), locale);
    const own = language === undefined ? content : { ...content, ...content.translations.get(language) };
    const home = language === undefined ? ctx.site.url : `${ctx.site.url}/${language}`;
    const links = recipientLinks(home, ctx.sign, recipientId, content.createdAt);
    const { channel } = delivery;
    const payload = content.payload && (JSON.parse(content.payload) as HookPayload);
    return {
      ...delivery,
      address: placeFor(ctx, delivery),
      subject: own.subject,
      ...personalise(own, links, zone),
      calls:
        channel !== 'email' && payload
          ? hookBodies(
              channel,
              payload,
              { unsubscribe: links.unsubscribe_url, siteUrl: ctx.site.url, writtenAt: content.createdAt },
              await hookChoice(tx, recipientId),
            ).map(({ body }) => body)
          : null,
    };
  });
}

/** Rows that one transaction puts back, so that others can write in between. */
const RETRY_CHUNK = 5_000;

/**
 * Sends a message again to those whose copy was refused, once the cause is mended: they are certain not to have it. Who has had newer
 * news of the same incident since is passed over.
 * @param deliverySeqs only these; null for all
 * @throws AppError not_found; conflict when the message is stopped or its rest was dropped
 */
export async function retryRefused(
  ctx: Ctx,
  noticeId: string,
  deliverySeqs: readonly number[] | null = null,
): Promise<{ again: number; passedOver: number }> {
  requirePermission(ctx.actor, 'delivery.write');
  const counts = { again: 0, passedOver: 0 };
  for (let after: number | null = 0; after !== null; ) {
    const from: number = after;
    const turn = await ctx.db.write(async (tx) => {
      const { noticeSeq, stopped, dropped } =
        (await reports.findFanout(tx, noticeId, ctx.actor)) ?? missing();
      if (dropped)
        throw new AppError('conflict', `${dropped.by} dropped the rest of this message.`, {
          fix: 'Post an update: everyone hears that.',
        });
      if (stopped)
        throw new AppError('conflict', 'This message is stopped.', {
          fix: 'Let it go on first, or mend its text.',
        });
      const query = { noticeSeq, seqs: deliverySeqs, after: from, limit: RETRY_CHUNK, now: ctx.now() };
      const done = await requeueRefused(tx, query);
      if (done.requeued) await reopenFanouts(tx, [noticeSeq]);
      if (done.requeued)
        await insertAudit(tx, ctx, {
          action: 'delivery.retry',
          subjectKind: 'notice',
          subjectId: noticeId,
          detail: { count: done.requeued },
        });
      return { ...done, noticeSeq };
    });
    forget(ctx.db, countsKey(turn.noticeSeq));
    counts.again += turn.requeued;
    counts.passedOver += turn.passedOver;
    after = turn.next;
  }
  if (counts.again) ctx.changed('outbox');
  return counts;
}

/**
 * Decides about every copy of a message that may have arrived: sends them again, knowing that some come twice, or leaves them as they are.
 * @returns how many that was
 */
export async function decideAllUncertain(
  ctx: Ctx,
  noticeId: string,
  decision: 'repeat' | 'close',
): Promise<number> {
  requirePermission(ctx.actor, 'delivery.write');
  const decide = decision === 'repeat' ? repeatUncertain : closeUncertain;
  let count = 0;
  for (let after: number | null = 0; after !== null; ) {
    const page: Awaited<ReturnType<typeof listUncertain>> = await listUncertain(ctx, {
      noticeId,
      after,
      limit: RETRY_CHUNK,
    });
    count += await decide(
      ctx,
      page.deliveries.map(({ seq }) => seq),
    );
    after = page.next;
  }
  return count;
}

/** Counting a million rows takes some 50 ms, so of large messages the counts may be some seconds old, and of old ones some minutes. */
const LARGE = 20_000;
const GOOD_FOR = { live: 2_000, finished: 30_000, old: 600_000 };

function countsKey(noticeSeq: number): string {
  return `counts ${noticeSeq}`;
}

/** How many deliveries of a message are in each state. */
export function statesOf(
  ctx: Pick<Ctx, 'db' | 'now'>,
  row: Pick<reports.FanoutRow, 'noticeSeq' | 'finishedAt'>,
): Promise<StateCounts> {
  const now = ctx.now();
  return kept(ctx.db, countsKey(row.noticeSeq), now, async () => {
    const counts = await ctx.db.read((tx: Tx) => reports.countStates(tx, [row.noticeSeq]));
    const value = counts.get(row.noticeSeq) ?? {};
    const total = Object.values(value).reduce((sum, count) => sum + count, 0);
    return { value, forMs: total < LARGE ? 0 : GOOD_FOR[ageOf(row.finishedAt, now)] };
  });
}

function ageOf(finishedAt: Instant | null, now: Instant): keyof typeof GOOD_FOR {
  if (finishedAt === null) return 'live';
  return finishedAt < addMs(now, -DAY) ? 'old' : 'finished';
}

async function viewsOf(ctx: Ctx, rows: readonly reports.FanoutRow[]): Promise<FanoutView[]> {
  const views = await Promise.all(
    rows.map(async (row) => {
      const states = await statesOf(ctx, row);
      const { left_out, ...outcomes } = countOutcomes(states, row);
      return { ...row, states, ...outcomes, leftOut: left_out };
    }),
  );
  const told = await ctx.db.read((tx) =>
    namesOfNotices(
      tx,
      rows.filter(({ kind }) => kind === 'stakeholder').map(({ noticeSeq }) => noticeSeq),
    ),
  );
  const prospects = views.some(({ waiting }) => waiting > 0) ? await readProspects(ctx) : null;
  return views.map(({ noticeSeq, ...view }) => ({
    ...view,
    audience: told.get(noticeSeq) ?? null,
    ...(prospects?.(view) ?? { finish: '', going: '' }),
  }));
}

/** A provider's words may quote an address. */
function reasonFor(ctx: Ctx, reason: string): string {
  return may(ctx.actor, 'subscriber.read') ? reason : maskAddressesIn(reason);
}

function missing(): never {
  throw new AppError('not_found', 'There is no such message.', { fix: 'Go back to the list of deliveries.' });
}
