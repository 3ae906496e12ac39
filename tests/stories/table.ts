import { addMs, dayIn, type Instant, MINUTE } from '#domain/time.ts';
import type { Plot, Script } from './script.ts';
import { type Arrival, instantOf } from './stage.ts';
import { isStaff, nameOf } from './town.ts';

/** Someone of the story, and what they are in it. */
export type Person = { name: string; part: string };

/** The story as a table: what people did, and what reached whom because of it, in the order in which it happened; then how much that was. */
export function tell(
  { title, cast, start }: Pick<Plot, 'title' | 'cast' | 'start'>,
  { moments, bodies }: Pick<Script, 'moments' | 'bodies'>,
  arrivals: readonly Arrival[],
): string {
  const names = cast.map(({ name }) => name);
  const deeds = moments.map(({ at, tells }) => ({ at: instantOf(at, start), rank: -1, words: tells }));
  const saidAt = new Map(moments.map(({ at, tells }) => [tells, instantOf(at, start)]));
  const isNew = (body: string, at: Instant) =>
    [...saidAt].some(([tells, said]) => tells.endsWith(`“${body}”`) && said > addMs(at, -MINUTE));
  const mails = [...Map.groupBy(arrivals, (one) => `${one.at} ${one.subject} ${says(one)}`).values()].map(
    (all) => {
      const [one] = all as [Arrival];
      const readers = all.map(({ to }) => nameOf(to)).sort((a, b) => names.indexOf(a) - names.indexOf(b));
      return {
        at: one.at,
        rank: names.indexOf(readers[0] as string),
        words: `  → ${readers.join(', ')}: ${one.subject}${says(one)}`,
      };
    },
  );
  const lines = [...deeds, ...mails].sort((a, b) => compare(a.at, b.at) || a.rank - b.rank);
  const width = Math.max(...names.map(({ length }) => length));
  return [
    title,
    '',
    ...cast.map(({ name, part }) => `${name.padEnd(width)}  ${part}`),
    ...[...Map.groupBy(lines, ({ at }) => dayIn(at, 'UTC'))].flatMap(([day, own]) => [
      '',
      dayWords(day),
      ...own.map(({ at, words }) => `${at.slice(11, 16)}  ${words}`),
    ]),
    '',
    'How many reached each',
    ...names.map(
      (name) => `${name.padEnd(width)}  ${arrivals.filter(({ to }) => nameOf(to) === name).length}`,
    ),
    '',
  ].join('\n');

  /** What it says in full, where that is not simply what has just been said. */
  function says({ at, to, text }: Arrival): string {
    if (isStaff(to) || to === 'webhook') return '';
    const [whole] = text.split(/^Earlier$/m) as [string];
    const flat = whole.replace(/\s+/g, ' ');
    const found = bodies
      .map((body) => ({ body, place: flat.indexOf(body) }))
      .filter(({ place }) => place >= 0)
      .sort((a, b) => a.place - b.place)
      .map(({ body }) => body);
    if (!found.length || (found.length === 1 && isNew(found[0] as string, at))) return '';
    return ` (${found.map((body) => `“${body}”`).join(', ')})`;
  }
}

function compare(a: Instant, b: Instant): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function dayWords(day: string): string {
  return new Date(`${day}T12:00:00Z`).toLocaleDateString('en-GB', {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    timeZone: 'UTC',
  });
}
