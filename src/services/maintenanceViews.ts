import type { Ctx } from '#db/context.ts';
import { findIncident } from '#db/incidents.ts';
import { findOwner, findPlan, listHolding, listPlannedFor } from '#db/maintenance.ts';
import { findSeriesBySeq } from '#db/maintenanceSeries.ts';
import type { WindowOf } from '#domain/maintenance.ts';
import { requirePermission } from '#domain/permissions.ts';
import type { Instant } from '#domain/time.ts';
import type { Holding } from './maintenanceWords.ts';

/** Other work on the same components at the same time. */
export type Overlap = {
  id: string;
  title: string;
  from: Instant;
  until: Instant;
  /** Which components both touch, by name. */
  components: string[];
};

export type Keeping = {
  byItself: boolean;
  tells: boolean;
  /** Who is asked about it; null: whoever is on duty. */
  owner: string | null;
  /** What keeps it from ending by itself. */
  holding: Holding[];
  series: { id: string; title: string; ended: boolean } | null;
};

/** How the clock keeps a maintenance; null of what was imported and is minded elsewhere. */
export async function getKeeping(ctx: Ctx, id: string): Promise<Keeping | null> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read(async (tx) => {
    const incident = await findIncident(tx, id, ctx.actor);
    const plan = incident && (await findPlan(tx, incident.seq));
    if (!incident || !plan) return null;
    const series = plan.seriesSeq === null ? null : await findSeriesBySeq(tx, plan.seriesSeq);
    return {
      byItself: plan.byItself,
      tells: plan.tells,
      owner: (await findOwner(tx, plan.ownerId))?.name ?? null,
      holding: (await listHolding(tx, [incident.seq])).get(incident.seq) ?? [],
      series: series && { id: series.id, title: series.title, ended: series.endedAt !== null },
    };
  });
}

/** Planned and running work that would be on one of these components within one of these windows. */
export async function listOverlaps(
  ctx: Ctx,
  { windows, components }: { windows: readonly WindowOf[]; components: readonly string[] },
): Promise<Overlap[]> {
  requirePermission(ctx.actor, 'incident.read');
  const planned = await ctx.db.read(listPlannedFor);
  return within(planned, windows, components);
}

/** What a maintenance would overlap in a new window that it does not overlap where it is. */
export async function listNewOverlaps(
  ctx: Ctx,
  { maintenanceId, ...window }: WindowOf & { maintenanceId: string },
): Promise<Overlap[]> {
  requirePermission(ctx.actor, 'incident.read');
  const planned = await ctx.db.read(listPlannedFor);
  const own = planned.find(({ id }) => id === maintenanceId);
  if (!own) return [];
  const others = planned.filter((one) => one !== own && !isAtOnce(one, own));
  return within(
    others,
    [window],
    own.components.map(({ id }) => id),
  );
}

type Planned = Awaited<ReturnType<typeof listPlannedFor>>[number];

function within(
  planned: readonly Planned[],
  windows: readonly WindowOf[],
  wanted: readonly string[],
): Overlap[] {
  return planned
    .filter((one) => windows.some((window) => isAtOnce(one, window)))
    .flatMap(({ components, ...one }) => {
      const shared = components.filter(({ id }) => wanted.includes(id)).map(({ name }) => name);
      return shared.length ? [{ ...one, components: shared }] : [];
    });
}

function isAtOnce(a: WindowOf, b: WindowOf): boolean {
  return a.from < b.until && b.from < a.until;
}

/** Of each open maintenance, by its id, what else is planned for its components at the same time. */
export async function listAllOverlaps(ctx: Ctx): Promise<Map<string, Overlap[]>> {
  requirePermission(ctx.actor, 'incident.read');
  const planned = await ctx.db.read(listPlannedFor);
  return new Map(
    planned.map((own) => [
      own.id,
      within(
        planned.filter((one) => one !== own),
        [own],
        own.components.map(({ id }) => id),
      ),
    ]),
  );
}
