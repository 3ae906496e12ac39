import { type Problems, parseForm, problemsFrom, readForm, textOf } from '#components/admin/forms.ts';
import { choiceFrom } from '#components/subscribe/form.ts';
import { AppError, httpStatus } from '#domain/errors.ts';
import { type Instant, MINUTE, msBetween } from '#domain/time.ts';
import { type HookInput, hookInput } from '#services/hookSubscribers.ts';
import type { HookTrial } from '#services/hookTrial.ts';

/** What can be done about a webhook or chat on both of its pages: by staff, and by its owner, who has a link. */
export type HookDeeds = {
  try: () => Promise<void>;
  /** Gives the new secret. */
  rotate: () => Promise<string>;
  resume: () => Promise<void>;
  remove: () => Promise<void>;
  save: (choice: HookInput) => Promise<void>;
  /** Buttons that this page alone has. */
  more: Record<string, () => Promise<Next>>;
};

/** Where the browser goes on, or a secret. It is shown here and now, with no redirect: a secret stands in no address. */
type Next = { to: string } | { secret: string };

export type HookAnswer = {
  /** Where the browser goes on; null when the page itself is the answer, with the rest of this. */
  to: string | null;
  secret: string | null;
  /** What was chosen, while it is not saved. */
  typed: ReturnType<typeof choiceFrom> | null;
  mode: string | null;
  problems: Problems;
  status: number;
};

/** Does what the pressed button of the page at `here` asks for. */
export async function answerHookForm(request: Request, here: string, deeds: HookDeeds): Promise<HookAnswer> {
  const answer: HookAnswer = { to: null, secret: null, typed: null, mode: null, problems: [], status: 200 };
  try {
    const form = await readForm(request);
    const verb = textOf(form, 'do');
    if (verb !== 'save') return { ...answer, ...(await nextOf(verb, here, deeds)) };
    answer.typed = choiceFrom(form);
    answer.mode = textOf(form, 'mode') || null;
    const { data, problems } = parseForm(hookInput, { ...answer.typed, mode: answer.mode ?? undefined });
    if (!data) return { ...answer, problems, status: 422 };
    await deeds.save(data);
    return { ...answer, to: `${here}?done=saved` };
  } catch (error) {
    return { ...answer, problems: problemsFrom(error), status: httpStatus(error) };
  }
}

async function nextOf(verb: string, here: string, deeds: HookDeeds): Promise<Next> {
  switch (verb) {
    case 'try':
      await deeds.try();
      return { to: `${here}#sample` };
    case 'rotate':
      return { secret: await deeds.rotate() };
    case 'resume':
      await deeds.resume();
      return { to: `${here}?done=resumed` };
    case 'remove':
      await deeds.remove();
      return { to: `${here}?done=removed` };
  }
  const own = Object.hasOwn(deeds.more, verb) ? deeds.more[verb] : undefined;
  if (own) return own();
  throw new AppError('invalid', 'Nothing was asked for.', { fix: 'Use the buttons on the page.' });
}

/**
 * The header by which the browser looks again by itself, script or not, while the answer to a sample call is seconds away; null when
 * none is awaited, or it has been for too long.
 */
export function refreshFor(trial: HookTrial | null | undefined, here: string, now: Instant): string | null {
  if (trial?.outcome !== 'waiting' || msBetween(trial.at, now) >= MINUTE) return null;
  return `2; url=${here}#sample`;
}
