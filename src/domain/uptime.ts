import { COMPONENT_STATUSES, type ComponentStatus, statusRank } from './status.ts';
import type { Instant } from './time.ts';

/** One word on a component's status over a time; open when `endsAt` is null. Spans of one component may overlap. */
export type Span = { status: ComponentStatus; startsAt: Instant; endsAt: Instant | null };

/** A time, in milliseconds since 1970, over which one status was the worst. */
export type Stretch = { status: ComponentStatus; from: number; to: number };

export type Uptime = {
  /** 0 to 1. */
  ratio: number;
  /** Milliseconds: the recorded life within the window, and what of it was down. */
  recorded: number;
  major: number;
  partial: number;
};

/**
 * Uptime = (T - (major + weight * partial)) / T, where T is the component's recorded life within the window. Where spans overlap
 * the worst counts, once. Degraded performance and maintenance are not down.
 * @returns null when nothing of the window was recorded
 */
export function uptimeOf(
  spans: readonly Span[],
  window: { from: number; to: number },
  bornAt: number,
  weight: number,
): Uptime | null {
  const from = Math.max(window.from, bornAt);
  const recorded = window.to - from;
  if (recorded <= 0) return null;
  let major = 0;
  let partial = 0;
  for (const stretch of worstStretches(spans, from, window.to)) {
    if (stretch.status === 'major_outage') major += stretch.to - stretch.from;
    if (stretch.status === 'partial_outage') partial += stretch.to - stretch.from;
  }
  return { ratio: (recorded - (major + weight * partial)) / recorded, recorded, major, partial };
}

/** The spans laid over one another between `from` and `to`: in time order, without overlap, the worst at each moment; good times are left out. */
export function worstStretches(spans: readonly Span[], from: number, to: number): Stretch[] {
  const edges: { at: number; rank: number; step: 1 | -1 }[] = [];
  for (const span of spans) {
    const start = Math.max(from, Date.parse(span.startsAt));
    const end = Math.min(to, span.endsAt === null ? to : Date.parse(span.endsAt));
    const rank = statusRank(span.status);
    if (rank === 0 || end <= start) continue;
    edges.push({ at: start, rank, step: 1 }, { at: end, rank, step: -1 });
  }
  edges.sort((a, b) => a.at - b.at);

  const open = COMPONENT_STATUSES.map(() => 0);
  const stretches: Stretch[] = [];
  let since = from;
  for (const edge of edges) {
    const worst = open.findLastIndex((count) => count > 0);
    if (worst > 0) extend(stretches, COMPONENT_STATUSES[worst] as ComponentStatus, since, edge.at);
    open[edge.rank] = (open[edge.rank] as number) + edge.step;
    since = edge.at;
  }
  return stretches;
}

function extend(stretches: Stretch[], status: ComponentStatus, from: number, to: number): void {
  if (to <= from) return;
  const last = stretches.at(-1);
  if (last && last.status === status && last.to === from) last.to = to;
  else stretches.push({ status, from, to });
}

/** 99.97 of 0.9997. Rounded down, so that only a component that was never down reads 100. */
export function percentOf(ratio: number): number {
  if (ratio >= 1) return 100;
  // Twelve digits first: 0.9997 * 10,000 is 9996.999… in binary.
  return Math.floor(Number((Math.max(0, ratio) * 10_000).toFixed(6))) / 100;
}
