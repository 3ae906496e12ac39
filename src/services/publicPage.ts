import { type Upstream, upstreamOf } from '#db/components.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { getPage, type Page } from '#db/page.ts';
import {
  findLastIncident,
  listEndedSince,
  listOpenIncidents,
  listOpenMaintenance,
  listPublicClaims,
  listPublicComponents,
  listPublicGroups,
  type PublicClaimRow,
} from '#db/publicPage.ts';
import type { Row } from '#db/schema.ts';
import type { Brand } from '#domain/brand.ts';
import {
  gravestFirst,
  type Headline,
  type HeadlineWords,
  headlineOf,
  type Situation,
} from '#domain/headline.ts';
import { keptShare } from '#domain/keptWord.ts';
import { type DayMark, dayMarks, lastDays } from '#domain/marks.ts';
import { filedAt, type PublicIncident } from '#domain/publicIncident.ts';
import { type ComponentStatus, worstStatus } from '#domain/status.ts';
import { addDays, addMs, dayIn, type Instant, MINUTE, startOfDay, toInstant } from '#domain/time.ts';
import { type Uptime, uptimeOf, worstStretches } from '#domain/uptime.ts';
import { readPublicKept } from './keptWord.ts';
import { assembleIncidents } from './publicIncidents.ts';

export const MARK_DAYS = 90;
export const PAST_DAYS = 14;

/** What every public page needs for its frame. `version` is the page version that it was read at. */
export type PublicFrame = {
  name: string;
  timeZone: string;
  supportUrl: string | null;
  brand: Brand;
  version: number;
  /** The time of that version, up to which everything on the page is counted. */
  now: Instant;
};

export type ComponentView = {
  id: string;
  name: string;
  description: string | null;
  upstream: Upstream | null;
  status: ComponentStatus;
  /** Empty when its history is not shown (`showcase` off). */
  marks: DayMark[];
  uptime: Uptime | null;
};

export type GroupView = {
  /** Null for the components that stand in no group. */
  id: string | null;
  name: string | null;
  status: ComponentStatus;
  affected: number;
  components: ComponentView[];
};

export type PastDay = { day: string; incidents: PublicIncident[] };

export type StatusPage = PublicFrame & {
  headline: Headline;
  /** The same sentence in another language. */
  headlineIn: (words: HeadlineWords) => Headline;
  incidents: PublicIncident[];
  /** Running first, then what is to come. */
  maintenance: PublicIncident[];
  groups: GroupView[];
  uptimeWeight: number;
  /** 0.96: how many of the updates came on time in the last 90 days; null where that is not shown, or nothing was promised. */
  onTime: number | null;
  /** Newest first, days without any included. */
  past: PastDay[];
  /** The last incident that ended, however long ago; null when there never was one. */
  last: PublicIncident | null;
};

/**
 * The public page, in one snapshot: what is wrong, what is planned, how each component is and was.
 * @param words in which the sentence is said; English when left out
 */
export function getStatusPage(ctx: Ctx, words?: HeadlineWords): Promise<StatusPage> {
  return ctx.db.read(async (tx) => {
    const page = await getPage(tx);
    const now = timeOf(page, ctx);
    const days = lastDays(MARK_DAYS, page.timeZone, now);
    const firstPastDay = addDays(dayIn(now, page.timeZone), 1 - PAST_DAYS);
    const groups = await listPublicGroups(tx);
    const components = await listPublicComponents(tx);
    const claims = await listPublicClaims(tx, toInstant(days[0]!.from));
    const open = (await assembleIncidents(tx, await listOpenIncidents(tx), components)).sort(gravestFirst);
    const maintenance = await assembleIncidents(tx, await listOpenMaintenance(tx), components);
    const ended = await assembleIncidents(
      tx,
      await listEndedSince(tx, startOfDay(firstPastDay, page.timeZone)),
      components,
    );
    const lastRow = await findLastIncident(tx);
    const last = lastRow ? (await assembleIncidents(tx, [lastRow], components))[0] : null;

    const kept = await readPublicKept(tx, page, now);

    const byComponent = Map.groupBy(claims, (claim) => claim.component_id);
    const views = components
      .filter((component) => component.archived_at === null)
      .map((component) => ({
        component,
        view: viewComponent(component, byComponent.get(component.id) ?? [], page, days, now),
      }))
      .filter(({ component, view }) => !component.only_show_if_degraded || view.status !== 'operational');
    const situation: Situation = {
      incidents: open.map((incident) => ({
        ...incident,
        workaround: incident.updates.find((update) => update.workaround)?.workaround ?? null,
        lastUpdateAt: incident.updates[0]?.postedAt ?? null,
      })),
      maintenance: maintenance.filter((one) => one.status !== 'scheduled'),
      components: views.map(({ view }) => view),
    };
    return {
      ...frameOf(page, now),
      headline: headlineOf(situation, now, words),
      headlineIn: (others) => headlineOf(situation, now, others),
      incidents: open,
      maintenance: maintenance.sort((a, b) => Number(isAhead(a)) - Number(isAhead(b))),
      groups: groupViews(groups, views),
      uptimeWeight: page.uptimeWeight,
      onTime: kept && keptShare(kept.sum),
      past: pastDays(ended, firstPastDay, dayIn(now, page.timeZone), page.timeZone),
      last: last ?? null,
    };
  });
}

