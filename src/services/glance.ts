import type { Ctx } from '#db/context.ts';
import { getPage } from '#db/page.ts';
import {
  listOpenIncidents,
  listOpenMaintenance,
  listPublicClaims,
  listPublicComponents,
  listPublicGroups,
} from '#db/publicPage.ts';
import { AppError } from '#domain/errors.ts';
import { type Glance, type GlanceMatter, type GlanceWords, glanceOf } from '#domain/glance.ts';
import { gravestFirst } from '#domain/headline.ts';
import type { PublicIncident } from '#domain/publicIncident.ts';
import { assembleIncidents } from './publicIncidents.ts';
import { frameOf, type PublicFrame, statusNow, timeOf } from './publicPage.ts';

/** How things are at a glance, in one snapshot. */
export type GlanceView = PublicFrame & { glance: Glance };

/**
 * @param id of a component or a group; null for the whole page
 * @param words what it is said in
 * @throws AppError not_found when visitors can see no such component or group
 */
export function getGlance(ctx: Ctx, id: string | null, words: GlanceWords): Promise<GlanceView> {
  return ctx.db.read(async (tx) => {
    const page = await getPage(tx);
    const now = timeOf(page, ctx);
    const all = await listPublicComponents(tx);
    const group = id === null ? null : (await listPublicGroups(tx)).find((one) => one.id === id);
    const own = all.filter(
      (one) => one.archived_at === null && (id === null || one.id === id || one.group_id === group?.id),
    );
    const [first] = own;
    if (id !== null && (!first || (group === undefined && first.id !== id)))
      throw new AppError('not_found', 'There is no component or group with that id.', {
        fix: 'Copy the code again from “On your own pages” in the admin.',
      });
    const claims = Map.groupBy(await listPublicClaims(tx, now), (claim) => claim.component_id);
    const open = await assembleIncidents(tx, await listOpenIncidents(tx), all);
    const maintenance = await assembleIncidents(tx, await listOpenMaintenance(tx), all);
    const components = own
      .map((one) => ({
        id: one.id,
        name: one.name,
        status: statusNow(claims.get(one.id) ?? [], now),
        hides: one.only_show_if_degraded === 1,
      }))
      .filter(({ hides, status }) => id !== null || !hides || status !== 'operational');
    const kind = id === null ? 'page' : group ? 'group' : 'component';
    const name = kind === 'page' ? page.name : (group?.name ?? first?.name ?? '');
    return {
      ...frameOf(page, now),
      glance: glanceOf(
        { kind, id, name },
        components,
        [
          ...open.sort(gravestFirst).map(toMatter),
          ...maintenance.filter(({ status }) => status !== 'scheduled').map(toMatter),
        ],
        now,
        words,
      ),
    };
  });
}

function toMatter(incident: PublicIncident): GlanceMatter {
  return {
    ...incident,
    workaround: incident.updates.find((update) => update.workaround)?.workaround ?? null,
    lastUpdateAt: incident.updates[0]?.postedAt ?? null,
    touches: incident.components.map(({ id }) => id),
  };
}
