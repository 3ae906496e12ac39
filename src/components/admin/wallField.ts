import type { FieldProblem } from '#domain/errors.ts';
import { fromLocal, type Instant } from '#domain/time.ts';
import { readWallTime, wallTimeTrouble } from '#domain/wallTime.ts';

/**
 * What a field of WallTime.astro holds: a time in the page's zone. One that comes twice, or never, is said to be so and not guessed;
 * `TURN` says which of two is meant.
 */
export function readWallField(
  fields: Readonly<Record<string, string | undefined>>,
  { name, label, zone }: { name: string; label: string; zone: string },
): { at: Instant | null; problem: null } | { at: null; problem: FieldProblem } {
  const local = fields[name]?.trim() ?? '';
  if (!local) return { at: null, problem: null };
  const wrong = (message: string) => ({ at: null, problem: { field: name, message } });
  const found = readWallTime(local, zone);
  if (found === null || fromLocal(local, zone) === null)
    return wrong(`${label} is no time. Write it as 2026-11-21T15:30, in ${zone}.`);
  if (found.length === 1) return { at: found[0] as Instant, problem: null };
  const turn = found.find((instant) => instant === fields[turnName(name)]);
  return turn ? { at: turn, problem: null } : wrong(wallTimeTrouble(local, zone) as string);
}

/** The field that says which of two times is meant. */
export function turnName(name: string): string {
  return `${name}Turn`;
}
