import { fromLocal, type Instant, parseInstant } from './time.ts';

/**
 * Reading another status page's public API (Statuspage v2) as it really is: fields missing, times without a zone, numbers for
 * text. What is certain is mended, what is not is remarked on; nothing is dropped without a remark.
 */

/** A JSON object of which nothing is known yet. */
export type Loose = Record<string, unknown>;

/** What was given to read; any part may be missing. */
export type StatuspageSource = {
  page?: unknown;
  components?: readonly unknown[];
  incidents?: readonly unknown[];
  maintenances?: readonly unknown[];
};

/**
 * `mended`: put right because its meaning is certain. `noted`: imported, but a person should look. `skipped`: not imported.
 * Remarks of one kind share their `reason`; `subject` says which record.
 */
export type Remark = { level: 'mended' | 'noted' | 'skipped'; reason: string; subject: string };
export type Remarks = Remark[];

export function isLoose(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An incident as our own API tells it: plain text throughout, and a field that no other source has. */
export function isOwnDialect(incident: Loose): boolean {
  return 'scope' in incident;
}

/** The value as trimmed text; a number is taken as its digits; null for anything else and for nothing. */
export function looseText(value: unknown): string | null {
  const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value;
  return typeof text === 'string' && text.trim() ? text.trim() : null;
}

export function looseList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/**
 * An instant as it is written, or, without a zone, as the page's own wall clock. Null when it cannot be read.
 * @param zone the page's time zone; null when the source does not say
 */
export function looseTime(value: unknown, zone: string | null): Instant | null {
  const text = looseText(value);
  if (!text) return null;
  const zoned = parseInstant(text);
  if (zoned || !zone) return zoned;
  const local = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(:\d\d)?)(\.\d+)?$/.exec(text);
  return local ? fromLocal(`${local[1]}T${local[2]}`, zone) : null;
}

/** The latest of the instants; null when there is none. */
export function latest(instants: Iterable<Instant | null>): Instant | null {
  let last: Instant | null = null;
  for (const instant of instants) if (instant && (!last || instant > last)) last = instant;
  return last;
}

/** A short, stable id for a record that has none, from what it says: 12 characters of [a-z0-9]. */
export function derivedId(...parts: readonly unknown[]): string {
  // FNV-1a (64 bit): the same record gives the same id in every run, which is all that is asked of it.
  let hash = 0xcbf29ce484222325n;
  for (const char of JSON.stringify(parts))
    hash = ((hash ^ BigInt(char.codePointAt(0) as number)) * 0x100000001b3n) & 0xffffffffffffffffn;
  return hash.toString(36).padStart(12, '0').slice(-12);
}
