export type Scope = { kind: 'group' | 'component'; id: string };
/** What someone wants to hear of: the whole page, or groups (with what is added to them later) and components. */
export type Choice = { wholePage: boolean; scopes: readonly Scope[] };

export type ChoiceGroup = { id: string; name: string; components: { id: string; name: string }[] };
/** What can be chosen: groups with their components, then the components of no group, all in the page's order. */
export type Choices = { groups: ChoiceGroup[]; components: ChoiceGroup['components'] };
