import { textOf } from '#components/admin/forms.ts';
import type { Choice } from '#domain/choice.ts';

/** What a form of `Choose.astro` says, as the services take it. Too long lists are left to their schema. */
export function choiceFrom(form: FormData): { wholePage: boolean; groups: string[]; components: string[] } {
  return {
    wholePage: textOf(form, 'whole') !== 'no',
    groups: form.getAll('group').map(String),
    components: form.getAll('component').map(String),
  };
}

/** What someone has, as the form shows it. */
export function chosenFrom(choice: Choice): ReturnType<typeof choiceFrom> {
  const of = (kind: 'group' | 'component') =>
    choice.scopes.filter((scope) => scope.kind === kind).map(({ id }) => id);
  return { wholePage: choice.wholePage, groups: of('group'), components: of('component') };
}

/** What a form of `Pace.astro` says; a form without it leaves it to the policy. */
export function paceFrom(form: FormData): { mode: string; timeZone: string; hourBefore: boolean } {
  return {
    mode: textOf(form, 'mode') || 'policy',
    timeZone: textOf(form, 'timeZone'),
    hourBefore: form.has('hourBefore'),
  };
}
