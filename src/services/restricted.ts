import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import type { Incident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { listUsers } from '#db/users.ts';
import {
  deleteViewer,
  insertViewers,
  isViewer,
  listRestricted,
  listViewers,
  type Viewer,
} from '#db/viewers.ts';
import { AppError } from '#domain/errors.ts';
import { type Actor, actorLabel, requirePermission, userIdOf } from '#domain/permissions.ts';
import type { Severity } from '#domain/severity.ts';
import type { Instant } from '#domain/time.ts';
import { checkDeclaration, type DeclareInput, insertDeclared } from './incidents.ts';
import type { Person } from './people.ts';
import { requireIncident } from './requireIncident.ts';
import { tellAdded, tellViewers } from './restrictedMail.ts';

/**
 * Declares an incident that only its viewers know of: whoever declares it, and those who are named. They are told at once, by a mail that
 * says no more than that there is something to see. It has no public clock, and nothing of it is published until an approver does.
 * @param input.viewers ids of users
 */
export async function declareRestricted(
  ctx: Ctx,
  input: DeclareInput & { viewers: readonly string[] },
): Promise<{ id: string }> {
  requirePermission(ctx.actor, 'incident.declare');
  const declarer = requireUser(ctx.actor);
  const declaration = checkDeclaration(ctx, input);
  const { id, now } = declaration;
  await ctx.db.write(async (tx) => {
    const people = await requirePeople(tx, input.viewers);
    const seq = await insertDeclared(tx, ctx, { ...input, restricted: true }, declaration);
    const by = { at: now, label: declarer.name };
    await insertViewers(tx, seq, [...new Set([declarer.id, ...input.viewers])], by);
    const others = people.filter(({ userId }) => userId !== declarer.id);
    await tellAdded(tx, ctx, { seq, id, severity: input.severity }, { people: others, by: declarer.name });
  });
  ctx.changed('outbox');
  return { id };
}

/** Who sees an incident that is or was restricted, for those who do; null of every other. */
export type Seal = {
  viewers: Viewer[];
  /** Who could be let in. */
  others: Person[];
};

/** @throws AppError not_found */
export async function getSeal(ctx: Ctx, incidentId: string): Promise<Seal | null> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read(async (tx) => {
    const incident = await requireIncident(tx, incidentId, undefined, ctx.actor);
    if (!(await isViewer(tx, incident.seq, userIdOf(ctx.actor)))) return null;
    const viewers = await listViewers(tx, incident.seq);
    const others = (await listUsers(tx)).filter(
      ({ id, disabledAt }) => disabledAt === null && !viewers.some(({ userId }) => userId === id),
    );
    return { viewers, others: others.map(({ id, name }) => ({ id, name })) };
  });
}

/** Lets someone in, who is told. Any viewer may. @throws AppError not_found, or invalid when there is no such person */
export async function addViewer(ctx: Ctx, input: { incidentId: string; userId: string }): Promise<void> {
  requirePermission(ctx.actor, 'incident.read');
  const by = actorLabel(ctx.actor);
  await ctx.db.write(async (tx) => {
    const incident = await requireSealed(tx, ctx, input.incidentId);
    const [person] = await requirePeople(tx, [input.userId]);
    if (!person || (await isViewer(tx, incident.seq, person.userId))) return;
    await insertViewers(tx, incident.seq, [person.userId], { at: ctx.now(), label: by });
    await auditSeal(tx, ctx, incident, 'incident.addViewer', `${person.name} sees it from now on`);
    await tellAdded(tx, ctx, incident, { people: [person], by });
    const what = `${by} let ${person.name} in`;
    await tellViewers(tx, ctx, incident, { except: [person.userId, userIdOf(ctx.actor)], what });
  });
  ctx.changed('outbox');
}

/**
 * Takes someone's sight of it away, or one's own. Any viewer may; the others are told.
 * @throws AppError conflict for the last one who can sign in: an incident that nobody sees is lost
 */
