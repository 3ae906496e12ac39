import { insertAudit } from '#db/audit.ts';
import { BY_HAND, endClaims, insertClaims, listClaimsOfSource, listCurrentStatuses } from '#db/claims.ts';
import * as rows from '#db/components.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, type Permission, requirePermission } from '#domain/permissions.ts';
import { COMPONENT_STATUS_LABELS, type ComponentStatus } from '#domain/status.ts';
import { requireComponents } from './requireComponents.ts';

export type ComponentView = rows.Component & {
  /** What holds now: the worst of all claims, those of unpublished incidents included. */
  status: ComponentStatus;
  /** What a person has set by hand; null when nothing is. */
  byHand: ComponentStatus | null;
};
/** `id` and `name` are null for the components that are in no group; they come last. */
export type GroupView = {
  id: string | null;
  name: string | null;
  description: string | null;
  components: ComponentView[];
};

export async function listComponents(ctx: Ctx): Promise<GroupView[]> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read(async (tx) => {
    const statuses = await listCurrentStatuses(tx, ctx.now(), ctx.actor);
    const byHand = new Map(
      (await listClaimsOfSource(tx, BY_HAND))
        .filter(({ endsAt }) => endsAt === null)
        .map(({ componentId, status }) => [componentId, status]),
    );
    const components = (await rows.listComponents(tx)).map((component) => ({
      ...component,
      status: statuses.get(component.id) ?? 'operational',
      byHand: byHand.get(component.id) ?? null,
    }));
    const inGroup = Map.groupBy(components, ({ groupId }) => groupId);
    const groups = (await rows.listGroups(tx)).map((group) => ({
      ...group,
      components: inGroup.get(group.id) ?? [],
    }));
    const alone = inGroup.get(null);
    return alone ? [...groups, { id: null, name: null, description: null, components: alone }] : groups;
  });
}

export type ComponentInput = Pick<rows.Component, 'name'> & Partial<rows.ComponentText>;

export async function createComponent(ctx: Ctx, input: ComponentInput): Promise<{ id: string }> {
  const id = ctx.newId();
  await change(
    ctx,
    'component.write',
    { action: 'component.create', id, detail: { name: input.name } },
    async (tx) => {
      await requireGroup(tx, input.groupId ?? null);
      const position =
        1 + Math.max(0, ...(await rows.listComponents(tx)).map((component) => component.position));
      await rows.insertComponent(tx, { ...textOf(input), id, position }, ctx.now());
    },
  );
  return { id };
}

/** What is left out, or undefined, stays as it is. */
export async function updateComponent(ctx: Ctx, id: string, input: ComponentInput): Promise<void> {
  await change(
    ctx,
    'component.write',
    { action: 'component.change', id, detail: { name: input.name } },
    async (tx) => {
      const component = (await requireComponents(tx, [{ id }])).get(id);
      await requireGroup(tx, input.groupId ?? null);
      await rows.updateComponent(tx, id, textOf({ ...component, ...given(input) }), ctx.now());
    },
  );
}

/** Takes it off the page. Its history stays, and the incidents that name it still do. */
export async function archiveComponent(ctx: Ctx, id: string): Promise<void> {
  await change(ctx, 'component.write', { action: 'component.archive', id }, async (tx) => {
    await requireComponents(tx, [{ id }]);
    await endClaims(tx, BY_HAND, [id], ctx.now());
    await rows.archiveComponent(tx, id, ctx.now());
  });
}

/** One place up or down among those of its group. At the end nothing happens. */
export async function moveComponent(ctx: Ctx, id: string, direction: 'up' | 'down'): Promise<void> {
  await change(ctx, 'component.write', { action: 'component.move', id }, async (tx) => {
    const groupId = (await requireComponents(tx, [{ id }])).get(id)?.groupId ?? null;
    const all = await rows.listComponents(tx);
    const peers = all.filter((component) => component.groupId === groupId).map((component) => component.id);
    const moved = moveInList(peers, id, direction);
    const places = all
      .map((component) => component.id)
      .map((one) => (peers.includes(one) ? moved.shift() : one));
    await rows.orderComponents(tx, places as string[]);
  });
}

export type GroupInput = { name: string; description?: string | null };

