import type { Ctx } from '#db/context.ts';
import { readAllComponents } from '#db/statuspageImport.ts';
import { statusRank } from '#domain/status.ts';
import type { Remarks, StatuspageSource } from '#domain/statuspage.ts';
import { isLoose, latest, looseList, looseText, looseTime } from '#domain/statuspage.ts';
import {
  componentFinder,
  isWholeComponent,
  type TidyComponent,
  type TidyComponents,
  tidyComponents,
  UNLISTED,
} from '#domain/statuspageComponents.ts';
import { type TidyIncident, tidyIncident } from '#domain/statuspageIncidents.ts';
import { type Instant, isTimeZone } from '#domain/time.ts';
import { addTo, type ImportReport } from './statuspageImportReport.ts';

export type Tidied = { listed: TidyComponents; made: TidyComponent[]; incidents: TidyIncident[] };

/** Everything read and mended in memory; nothing is written yet. */
export async function tidySource(
  ctx: Ctx,
  source: StatuspageSource,
  keepOpen: boolean,
  report: ImportReport,
): Promise<Tidied> {
  const { remarks } = report;
  const now = ctx.now();
  const page = isLoose(source.page) ? source.page : {};
  const written = looseText(page.time_zone);
  const zone = written && isTimeZone(written) ? written : null;
  const records = [
    ...(source.incidents ?? []).map((record) => ({ record, listed: 'incident' as const })),
    ...(source.maintenances ?? []).map((record) => ({ record, listed: 'maintenance' as const })),
  ];
  const asOf = sourceTime(page, records, zone) ?? now;
  const here = await ctx.db.read(readAllComponents);

  const listedRecords = [...(source.components ?? [])];
  const known = new Set([...here.map((row) => row.id), ...listedRecords.map(idOf)]);
  const embedded = wholeComponents(records.map(({ record }) => record)).filter((c) => !known.has(idOf(c)));
  const listed = tidyComponents([...listedRecords, ...embedded], { zone, asOf, remarks });
  // A source that lists its components and not these has them no more: they keep their incidents, and are not on the page.
  if (listedRecords.length) archiveUnlisted(listed, new Set(embedded.map(idOf)), now, remarks);
  addTo(report.components, 'read', listedRecords.length + embedded.length - listed.groups.length);
  addTo(report.groups, 'read', listed.groups.length);
  report.components.skipped = report.components.read - listed.components.length;

  const named = listed.components.map(({ id, name }) => ({ id, name, archived: false }));
  const listedIds = new Set(named.map(({ id }) => id));
  for (const row of here) {
    if (listedIds.has(row.id)) continue;
    named.push({ id: row.id, name: row.name, archived: row.archived_at !== null });
    if (row.archived_at === null && named.some((c) => c.id !== row.id && c.name === row.name))
      remarks.push({
        level: 'noted',
        reason: 'here already under another id; both are on the page now',
        subject: row.name,
      });
  }
  const finder = componentFinder(named, ctx.newId, remarks);

  const reading = { zone, asOf, keepOpen, finder, remarks };
  const incidents = new Map<string, TidyIncident>();
  for (const { record, listed: kind } of records) {
    const updates = isLoose(record) ? looseList(record.incident_updates).length : 0;
    addTo(report.incidents, 'read', 1);
    addTo(report.updates, 'read', updates);
    const incident = tidyIncident(record, kind, reading);
    const twin = incident && incidents.get(incident.id);
    if (twin)
      remarks.push({
        level: 'skipped',
        reason: 'the same incident twice; the newer is kept',
        subject: incident.id,
      });
    if (!incident || (twin && twin.updatedAt >= incident.updatedAt)) {
      addTo(report.incidents, 'skipped', 1);
      addTo(report.updates, 'skipped', updates);
      continue;
    }
    if (twin) {
      addTo(report.incidents, 'skipped', 1);
      addTo(report.updates, 'skipped', twin.updates.length);
    }
    addTo(report.updates, 'skipped', updates - incident.updates.length);
    incidents.set(incident.id, incident);
  }
  // Sources list the newest first: of two that started together the later one in the list is the older.
  const list = [...incidents.values()]
    .reverse()
    .sort((a, b) => (a.startedAt < b.startedAt ? -1 : a.startedAt > b.startedAt ? 1 : 0));
  report.maintenances = list.filter((incident) => incident.kind === 'maintenance').length;
  remarkOnUnexplained(listed, list, remarks);
  return { listed, made: finder.made().map((made) => archivedComponent(made, now)), incidents: list };
}

function idOf(record: unknown): string {
  return (isLoose(record) && looseText(record.id)) || '';
}

/** The whole components that newer incidents carry, for a source without `components.json`: the newest of each. */
function wholeComponents(incidents: readonly unknown[]): unknown[] {
  const newest = new Map<string, Record<string, unknown>>();
  for (const incident of incidents) {
    for (const record of isLoose(incident) ? looseList(incident.components) : []) {
      if (!isLoose(record) || !isWholeComponent(record)) continue;
      const before = newest.get(idOf(record));
      if (!before || String(before.updated_at ?? '') < String(record.updated_at ?? ''))
        newest.set(idOf(record), record);
    }
  }
  // What such a copy says of its status was true once; its incident says it better.
  return [...newest.values()].map((record) => ({ ...record, status: null }));
}

function archiveUnlisted(
  { components }: TidyComponents,
  unlisted: ReadonlySet<string>,
  now: Instant,
  remarks: Remarks,
): void {
  for (const component of components) {
    if (!unlisted.has(component.id)) continue;
    component.archivedAt = now;
    remarks.push({ level: 'noted', reason: UNLISTED, subject: component.name });
  }
}

/** When the source was written: its page's own time, or the newest time in it. */
function sourceTime(
  page: Record<string, unknown>,
  records: readonly { record: unknown }[],
  zone: string | null,
): Instant | null {
  const times = records.map(({ record }) => (isLoose(record) ? looseTime(record.updated_at, zone) : null));
  return latest([looseTime(page.updated_at, zone), ...times]);
}

function archivedComponent(made: { id: string; name: string }, now: Instant): TidyComponent {
  return {
    ...made,
    groupId: null,
    description: null,
    position: 10_000,
    showcase: true,
    onlyShowIfDegraded: false,
    startDate: null,
    createdAt: now,
    updatedAt: now,
    archivedAt: now,
  };
}

/** A component that the source shows as unwell although none of its open incidents says why. */
function remarkOnUnexplained(
  listed: TidyComponents,
  incidents: readonly TidyIncident[],
  remarks: Remarks,
): void {
  const open = incidents.flatMap((incident) => incident.claims.filter((claim) => claim.endsAt === null));
  for (const component of listed.components) {
    const status = listed.statuses.get(component.id) ?? 'operational';
    const explained = open.some(
      (claim) => claim.componentId === component.id && statusRank(claim.status) >= statusRank(status),
    );
    if (status !== 'operational' && !explained)
      remarks.push({
        level: 'noted',
        reason:
          'unwell in the source, though no open incident says why; shown as operational here, set it by hand if it still is',
        subject: `${component.name} (${status})`,
      });
  }
}
