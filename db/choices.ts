import type { Choice, Choices, Scope } from '#domain/choice.ts';
import { chunksOf } from './dialect.ts';
import type { Tx } from './open.ts';

export async function replaceChoice(tx: Tx, seq: number, choice: Choice): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({ whole_page: choice.wholePage ? 1 : 0 })
    .where('seq', '=', seq)
    .execute();
  await tx.deleteFrom('recipient_scopes').where('recipient_seq', '=', seq).execute();
  await insertScopes(
    tx,
    choice.scopes.map((scope) => ({ recipientSeq: seq, ...scope })),
  );
}

export async function insertScopes(
  tx: Tx,
  scopes: readonly (Scope & { recipientSeq: number })[],
): Promise<void> {
  for (const chunk of chunksOf(scopes, 3))
    await tx
      .insertInto('recipient_scopes')
      .values(chunk.map(({ recipientSeq, kind, id }) => ({ recipient_seq: recipientSeq, kind, ref_id: id })))
      .execute();
}

/** What can be chosen: groups with their components, then the components of no group, all in the page's order. */
export async function listChoices(tx: Tx): Promise<Choices> {
  const groups = await tx
    .selectFrom('component_groups')
    .select(['id', 'name'])
    .orderBy('position')
    .orderBy('id')
    .execute();
  const components = await tx
    .selectFrom('components')
    .select(['id', 'name', 'group_id'])
    .where('archived_at', 'is', null)
    .orderBy('position')
    .orderBy('id')
    .execute();
  const within = (groupId: string | null) =>
    components.filter((row) => row.group_id === groupId).map(({ id, name }) => ({ id, name }));
  return {
    groups: groups.map((group) => ({ ...group, components: within(group.id) })),
    components: within(null),
  };
}

export async function scopesOf(tx: Tx, seq: number): Promise<Scope[]> {
  const rows = await tx
    .selectFrom('recipient_scopes')
    .select(['kind', 'ref_id'])
    .where('recipient_seq', '=', seq)
    .orderBy('kind')
    .orderBy('ref_id')
    .execute();
  return rows.map((row) => ({ kind: row.kind, id: row.ref_id }));
}
