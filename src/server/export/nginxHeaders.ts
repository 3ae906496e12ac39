import type { Answer } from '../answer.ts';

export type Spoken = { file: string; headers: Answer['headers'] };

/** What nginx sets itself from the file, or what belongs to one answer alone. */
const NOT_SAID = new Set([
  'content-type',
  'content-length',
  'content-encoding',
  'etag',
  'vary',
  'retry-after',
  'x-request-id',
]);

/**
 * What nginx is to say of each file, as the live server does: `maps` from file to header, for its http block, and `headers`, which sends them,
 * for each location. They go by the kind of a file (its folder and ending), so they hold for what is published later too, and change only
 * when the site itself was built anew.
 * @param unknownPolicy for pages of a kind that there is none of yet
 * @throws for a value that nginx would read as something else
 */
export function nginxHeaders(
  spoken: readonly Spoken[],
  unknownPolicy: string,
): { maps: string; headers: string } {
  const names = [...new Set(spoken.flatMap(({ headers }) => headers.map(([name]) => name)))]
    .filter((name) => !NOT_SAID.has(name))
    .sort();
  const maps = names.map((name) => {
    const known = spoken.map(({ file, headers }) => ({
      file,
      value: headers.find(([own]) => own === name)?.[1] ?? '',
    }));
    const rest: Record<string, string> = name === 'content-security-policy' ? { html: unknownPolicy } : {};
    return `map $uri ${variable(name)} {\n${linesFor(known, rest).join('')}}\n`;
  });
  const headers = names.map((name) => `add_header ${name} ${variable(name)} always;\n`);
  return {
    maps: `# What the site says of each kind of file. Written with the export: reload nginx when it changes.\n${maps.join('')}`,
    // As the live site, by ETag alone.
    headers: `${headers.join('')}add_header last-modified "";\n`,
  };
}

type Known = { file: string; value: string };

/** nginx takes the first expression that fits. Names of files are expressions too: its table of plain ones has no room for long names. */
function linesFor(known: readonly Known[], rest: Record<string, string>): string[] {
  const exact: string[] = [];
  const kinds = [...Map.groupBy(known, ({ file }) => kindOf(file))].map(([kind, own]) => {
    const usual = mostCommon(own.map(({ value }) => value));
    for (const { file, value } of own) if (value !== usual) exact.push(line(`~^/${literal(file)}$`, value));
    return line(`~^${kind}$`, usual);
  });
  const endings = [...Map.groupBy(known, ({ file }) => endingOf(file))].map(([ending, own]) =>
    line(`~\\.${ending}$`, rest[ending] ?? mostCommon(own.map(({ value }) => value))),
  );
  return [...exact, ...kinds, ...endings];
}

/** `/incidents/ID/index.html` is of the kind `/incidents/[^/]+/index.html`, as an expression. */
function kindOf(file: string): string {
  const parts = file.split('/');
  const page = parts.at(-1) === 'index.html' && parts.length > 1;
  const at = parts.length - (page ? 2 : 1);
  const named = parts.map((part, i) => {
    if (i !== at) return literal(part);
    return page ? '[^/]+' : `[^/]+\\.${literal(endingOf(part))}`;
  });
  return `/${named.join('/')}`;
}

function endingOf(file: string): string {
  return file.slice(file.lastIndexOf('.') + 1);
}

function mostCommon(values: readonly string[]): string {
  const counted = [...Map.groupBy(values, (value) => value)].map(([value, all]) => ({
    value,
    count: all.length,
  }));
  return counted.reduce((most, each) => (each.count > most.count ? each : most)).value;
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function line(pattern: string, value: string): string {
  return `  ${quoted(pattern, /["\n]/)} ${quoted(value, /["$\\\n]/)};\n`;
}

/** In quotes nginx still reads backslashes (kept before anything but quotes and letters of its own) and, in values, variables. */
function quoted(text: string, refused: RegExp): string {
  if (refused.test(text)) throw new Error(`nginx cannot be told ${JSON.stringify(text)}.`);
  return `"${text}"`;
}

function variable(header: string): string {
  return `$foghorn_${header.replace(/[^a-z0-9]/g, '_')}`;
}
