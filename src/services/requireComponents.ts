import { type Component, findComponents } from '#db/components.ts';
import type { Tx } from '#db/open.ts';
import { AppError } from '#domain/errors.ts';

/** The named components by id. @throws AppError invalid when one is unknown, archived or named twice */
export async function requireComponents(
  tx: Tx,
  wanted: readonly { id: string }[],
): Promise<Map<string, Component>> {
  const ids = wanted.map(({ id }) => id);
  const found = new Map((await findComponents(tx, ids)).map((component) => [component.id, component]));
  const wrong = ids.find((id) => !found.has(id) || found.get(id)?.archivedAt);
  if (wrong !== undefined) refuse(`There is no component "${wrong}", or it has been archived.`);
  if (new Set(ids).size !== ids.length) refuse('A component is named twice.');
  return found;
}

function refuse(message: string): never {
  throw new AppError('invalid', message, {
    fix: 'Choose the components again.',
    problems: [{ field: 'components', message }],
  });
}
