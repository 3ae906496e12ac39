import { impactOf, type Severity } from './severity.ts';
import { type AnyStatus, type ComponentStatus, type Impact, type IncidentKind, isOver } from './status.ts';
import type { Instant } from './time.ts';

/** An incident or maintenance as everyone may see it. */
export type PublicIncident = {
  id: string;
  kind: IncidentKind;
  title: string;
  scope: string | null;
  severity: Severity;
  impact: Impact;
  status: AnyStatus;
  startedAt: Instant;
  identifiedAt: Instant | null;
  monitoringAt: Instant | null;
  resolvedAt: Instant | null;
  scheduledFor: Instant | null;
  scheduledUntil: Instant | null;
  /** When the next public update is promised; null when none is, as with an imported incident. */
  nextUpdateDue: Instant | null;
  shortlink: string | null;
  createdAt: Instant;
  updatedAt: Instant;
  /** Newest first. */
  updates: PublicUpdate[];
  /** What it affects or affected, worst first. */
  components: AffectedComponent[];
};

export type PublicUpdate = {
  id: string;
  status: AnyStatus;
  kind: string;
  body: string;
  scope: string | null;
  affected: string | null;
  workaround: string | null;
  estimate: string | null;
  nextUpdateBy: Instant | null;
  postedAt: Instant;
  createdAt: Instant;
  updatedAt: Instant;
  editedAt: Instant | null;
  changes: { code: string; name: string; old_status: ComponentStatus; new_status: ComponentStatus }[];
  notified: boolean;
};

export type AffectedComponent = {
  id: string;
  name: string;
  /** What the incident says of it now; once it says nothing more, the worst that it said. */
  status: ComponentStatus;
  /** What the incident said of it first, and since when. */
  began: { status: ComponentStatus; at: Instant };
  /** False when the component has been archived since: it has no page. */
  listed: boolean;
};

/** Planned work that ended before its time without ever having begun. */
export function isCalledOff(
  incident: Pick<PublicIncident, 'kind' | 'status' | 'resolvedAt' | 'scheduledFor'> & {
    /** What was said of it in public. */
    updates: readonly { status: AnyStatus }[];
  },
): boolean {
  const { kind, status, resolvedAt, scheduledFor, updates } = incident;
  return (
    kind === 'maintenance' &&
    isOver(status) &&
    resolvedAt !== null &&
    scheduledFor !== null &&
    resolvedAt <= scheduledFor &&
    !updates.some((update) => update.status === 'in_progress' || update.status === 'verifying')
  );
}

/** By which moment it stands in the history: when it started; what was called off before that, when it was. */
export function filedAt({
  startedAt,
  resolvedAt,
}: Pick<PublicIncident, 'startedAt' | 'resolvedAt'>): Instant {
  return resolvedAt !== null && resolvedAt < startedAt ? resolvedAt : startedAt;
}

/** Where it has its own page. */
export function pathOf({ kind, id }: { kind: IncidentKind; id: string }): string {
  return `/${kind === 'maintenance' ? 'maintenance' : 'incidents'}/${id}`;
}

/** What the public is told of how bad it is: the override, else what the severity stands for. */
export function publicImpact(incident: {
  kind: IncidentKind;
  severity: Severity;
  impactOverride: Impact | null;
}): Impact {
  return (
    incident.impactOverride ?? (incident.kind === 'maintenance' ? 'maintenance' : impactOf(incident.severity))
  );
}

export const IMPACT_LABELS: Record<Impact, string> = {
  none: 'No impact',
  minor: 'Minor',
  major: 'Major',
  critical: 'Critical',
  maintenance: 'Maintenance',
};

/** How an impact looks, where no component says it better. */
export const STATUS_OF_IMPACT: Record<Impact, ComponentStatus> = {
  none: 'operational',
  maintenance: 'under_maintenance',
  minor: 'degraded_performance',
  major: 'partial_outage',
  critical: 'major_outage',
};
