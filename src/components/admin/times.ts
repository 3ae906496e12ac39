import { z } from 'zod';
import { fromLocal, type Instant } from '#domain/time.ts';

/** What a `datetime-local` field holds, in the page's zone; an empty one is null. */
export function localTime(zone: string, name: string) {
  return z
    .string()
    .optional()
    .transform((text, issues): Instant | null => {
      if (!text?.trim()) return null;
      const instant = fromLocal(text.trim(), zone);
      if (instant) return instant;
      issues.addIssue({
        code: 'custom',
        message: `${name} is no time. Write it as 2026-11-21T15:30, in ${zone}.`,
      });
      return z.NEVER;
    });
}
