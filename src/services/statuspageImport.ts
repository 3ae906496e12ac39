import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { bumpPageVersion } from '#db/page.ts';
import {
  componentFields,
  groupFields,
  incidentFields,
  listTakenUpdateIds,
  listTouched,
  readAllComponents,
  readAllGroups,
  readStoredIncidents,
  replaceClaims,
  updateFields,
  upsertComponents,
  upsertGroups,
  upsertIncidents,
  upsertUpdates,
} from '#db/statuspageImport.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import type { StatuspageSource } from '#domain/statuspage.ts';
import type { TidyComponent, TidyComponents } from '#domain/statuspageComponents.ts';
import type { TidyIncident } from '#domain/statuspageIncidents.ts';
import {
  type IncidentPlan,
  planComponent,
  planGroup,
  planIncident,
  type Verdict,
} from './statuspageImportPlan.ts';
import { tidySource } from './statuspageImportRead.ts';
import { addVerdict, emptyReport, type ImportReport } from './statuspageImportReport.ts';

export type ImportOptions = {
  /** Incidents that the source left open long ago stay open here too. */
  keepOpen?: boolean;
  onProgress?: (done: number, total: number) => void;
};

/** So many incidents, with their updates and claims, a transaction: others write in between. */
const CHUNK = 100;

/**
 * Brings another status page's history here, with its ids and times. Nobody is told, nothing becomes due. The same source
 * again changes nothing; a newer one changes what changed, but for what someone has since changed here.
 */
export async function importStatuspage(
  ctx: Ctx,
  source: StatuspageSource,
  options: ImportOptions = {},
): Promise<ImportReport> {
  requirePermission(ctx.actor, 'settings.write');
  const report = emptyReport();
  const tidied = await tidySource(ctx, source, options.keepOpen ?? false, report);
  const total = tidied.incidents.length;
  let changed = await writeComponents(ctx, tidied.listed, tidied.made, report);
  for (let start = 0; start < total; start += CHUNK) {
    if (await writeIncidents(ctx, tidied.incidents.slice(start, start + CHUNK), report)) changed = true;
    options.onProgress?.(Math.min(start + CHUNK, total), total);
  }
  if (changed) ctx.changed('page');
  return report;
}

async function writeComponents(
  ctx: Ctx,
  listed: TidyComponents,
  made: readonly TidyComponent[],
  report: ImportReport,
): Promise<boolean> {
  const plan = async (tx: Tx) => {
    const groupRows = new Map((await readAllGroups(tx)).map((row) => [row.id, row]));
    const componentRows = new Map((await readAllComponents(tx)).map((row) => [row.id, row]));
    const touchedGroups = await listTouched(tx, ['group'], ids(listed.groups));
    const touched = await listTouched(tx, ['component'], ids(listed.components));
    const groups = listed.groups.map((group) => ({
      group,
      verdict: planGroup(group, groupRows.get(group.id), touchedGroups.has(group.id)),
    }));
    const deleted = new Set(ids(listed.groups).filter((id) => touchedGroups.has(id) && !groupRows.has(id)));
    const components = listed.components.map((source) => {
      const component = deleted.has(source.groupId ?? '') ? { ...source, groupId: null } : source;
      return {
        component,
        verdict: planComponent(component, componentRows.get(component.id), touched.has(component.id)),
      };
    });
    return { groups, components };
  };
  const first = await ctx.db.read(plan);
  const work = [...first.groups, ...first.components].some(({ verdict }) => isWork(verdict)) || made.length;
  const done = work
    ? await ctx.db.write(async (tx) => {
        const now = await plan(tx);
        await upsertGroups(
          tx,
          now.groups.filter((p) => isWork(p.verdict)).map((p) => groupFields(p.group)),
        );
        const components = now.components.filter((p) => isWork(p.verdict)).map((p) => p.component);
        await upsertComponents(tx, [...components, ...made].map(componentFields));
        await recordImport(tx, ctx, { components: components.length, archived: made.length });
        return now;
      })
    : first;
  for (const { verdict, group } of done.groups) {
    addVerdict(report.groups, verdict);
    if (verdict === 'left') report.remarks.push({ level: 'noted', reason: LEFT_ALONE, subject: group.name });
  }
  for (const { verdict, component } of done.components) {
    addVerdict(report.components, verdict);
    if (verdict === 'left')
      report.remarks.push({ level: 'noted', reason: LEFT_ALONE, subject: component.name });
  }
  return Boolean(work);
}

