import { type Upstream, upstreamOf } from '#db/components.ts';
import type { Ctx } from '#db/context.ts';
import { getPage } from '#db/page.ts';
import {
  findPublicIncident,
  listFiledBetween,
  listFilings,
  listIncidentsOfComponent,
  listPublicClaims,
  listPublicComponents,
  listPublicGroups,
} from '#db/publicPage.ts';
import { AppError } from '#domain/errors.ts';
import { type DayMark, dayMarks, lastDays } from '#domain/marks.ts';
import type { PublicIncident } from '#domain/publicIncident.ts';
import type { ComponentStatus, IncidentKind } from '#domain/status.ts';
import { DAY, dayIn, type Instant, startOfDay, toInstant } from '#domain/time.ts';
import { type Uptime, uptimeOf, worstStretches } from '#domain/uptime.ts';
import { assembleIncidents } from './publicIncidents.ts';
import {
  bornAt,
  frameOf,
  MARK_DAYS,
  type PublicFrame,
  readFrame,
  spansOf,
  statusNow,
  timeOf,
} from './publicPage.ts';

export type MonthPage = PublicFrame & {
  /** YYYY-MM */
  month: string;
  /** Null at either end of what is recorded. */
  previous: string | null;
  next: string | null;
  incidents: PublicIncident[];
  /** How many are filed in each month that has any, newest year first. */
  years: { year: string; months: { month: string; count: number }[] }[];
};

/**
 * What started in a month of the page's zone, or was called off in it, newest first; `null` is the month we are in.
 * @throws not_found for a month to come, or before anything was recorded
 */
export function getHistoryMonth(ctx: Ctx, wanted: string | null): Promise<MonthPage> {
  return ctx.db.read(async (tx) => {
    const page = await getPage(tx);
    const now = timeOf(page, ctx);
    const filings = await listFilings(tx, now);
    const current = dayIn(now, page.timeZone).slice(0, 7);
    const counts = new Map<string, number>();
    for (const at of filings) {
      const month = dayIn(at, page.timeZone).slice(0, 7);
      counts.set(month, (counts.get(month) ?? 0) + 1);
    }
    const first = [...counts.keys(), current].sort()[0] as string;
    const month = wanted ?? current;
    if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month) || month > current || month < first)
      throw new AppError('not_found', 'There is no history for that month.', {
        fix: 'Choose a month from the list on the history page.',
      });
    const rows = await listFiledBetween(
      tx,
      startOfDay(`${month}-01`, page.timeZone),
      startOfDay(`${monthAfter(month)}-01`, page.timeZone),
    );
    return {
      ...frameOf(page, now),
      month,
      previous: month > first ? monthBefore(month) : null,
      next: month < current ? monthAfter(month) : null,
      incidents: await assembleIncidents(tx, rows, await listPublicComponents(tx)),
      years: yearsOf(counts),
    };
  });
}

export type IncidentPage = PublicFrame & { incident: PublicIncident };

/**
 * One incident or maintenance with all its public updates.
 * @throws not_found also when it exists but is unpublished, restricted or a drill
 */
export function getPublicIncident(ctx: Ctx, id: string, kind: IncidentKind): Promise<IncidentPage> {
  return ctx.db.read(async (tx) => {
    const row = await findPublicIncident(tx, id);
    if (!row)
      throw new AppError('not_found', `There is no ${kind} with that address.`, {
        fix: 'Look for it in the history.',
      });
    const [incident] = await assembleIncidents(tx, [row], await listPublicComponents(tx));
    return { ...(await readFrame(ctx, tx)), incident: incident as PublicIncident };
  });
}

export type ComponentPage = PublicFrame & {
  component: {
    id: string;
    name: string;
    group: string | null;
    description: string | null;
    upstream: Upstream | null;
    status: ComponentStatus;
    /** Empty, as `uptimes`, when its history is not shown. */
    marks: DayMark[];
  };
  uptimes: { days: number; uptime: Uptime | null }[];
  uptimeWeight: number;
  /** Since when its history counts. */
  recordedSince: Instant;
  incidents: PublicIncident[];
};

const UPTIME_WINDOWS = [90, 30, 7];
const COMPONENT_INCIDENTS = 20;

/** @throws not_found also for an archived component */
export function getPublicComponent(ctx: Ctx, id: string): Promise<ComponentPage> {
  return ctx.db.read(async (tx) => {
    const page = await getPage(tx);
    const now = timeOf(page, ctx);
    const components = await listPublicComponents(tx);
    const component = components.find((one) => one.id === id && one.archived_at === null);
    if (!component)
      throw new AppError('not_found', 'There is no component with that address.', {
        fix: 'Choose one from the status page.',
      });
    const groups = await listPublicGroups(tx);
    const days = lastDays(MARK_DAYS, page.timeZone, now);
    const born = bornAt(component, page.timeZone);
    const end = Date.parse(now);
    const claims = await listPublicClaims(tx, toInstant(days[0]!.from), id);
    const spans = spansOf(claims);
    const status = statusNow(claims, now);
    const shown = component.showcase === 1;
    return {
      ...frameOf(page, now),
      component: {
        id,
        name: component.name,
        group: groups.find((group) => group.id === component.group_id)?.name ?? null,
        description: component.description,
        upstream: upstreamOf(component),
        status,
        marks: shown ? dayMarks(worstStretches(spans, days[0]!.from, end), days, born, status) : [],
      },
      uptimes: shown
        ? UPTIME_WINDOWS.map((count) => {
            const from = days[MARK_DAYS - count]!.from;
            return { days: count, uptime: uptimeOf(spans, { from, to: end }, born, page.uptimeWeight) };
          })
        : [],
      uptimeWeight: page.uptimeWeight,
      recordedSince: toInstant(born),
      incidents: await assembleIncidents(
        tx,
        await listIncidentsOfComponent(tx, id, COMPONENT_INCIDENTS),
        components,
      ),
    };
  });
}

function monthBefore(month: string): string {
  return toInstant(Date.parse(`${month}-01T00:00:00.000Z`) - DAY).slice(0, 7);
}

function monthAfter(month: string): string {
  return toInstant(Date.parse(`${month}-28T00:00:00.000Z`) + 4 * DAY).slice(0, 7);
}

function yearsOf(counts: ReadonlyMap<string, number>): MonthPage['years'] {
  const months = [...counts]
    .map(([month, count]) => ({ month, count }))
    .sort((a, b) => (a.month < b.month ? 1 : -1));
  return [...Map.groupBy(months, ({ month }) => month.slice(0, 4))].map(([year, own]) => ({
    year,
    months: own.reverse(),
  }));
}
