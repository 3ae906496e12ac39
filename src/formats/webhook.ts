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
 * The incident holds all its updates, so what was `missed` of them stands there; the components that those changed get their calls here.
 * `corrected`: words for a text that was wrong before. They begin that update's body, since the dialect has no field for them.
 */
export function webhookCalls(
  snapshot: ApiSnapshot,
  incident: PublicIncident,
  update: PublicUpdate,
  {
    missed = [],
    corrected = null,
    only = null,
  }: { missed?: readonly PublicUpdate[]; corrected?: string | null; only?: 'incident' | null } = {},
): Record<string, unknown>[] {
  const { indicator, description } = rollup(snapshot);
  const page = { id: snapshot.page.id, status_indicator: indicator, status_description: description };
  const changed = only ? [] : changesSince(incident, [update, ...missed]);
  const listed = new Map(snapshot.components.map((component) => [component.id, component]));
  const told = incidentOf(snapshot, incident, componentsById(snapshot));
  const incident_updates = told.incident_updates.map((one) =>
    corrected && one.id === update.id ? { ...one, body: `${corrected}\r\n\r\n${one.body}` } : one,
  );
  return [
    { page, incident: { ...INCIDENT_ALONE, ...told, incident_updates } },
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

/** From what a component was before the first of these updates to what it was after the last. The newest update comes first. */
function changesSince(incident: PublicIncident, updates: readonly PublicUpdate[]): PublicUpdate['changes'] {
  const changes = new Map<string, PublicUpdate['changes'][number]>();
  for (const change of updates.flatMap((update) => changesOf(incident, update))) {
    const newer = changes.get(change.code);
    changes.set(change.code, newer ? { ...newer, old_status: change.old_status } : change);
  }
  return [...changes.values()].filter((change) => change.old_status !== change.new_status);
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
