import { addMs, DAY, fromLocal, type Instant, toInstant, toLocal, zoneName, zoneOffset } from './time.ts';

/**
 * What a wall clock in the zone means by `local` (YYYY-MM-DDTHH:MM): one instant nearly always, two where clocks go back over it (the
 * earlier first), and none where they go forward over it. null when it is no time at all.
 */
export function readWallTime(local: string, zone: string): Instant[] | null {
  const any = fromLocal(local, zone);
  if (any === null) return null;
  const wall = Date.parse(`${local.slice(0, 16)}Z`);
  const offsets = new Set([
    zoneOffset(toInstant(wall - DAY), zone),
    zoneOffset(toInstant(wall + DAY), zone),
    zoneOffset(any, zone),
  ]);
  return [...offsets]
    .map((offset) => toInstant(wall - offset))
    .filter((instant) => toLocal(instant, zone) === local.slice(0, 16))
    .sort();
}

/** Why a wall time says nothing, or too much, and what to do about it; null when it is one time. */
export function wallTimeTrouble(local: string, zone: string): string | null {
  const found = readWallTime(local, zone);
  if (found === null || found.length === 1) return null;
  const clock = local.slice(11, 16);
  if (found.length === 0) {
    const after = fromLocal(local, zone) as Instant;
    return `${clock} does not come on that day: clocks go forward over it, in ${zone}. It would be ${toLocal(after, zone).slice(11)} ${zoneName(after, zone)}. Give a time that comes.`;
  }
  const [first, second] = found as [Instant, Instant];
  return `${clock} comes twice on that day: clocks go back, in ${zone}. Choose ${clock} ${zoneName(first, zone)}, or ${clock} ${zoneName(second, zone)} which comes later.`;
}

/** The two that are meant by a time that comes twice, with their names; null of any other. */
export function twiceOf(local: string, zone: string): { at: Instant; name: string }[] | null {
  const found = readWallTime(local, zone);
  if (found?.length !== 2) return null;
  return found.map((at) => ({ at, name: `${local.slice(11, 16)} ${zoneName(at, zone)}` }));
}

/** When a stretch that begins then has lasted `minutes` on the clock of the wall: a window of two hours by the clock, whatever it does that night. */
export function wallEnd(from: Instant, minutes: number, zone: string): Instant {
  const local = addMs(`${toLocal(from, zone)}:00.000Z`, minutes * 60_000).slice(0, 16);
  return fromLocal(local, zone) as Instant;
}
