import type { ZodError, z } from 'zod';
import { AppError, type FieldProblem } from '#domain/errors.ts';

export type Problems = readonly FieldProblem[];

/**
 * A form's fields as they were sent.
 * @throws AppError invalid when it is none, is broken off, or holds a NUL, which no browser sends and PostgreSQL does not take
 */
export async function readForm(request: Request): Promise<FormData> {
  const type = request.headers.get('content-type') ?? '';
  const isForm = /^(application\/x-www-form-urlencoded|multipart\/form-data)/.test(type);
  // What cannot be parsed is the sender's doing, not a fault of ours.
  const form = isForm ? await request.formData().catch(() => null) : null;
  const isWhole = form && [...form].every(([name, value]) => !name.includes('\0') && !hasNul(value));
  if (isWhole) return form;
  throw new AppError('invalid', 'This is not a form.', { fix: 'Use the form on the page.' });
}

function hasNul(value: FormDataEntryValue): boolean {
  return typeof value === 'string' && value.includes('\0');
}

export function textOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value : '';
}

/** The form's named fields checked against a schema: either what it says, or each field's problem in words. */
export function parseForm<T extends z.ZodType>(
  schema: T,
  fields: Record<string, unknown>,
): { data: z.infer<T>; problems: [] } | { data: null; problems: FieldProblem[] } {
  const result = schema.safeParse(fields);
  return result.success
    ? { data: result.data, problems: [] }
    : { data: null, problems: problemsOf(result.error) };
}

/** One problem a field, the first. */
function problemsOf(error: ZodError): FieldProblem[] {
  const seen = new Map<string, FieldProblem>();
  for (const issue of error.issues) {
    const field = issue.path.join('.');
    if (!seen.has(field)) seen.set(field, { field, message: issue.message });
  }
  return [...seen.values()];
}

/** What a service refused, as problems beside the form; anything else is thrown on. */
export function problemsFrom(error: unknown): FieldProblem[] {
  if (!(error instanceof AppError)) throw error;
  if (error.problems.length) return [...error.problems];
  return [{ field: '', message: error.fix ? `${error.message} ${error.fix}` : error.message }];
}

export function problemOf(problems: Problems, field: string): string | undefined {
  return problems.find((problem) => problem.field === field)?.message;
}

/** The attributes that tie a field to its hint and its problem, for people who do not see them side by side. */
export function described(problems: Problems, field: string, hasHint = false) {
  const wrong = problemOf(problems, field) !== undefined;
  const ids = [wrong && `${field}-problem`, hasHint && `${field}-hint`].filter(Boolean).join(' ');
  return { 'aria-invalid': wrong ? ('true' as const) : undefined, 'aria-describedby': ids || undefined };
}
