/**
 * The words for how things are: component statuses, incident and maintenance statuses, impacts.
 * The values are those of the Statuspage v2 API; the labels are what people read.
 */

export const COMPONENT_STATUSES = [
  'operational',
  'under_maintenance',
  'degraded_performance',
  'partial_outage',
  'major_outage',
] as const;
/** Ordered from best to worst: the worst open claim is the one that shows. */
export type ComponentStatus = (typeof COMPONENT_STATUSES)[number];

export const COMPONENT_STATUS_LABELS: Record<ComponentStatus, string> = {
  operational: 'Operational',
  under_maintenance: 'Maintenance',
  degraded_performance: 'Degraded',
  partial_outage: 'Partial outage',
  major_outage: 'Major outage',
};

export function isComponentStatus(value: unknown): value is ComponentStatus {
  return COMPONENT_STATUSES.includes(value as ComponentStatus);
}

export function worstStatus(statuses: Iterable<ComponentStatus>): ComponentStatus {
  let worst: ComponentStatus = 'operational';
  for (const status of statuses) if (statusRank(status) > statusRank(worst)) worst = status;
  return worst;
}

/** 0 for operational, rising as things get worse. */
export function statusRank(status: ComponentStatus): number {
  return COMPONENT_STATUSES.indexOf(status);
}

export const INCIDENT_STATUSES = [
  'investigating',
  'identified',
  'monitoring',
  'resolved',
  'postmortem',
] as const;
export const MAINTENANCE_STATUSES = ['scheduled', 'in_progress', 'verifying', 'completed'] as const;
export type IncidentStatus = (typeof INCIDENT_STATUSES)[number];
export type MaintenanceStatus = (typeof MAINTENANCE_STATUSES)[number];
/** The status of an incident of either kind. */
export type AnyStatus = IncidentStatus | MaintenanceStatus;
export type IncidentKind = 'incident' | 'maintenance';

export const STATUS_LABELS: Record<AnyStatus, string> = {
  investigating: 'Investigating',
  identified: 'Identified',
  monitoring: 'Monitoring',
  resolved: 'Resolved',
  postmortem: 'Postmortem',
  scheduled: 'Scheduled',
  in_progress: 'In progress',
  verifying: 'Verifying',
  completed: 'Completed',
};

export function isOver(status: AnyStatus): boolean {
  return status === 'resolved' || status === 'postmortem' || status === 'completed';
}

export const IMPACTS = ['none', 'minor', 'major', 'critical', 'maintenance'] as const;
export type Impact = (typeof IMPACTS)[number];

const NEXT: Record<AnyStatus, readonly AnyStatus[]> = {
  investigating: ['investigating', 'identified', 'monitoring', 'resolved'],
  identified: ['identified', 'investigating', 'monitoring', 'resolved'],
  monitoring: ['monitoring', 'investigating', 'identified', 'resolved'],
  resolved: ['resolved', 'investigating', 'identified', 'monitoring', 'postmortem'],
  postmortem: ['postmortem'],
  scheduled: ['scheduled', 'in_progress', 'completed'],
  in_progress: ['in_progress', 'verifying', 'completed'],
  verifying: ['verifying', 'in_progress', 'completed'],
  completed: ['completed'],
};

/**
 * The statuses that an update may give an incident that now has `current`, the likeliest (no change) first.
 * From `resolved`, going back to an open status is a reopening.
 */
export function allowedNextStatuses(current: AnyStatus): readonly AnyStatus[] {
  return NEXT[current];
}
