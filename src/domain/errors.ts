/**
 * The one error for what people can understand and mend. `message` says what happened and why; `fix` what to do.
 * Neither ever holds a stack, SQL or a secret.
 */
export type ErrorCode =
  | 'invalid'
  | 'unauthenticated'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'gone'
  | 'too_large'
  | 'too_many'
  | 'unavailable';

/** One problem with one field of a form: `field` is the field's name, '' for the form as a whole. */
export type FieldProblem = { field: string; message: string };

export class AppError extends Error {
  readonly code: ErrorCode;
  readonly fix: string | undefined;
  readonly problems: readonly FieldProblem[];
  /** Seconds after which trying again is worth it; only with `too_many` and `unavailable`. */
  readonly retryAfter: number | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { fix?: string; problems?: readonly FieldProblem[]; retryAfter?: number } = {},
  ) {
    super(message);
    this.name = 'AppError';
    this.code = code;
    this.fix = options.fix;
    this.problems = options.problems ?? [];
    this.retryAfter = options.retryAfter;
  }
}

const HTTP_STATUS: Record<ErrorCode, number> = {
  invalid: 422,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  gone: 410,
  too_large: 413,
  too_many: 429,
  unavailable: 503,
};

/** The HTTP status for any error; what is not an AppError is a fault of ours, 500. */
export function httpStatus(error: unknown): number {
  return error instanceof AppError ? HTTP_STATUS[error.code] : 500;
}
