import type { Choosable } from '#components/admin/components.ts';
import type { Ctx } from '#db/context.ts';
import type { ComponentStatus } from '#domain/status.ts';
import { listComponents } from '#services/components.ts';

export type ChoosableGroup = { name: string; components: Choosable[] };

/** Every component, in the page's groups, as a form offers it; `claimed` is what one incident says of them. */
export async function choosableGroups(
  ctx: Ctx,
  claimed: ReadonlyMap<string, ComponentStatus> = new Map(),
): Promise<ChoosableGroup[]> {
  const groups = await listComponents(ctx);
  return groups.map((group) => ({
    name: group.name ?? (groups.length > 1 ? 'Others' : 'Components'),
    components: group.components.map(({ id, name, status }) => ({
      id,
      name,
      shown: status,
      claimed: claimed.get(id) ?? null,
    })),
  }));
}
