import { type Instant, whenText } from '#domain/time.ts';
import type { PostInput } from './postUpdate.ts';
import type { UpdatePlan } from './updatePlan.ts';

/** What an approver says of when the next update comes: a time, what the policy asks, or (undefined) what its author promised. */
export type ApproversPromise = Instant | 'policy' | undefined;

/** What is promised when it is published at `now`: what is given, else what its author promised while that is still to come. */
export function withPromise(post: PostInput, given: ApproversPromise, now: Instant): PostInput {
  const { nextUpdateBy: written, ...rest } = post;
  if (given === 'policy') return rest;
  if (given) return { ...rest, nextUpdateBy: given };
  // Left out, the policy says when.
  return hasPassed(written, now) ? rest : post;
}

export function hasPassed(promised: Instant | null | undefined, now: Instant): boolean {
  return typeof promised === 'string' && promised <= now;
}

/** What it promises besides or in place of what its author wrote, for the record; '' where that stayed. */
export function otherPromise(
  { nextUpdateBy: written }: PostInput,
  { update, page, now }: UpdatePlan,
  given: ApproversPromise,
): string {
  const posted = update.nextUpdateBy;
  if (!posted || posted === written || (!written && (!given || given === 'policy'))) return '';
  const time = (at: Instant) => whenText(at, page.timeZone, now);
  return written
    ? `, which now promises the next by ${time(posted)} in place of ${time(written)}`
    : `, which promises the next by ${time(posted)}`;
}
