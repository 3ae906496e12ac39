import type { ApiSnapshot } from '#domain/apiSnapshot.ts';
import type { PublicIncident, PublicUpdate } from '#domain/publicIncident.ts';
import { componentOf, componentsById, incidentOf, rollup } from './statuspage.ts';

/** What an incident has in a call, be it a maintenance or not. */
const INCIDENT_ALONE = { backfilled: false, scheduled_for: null, scheduled_until: null };

/** So many components' news follow an incident's; all of them stand in the incident's own `affected_components`. */
const MAX_COMPONENTS = 25;

/**
 * What webhooks are told of an update, in Statuspage's shape: one call with the incident (a maintenance is one too), then one for
 * each component whose status it changed. Receivers tell them apart by their keys. `meta` is the receiver's own and comes later.
 */
export function webhookCalls(
  snapshot: ApiSnapshot,
  incident: PublicIncident,
  update: PublicUpdate,
): Record<string, unknown>[] {
  const { indicator, description } = rollup(snapshot);
  const page = { id: snapshot.page.id, status_indicator: indicator, status_description: description };
  const changed = changesOf(incident, update);
  const listed = new Map(snapshot.components.map((component) => [component.id, component]));
  return [
    { page, incident: { ...INCIDENT_ALONE, ...incidentOf(snapshot, incident, componentsById(snapshot)) } },
    ...changed.slice(0, MAX_COMPONENTS).flatMap((change) => {
      const component = listed.get(change.code);
      // What is only planned, or what something worse covers, changes nothing that visitors see.
      if (!component || component.status === change.old_status) return [];
      return [
        {
          page,
          component: {
            ...componentOf(snapshot, component, component.status),
            showcase: component.showcase,
            group_id: component.groupId,
          },
          component_update: {
            id: `${update.id}-${component.id}`,
            component_id: component.id,
            old_status: change.old_status,
            new_status: component.status,
            created_at: update.postedAt,
            component_type: 'Component',
            state: 'sn_created',
          },
        },
      ];
    }),
  ];
}

/** What changed for who looks from outside: when it begins for them, all that was claimed before. */
function changesOf(incident: PublicIncident, update: PublicUpdate): PublicUpdate['changes'] {
  const said = update.changes.filter((change) => change.old_status !== change.new_status);
  if (!isBeginning(incident, update)) return said;
  const known = new Set(said.map((change) => change.code));
  const claimed = incident.components.filter(({ id, status }) => !known.has(id) && status !== 'operational');
  return [
    ...said,
    ...claimed.map(({ id, name, status }) => ({
      code: id,
      name,
      old_status: 'operational' as const,
      new_status: status,
    })),
  ];
}

/** The first public word; of a maintenance, that it has begun. */
function isBeginning({ updates }: PublicIncident, update: PublicUpdate): boolean {
  if (update.kind === 'initial') return true;
  return (
    update.status === 'in_progress' &&
    !updates.some(
      (one) => one.id !== update.id && one.status === 'in_progress' && one.postedAt <= update.postedAt,
    )
  );
}
