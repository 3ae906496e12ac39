import type { ApiComponent, ApiGroup, ApiSnapshot } from '#domain/apiSnapshot.ts';
import { type PublicIncident, type PublicUpdate, pathOf } from '#domain/publicIncident.ts';
import { type ComponentStatus, type Impact, worstStatus } from '#domain/status.ts';
import { titleWithScope } from '#domain/title.ts';
import { plainUpdate } from './updateFacts.ts';

/**
 * Statuspage's public API v2, field by field: every field present, instants in ISO 8601 with milliseconds and `Z`, lists newest
 * first. A component's `group_id` never dangles; an incident always has at least one update.
 */
export function summaryJson(snapshot: ApiSnapshot) {
  return {
    ...statusJson(snapshot),
    components: componentsOf(snapshot),
    incidents: incidentsOf(snapshot, snapshot.incidents),
    scheduled_maintenances: incidentsOf(snapshot, snapshot.maintenances),
  };
}

export function statusJson(snapshot: ApiSnapshot) {
  return { page: pageOf(snapshot), status: rollup(snapshot) };
}

export function componentsJson(snapshot: ApiSnapshot) {
  return { page: pageOf(snapshot), components: componentsOf(snapshot) };
}

export function incidentsJson(snapshot: ApiSnapshot) {
  return { page: pageOf(snapshot), incidents: incidentsOf(snapshot, snapshot.incidents) };
}

export function maintenancesJson(snapshot: ApiSnapshot) {
  return { page: pageOf(snapshot), scheduled_maintenances: incidentsOf(snapshot, snapshot.maintenances) };
}

function pageOf({ page }: ApiSnapshot) {
  return {
    id: page.id,
    name: page.name,
    url: page.url,
    time_zone: page.timeZone,
    updated_at: page.updatedAt,
  };
}

type Indicator = 'none' | 'minor' | 'major' | 'critical';
const INDICATORS: readonly Indicator[] = ['none', 'minor', 'major', 'critical'];
const DESCRIPTIONS: Record<Indicator, string> = {
  none: 'All Systems Operational',
  minor: 'Partially Degraded Service',
  major: 'Partial System Outage',
  critical: 'Major System Outage',
};
const INDICATOR_OF_STATUS: Record<ComponentStatus, Indicator> = {
  operational: 'none',
  under_maintenance: 'none',
  degraded_performance: 'minor',
  partial_outage: 'major',
  major_outage: 'critical',
};

/**
 * The worse of what components and open incidents say. Never `maintenance`: clients exist that reject any indicator but these four,
 * so under maintenance alone it is `none` and the description says so.
 */
export function rollup({ components, open }: ApiSnapshot): { indicator: Indicator; description: string } {
  const worst = worstStatus(components.map((component) => component.status));
  const indicator = [
    INDICATOR_OF_STATUS[worst],
    ...open.map(({ impact }) => indicatorOfImpact(impact)),
  ].reduce((a, b) => (INDICATORS.indexOf(b) > INDICATORS.indexOf(a) ? b : a));
  if (indicator === 'none' && worst === 'under_maintenance')
    return { indicator, description: 'Service Under Maintenance' };
  return { indicator, description: DESCRIPTIONS[indicator] };
}

function indicatorOfImpact(impact: Impact): Indicator {
  return impact === 'maintenance' ? 'none' : impact;
}

/** `/incidents/ID.json`: the incident's own fields, with the envelope beside them. */
export function incidentJson(snapshot: ApiSnapshot, incident: PublicIncident) {
  return { page: pageOf(snapshot), ...incidentOf(snapshot, incident, componentsById(snapshot)) };
}

/** Groups and components in one list, as the dialect has it: a group is a component that lists its members. */
function componentsOf(snapshot: ApiSnapshot) {
  const members = Map.groupBy(snapshot.components, (component) => component.groupId);
  return [
    ...snapshot.components.map((component) => ({
      ...componentOf(snapshot, component, component.status),
      showcase: component.showcase,
      start_date: component.startDate,
      group_id: groupIdOf(snapshot, component),
      group: false,
      only_show_if_degraded: component.onlyShowIfDegraded,
    })),
    ...snapshot.groups.map((group) => {
      const own = members.get(group.id) ?? [];
      return {
        ...componentOf(snapshot, group, worstStatus(own.map((component) => component.status))),
        showcase: false,
        start_date: null,
        group_id: null,
        group: true,
        only_show_if_degraded: false,
        components: own.map((component) => component.id),
      };
    }),
  ];
}

export function componentOf({ page }: ApiSnapshot, component: ApiGroup, status: ComponentStatus) {
  return {
    id: component.id,
    name: component.name,
    status,
    created_at: component.createdAt,
    updated_at: component.updatedAt,
    position: component.position,
    description: component.description,
    page_id: page.id,
  };
}

