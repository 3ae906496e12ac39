import { listWaiting } from '#db/approvals.ts';
import { listAuditOf } from '#db/audit.ts';
import { listClaimsOfSource } from '#db/claims.ts';
import { findComponents } from '#db/components.ts';
import type { Ctx } from '#db/context.ts';
import { type Incident, listOpen, listOver } from '#db/incidents.ts';
import { type LogEntry, listLogEntries, listRoleHolders, type RoleHolder } from '#db/incidentTeam.ts';
import type { Tx } from '#db/open.ts';
import { listEdits, listUpdates, type Update, type UpdateText } from '#db/updates.ts';
import { type ClockState, clockState, type Pace } from '#domain/cadence.ts';
import { awaitedOutside } from '#domain/callFacts.ts';
import type { CallFacts } from '#domain/calls.ts';
import { requirePermission } from '#domain/permissions.ts';
import type { CadencePolicy, Severity } from '#domain/severity.ts';
import { type ComponentStatus, type IncidentKind, worstStatus } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import { roleWarning } from './incidentTeam.ts';
import { paceOf, pacesOf } from './pace.ts';
import { requireIncident } from './requireIncident.ts';

export type IncidentView = Incident & {
  pace: Pace;
  /** What it claims now, and what it claimed and claims no more (`claimed` null). */
  components: { id: string; name: string; claimed: ComponentStatus | null; worst: ComponentStatus }[];
  /** Newest first; each with how it stood before each edit, the newest edit first. */
  updates: (Update & { edits: { before: UpdateText; at: Instant; by: string }[] })[];
  roles: RoleHolder[];
  roleWarning: string | null;
  /** The scribe's notes, the latest first. */
  log: LogEntry[];
  /** Declared, a role taken, a severity changed, a component corrected: one line each, the latest first. */
  facts: { at: Instant; author: string; text: string; note: string | null }[];
};

/** Everything there is to know of an incident or maintenance, for people inside. @throws AppError not_found */
export async function getIncident(ctx: Ctx, id: string): Promise<IncidentView> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read(async (tx) => {
    const incident = await requireIncident(tx, id, undefined, ctx.actor);
    const claims = await listClaimsOfSource(tx, { kind: incident.kind, seq: incident.seq });
    const byComponent = Map.groupBy(claims, ({ componentId }) => componentId);
    const named = await findComponents(tx, [...byComponent.keys()]);
    const edits = Map.groupBy(await listEdits(tx, incident.seq), ({ updateSeq }) => updateSeq);
    const updates = await listUpdates(tx, incident.seq, ctx.actor);
    const roles = await listRoleHolders(tx, incident.seq);
    const audit = await listAuditOf(tx, 'incident', incident.id, ctx.actor);
    return {
      ...incident,
      pace: await paceOf(tx, incident),
      components: named.map(({ id: componentId, name }) => {
        const own = byComponent.get(componentId) ?? [];
        return {
          id: componentId,
          name,
          claimed: own.find(({ endsAt }) => endsAt === null)?.status ?? null,
          worst: worstStatus(own.map(({ status }) => status)),
        };
      }),
      updates: updates.map((update) => ({ ...update, edits: edits.get(update.seq) ?? [] })),
      roles,
      roleWarning: roleWarning(roles),
      log: await listLogEntries(tx, incident.seq, ctx.actor),
      facts: audit
        .filter(({ detail }) => typeof detail.text === 'string')
        .map(({ at, actor, detail }) => ({
          at,
          author: actor,
          text: detail.text as string,
          note: typeof detail.note === 'string' ? detail.note : null,
        }))
        .reverse(),
    };
  });
}

export type IncidentSummary = Incident & { clock: DueItem | null };

/** The open ones, the most urgent first, then those that are over, the latest first and `limit` of them. */
export async function listIncidents(
  ctx: Ctx,
  options: { kind: IncidentKind; after?: { startedAt: Instant; seq: number } | null; limit: number },
): Promise<{ open: IncidentSummary[]; over: Incident[]; more: boolean }> {
  requirePermission(ctx.actor, 'incident.read');
  const now = ctx.now();
  return ctx.db.read(async (tx) => {
    const open = (await listOpen(tx, ctx.actor)).filter(({ kind }) => kind === options.kind);
    const over = await listOver(tx, options.kind, options.after ?? null, options.limit + 1, ctx.actor);
    const summaries = (await readDue(tx, ctx, open, now)).map(([incident, due]) => ({
      ...incident,
      clock: due[0] ?? null,
    }));
    return {
      open: summaries.sort(byUrgency),
      over: over.slice(0, options.limit),
      more: over.length > options.limit,
    };
  });
}

