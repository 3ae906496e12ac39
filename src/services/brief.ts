import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import {
  type BriefLink,
  endBriefLink,
  findBriefLink,
  insertBriefLink,
  listBriefLinks,
} from '#db/briefLinks.ts';
import { listCalls } from '#db/calls.ts';
import { listClaimsOfSource } from '#db/claims.ts';
import { findComponents } from '#db/components.ts';
import type { Ctx } from '#db/context.ts';
import { listFanoutsOf } from '#db/deliveryReports.ts';
import { countOpenSteps } from '#db/incidentRunbooks.ts';
import { findIncidentBySeq, type Incident } from '#db/incidents.ts';
import { listRoleHolders } from '#db/incidentTeam.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { listHeard } from '#db/tellings.ts';
import { listUpdates } from '#db/updates.ts';
import type { Reader } from '#db/visible.ts';
import type { Brief, BriefInside } from '#domain/brief.ts';
import { countOutcomes } from '#domain/deliveries.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import { publicImpact } from '#domain/publicIncident.ts';
import { worstStatus } from '#domain/status.ts';
import { addMs, HOUR, type Instant } from '#domain/time.ts';
import { statesOf } from './deliveries.ts';
import { ROLE_LABELS } from './incidentTeam.ts';
import { requireIncident } from './requireIncident.ts';
import { isOpenToAll } from './updatePlan.ts';

export type { BriefLink } from '#db/briefLinks.ts';

/** For how many hours a link may work. */
export const BRIEF_HOURS = ['1', '24', '168'] as const;

export const briefLinkInput = z.object({
  hours: z.enum(BRIEF_HOURS, { error: 'Choose how long the link works.' }).transform(Number),
  shows: z.enum(['public', 'inside'], { error: 'Choose what its reader sees.' }),
});

/** What someone inside must know of an incident in one minute, with the links that show it to others. @throws AppError not_found */
export async function getBrief(
  ctx: Ctx,
  incidentId: string,
): Promise<{ brief: Brief; links: BriefLink[]; shareable: { public: boolean; inside: boolean } }> {
  requirePermission(ctx.actor, 'incident.read');
  const now = ctx.now();
  const { incident, ...rest } = await ctx.db.read(async (tx) => {
    const found = await requireIncident(tx, incidentId, undefined, ctx.actor);
    return {
      incident: found,
      brief: await readBrief(tx, found),
      links: await listBriefLinks(tx, found.seq, now),
      inside: { ...(await readInside(tx, found, ctx.actor)), openSteps: await countOpenSteps(tx, found.seq) },
    };
  });
  const { brief, links, inside } = rest;
  return {
    brief: { ...brief, inside: { ...inside, ...(await readTold(ctx, incident)) } },
    links,
    shareable: { public: isShownOutside(incident), inside: isOpenToAll(incident) },
  };
}

/**
 * Makes a link that shows the brief to whoever has it, for a while. What is stored is the token's hash: the caller shows the token once.
 * @throws AppError conflict for what is restricted, or for the public's view of what the public does not know
 */
export async function createBriefLink(
  ctx: Ctx,
  input: z.infer<typeof briefLinkInput> & { incidentId: string; tokenHash: string },
): Promise<void> {
  requirePermission(ctx.actor, 'incident.publish');
  const now = ctx.now();
  const inside = input.shows === 'inside';
  await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, undefined, ctx.actor);
    if (incident.restricted)
      throw new AppError('conflict', 'A restricted incident is for named people: no link shows it.', {
        fix: 'Tell those who must know in person.',
      });
    if (incident.drill)
      throw new AppError('conflict', 'A drill stays among those who take part: no link shows it.', {
        fix: 'Open the brief here.',
      });
    if (!inside && !isShownOutside(incident))
      throw new AppError('conflict', 'The public knows nothing of it yet, so such a link would be empty.', {
        fix: 'Publish the first update, or make a link that shows what is known inside.',
      });
    await insertBriefLink(tx, {
      tokenHash: input.tokenHash,
      incidentSeq: incident.seq,
      inside,
      createdBy: actorLabel(ctx.actor),
      createdAt: now,
      expiresAt: addMs(now, input.hours * HOUR),
    });
    await insertAudit(tx, ctx, {
      action: 'brief.link',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: {
        text: `A link to the brief for ${input.hours === 1 ? 'an hour' : `${input.hours} hours`}, showing ${inside ? 'what is known inside' : 'what the public knows'}`,
      },
    });
  });
}

/** The link shows nothing any more. One that has ended already stays so. */
export async function endLink(ctx: Ctx, input: { incidentId: string; seq: number }): Promise<void> {
  requirePermission(ctx.actor, 'incident.publish');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, undefined, ctx.actor);
    if (!(await endBriefLink(tx, { incidentSeq: incident.seq, seq: input.seq }, now))) return;
    await insertAudit(tx, ctx, {
      action: 'brief.endLink',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: 'A link to the brief was ended' },
    });
  });
}

export type SharedBrief = {
  brief: Brief;
  page: { name: string; timeZone: string };
  now: Instant;
  expiresAt: Instant;
};