function incidentsOf(snapshot: ApiSnapshot, incidents: readonly PublicIncident[]) {
  const byId = componentsById(snapshot);
  return incidents.map((incident) => incidentOf(snapshot, incident, byId));
}

/** Archived ones too: an incident goes on naming what it touched. */
export function componentsById(snapshot: ApiSnapshot): ReadonlyMap<string, ApiComponent> {
  return new Map([...snapshot.components, ...snapshot.archived].map((one) => [one.id, one]));
}

export function incidentOf(
  snapshot: ApiSnapshot,
  incident: PublicIncident,
  components: ReadonlyMap<string, ApiComponent>,
) {
  const { page } = snapshot;
  const updates = withUntold(incident, incident.updates.length ? incident.updates : [onlyUpdate(incident)]);
  return {
    id: incident.id,
    name: titleWithScope(incident.title, incident.scope),
    status: incident.status,
    created_at: incident.createdAt,
    updated_at: incident.updatedAt,
    monitoring_at: incident.monitoringAt,
    resolved_at: incident.resolvedAt,
    impact: incident.impact,
    shortlink: incident.shortlink ?? page.url + pathOf(incident),
    started_at: incident.startedAt,
    page_id: page.id,
    incident_updates: updates.map((update) => updateOf(snapshot, incident, update)),
    components: incident.components.flatMap(({ id }) => {
      const component = components.get(id);
      return component ? [memberOf(snapshot, component)] : [];
    }),
    ...(incident.kind === 'maintenance'
      ? { scheduled_for: incident.scheduledFor, scheduled_until: incident.scheduledUntil }
      : { next_update_by: incident.nextUpdateDue }),
    // This and next_update_by are ours: clients of the dialect pass over what they do not know.
    scope: incident.scope,
  };
}

function memberOf(snapshot: ApiSnapshot, component: ApiComponent) {
  return {
    ...componentOf(snapshot, component, component.status),
    showcase: component.showcase,
    start_date: component.startDate,
    group_id: groupIdOf(snapshot, component),
    group: false,
    only_show_if_degraded: component.onlyShowIfDegraded,
  };
}

/** Never one that is not listed as a group: a group in which nothing stands any more is not. */
function groupIdOf({ groups }: ApiSnapshot, { groupId }: ApiComponent): string | null {
  return groups.some((group) => group.id === groupId) ? groupId : null;
}

/**
 * What the incident said of components before any update named them (what was declared inside, an import that only listed them) is
 * told by the first update from then on: who reads the updates alone misses nothing. What was so from the start is told as
 * unchanged by the update.
 */
function withUntold(incident: PublicIncident, updates: readonly PublicUpdate[]): readonly PublicUpdate[] {
  if (incident.status === 'scheduled') return updates;
  const added = new Map<PublicUpdate, PublicUpdate['changes']>();
  for (const { id, name, began } of incident.components) {
    const told = updates.findLast((update) => update.changes.some(({ code }) => code === id));
    if (began.status === 'operational' || (told && told.postedAt <= began.at)) continue;
    const update = updates.findLast(({ postedAt }) => postedAt >= began.at) ?? (updates[0] as PublicUpdate);
    if (update === told) continue;
    const before = began.at <= incident.startedAt ? began.status : ('operational' as const);
    const change = { code: id, name, old_status: before, new_status: began.status };
    added.set(update, [...(added.get(update) ?? []), change]);
  }
  return updates.map((update) => {
    const changes = added.get(update);
    return changes ? { ...update, changes: [...changes, ...update.changes] } : update;
  });
}

function updateOf({ page }: ApiSnapshot, incident: PublicIncident, update: PublicUpdate) {
  return {
    id: update.id,
    status: update.status,
    body: bodyOf(update, page.timeZone),
    incident_id: incident.id,
    created_at: update.createdAt,
    updated_at: update.updatedAt,
    display_at: update.postedAt,
    affected_components: update.changes.length ? update.changes : null,
    deliver_notifications: update.notified,
    custom_tweet: null,
    tweet_id: null,
  };
}

/** Plain text with \r\n; what the update says beside its text follows as lines, since the dialect has no fields for it. */
function bodyOf(update: PublicUpdate, zone: string): string {
  return plainUpdate(update, zone).replace(/\n/g, '\r\n');
}

/** Stands in where nothing public was written, so that a client that reads the newest update finds one. */
function onlyUpdate(incident: PublicIncident): PublicUpdate {
  return {
    id: incident.id,
    status: incident.status,
    kind: 'initial',
    body: incident.title,
    scope: null,
    affected: null,
    workaround: null,
    estimate: null,
    nextUpdateBy: null,
    postedAt: incident.startedAt,
    createdAt: incident.createdAt,
    updatedAt: incident.updatedAt,
    editedAt: null,
    changes: [],
    notified: false,
  };
}
