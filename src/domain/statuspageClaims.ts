import type { AnyStatus, ComponentStatus } from './status.ts';
import { statusRank } from './status.ts';
import type { Instant } from './time.ts';

/** A component's status as one incident has it, from `startsAt` until `endsAt` (null: still). */
export type TidyClaim = {
  componentId: string;
  status: ComponentStatus;
  startsAt: Instant;
  endsAt: Instant | null;
};

export type StatusChange = {
  at: Instant;
  componentId: string;
  oldStatus: ComponentStatus | null;
  newStatus: ComponentStatus;
};

type Span = { startedAt: Instant; endedAt: Instant | null };

/**
 * What an incident did to components, from the changes that its updates tell of: each new status holds until the next one or
 * the end. A component that was only ever operational keeps one operational claim: it counts for nothing in the uptime, but the
 * incident still names it.
 * @param changes in the order of the updates
 */
export function claimsFromChanges(changes: readonly StatusChange[], span: Span): TidyClaim[] {
  const byComponent = Map.groupBy(changes, (change) => change.componentId);
  return [...byComponent].flatMap(([componentId, own]) => claimsOfOne(componentId, own, span));
}

function claimsOfOne(componentId: string, changes: readonly StatusChange[], span: Span): TidyClaim[] {
  const claims: TidyClaim[] = [];
  const first = changes[0]!;
  // Bad before the first change was written down, and unchanged by it: it was so from the start.
  const early = first.oldStatus === first.newStatus && first.at > span.startedAt;
  for (const [index, change] of changes.entries()) {
    const startsAt = index === 0 && early ? span.startedAt : change.at;
    const endsAt = earlier(changes[index + 1]?.at ?? null, span.endedAt);
    if (change.newStatus === 'operational' || (endsAt !== null && startsAt >= endsAt)) continue;
    const last = claims.at(-1);
    if (last && last.status === change.newStatus && last.endsAt === startsAt) last.endsAt = endsAt;
    else claims.push({ componentId, status: change.newStatus, startsAt, endsAt });
  }
  return claims.length ? claims : [mention(componentId, span)];
}

/** What older incidents tell: one status for the whole of their time. */
export function claimsFromList(
  entries: readonly { componentId: string; status: ComponentStatus | null }[],
  span: Span,
): TidyClaim[] {
  const worst = new Map<string, ComponentStatus>();
  for (const { componentId, status } of entries) {
    const before = worst.get(componentId) ?? 'operational';
    worst.set(componentId, status && statusRank(status) > statusRank(before) ? status : before);
  }
  return [...worst].map(([componentId, status]) => ({
    componentId,
    status,
    startsAt: span.startedAt,
    endsAt: span.endedAt,
  }));
}

function mention(componentId: string, span: Span): TidyClaim {
  return { componentId, status: 'operational', startsAt: span.startedAt, endsAt: span.endedAt };
}

function earlier(a: Instant | null, b: Instant | null): Instant | null {
  return a === null ? b : b === null ? a : a < b ? a : b;
}

/** The same stage in a maintenance's words. */
export function asMaintenanceStatus(status: AnyStatus): AnyStatus {
  if (status === 'investigating' || status === 'identified') return 'in_progress';
  if (status === 'monitoring') return 'verifying';
  if (status === 'resolved' || status === 'postmortem') return 'completed';
  return status;
}