const LEFT_ALONE = 'changed here since it was imported; left as it is';

/** One transaction for the chunk, and none at all when nothing in it changed. */
async function writeIncidents(
  ctx: Ctx,
  incidents: readonly TidyIncident[],
  report: ImportReport,
): Promise<boolean> {
  const plan = async (tx: Tx): Promise<IncidentPlan[]> => {
    const stored = await readStoredIncidents(tx, ids(incidents));
    const touched = await listTouched(tx, ['incident'], ids(incidents));
    return incidents.map((incident) =>
      planIncident(incident, stored.get(incident.id), touched.has(incident.id)),
    );
  };
  let plans = await ctx.db.read(plan);
  const work = plans.some(({ verdict }) => isWork(verdict));
  if (work)
    plans = await ctx.db.write(async (tx) => {
      const now = await plan(tx);
      await writePlans(tx, ctx, now);
      return now;
    });
  for (const { incident, verdict, updates, gone } of plans) {
    const subject = `${incident.id} "${incident.title}"`;
    addVerdict(report.incidents, verdict);
    for (const update of updates) addVerdict(report.updates, update.verdict);
    if (verdict === 'left') report.remarks.push({ level: 'noted', reason: LEFT_ALONE, subject });
    for (const id of gone)
      report.remarks.push({
        level: 'noted',
        reason: 'an update that the source no longer has; kept here',
        subject: `${subject} ${id}`,
      });
  }
  return work;
}

async function writePlans(tx: Tx, ctx: Ctx, plans: readonly IncidentPlan[]): Promise<void> {
  const work = plans.filter(({ verdict }) => isWork(verdict));
  const seqs = await upsertIncidents(
    tx,
    work.map(({ incident }) => incidentFields(incident)),
  );
  const updates = work.flatMap(({ incident, updates }) =>
    updates
      .filter(({ verdict }) => isWork(verdict))
      .map(({ update }) => ({ update, incidentSeq: seqs.get(incident.id) as number })),
  );
  const taken = await listTakenUpdateIds(tx, updates.map(({ update }) => update.sourceId).filter(isGlobalId));
  const idFor = (sourceId: string) => {
    if (!isGlobalId(sourceId) || taken.has(sourceId)) return ctx.newId();
    taken.add(sourceId);
    return sourceId;
  };
  await upsertUpdates(
    tx,
    updates.map(({ update, incidentSeq }) => ({
      ...updateFields(update),
      id: idFor(update.sourceId),
      incident_seq: incidentSeq,
    })),
  );
  await replaceClaims(
    tx,
    work
      .filter(({ claimsDiffer }) => claimsDiffer)
      .map(({ incident }) => ({
        seq: seqs.get(incident.id) as number,
        kind: incident.kind,
        claims: incident.claims,
      })),
    { now: ctx.now(), label: actorLabel(ctx.actor) },
  );
  await recordImport(tx, ctx, { incidents: work.length, updates: updates.length });
}

/** An id of the source's own making, which no other record has; `update_6` and the like are only places in a list. */
function isGlobalId(id: string): boolean {
  return /^[a-z0-9]{12}$/.test(id);
}

async function recordImport(tx: Tx, ctx: Ctx, detail: Record<string, number>): Promise<void> {
  await bumpPageVersion(tx, ctx.now());
  await insertAudit(tx, ctx, {
    action: 'import.statuspage',
    subjectKind: 'import',
    subjectId: 'statuspage',
    detail,
  });
}

function ids(records: readonly { id: string }[]): string[] {
  return records.map((record) => record.id);
}

function isWork(verdict: Verdict): boolean {
  return verdict === 'new' || verdict === 'changed';
}