export async function createGroup(ctx: Ctx, input: GroupInput): Promise<{ id: string }> {
  const id = ctx.newId();
  await change(
    ctx,
    'component.write',
    { action: 'group.create', id, detail: { name: input.name } },
    async (tx) => {
      const position = 1 + Math.max(0, ...(await rows.listGroups(tx)).map((group) => group.position));
      await rows.insertGroup(
        tx,
        { id, name: input.name, description: input.description ?? null, position },
        ctx.now(),
      );
    },
  );
  return { id };
}

export async function updateGroup(ctx: Ctx, id: string, input: GroupInput): Promise<void> {
  await change(
    ctx,
    'component.write',
    { action: 'group.change', id, detail: { name: input.name } },
    async (tx) => {
      const text = { name: input.name, description: input.description ?? null };
      if (!(await rows.updateGroup(tx, id, text, ctx.now()))) noGroup();
    },
  );
}

export async function moveGroup(ctx: Ctx, id: string, direction: 'up' | 'down'): Promise<void> {
  await change(ctx, 'component.write', { action: 'group.move', id }, async (tx) => {
    await requireGroup(tx, id);
    const ids = (await rows.listGroups(tx)).map((group) => group.id);
    await rows.orderGroups(tx, moveInList(ids, id, direction));
  });
}

/** Its components stay, in no group. */
export async function deleteGroup(ctx: Ctx, id: string): Promise<void> {
  await change(ctx, 'component.write', { action: 'group.delete', id }, async (tx) => {
    await requireGroup(tx, id);
    await rows.deleteGroup(tx, id);
  });
}

/**
 * A person's own word on a component, beside what incidents and maintenance claim; `operational` takes it back. The worst of all
 * claims shows, so this never turns green what an incident holds. The same word again changes nothing.
 */
export async function setManualStatus(ctx: Ctx, id: string, status: ComponentStatus): Promise<void> {
  const now = ctx.now();
  const detail = { text: `Set to ${COMPONENT_STATUS_LABELS[status]} by hand` };
  await change(ctx, 'component.setStatus', { action: 'component.setStatus', id, detail }, async (tx) => {
    await requireComponents(tx, [{ id }]);
    const held = (await listClaimsOfSource(tx, BY_HAND)).find(
      ({ componentId, endsAt }) => componentId === id && endsAt === null,
    );
    if ((held?.status ?? 'operational') === status) return UNCHANGED;
    await endClaims(tx, BY_HAND, [id], now);
    const claims = status === 'operational' ? [] : [{ componentId: id, status, startsAt: now, endsAt: null }];
    return insertClaims(tx, BY_HAND, claims, { at: now, label: actorLabel(ctx.actor) });
  });
}

/** What a change says that found everything as it was wanted. */
const UNCHANGED = 'unchanged';

/** Every change here is one transaction with its audit row and a new page version. */
async function change(
  ctx: Ctx,
  permission: Permission,
  audit: { action: string; id: string; detail?: Record<string, unknown> },
  work: (tx: Tx) => Promise<unknown>,
): Promise<void> {
  requirePermission(ctx.actor, permission);
  const changed = await ctx.db.write(async (tx) => {
    if ((await work(tx)) === UNCHANGED) return false;
    await bumpPageVersion(tx, ctx.now());
    await insertAudit(tx, ctx, {
      action: audit.action,
      subjectKind: audit.action.startsWith('group') ? 'group' : 'component',
      subjectId: audit.id,
      detail: audit.detail ?? {},
    });
    return true;
  });
  if (changed) ctx.changed('page');
}

function given<T extends object>(input: T): T {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as T;
}

function textOf(input: ComponentInput): rows.ComponentText {
  return {
    name: input.name,
    description: input.description ?? null,
    groupId: input.groupId ?? null,
    showUptime: input.showUptime ?? true,
    onlyShowIfDegraded: input.onlyShowIfDegraded ?? false,
    startDate: input.startDate ?? null,
    upstream: input.upstream ?? null,
  };
}

function moveInList(ids: readonly string[], id: string, direction: 'up' | 'down'): string[] {
  const moved = ids.filter((one) => one !== id);
  const at = ids.indexOf(id) + (direction === 'up' ? -1 : 1);
  moved.splice(Math.max(0, at), 0, id);
  return moved;
}

async function requireGroup(tx: Tx, id: string | null): Promise<void> {
  if (id !== null && !(await rows.listGroups(tx)).some((group) => group.id === id)) noGroup();
}

function noGroup(): never {
  throw new AppError('invalid', 'There is no such group: it may have been deleted.', {
    fix: 'Choose one from the list.',
    problems: [{ field: 'groupId', message: 'Choose a group from the list.' }],
  });
}