export type DueItem = {
  id: string;
  title: string;
  severity: Severity;
  drill: boolean;
  what: 'first update' | 'next update' | 'internal update';
  due: Instant;
  state: Exclude<ClockState, 'none'>;
  /** A text was posted by itself in its place: it is awaited of a person still, and visitors were promised another since. */
  automatic: boolean;
  /** The id of the update that is written and waits for an approver; left out when none does. */
  waiting?: string | undefined;
};

/**
 * What is awaited of the team, the most urgent first: of each open incident the clock that presses most, and the other one too once it is
 * soon or late.
 */
export async function dueNow(ctx: Ctx): Promise<DueItem[]> {
  requirePermission(ctx.actor, 'incident.read');
  const now = ctx.now();
  const { open, waiting } = await ctx.db.read(async (tx) => ({
    open: await readDue(tx, ctx, await listOpen(tx, ctx.actor), now),
    waiting: await listWaiting(tx, ctx.actor),
  }));
  return open
    .flatMap(([, due]) => due.filter(({ state }, nth) => nth === 0 || state !== 'ahead'))
    .map((item) => {
      const written = waiting.find(({ incidentId }) => incidentId === item.id);
      return written && item.what !== 'internal update' ? { ...item, waiting: written.id } : item;
    })
    .sort(pressing);
}

/** What is due of each of these, as dueOf gives it. */
async function readDue(
  tx: Tx,
  { actor }: Ctx,
  incidents: readonly Incident[],
  now: Instant,
): Promise<[Incident, DueItem[]][]> {
  const due: [Incident, DueItem[]][] = [];
  for (const [incident, { policy }] of await pacesOf(tx, incidents)) {
    // Elsewhere nothing is posted by itself, and what is promised is what is awaited.
    const said = policy.postWhenLate ? await listUpdates(tx, incident.seq, actor) : [];
    due.push([incident, dueOf(incident, policy, awaitedOutside(incident, said), now)]);
  }
  return due;
}

/** The clocks of one incident, the one that presses most before the other. */
function dueOf(
  incident: Incident,
  policy: CadencePolicy,
  outside: CallFacts['publicClock'],
  now: Instant,
): DueItem[] {
  const clocks = [
    { what: outside?.first ? 'first update' : 'next update', due: outside?.due ?? null },
    { what: 'internal update', due: incident.internalDue },
  ] as const;
  return clocks
    .flatMap(({ what, due }) => {
      const state = clockState(policy, due, now);
      if (due === null || state === 'none') return [];
      const { id, title, severity, drill } = incident;
      const automatic = what !== 'internal update' && due !== incident.nextUpdateDue;
      return { id, title, severity, drill, what, due, state, automatic };
    })
    .sort(pressing);
}

function byUrgency(a: IncidentSummary, b: IncidentSummary): number {
  if (a.drill !== b.drill) return realFirst(a, b);
  if (a.clock && b.clock) return pressing(a.clock, b.clock);
  if (a.clock || b.clock) return a.clock ? -1 : 1;
  return compare(a.severity, b.severity) || compare(b.startedAt, a.startedAt);
}

/**
 * What is late before what is not. Of what is late the gravest comes first, however long the others have waited, and what visitors are
 * owed before what colleagues are; of what is not, the soonest.
 */
function pressing(a: DueItem, b: DueItem): number {
  const isLate = ({ state }: DueItem) => Number(state === 'late');
  const isInside = ({ what }: DueItem) => Number(what === 'internal update');
  return (
    realFirst(a, b) ||
    isLate(b) - isLate(a) ||
    (isLate(a) ? compare(a.severity, b.severity) || isInside(a) - isInside(b) : 0) ||
    compare(a.due, b.due) ||
    compare(a.severity, b.severity) ||
    isInside(a) - isInside(b)
  );
}

/** However late a drill is, what is really broken comes before it. */
function realFirst(a: { drill: boolean }, b: { drill: boolean }): number {
  return Number(a.drill) - Number(b.drill);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
