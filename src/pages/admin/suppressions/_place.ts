import { parseAddress } from '#domain/text.ts';
import { parseInstant } from '#domain/time.ts';
import type { SuppressionPage } from '#services/suppressions.ts';

type Place = NonNullable<SuppressionPage['next']>;

/** Where a page of the list begins, as its address says it; null for the top, and for whatever else stands there. */
export function placeFrom(query: URLSearchParams): Place | null {
  const createdAt = parseInstant(query.get('until') ?? '');
  const skip = query.get('skip') ?? '';
  return createdAt && /^\d{1,6}$/.test(skip) ? { createdAt, skip: Number(skip) } : null;
}

/** The domain that the list is narrowed to; null for none, and for what is no domain. */
export function domainFrom(query: URLSearchParams): string | null {
  return parseAddress(`x@${query.get('domain') ?? ''}`)?.slice(2) ?? null;
}

export function queryOf({ domain, from }: { domain: string | null; from: Place | null }): string {
  return new URLSearchParams({
    ...(domain && { domain }),
    ...(from && { until: from.createdAt, skip: String(from.skip) }),
  }).toString();
}
