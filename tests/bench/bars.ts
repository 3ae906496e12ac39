/** One measured figure and the bar that it has to pass. */
export type Figure = {
  name: string;
  value: number;
  unit: string;
  bar: { most: number } | { least: number } | null;
};

export function passes({ value, bar }: Figure): boolean {
  if (!bar) return true;
  return 'most' in bar ? value <= bar.most : value >= bar.least;
}

export function lineOf(figure: Figure): string {
  const { name, value, unit, bar } = figure;
  const shown = Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(3);
  const wanted = bar && ('most' in bar ? `at most ${bar.most}` : `at least ${bar.least}`);
  const verdict = wanted ? `   ${wanted}: ${passes(figure) ? 'kept' : 'MISSED'}` : '';
  return `${name.padEnd(64)} ${shown.padStart(10)} ${unit.padEnd(8)}${verdict}`;
}

/** The value that this share of all values does not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
