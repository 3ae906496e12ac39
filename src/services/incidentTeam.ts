import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { isParticipant } from '#db/drills.ts';
import {
  type IncidentRole,
  insertLogEntry,
  insertRole,
  listRoleHolders,
  endRole as rowsEndRole,
} from '#db/incidentTeam.ts';
import { getUser } from '#db/users.ts';
import { isViewer } from '#db/viewers.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import { mayHavePart } from '#domain/team.ts';
import type { Instant } from '#domain/time.ts';
import { requireIncident } from './requireIncident.ts';

export const ROLE_LABELS: Record<IncidentRole, string> = {
  incident_commander: 'Incident commander',
  technical_lead: 'Technical lead',
  comms_lead: 'Comms lead',
  scribe: 'Scribe',
};

/**
 * Gives someone a role, in place of whoever had it; to the same person again changes nothing.
 * @returns a warning when one person is now both commander and technical lead; null otherwise
 */
export async function assignRole(
  ctx: Ctx,
  input: { incidentId: string; role: IncidentRole; userId: string },
): Promise<{ warning: string | null }> {
  requirePermission(ctx.actor, 'incident.roles');
  const now = ctx.now();
  return ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, undefined, ctx.actor);
    const user = await getUser(tx, input.userId);
    if (!user || user.disabledAt)
      throw new AppError('invalid', 'There is no such person, or they can no longer sign in.', {
        fix: 'Choose someone from the list.',
        problems: [{ field: 'user', message: 'Choose someone from the list.' }],
      });
    if (incident.restricted && !(await isViewer(tx, incident.seq, user.id)))
      throw new AppError('invalid', `${user.name} does not see this incident.`, {
        fix: 'Let them in first, under “Who sees it”.',
        problems: [{ field: 'user', message: 'Let them in first, under “Who sees it”.' }],
      });
    if (incident.drill && !(await isParticipant(tx, incident.seq, user.id)))
      throw new AppError('invalid', `${user.name} does not take part in this drill.`, {
        fix: 'Give the role to someone who does.',
        problems: [{ field: 'user', message: 'Choose someone who takes part in the drill.' }],
      });
    if (!mayHavePart(input.role, user.role, incident)) {
      const lacks = input.role === 'comms_lead' ? 'post updates' : 'say “I have it”';
      throw new AppError(
        'invalid',
        `${user.name} (${user.role}) would be called first and may not ${lacks}.`,
        {
          fix: 'Choose someone who may, or ask an owner to change their role under Users.',
          problems: [{ field: 'user', message: `${user.name} may not ${lacks}. Choose someone who may.` }],
        },
      );
    }
    const holders = await listRoleHolders(tx, incident.seq);
    if (holders.some(({ role, userId }) => role === input.role && userId === user.id))
      return { warning: roleWarning(holders) };
    await rowsEndRole(tx, incident.seq, input.role, now);
    await insertRole(tx, incident.seq, input.role, user.id, now);
    await insertAudit(tx, ctx, {
      action: 'incident.role',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: `${user.name} is ${ROLE_LABELS[input.role].toLowerCase()}` },
    });
    return { warning: roleWarning(await listRoleHolders(tx, incident.seq)) };
  });
}

/** Said beside the roles: who leads should not also have their hands in it. */
export function roleWarning(
  holders: readonly { role: IncidentRole; userId: string; name: string }[],
): string | null {
  const commander = holders.find(({ role }) => role === 'incident_commander');
  const lead = holders.find(({ role }) => role === 'technical_lead');
  return commander && commander.userId === lead?.userId
    ? `${commander.name} is both incident commander and technical lead. Better to part the two.`
    : null;
}

/** Takes the role from whoever has it; nothing happens when nobody has. */
export async function endRole(ctx: Ctx, input: { incidentId: string; role: IncidentRole }): Promise<void> {
  requirePermission(ctx.actor, 'incident.roles');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, undefined, ctx.actor);
    const holders = await listRoleHolders(tx, incident.seq);
    if (!holders.some(({ role }) => role === input.role)) return;
    await rowsEndRole(tx, incident.seq, input.role, now);
    await insertAudit(tx, ctx, {
      action: 'incident.role',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: `Nobody is ${ROLE_LABELS[input.role].toLowerCase()}` },
    });
  });
}

/** A private note for the record, at the time when it happened: now, or earlier. */
export async function addLogEntry(
  ctx: Ctx,
  input: { incidentId: string; body: string; at?: Instant },
): Promise<{ id: string }> {
  requirePermission(ctx.actor, 'incident.log');
  const now = ctx.now();
  const at = input.at ?? now;
  if (at > now)
    throw new AppError('invalid', 'A note cannot be about the future.', {
      fix: 'Give the time when it happened, or leave it empty for now.',
      problems: [{ field: 'noteAt', message: 'This is in the future. Give a time that has passed.' }],
    });
  const id = ctx.newId();
  await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, undefined, ctx.actor);
    await insertLogEntry(tx, incident.seq, {
      id,
      at,
      writtenAt: now,
      author: actorLabel(ctx.actor),
      body: input.body,
    });
    await insertAudit(tx, ctx, {
      action: 'incident.note',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { entry: id },
    });
  });
  return { id };
}
