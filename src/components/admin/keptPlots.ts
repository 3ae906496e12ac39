import { type KeptSum, type KeptWord, owedFirst } from '#domain/keptWord.ts';
import { SEVERITIES, type Severity } from '#domain/severity.ts';

/** Drawings are as wide as their place (x in per cent) and as high as they say (y in pixels), so that their text keeps its size. */
export type MonthBar = {
  month: string;
  sum: KeptSum;
  x: string;
  middle: string;
  width: string;
  /** Null where there is nothing to draw. */
  onTime: { y: number; height: number } | null;
  late: { y: number; height: number } | null;
  /** Where the figure above the bar stands. */
  top: number;
  /** Not every month has room for its name. */
  named: boolean;
};

const MOST_NAMES = 12;

/** A bar a month, as high as the updates that were due in it; those on time at the foot, those late above them. */
export function monthBars(months: readonly { month: string; sum: KeptSum }[], height: number): MonthBar[] {
  const most = Math.max(1, ...months.map(({ sum }) => sum.counted));
  const step = 100 / Math.max(1, months.length);
  const everyNth = Math.ceil(months.length / MOST_NAMES);
  return months.map(({ month, sum }, index) => {
    const whole = (sum.counted / most) * height;
    const kept = (sum.onTime / most) * height;
    return {
      month,
      sum,
      x: percent(index * step + step * 0.2),
      middle: percent(index * step + step * 0.5),
      width: percent(step * 0.6),
      onTime: sum.onTime ? { y: round(height - kept), height: round(kept) } : null,
      late: sum.counted > sum.onTime ? { y: round(height - whole), height: round(whole - kept) } : null,
      top: round(height - whole),
      named: (months.length - 1 - index) % everyNth === 0,
    };
  });
}

export type FirstDot = { id: string; title: string; x: string; y: number; late: boolean; beyond: boolean };
export type FirstRow = { severity: Severity; y: number; dots: FirstDot[] };

/** Times the allowed time that fit on the drawing; what took longer stands at its edge. */
export const MOST_TIMES = 3;
const ROW = 34;

/**
 * A row a severity, a dot an incident: how long its first update took as a share of what the policy allows, so that severities with
 * different times share one scale. Where no first update was owed there is no dot.
 */
export function firstRows(
  incidents: readonly {
    id: string;
    title: string;
    severity: Severity;
    firstAllowedMs: number | null;
    kept: KeptWord;
  }[],
): FirstRow[] {
  const drawn = incidents.flatMap(({ id, title, severity, firstAllowedMs, kept }) =>
    firstAllowedMs && kept.firstTookMs !== null && owedFirst(kept)
      ? [{ id, title, severity, times: kept.firstTookMs / firstAllowedMs, late: isLate(kept) }]
      : [],
  );
  return SEVERITIES.filter((severity) => drawn.some((one) => one.severity === severity)).map(
    (severity, row) => {
      const y = row * ROW + ROW / 2;
      return {
        severity,
        y,
        dots: drawn
          .filter((one) => one.severity === severity)
          .map(({ id, title, times, late }, index) => ({
            id,
            title,
            x: percent((Math.min(times, MOST_TIMES) / MOST_TIMES) * 100),
            // Dots of the same time are laid beside one another.
            y: y + ((index % 3) - 1) * 7,
            late,
            beyond: times > MOST_TIMES,
          })),
      };
    },
  );
}

export function rowsHeight(rows: readonly FirstRow[]): number {
  return rows.length * ROW;
}

function isLate({ words }: KeptWord): boolean {
  return words.some(({ isFirst, verdict }) => isFirst && verdict !== 'on_time');
}

function percent(value: number): string {
  return `${round(value)}%`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
