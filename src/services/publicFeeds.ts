import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import {
  listLatestOfAll,
  listMaintenanceSince,
  listNewsOfComponent,
  listOpenIncidents,
  listOpenMaintenance,
  listPublicComponents,
  type PublicIncidentRow,
} from '#db/publicPage.ts';
import type { Row } from '#db/schema.ts';
import { AppError } from '#domain/errors.ts';
import { type FeedSnapshot, lastWordAt } from '#domain/feed.ts';
import { addMs, DAY } from '#domain/time.ts';
import { pageFacts } from './publicApi.ts';
import { assembleIncidents } from './publicIncidents.ts';
import { timeOf } from './publicPage.ts';

/** So many of the latest; what is still open or to come is there besides, however old. */
export const FEED_ENTRIES = 25;
/** So long what is over stays in the calendar, and so many at most. */
const CALENDAR_KEPT = 92 * DAY;
const CALENDAR_ENTRIES = 200;

type Versioned = FeedSnapshot & { version: number };

/** The latest incidents and maintenances, the newest word first. */
export function getHistoryFeed(ctx: Ctx): Promise<Versioned> {
  return ctx.db.read(async (tx) => {
    const rows = [
      ...(await listOpenIncidents(tx)),
      ...(await listOpenMaintenance(tx)),
      ...(await listLatestOfAll(tx, FEED_ENTRIES)),
    ];
    return assemble(tx, ctx, { rows, component: null, components: await listPublicComponents(tx) });
  });
}

/**
 * The same of one component alone.
 * @throws not_found also for an archived component
 */
export function getComponentFeed(ctx: Ctx, id: string): Promise<Versioned> {
  return ctx.db.read(async (tx) => {
    const components = await listPublicComponents(tx);
    const component = components.find((one) => one.id === id && one.archived_at === null);
    if (!component)
      throw new AppError('not_found', 'There is no component with that address.', {
        fix: 'Choose one from the status page.',
      });
    const rows = await listNewsOfComponent(tx, id, FEED_ENTRIES);
    return assemble(tx, ctx, { rows, component, components });
  });
}

/** What is planned, what runs, and what was planned in the last three months. */
export function getMaintenanceCalendar(ctx: Ctx): Promise<Versioned> {
  return ctx.db.read(async (tx) => {
    const since = addMs(timeOf(await getPage(tx), ctx), -CALENDAR_KEPT);
    const rows = [
      // However long ago it began.
      ...(await listOpenMaintenance(tx)),
      ...(await listMaintenanceSince(tx, since, CALENDAR_ENTRIES)),
    ];
    return assemble(tx, ctx, { rows, component: null, components: await listPublicComponents(tx) });
  });
}

async function assemble(
  tx: Tx,
  ctx: Ctx,
  of: {
    rows: readonly PublicIncidentRow[];
    component: Row<'components'> | null;
    components: readonly Row<'components'>[];
  },
): Promise<Versioned> {
  const page = await getPage(tx);
  const rows = [...new Map(of.rows.map((row) => [row.seq, row])).values()];
  const incidents = await assembleIncidents(tx, rows, of.components);
  return {
    version: page.version,
    page: pageFacts(page, ctx),
    component: of.component && { id: of.component.id, name: of.component.name },
    incidents: incidents.sort((a, b) =>
      lastWordAt(a) < lastWordAt(b) ? 1 : lastWordAt(a) > lastWordAt(b) ? -1 : 0,
    ),
  };
}
