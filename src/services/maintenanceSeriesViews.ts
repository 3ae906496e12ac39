import type { Ctx } from '#db/context.ts';
import { listKeptMaintenance } from '#db/maintenance.ts';
import { findSeries, listOpenSeries, listSlots, type Series } from '#db/maintenanceSeries.ts';
import { getPage } from '#db/page.ts';
import { AppError } from '#domain/errors.ts';
import type { WindowOf } from '#domain/maintenance.ts';
import { requirePermission } from '#domain/permissions.ts';
import type { AnyStatus } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import { HOUSE_LOCALE } from '#i18n/locales.ts';
import { AHEAD, nextDays, type SeriesInput, windowOn, wordsOf } from './maintenanceSeries.ts';

export type SeriesView = {
  series: Series;
  zone: string;
  words: string;
  /** Its windows that are planned or running. */
  windows: { id: string; from: Instant; until: Instant; status: AnyStatus; moved: boolean }[];
  /** Of days further ahead: when it would be next. */
  then: Instant[];
};

/** @throws AppError not_found */
export async function getSeries(ctx: Ctx, id: string): Promise<SeriesView> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read(async (tx) => {
    const series = await findSeries(tx, id);
    if (!series)
      throw new AppError('not_found', 'There is no such series.', { fix: 'Open it from the list.' });
    const { timeZone: zone } = await getPage(tx);
    const made = await listSlots(tx, series.seq);
    const windows = (await listKeptMaintenance(tx)).flatMap(({ incident, plan }) =>
      plan.seriesSeq === series.seq && incident.scheduledFor && incident.scheduledUntil && plan.slot
        ? [
            {
              id: incident.id,
              from: incident.scheduledFor,
              until: incident.scheduledUntil,
              status: incident.status,
              moved: incident.scheduledFor !== windowOn(series, plan.slot, zone).from,
            },
          ]
        : [],
    );
    const then = series.endedAt
      ? []
      : nextDays(series, zone, ctx.now(), AHEAD + 4)
          .filter((day) => !made.includes(day))
          .slice(0, 4)
          .map((day) => windowOn(series, day, zone).from);
    return { series, zone, words: wordsOf(series, zone, HOUSE_LOCALE), windows, then };
  });
}

/** Every window that it would have, as far ahead as is looked. */
export async function listWindows(
  ctx: Ctx,
  { firstLocal, lastDay, ...series }: Pick<SeriesInput, 'rule' | 'firstLocal' | 'minutes' | 'lastDay'>,
): Promise<WindowOf[]> {
  requirePermission(ctx.actor, 'incident.read');
  const { timeZone: zone } = await ctx.db.read((tx) => getPage(tx));
  const clock = firstLocal.slice(11, 16);
  const days = { ...series, clock, firstDay: firstLocal.slice(0, 10), lastDay: lastDay ?? null };
  return nextDays(days, zone, ctx.now(), Number.POSITIVE_INFINITY).map((day) => windowOn(days, day, zone));
}

/** Everything that comes again, the oldest first. */
export async function listSeries(ctx: Ctx): Promise<{ id: string; title: string; words: string }[]> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read(async (tx) => {
    const { timeZone } = await getPage(tx);
    return (await listOpenSeries(tx)).map((series) => ({
      id: series.id,
      title: series.title,
      words: wordsOf(series, timeZone, HOUSE_LOCALE),
    }));
  });
}
