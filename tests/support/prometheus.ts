/** A family of the text format: what its samples mean, and each with its labels. */
export type Family = {
  name: string;
  type: string;
  help: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
};

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/;
const TYPES = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];

/**
 * Reads the Prometheus text format 0.0.4 as strictly as its description: one HELP and one TYPE a family, before its samples; the samples of a
 * family in one group; no two with the same labels; the last line ended.
 * @throws at the first line that is not of the format
 */
export function readPrometheus(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('The last line is not ended.');
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let current: Family | null = null;
  for (const line of text.slice(0, -1).split('\n')) {
    if (line.trim() === '') continue;
    const comment = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line);
    if (comment) {
      const [, kind, name = '', rest = ''] = comment;
      if (!NAME.test(name)) throw new Error(`No name of a metric: ${line}`);
      if (kind === 'HELP') {
        if (families.has(name)) throw new Error(`A second time: ${line}`);
        current = { name, type: 'untyped', help: rest, samples: [] };
        families.set(name, current);
      } else {
        if (current?.name !== name || current.samples.length) throw new Error(`Out of its place: ${line}`);
        if (!TYPES.includes(rest)) throw new Error(`No type: ${line}`);
        current.type = rest;
      }
      continue;
    }
    if (line.startsWith('#')) continue;
    const sample = SAMPLE.exec(line);
    if (!sample) throw new Error(`No sample: ${line}`);
    const [, name = '', labelText = '', valueText = ''] = sample;
    if (!current || !belongs(name, current)) throw new Error(`Outside its family: ${line}`);
    const labels = readLabels(labelText, line);
    const key = `${name} ${JSON.stringify(Object.entries(labels).sort())}`;
    if (seen.has(key)) throw new Error(`The same series twice: ${line}`);
    seen.add(key);
    current.samples.push({ name, labels, value: readValue(valueText, line) });
  }
  return families;
}

function belongs(name: string, { name: family, type }: Family): boolean {
  if (name === family) return true;
  const suffixes =
    { histogram: ['_bucket', '_sum', '_count'], summary: ['_sum', '_count'] }[type as 'histogram'] ?? [];
  return suffixes.some((suffix) => name === family + suffix);
}

function readLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest; ) {
    const found = LABEL.exec(rest);
    if (!found) throw new Error(`No labels: ${line}`);
    const [whole, name = '', value = ''] = found;
    if (name in labels) throw new Error(`A label twice: ${line}`);
    labels[name] = value.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
    rest = rest.slice(whole.length);
  }
  return labels;
}

function readValue(text: string, line: string): number {
  // Prometheus reads it in any case, and the library writes it in another (the loop's lag of a process that has only just begun).
  if (text.toLowerCase() === 'nan') return Number.NaN;
  if (/^[+-]?Inf$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity;
  const value = Number(text);
  if (Number.isNaN(value)) throw new Error(`No number: ${line}`);
  return value;
}
