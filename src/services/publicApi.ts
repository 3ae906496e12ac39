import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import {
  listLatest,
  listOpenIncidents,
  listOpenMaintenance,
  listPublicClaims,
  listPublicComponents,
  listPublicGroups,
} from '#db/publicPage.ts';
import type { ApiSnapshot } from '#domain/apiSnapshot.ts';
import type { PublicIncident } from '#domain/publicIncident.ts';
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

/** The same within a transaction: what it has written already counts. */
export async function readSnapshot(
  tx: Tx,
  ctx: Ctx,
  wants: ApiWants,
): Promise<ApiSnapshot & { version: number }> {
  const page = await getPage(tx);
  const now = timeOf(page, ctx);
  const all = await listPublicComponents(tx);
  const components = all.filter((component) => component.archived_at === null);
  const claims = Map.groupBy(await listPublicClaims(tx, now), (claim) => claim.component_id);
  const groupsInUse = new Set(components.map((component) => component.group_id));
  const open = await assembleIncidents(tx, await listOpenIncidents(tx), all);
  return {
    version: page.version,
    page: {
      id: page.publicId,
      name: page.name,
      url: ctx.site.url,
      timeZone: page.timeZone,
      updatedAt: page.updatedAt,
    },
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
    components: components.map((component) => ({
      id: component.id,
      name: component.name,
      description: component.description,
      position: component.position,
      createdAt: component.created_at,
      updatedAt: component.updated_at,
      groupId: component.group_id,
      status: statusNow(claims.get(component.id) ?? [], now),
      showcase: component.showcase === 1,
      onlyShowIfDegraded: component.only_show_if_degraded === 1,
      startDate: component.start_date,
    })),
    open,
    incidents: await incidentsFor(tx, wants.incidents, open, all),
    maintenances: await maintenancesFor(tx, wants.maintenances, all),
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
  const open = await assembleIncidents(tx, await listOpenMaintenance(tx), components);
  if (wanted === 'active') return open.filter((one) => one.status !== 'scheduled');
  if (wanted === 'upcoming') return open.filter((one) => one.status === 'scheduled');
  return open;
}