/**
 * What the reader of a link sees: what its maker chose, as it is now. An incident that has become restricted is shown by no link.
 * @throws AppError gone when the link has ended, expired, or never was
 */
export async function readSharedBrief(ctx: Ctx, tokenHash: string): Promise<SharedBrief> {
  const now = ctx.now();
  const found = await ctx.db.read(async (tx) => {
    const link = await findBriefLink(tx, tokenHash);
    if (!link || link.endedAt !== null || link.expiresAt <= now) return null;
    const incident = await findIncidentBySeq(tx, link.incidentSeq);
    if (!incident || incident.restricted || (!link.inside && !isShownOutside(incident))) return null;
    const { name, timeZone } = await getPage(tx);
    return {
      link,
      incident,
      brief: await readBrief(tx, incident),
      // Whoever has the link is nobody's viewer: what was said while it was restricted stays with those who saw it.
      inside: link.inside ? { ...(await readInside(tx, incident, null)), openSteps: null } : null,
      page: { name, timeZone },
    };
  });
  if (!found)
    throw new AppError('gone', 'This link shows nothing any more.', {
      fix: 'Ask whoever sent it for a new one. What everyone may know is on the status page.',
    });
  const { link, incident, brief, inside, page } = found;
  return {
    brief: { ...brief, inside: inside && { ...inside, ...(await readTold(ctx, incident)) } },
    page,
    now,
    expiresAt: link.expiresAt,
  };
}

function isShownOutside(incident: Incident): boolean {
  return incident.publishedAt !== null && isOpenToAll(incident);
}

/** What the public knows, and of what is not public what would be said. */
async function readBrief(tx: Tx, incident: Incident): Promise<Omit<Brief, 'inside'>> {
  const claims = await listClaimsOfSource(tx, { kind: incident.kind, seq: incident.seq });
  const byComponent = Map.groupBy(claims, ({ componentId }) => componentId);
  const named = await findComponents(tx, [...byComponent.keys()]);
  const said = (await listUpdates(tx, incident.seq)).filter(({ audience }) => audience === 'public');
  const components = named.flatMap(({ id, name }) => {
    const own = byComponent.get(id) ?? [];
    const now = own.find(({ endsAt }) => endsAt === null)?.status;
    const status = incident.resolvedAt === null ? now : worstStatus(own.map((claim) => claim.status));
    return status && status !== 'operational' ? [{ name, status }] : [];
  });
  return {
    title: incident.title,
    drill: incident.drill,
    status: incident.status,
    impact: publicImpact(incident),
    scope: incident.scope,
    startedAt: incident.startedAt,
    resolvedAt: incident.resolvedAt,
    components,
    affected: said[0]?.affected ?? null,
    workaround: said[0]?.workaround ?? null,
    said: said.map(({ postedAt, status, body }) => ({ at: postedAt, status, body })),
    promised: incident.nextUpdateDue,
  };
}

async function readInside(
  tx: Tx,
  incident: Incident,
  reader: Reader,
): Promise<Omit<BriefInside, 'told' | 'audiences' | 'waiting' | 'openSteps'>> {
  const holders = await listRoleHolders(tx, incident.seq);
  const updates = await listUpdates(tx, incident.seq, reader);
  const roles =
    incident.kind === 'incident' ? (['incident_commander', 'comms_lead', 'technical_lead'] as const) : [];
  return {
    severity: incident.severity,
    declaredAt: incident.declaredAt,
    isPublic: incident.publishedAt !== null,
    roles: roles.map((role) => ({
      label: ROLE_LABELS[role],
      name: holders.find((holder) => holder.role === role)?.name ?? null,
    })),
    said: updates
      .filter(({ audience }) => audience === 'internal')
      .map(({ postedAt, author, body }) => ({ at: postedAt, author, body })),
    internalDue: incident.internalDue,
    calls: (await listCalls(tx, [incident.seq])).length,
  };
}

async function readTold(
  ctx: Ctx,
  { id, seq }: Incident,
): Promise<Pick<BriefInside, 'told' | 'audiences' | 'waiting'>> {
  const { fanouts, tellings } = await ctx.db.read(async (tx) => ({
    fanouts: await listFanoutsOf(tx, id, ctx.actor),
    tellings: await listHeard(tx, seq),
  }));
  const outcomes = await Promise.all(
    fanouts.map(async (fanout) => ({
      kind: fanout.kind,
      ...countOutcomes(await statesOf(ctx, fanout), fanout),
    })),
  );
  const toSubscribers = outcomes.filter(({ kind }) => kind !== 'stakeholder');
  const lastOf = new Map(tellings.map(({ name, toldAt }) => [name, toldAt] as const));
  return {
    told: {
      messages: toSubscribers.length,
      sent: toSubscribers[0]?.sent ?? 0,
      total: toSubscribers[0]?.total ?? 0,
    },
    audiences: [...Map.groupBy(lastOf, ([, at]) => at)]
      .map(([at, own]) => ({ at, names: own.map(([name]) => name) }))
      .sort((a, b) => (a.at < b.at ? 1 : -1)),
    waiting: outcomes.reduce((sum, { waiting }) => sum + waiting, 0),
  };
}
