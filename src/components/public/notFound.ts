import { AppError } from '#domain/errors.ts';

/** The value, or null when the service says that there is none: the page then shows the 404 page. Other errors stay errors. */
export async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof AppError && error.code === 'not_found') return null;
    throw error;
  }
}
