/**
 * Acts on each, one after the other: one that fails keeps no other from its turn.
 * @throws the first failure, when all have had their turn
 */
export async function eachInTurn<T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  for (const one of all)
    try {
      await act(one);
    } catch (error) {
      failures.push(error);
    }
  if (failures.length) throw failures[0];
}
