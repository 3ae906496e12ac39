import { AppError } from '#domain/errors.ts';
import { seqFrom } from '../_seq.ts';

/** The deliveries that were ticked in a list of people. @throws AppError invalid when there is none */
export function chosen(form: FormData): number[] {
  const seqs = form.getAll('seq').flatMap((value) => seqFrom(String(value)) ?? []);
  if (seqs.length && seqs.length <= 1_000) return seqs;
  throw new AppError('invalid', 'Nobody is chosen.', {
    problems: [{ field: 'people', message: 'Nobody is chosen: tick whom you mean.' }],
  });
}