export async function removeViewer(ctx: Ctx, input: { incidentId: string; userId: string }): Promise<void> {
  requirePermission(ctx.actor, 'incident.read');
  const by = actorLabel(ctx.actor);
  await ctx.db.write(async (tx) => {
    const incident = await requireSealed(tx, ctx, input.incidentId);
    const viewers = await listViewers(tx, incident.seq);
    const gone = viewers.find(({ userId }) => userId === input.userId);
    if (!gone) return;
    if (!viewers.some(({ userId, canSignIn }) => canSignIn && userId !== gone.userId))
      throw new AppError(
        'conflict',
        `Nobody else sees this incident: without ${gone.name} it would be lost.`,
        {
          fix: 'Let someone else in first.',
        },
      );
    await deleteViewer(tx, incident.seq, gone.userId);
    await auditSeal(tx, ctx, incident, 'incident.removeViewer', `${gone.name} sees it no more`);
    await tellViewers(tx, ctx, incident, {
      except: [userIdOf(ctx.actor)],
      what: `${by} took ${gone.name} out`,
    });
  });
  ctx.changed('outbox');
}

/** A restricted incident as an owner who does not see it may know of it: that it is there, and whom to ask. */
export type Sealed = {
  id: string;
  severity: Severity;
  declaredAt: Instant;
  over: boolean;
  viewers: string[];
};

/** The restricted incidents that the signed-in owner does not see. */
export async function listSealed(ctx: Ctx): Promise<Sealed[]> {
  requirePermission(ctx.actor, 'user.write');
  return ctx.db.read(async (tx) => {
    const sealed: Sealed[] = [];
    for (const { seq, id, severity, declaredAt, resolvedAt } of await listRestricted(tx)) {
      if (await isViewer(tx, seq, userIdOf(ctx.actor))) continue;
      const viewers = (await listViewers(tx, seq)).map(({ name }) => name);
      sealed.push({ id, severity, declaredAt, over: resolvedAt !== null, viewers });
    }
    return sealed;
  });
}

/** An owner lets themselves in, with a reason that all who see it are told. @throws AppError not_found, invalid without a reason */
export async function joinSealed(ctx: Ctx, input: { incidentId: string; reason: string }): Promise<void> {
  requirePermission(ctx.actor, 'user.write');
  const owner = requireUser(ctx.actor);
  await ctx.db.write(async (tx) => {
    const incident = (await listRestricted(tx)).find(({ id }) => id === input.incidentId) ?? missing();
    if (await isViewer(tx, incident.seq, owner.id)) return;
    if (!input.reason?.trim())
      throw new AppError('invalid', 'Say why you need to see it.', {
        problems: [{ field: 'reason', message: 'Say why you need to see it: those who see it read this.' }],
      });
    await insertViewers(tx, incident.seq, [owner.id], { at: ctx.now(), label: owner.name });
    const what = `${owner.name} let themselves in, as an owner may`;
    await auditSeal(tx, ctx, incident, 'incident.joinSealed', what, input.reason);
    await tellViewers(tx, ctx, incident, { except: [owner.id], what, reason: input.reason });
  });
  ctx.changed('outbox');
}

/** One that is or was restricted, and that this person sees as its viewer. */
async function requireSealed(tx: Tx, ctx: Ctx, incidentId: string): Promise<Incident> {
  const incident = await requireIncident(tx, incidentId, undefined, ctx.actor);
  if (await isViewer(tx, incident.seq, userIdOf(ctx.actor))) return incident;
  throw new AppError('conflict', 'Everyone who signs in sees this incident.', {
    fix: 'There is nobody to let in.',
  });
}

async function requirePeople(tx: Tx, ids: readonly string[]) {
  const users = (await listUsers(tx)).filter(({ disabledAt }) => disabledAt === null);
  return ids.map((id) => {
    const user = users.find((one) => one.id === id);
    if (user) return { userId: user.id, name: user.name, email: user.email };
    throw new AppError('invalid', 'There is no such person, or they can no longer sign in.', {
      fix: 'Choose someone from the list.',
      problems: [{ field: 'viewers', message: 'Choose people from the list.' }],
    });
  });
}

async function auditSeal(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  action: 'incident.addViewer' | 'incident.removeViewer' | 'incident.joinSealed',
  text: string,
  note: string | null = null,
): Promise<void> {
  await insertAudit(tx, ctx, {
    action,
    subjectKind: 'incident',
    subjectId: incident.id,
    detail: { text, note },
  });
}

function requireUser(actor: Actor): Extract<Actor, { kind: 'user' }> {
  if (actor.kind === 'user') return actor;
  throw new AppError('forbidden', 'Only a person can see what is restricted.', { fix: 'Sign in first.' });
}

function missing(): never {
  throw new AppError('not_found', 'There is no such incident.', {
    fix: 'Open the list of restricted incidents again.',
  });
}