/** The frame alone, for pages that say little else. Costs one row. */
export function getPublicFrame(ctx: Ctx): Promise<PublicFrame> {
  return ctx.db.read((tx) => readFrame(ctx, tx));
}

/** How things are, in one sentence, for pages that are about something else: a wrong address, a fault. */
export async function getHeadline(
  ctx: Ctx,
  words?: HeadlineWords,
): Promise<PublicFrame & { headline: Headline }> {
  const { headline, name, timeZone, supportUrl, brand, version, now } = await getStatusPage(ctx, words);
  return { headline, name, timeZone, supportUrl, brand, version, now };
}

export async function readFrame(ctx: Ctx, tx: Tx): Promise<PublicFrame> {
  const page = await getPage(tx);
  return frameOf(page, timeOf(page, ctx));
}

/**
 * What "now" is on everything that visitors are shown: when its version began, so that a page says the same until there is a newer
 * one. The clock makes one when a day begins and when something falls due.
 */
export function timeOf(page: Page, ctx: Ctx): Instant {
  const now = ctx.now();
  // A version from the future was made by a clock that ran wrong.
  return page.updatedAt > addMs(now, MINUTE) ? now : page.updatedAt;
}

export function frameOf(page: Page, now: Instant): PublicFrame {
  return {
    name: page.name,
    timeZone: page.timeZone,
    supportUrl: page.supportUrl,
    brand: page.brand,
    version: page.version,
    now,
  };
}

/** Now: the worst of what is claimed and not yet ended. A claim that starts later does not count yet. */
export function statusNow(claims: readonly PublicClaimRow[], now: Instant): ComponentStatus {
  return worstStatus(
    claims
      .filter((claim) => claim.starts_at <= now && (claim.ends_at === null || claim.ends_at > now))
      .map((claim) => claim.status),
  );
}

export function spansOf(claims: readonly PublicClaimRow[]) {
  return claims.map((claim) => ({ status: claim.status, startsAt: claim.starts_at, endsAt: claim.ends_at }));
}

/** The instant from which a component's history counts. */
export function bornAt(component: Row<'components'>, zone: string): number {
  return Date.parse(component.start_date ? startOfDay(component.start_date, zone) : component.created_at);
}

function viewComponent(
  component: Row<'components'>,
  claims: readonly PublicClaimRow[],
  page: Page,
  days: ReturnType<typeof lastDays>,
  now: Instant,
): ComponentView {
  const shown = component.showcase === 1;
  const born = bornAt(component, page.timeZone);
  const window = { from: days[0]!.from, to: Date.parse(now) };
  const spans = spansOf(claims);
  const status = statusNow(claims, now);
  return {
    id: component.id,
    name: component.name,
    description: component.description,
    upstream: upstreamOf(component),
    status,
    marks: shown ? dayMarks(worstStretches(spans, window.from, window.to), days, born, status) : [],
    uptime: shown ? uptimeOf(spans, window, born, page.uptimeWeight) : null,
  };
}

/** In the page's order; a group of which nothing shows is left out, and what stands in no group comes last. */
function groupViews(
  groups: readonly Row<'component_groups'>[],
  views: readonly { component: Row<'components'>; view: ComponentView }[],
): GroupView[] {
  const byGroup = Map.groupBy(views, ({ component }) => component.group_id);
  return [...groups.map((group) => ({ id: group.id, name: group.name })), { id: null, name: null }].flatMap(
    ({ id, name }) => {
      const components = (byGroup.get(id) ?? []).map(({ view }) => view);
      if (components.length === 0) return [];
      return [
        {
          id,
          name,
          status: worstStatus(components.map((component) => component.status)),
          affected: components.filter((component) => component.status !== 'operational').length,
          components,
        },
      ];
    },
  );
}

/** What started before the window but ended in it is listed on the window's first day; what was called off before it, nowhere. */
function pastDays(ended: readonly PublicIncident[], first: string, today: string, zone: string): PastDay[] {
  const shown = ended
    .filter(({ resolvedAt }) => resolvedAt === null || dayIn(resolvedAt, zone) >= first)
    .sort((a, b) => (filedAt(a) < filedAt(b) ? 1 : filedAt(a) > filedAt(b) ? -1 : 0));
  const byDay = Map.groupBy(shown, (incident) => {
    const day = dayIn(filedAt(incident), zone);
    return day < first ? first : day;
  });
  const days: PastDay[] = [];
  for (let day = today; day >= first; day = addDays(day, -1))
    days.push({ day, incidents: byDay.get(day) ?? [] });
  return days;
}

function isAhead(maintenance: PublicIncident): boolean {
  return maintenance.status === 'scheduled';
}
