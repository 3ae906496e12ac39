import { textOf } from '#components/admin/forms.ts';
import type { Ctx } from '#db/context.ts';
import { type Runbook, stepsText } from '#domain/runbooks.ts';
import { listComponents } from '#services/components.ts';
import { listRunbookOwners } from '#services/runbooks.ts';

/** What the form holds, as it was typed. */
export type RunbookFields = {
  title: string;
  severities: string[];
  componentId: string;
  ownerId: string;
  steps: string;
};

export function typedFields(form: FormData): RunbookFields {
  return {
    title: textOf(form, 'title'),
    severities: form.getAll('severities').filter((value) => typeof value === 'string'),
    componentId: textOf(form, 'componentId'),
    ownerId: textOf(form, 'ownerId'),
    steps: textOf(form, 'steps'),
  };
}

export function storedFields({ title, severities, component, owner, steps }: Runbook): RunbookFields {
  return {
    title,
    severities: [...severities],
    componentId: component?.id ?? '',
    ownerId: owner?.id ?? '',
    steps: stepsText(steps),
  };
}

type Option = { value: string; label: string };

/** Whom and what the form offers, with what the runbook has now, even where that could not be chosen any more. */
export async function formChoices(
  ctx: Ctx,
  runbook: Pick<Runbook, 'component' | 'owner'> | null,
): Promise<{ components: Option[]; owners: Option[] }> {
  const [groups, people] = await Promise.all([listComponents(ctx), listRunbookOwners(ctx)]);
  const components = groups.flatMap((group) =>
    group.components.map(({ id, name }) => ({
      value: id,
      label: group.name ? `${group.name}: ${name}` : name,
    })),
  );
  const { component = null } = runbook ?? {};
  const archived = component && !components.some(({ value }) => value === component.id);
  return {
    components: [
      { value: '', label: 'Any component' },
      ...components,
      ...(archived ? [{ value: component.id, label: `${component.name} (archived)` }] : []),
    ],
    owners: [
      { value: '', label: 'Nobody yet' },
      ...people.map(({ id, name }) => ({ value: id, label: name })),
    ],
  };
}
