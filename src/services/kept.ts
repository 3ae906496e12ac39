import type { Db } from '#db/open.ts';
import { addMs, type Instant } from '#domain/time.ts';

type Kept = { value: unknown; until: Instant };
const keptOf = new WeakMap<Db, Map<string, Kept>>();
const MOST = 2_000;

/**
 * A figure that costs much to count, as it was a moment ago: however many screens and scrapes ask, it is counted once in that time. Each
 * process keeps its own. `forMs` says for how long a value is good; what is cheap is good for 0 and counted each time.
 */
export async function kept<T>(
  db: Db,
  key: string,
  now: Instant,
  count: () => Promise<{ value: T; forMs: number }>,
): Promise<T> {
  const all = keptOf.get(db) ?? new Map<string, Kept>();
  keptOf.set(db, all);
  const known = all.get(key);
  if (known && known.until > now) return known.value as T;
  const { value, forMs } = await count();
  if (all.size >= MOST) all.clear();
  if (forMs > 0) all.set(key, { value, until: addMs(now, forMs) });
  return value;
}

/** What was kept under this key is counted anew when it is next asked for. */
export function forget(db: Db, key: string): void {
  keptOf.get(db)?.delete(key);
}
