import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';

/** Who runs a component, when it is somebody else, and where they tell how it is. */
export type Upstream = { name: string; url: string };
export type Component = {
  id: string;
  groupId: string | null;
  name: string;
  description: string | null;
  position: number;
  showUptime: boolean;
  onlyShowIfDegraded: boolean;
  startDate: string | null;
  upstream: Upstream | null;
  archivedAt: Instant | null;
};
export type ComponentText = Pick<
  Component,
  'name' | 'description' | 'groupId' | 'showUptime' | 'onlyShowIfDegraded' | 'startDate' | 'upstream'
>;
export type Group = { id: string; name: string; description: string | null; position: number };

/** In the order of the page, without the archived ones. */
export async function listComponents(tx: Tx): Promise<Component[]> {
  const rows = await tx
    .selectFrom('components')
    .selectAll()
    .where('archived_at', 'is', null)
    .orderBy('position')
    .orderBy('id')
    .execute();
  return rows.map(toComponent);
}

/** The ones with these ids, archived ones too, in no order. */
export async function findComponents(tx: Tx, ids: readonly string[]): Promise<Component[]> {
  if (!ids.length) return [];
  const rows = await tx
    .selectFrom('components')
    .selectAll()
    .where('id', 'in', [...ids])
    .execute();
  return rows.map(toComponent);
}

export async function insertComponent(
  tx: Tx,
  component: ComponentText & { id: string; position: number },
  now: Instant,
): Promise<void> {
  await tx
    .insertInto('components')
    .values({
      id: component.id,
      ...columnsOf(component),
      position: component.position,
      created_at: now,
      updated_at: now,
    })
    .execute();
}

export async function updateComponent(tx: Tx, id: string, text: ComponentText, now: Instant): Promise<void> {
  await tx
    .updateTable('components')
    .set({ ...columnsOf(text), updated_at: now })
    .where('id', '=', id)
    .execute();
}

export async function archiveComponent(tx: Tx, id: string, now: Instant): Promise<void> {
  await tx
    .updateTable('components')
    .set({ archived_at: now, updated_at: now })
    .where('id', '=', id)
    .execute();
}

/** Numbers the components in the order given. */
export async function orderComponents(tx: Tx, ids: readonly string[]): Promise<void> {
  for (const [index, id] of ids.entries())
    await tx
      .updateTable('components')
      .set({ position: index + 1 })
      .where('id', '=', id)
      .execute();
}

export async function listGroups(tx: Tx): Promise<Group[]> {
  return tx
    .selectFrom('component_groups')
    .select(['id', 'name', 'description', 'position'])
    .orderBy('position')
    .orderBy('id')
    .execute();
}

export async function insertGroup(tx: Tx, group: Group, now: Instant): Promise<void> {
  await tx
    .insertInto('component_groups')
    .values({ ...group, created_at: now, updated_at: now })
    .execute();
}

export async function updateGroup(
  tx: Tx,
  id: string,
  text: Pick<Group, 'name' | 'description'>,
  now: Instant,
): Promise<boolean> {
  const result = await tx
    .updateTable('component_groups')
    .set({ ...text, updated_at: now })
    .where('id', '=', id)
    .executeTakeFirst();
  return Number(result.numUpdatedRows) === 1;
}

/** Numbers the groups in the order given. */
export async function orderGroups(tx: Tx, ids: readonly string[]): Promise<void> {
  for (const [index, id] of ids.entries())
    await tx
      .updateTable('component_groups')
      .set({ position: index + 1 })
      .where('id', '=', id)
      .execute();
}

/** Its components stay, without a group; who followed the group alone follows it no longer. */
export async function deleteGroup(tx: Tx, id: string): Promise<void> {
  await tx.updateTable('components').set({ group_id: null }).where('group_id', '=', id).execute();
  await tx.deleteFrom('recipient_scopes').where('kind', '=', 'group').where('ref_id', '=', id).execute();
  await tx.deleteFrom('component_groups').where('id', '=', id).execute();
}

function columnsOf(text: ComponentText) {
  return {
    group_id: text.groupId,
    name: text.name,
    description: text.description,
    showcase: text.showUptime ? (1 as const) : (0 as const),
    only_show_if_degraded: text.onlyShowIfDegraded ? (1 as const) : (0 as const),
    start_date: text.startDate,
    upstream_name: text.upstream?.name ?? null,
    upstream_url: text.upstream?.url ?? null,
  };
}

/** Null for a component of one's own. */
export function upstreamOf({
  upstream_name: name,
  upstream_url: url,
}: Pick<Row<'components'>, 'upstream_name' | 'upstream_url'>): Upstream | null {
  return name !== null && url !== null ? { name, url } : null;
}

function toComponent(row: Row<'components'>): Component {
  return {
    id: row.id,
    groupId: row.group_id,
    name: row.name,
    description: row.description,
    position: row.position,
    showUptime: row.showcase === 1,
    onlyShowIfDegraded: row.only_show_if_degraded === 1,
    startDate: row.start_date,
    upstream: upstreamOf(row),
    archivedAt: row.archived_at,
  };
}
