import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { getPage, type Page } from '#db/page.ts';
import {
  findPublicIncident,
  listLatest,
  listOpenIncidents,
  listOpenMaintenance,
  listPublicClaims,
  listPublicComponents,
  listPublicGroups,
} from '#db/publicPage.ts';
import type { Row } from '#db/schema.ts';
import type { ApiComponent, ApiSnapshot } from '#domain/apiSnapshot.ts';
import { AppError } from '#domain/errors.ts';
import type { PublicIncident } from '#domain/publicIncident.ts';
import type { ComponentStatus } from '#domain/status.ts';
import { assembleIncidents } from './publicIncidents.ts';
import { statusNow, timeOf } from './publicPage.ts';

/** Which lists a document of the public API holds. */
export type ApiWants = {
  incidents?: 'open' | 'latest';
  maintenances?: 'open' | 'active' | 'upcoming' | 'latest';
};

const LATEST = 50;

/** One snapshot for one document of the public JSON, with the page version that it was read at. */
export function getApiSnapshot(ctx: Ctx, wants: ApiWants): Promise<ApiSnapshot & { version: number }> {
  return ctx.db.read((tx) => readSnapshot(tx, ctx, wants));
}

/**
 * One incident or maintenance for a document of its own.
 * @throws not_found also when it exists but is unpublished, restricted or a drill
 */
export function getApiIncident(
  ctx: Ctx,
  id: string,
): Promise<{ snapshot: ApiSnapshot & { version: number }; incident: PublicIncident }> {
  return ctx.db.read(async (tx) => {
    const row = await findPublicIncident(tx, id);
    if (!row) throw new AppError('not_found', 'There is no incident or maintenance with that id.');
    const [incident] = await assembleIncidents(tx, [row], await listPublicComponents(tx));
    return { snapshot: await readSnapshot(tx, ctx, {}), incident: incident as PublicIncident };
  });
}

/** The same within a transaction: what it has written already counts. */
export async function readSnapshot(
  tx: Tx,
  ctx: Ctx,
  wants: ApiWants,
): Promise<ApiSnapshot & { version: number }> {
  const page = await getPage(tx);
  const now = timeOf(page, ctx);
  const all = await listPublicComponents(tx);
  const [components, archived] = [true, false].map((listed) =>
    all.filter((component) => (component.archived_at === null) === listed),
  ) as [Row<'components'>[], Row<'components'>[]];
  const claims = Map.groupBy(await listPublicClaims(tx, now), (claim) => claim.component_id);
  const groupsInUse = new Set(components.map((component) => component.group_id));
  const open = await assembleIncidents(tx, await listOpenIncidents(tx), all);
  return {
    version: page.version,
    page: pageFacts(page, ctx),
    groups: (await listPublicGroups(tx))
      .filter((group) => groupsInUse.has(group.id))
      .map((group) => ({
        id: group.id,
        name: group.name,
        description: group.description,
        position: group.position,
        createdAt: group.created_at,
        updatedAt: group.updated_at,
      })),
    components: components.map((one) => toApiComponent(one, statusNow(claims.get(one.id) ?? [], now))),
    archived: archived.map((one) => toApiComponent(one, statusNow(claims.get(one.id) ?? [], now))),
    open,
    incidents: await incidentsFor(tx, wants.incidents, open, all),
    maintenances: await maintenancesFor(tx, wants.maintenances, all),
  };
}

function toApiComponent(row: Row<'components'>, status: ComponentStatus): ApiComponent {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    position: row.position,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    groupId: row.group_id,
    status,
    showcase: row.showcase === 1,
    onlyShowIfDegraded: row.only_show_if_degraded === 1,
    startDate: row.start_date,
  };
}

/** What machines are told of the page itself. */
export function pageFacts(page: Page, ctx: Ctx): ApiSnapshot['page'] {
  return {
    id: page.publicId,
    name: page.name,
    url: ctx.site.url,
    timeZone: page.timeZone,
    updatedAt: page.updatedAt,
  };
}

async function incidentsFor(
  tx: Tx,
  wanted: ApiWants['incidents'],
  open: PublicIncident[],
  components: Awaited<ReturnType<typeof listPublicComponents>>,
): Promise<PublicIncident[]> {
  if (wanted === 'open') return open;
  if (wanted === 'latest') return assembleIncidents(tx, await listLatest(tx, 'incident', LATEST), components);
  return [];
}

async function maintenancesFor(
  tx: Tx,
  wanted: ApiWants['maintenances'],
  components: Awaited<ReturnType<typeof listPublicComponents>>,
): Promise<PublicIncident[]> {
  if (!wanted) return [];
  if (wanted === 'latest')
    return assembleIncidents(tx, await listLatest(tx, 'maintenance', LATEST), components);
  // Newest first, as every list of the dialect is: what begins last stands on top.
  const open = (await assembleIncidents(tx, await listOpenMaintenance(tx), components)).reverse();
  if (wanted === 'active') return open.filter((one) => one.status !== 'scheduled');
  if (wanted === 'upcoming') return open.filter((one) => one.status === 'scheduled');
  return open;
}
