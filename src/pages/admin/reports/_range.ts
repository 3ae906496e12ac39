import { type Problems, parseForm } from '#components/admin/forms.ts';
import { type KeptRange, keptRangeInput } from '#services/keptWord.ts';

/** The range that an address asks for: none, one, or one that makes no sense, with what is wrong. */
export type Wanted = { range: KeptRange | null; typed: KeptRange | null; problems: Problems };

export function wantedRange({ searchParams }: URL): Wanted {
  if (!searchParams.has('from') && !searchParams.has('to')) return { range: null, typed: null, problems: [] };
  const typed = { from: searchParams.get('from') ?? '', to: searchParams.get('to') ?? '' };
  const { data, problems } = parseForm(keptRangeInput, typed);
  return { range: data ?? null, typed, problems };
}
