import type { AnyStatus, ComponentStatus, IncidentKind } from '#domain/status.ts';

/** The short name of a status's hue and shape, as the stylesheet and the sprite know it. */
export const HUE: Record<ComponentStatus, string> = {
  operational: 'ok',
  under_maintenance: 'mt',
  degraded_performance: 'dg',
  partial_outage: 'po',
  major_outage: 'mo',
};

/** How far along an incident is, as a hue: the word beside it says the same. */
export const PROGRESS_HUE: Record<AnyStatus, string> = {
  investigating: 'mo',
  identified: 'po',
  monitoring: 'mt',
  resolved: 'ok',
  postmortem: 'ok',
  scheduled: 'mt',
  in_progress: 'mt',
  verifying: 'mt',
  completed: 'ok',
};

/** Where it has its own page. */
export function hrefOf(incident: { kind: IncidentKind; id: string }): string {
  return `/${incident.kind === 'maintenance' ? 'maintenance' : 'incidents'}/${incident.id}`;
}
