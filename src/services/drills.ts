import { insertAudit } from '#db/audit.ts';
import { endClaims } from '#db/claims.ts';
import { supersede } from '#db/coalesce.ts';
import type { Ctx } from '#db/context.ts';
import { insertDrillEnd, insertDrillPeople } from '#db/drills.ts';
import { endExpansion } from '#db/fanouts.ts';
import { type Incident, updateIncident } from '#db/incidents.ts';
import { insertRole } from '#db/incidentTeam.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { listUnfinished } from '#db/unfinished.ts';
import { listUsers } from '#db/users.ts';
import { DRILL_ROLES, type DrillRoles } from '#domain/drills.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import { isOver } from '#domain/status.ts';
import { renderStaffMail } from '#emails/staff.ts';
import { listReachable } from './drillPeople.ts';
import { checkDeclaration, type DeclareInput, insertDeclared } from './incidents.ts';
import { requireIncident } from './requireIncident.ts';
import { mailStaff } from './staffMail.ts';

export type StartDrillInput = Pick<
  DeclareInput,
  'title' | 'severity' | 'scope' | 'summary' | 'components'
> & {
  /** Ids of users; those who can no longer sign in are left out. */
  participants: readonly string[];
  /** Who has which role from the start; only participants can. */
  roles?: DrillRoles;
};

/**
 * Starts a drill: an incident in which everything works as it would, but for its participants alone. What it claims of components
 * holds on its own screens and in its own mails, and nowhere else. It ends as any incident does, or by abandonDrill.
 * @returns `leftOut`: the names of those who can no longer sign in
 * @throws AppError invalid without a participant who can sign in, or when a role is given to someone else
 */
export async function startDrill(
  ctx: Ctx,
  input: StartDrillInput,
): Promise<{ id: string; leftOut: string[] }> {
  requirePermission(ctx.actor, 'incident.declare');
  const { participants, roles = {}, ...said } = input;
  const declaration = checkDeclaration(ctx, said);
  const { id, now } = declaration;
  const leftOut = await ctx.db.write(async (tx) => {
    const { people, gone } = await choosePeople(tx, participants);
    const chosen = people.map(({ id }) => id);
    refuseStrangers(roles, chosen);
    const seq = await insertDeclared(tx, ctx, { ...said, drill: true }, declaration);
    await insertDrillPeople(tx, seq, chosen, { at: now, label: actorLabel(ctx.actor) });
    for (const role of DRILL_ROLES) {
      const userId = roles[role];
      if (userId) await insertRole(tx, seq, role, userId, now);
    }
    return gone;
  });
  return { id, leftOut };
}

async function choosePeople(tx: Tx, ids: readonly string[]) {
  const wanted = new Set(ids);
  const found = (await listUsers(tx)).filter(({ id }) => wanted.has(id));
  const people = found.filter(({ disabledAt }) => disabledAt === null);
  const gone = found.filter(({ disabledAt }) => disabledAt !== null).map(({ name }) => name);
  if (people.length) return { people, gone };
  const message = gone.length
    ? `${gone.join(' and ')} can no longer sign in. Choose someone who can.`
    : 'Choose at least one person who takes part.';
  throw new AppError('invalid', 'A drill needs someone who takes part.', {
    problems: [{ field: 'participants', message }],
  });
}

function refuseStrangers(roles: DrillRoles, participants: readonly string[]): void {
  const problems = DRILL_ROLES.filter((role) => roles[role] && !participants.includes(roles[role])).map(
    (role) => ({ field: `role.${role}`, message: 'Choose someone who takes part in the drill.' }),
  );
  if (problems.length)
    throw new AppError('invalid', 'A role is given to someone who does not take part.', { problems });
}

/**
 * Ends a drill at once, wherever it stands: nothing more of it is awaited, and none of its mail that waits is sent. All who took part are told.
 * @throws AppError not_found, or conflict when it is over or no drill
 */
export async function abandonDrill(ctx: Ctx, input: { incidentId: string }): Promise<void> {
  requirePermission(ctx.actor, 'incident.internalUpdate');
  const now = ctx.now();
  const by = { at: now, label: actorLabel(ctx.actor) };
  await ctx.db.write(async (tx) => {
    const drill = await requireDrill(tx, ctx, input.incidentId);
    if (isOver(drill.status)) throw new AppError('conflict', 'This drill is over already.');
    await endWaitingMail(tx, drill, now);
    await endClaims(tx, { kind: 'incident', seq: drill.seq }, null, now);
    const over = { status: 'resolved', resolvedAt: now, nextUpdateDue: null, internalDue: null } as const;
    await updateIncident(tx, drill.seq, over, now);
    await insertDrillEnd(tx, drill.seq, by);
    await insertAudit(tx, ctx, {
      action: 'drill.abandon',
      subjectKind: 'incident',
      subjectId: drill.id,
      detail: { text: 'Drill abandoned' },
    });
    await tellAbandoned(tx, ctx, drill);
  });
  ctx.changed('outbox');
}

async function endWaitingMail(tx: Tx, { seq }: Incident, now: string): Promise<void> {
  const waiting = (await listUnfinished(tx, seq)).map(({ noticeSeq }) => noticeSeq);
  await endExpansion(tx, waiting, now);
  if (waiting.length)
    await supersede(
      tx,
      waiting,
      { after: 0, to: Number.MAX_SAFE_INTEGER },
      { reason: 'The drill was abandoned.', now },
    );
}

async function tellAbandoned(tx: Tx, ctx: Ctx, drill: Incident): Promise<void> {
  const page = await getPage(tx);
  const rendered = renderStaffMail({
    site: { name: page.name, url: ctx.site.url, timeZone: page.timeZone },
    about: drill.id,
    drill: true,
    subject: `[${drill.severity}] Abandoned: ${drill.title}`,
    lines: [`${actorLabel(ctx.actor)} ended this drill. Nothing more is awaited of anyone.`],
    deed: { words: 'See how it went', url: `${ctx.site.url}/admin/drills/${drill.id}` },
  });
  await mailStaff(tx, ctx, { incidentSeq: drill.seq, people: await listReachable(tx, drill.seq), rendered });
}

/** @throws AppError not_found also when it is an incident and no drill */
export async function requireDrill(tx: Tx, ctx: Ctx, id: string): Promise<Incident> {
  const incident = await requireIncident(tx, id, undefined, ctx.actor);
  if (incident.drill) return incident;
  throw new AppError('not_found', 'There is no such drill.', { fix: 'Open it from the list of drills.' });
}
