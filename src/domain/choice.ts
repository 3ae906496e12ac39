export type Scope = { kind: 'group' | 'component'; id: string };
/** What someone wants to hear of: the whole page, or groups (with what is added to them later) and components. */
export type Choice = { wholePage: boolean; scopes: readonly Scope[] };

/** What whoever chose nothing hears of. */
export const EVERYTHING: Choice = { wholePage: true, scopes: [] };

export type ChoiceGroup = { id: string; name: string; components: { id: string; name: string }[] };
/** What can be chosen: groups with their components, then the components of no group, all in the page's order. */
export type Choices = { groups: ChoiceGroup[]; components: ChoiceGroup['components'] };

/** Whether someone who chose this hears of what touches these components and groups. */
export function concerns(
  choice: Choice,
  touched: { components: readonly string[]; groups: readonly string[] },
): boolean {
  return (
    choice.wholePage ||
    choice.scopes.some(({ kind, id }) =>
      (kind === 'component' ? touched.components : touched.groups).includes(id),
    )
  );
}
