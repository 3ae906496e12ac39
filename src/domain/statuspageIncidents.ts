import { isPublicId } from './ids.ts';
import { impactOf, type Severity, severityOfImpact } from './severity.ts';
import {
  type AnyStatus,
  type ComponentStatus,
  IMPACTS,
  type Impact,
  type IncidentKind,
  isComponentStatus,
  isOver,
  MAINTENANCE_STATUSES,
  type MaintenanceStatus,
} from './status.ts';
import type { Remark, Remarks } from './statuspage.ts';
import {
  derivedId,
  isLoose,
  isOwnDialect,
  type Loose,
  latest,
  looseList,
  looseText,
  looseTime,
} from './statuspage.ts';
import {
  asMaintenanceStatus,
  claimsFromChanges,
  claimsFromList,
  type StatusChange,
  type TidyClaim,
} from './statuspageClaims.ts';
import { type ComponentFinder, isWholeComponent } from './statuspageComponents.ts';
import { oneLine, plainTitle } from './statuspageText.ts';
import { nameKinds, readStatus, type TidyUpdate, tidyUpdates } from './statuspageUpdates.ts';
import { addMs, DAY, type Instant } from './time.ts';
import { titleWithoutScope } from './title.ts';

export type TidyIncident = {
  id: string;
  kind: IncidentKind;
  title: string;
  /** Where it is felt: of our own dialect, null from any other source. */
  scope: string | null;
  severity: Severity;
  status: AnyStatus;
  impactOverride: Impact | null;
  startedAt: Instant;
  declaredAt: Instant;
  publishedAt: Instant;
  mitigatedAt: Instant | null;
  resolvedAt: Instant | null;
  scheduledFor: Instant | null;
  scheduledUntil: Instant | null;
  shortlink: string | null;
  createdAt: Instant;
  updatedAt: Instant;
  updates: TidyUpdate[];
  claims: TidyClaim[];
};

export type IncidentReading = {
  zone: string | null;
  /** When the source was written: what "long silent" is measured against, so that every run of one file says the same. */
  asOf: Instant;
  /** Imports long silent incidents as open, as the source has them. */
  keepOpen: boolean;
  finder: ComponentFinder;
  remarks: Remarks;
};

/** An open incident without a word for so long is taken to be over. */
export const SILENT_DAYS = 30;

/** Reads one record of `incidents.json` or `scheduled-maintenances.json`; null (with a remark) when it cannot be one. */
export function tidyIncident(
  record: unknown,
  listed: IncidentKind,
  reading: IncidentReading,
): TidyIncident | null {
  const { zone, remarks } = reading;
  if (!isLoose(record)) return skip(remarks, 'not an incident record', String(record).slice(0, 40));
  const rawId = looseText(record.id);
  const scope = oneLine(looseText(record.scope) ?? '') || null;
  const written = looseText(record.name) ?? '';
  const rawTitle = isOwnDialect(record) ? titleWithoutScope(oneLine(written), scope) : plainTitle(written);
  const subject = `${rawId ?? 'no id'} "${rawTitle}"`;
  const remark = (level: Remark['level'], reason: string) => remarks.push({ level, reason, subject });

  const firstTime = looseList(record.incident_updates).map((u) =>
    looseTime(isLoose(u) && u.created_at, zone),
  );
  const createdAt = looseTime(record.created_at, zone) ?? firstTime.find((time) => time !== null) ?? null;
  if (!createdAt) return skip(remarks, 'an incident with no time that can be read', subject);
  const id = rawId && isPublicId(rawId) ? rawId : derivedId('incident', rawId, createdAt, rawTitle);
  if (id !== rawId) remark('mended', 'an id that cannot stand in an address; given another');
  if (!rawTitle) remark('noted', 'no title; called "Incident" here');

  const kind = kindOf(record, listed);
  const impact = readImpact(record.impact, kind, remark);
  const severity = severityOfImpact(impact);
  const updates = tidyUpdates(record, { ...reading, kind, severity, subject, createdAt });

  const scheduledFor = looseTime(record.scheduled_for, zone);
  const scheduledUntil = looseTime(record.scheduled_until, zone);
  const ending = endOf(record, kind, updates, { ...reading, createdAt, scheduledUntil, remark });
  const startedAt = startOf(record, kind, ending.resolvedAt, {
    zone,
    createdAt,
    scheduledFor,
    updates,
    remark,
  });
  if (!updates.length) remark('noted', 'no updates; imported without any');

  const derived: Impact = kind === 'maintenance' ? 'maintenance' : impactOf(severity);
  return {
    id,
    kind,
    severity,
    title: rawTitle || 'Incident',
    scope,
    status: ending.status,
    impactOverride: impact === derived ? null : impact,
    startedAt,
    declaredAt: createdAt,
    publishedAt: updates[0]?.postedAt ?? createdAt,
    mitigatedAt: looseTime(record.monitoring_at, zone),
    resolvedAt: ending.resolvedAt,
    scheduledFor: scheduledFor ?? (kind === 'maintenance' ? startedAt : null),
    scheduledUntil,
    shortlink: webAddress(record.shortlink),
    createdAt,
    updatedAt: looseTime(record.updated_at, zone) ?? updates.at(-1)?.updatedAt ?? createdAt,
    updates,
    claims: claimsOf(
      record,
      ending.status,
      updates,
      { startedAt, endedAt: ending.resolvedAt },
      reading.finder,
      subject,
    ),
  };
}

/** Whoever reads our API may make a link of it: only what leads to a web page. */
function webAddress(value: unknown): string | null {
  const url = URL.parse(looseText(value) ?? '');
  return url && /^https?:$/.test(url.protocol) ? url.href : null;
}

function skip(remarks: Remarks, reason: string, subject: string): null {
  remarks.push({ level: 'skipped', reason, subject });
  return null;
}

type Say = (level: Remark['level'], reason: string) => void;

function kindOf(record: Loose, listed: IncidentKind): IncidentKind {
  const planned =
    listed === 'maintenance' ||
    record.impact === 'maintenance' ||
    looseText(record.scheduled_for) !== null ||
    MAINTENANCE_STATUSES.includes(record.status as MaintenanceStatus);
  return planned ? 'maintenance' : 'incident';
}

function readImpact(value: unknown, kind: IncidentKind, remark: Say): Impact {
  const text = looseText(value)?.toLowerCase();
  if (IMPACTS.includes(text as Impact)) return text as Impact;
  if (kind === 'maintenance') return 'maintenance';
  remark('noted', 'no impact that is known; imported as none (SEV4)');
  return 'none';
}

type EndReading = {
  zone: string | null;
  asOf: Instant;
  keepOpen: boolean;
  createdAt: Instant;
  scheduledUntil: Instant | null;
  remark: Say;
};

/** How and when it ended. May put a resolution behind updates of the same minute. */
function endOf(
  record: Loose,
  kind: IncidentKind,
  updates: TidyUpdate[],
  { zone, asOf, keepOpen, createdAt, scheduledUntil, remark }: EndReading,
): { status: AnyStatus; resolvedAt: Instant | null } {
  const last = updates.at(-1);
  const read = readStatus(record.status) ?? last?.status ?? 'investigating';
  const status =
    kind === 'maintenance' ? asMaintenanceStatus(read) : read === 'completed' ? 'resolved' : read;
  const over: AnyStatus = kind === 'maintenance' ? 'completed' : 'resolved';
  const ended = updates.findLast((update) => isOver(update.status));

  if (isOver(status)) {
    const written = looseTime(record.resolved_at, zone);
    if (written) return { status, resolvedAt: rightYear(written, updates, remark) };
    remark('mended', 'over, but no time of its end; taken from its last update');
    const ending = updates.find((update) => update.status === over) ?? ended ?? last;
    return { status, resolvedAt: ending?.postedAt ?? looseTime(record.updated_at, zone) ?? createdAt };
  }
  if (ended && !updates.some((update) => update.postedAt > ended.postedAt)) {
    updates.splice(updates.indexOf(ended), 1);
    updates.push(ended);
    nameKinds(updates);
    remark('mended', 'open, though nothing came after its resolution (same minute); imported as over');
    return { status: over, resolvedAt: ended.postedAt };
  }
  const lastWord = latest([
    createdAt,
    scheduledUntil,
    ...updates.map((update) => update.postedAt),
  ]) as Instant;
  if (!keepOpen && lastWord < addMs(asOf, -SILENT_DAYS * DAY)) {
    remark(
      'noted',
      `open without a word for more than ${SILENT_DAYS} days; imported as over since its last word (--keep-open imports it as open)`,
    );
    return { status: over, resolvedAt: lastWord };
  }
  if (status !== 'scheduled') remark('noted', 'still open; imported as open, with no cadence until adopted');
  return { status, resolvedAt: null };
}

/**
 * Some sources write the year of their export into old ends. One that is the very minute of an update that ended it, but for the year,
 * is that update's; a late one that is not may be true, and stays.
 */
function rightYear(written: Instant, updates: readonly TidyUpdate[], remark: Say): Instant {
  const last = updates.at(-1)?.postedAt;
  if (!last || written <= addMs(last, SILENT_DAYS * DAY)) return written;
  const ofTheYear = (instant: Instant) => instant.slice('2025'.length, '2025-12-02T01:05'.length);
  const meant = updates.findLast(
    ({ status, postedAt }) => isOver(status) && ofTheYear(postedAt) === ofTheYear(written),
  );
  if (!meant) {
    remark('noted', `ends more than ${SILENT_DAYS} days after its last update; imported as written`);
    return written;
  }
  remark('mended', 'an end in a later year, to the minute of its resolving update; taken from that update');
  return meant.postedAt;
}

type StartReading = {
  zone: string | null;
  createdAt: Instant;
  scheduledFor: Instant | null;
  updates: readonly TidyUpdate[];
  remark: Say;
};

function startOf(
  record: Loose,
  kind: IncidentKind,
  resolvedAt: Instant | null,
  { zone, createdAt, scheduledFor, updates, remark }: StartReading,
): Instant {
  const written = looseTime(record.started_at, zone);
  const begun = updates.find((update) => update.status === 'in_progress')?.postedAt ?? null;
  const fallback =
    kind === 'maintenance' ? (begun ?? scheduledFor ?? createdAt) : (updates[0]?.postedAt ?? createdAt);
  if (!written && kind === 'incident') remark('mended', 'no start; taken from when it was written down');
  // Called off before its time: it stays where it was planned, though it was over before that.
  if (kind === 'maintenance' && scheduledFor && resolvedAt && !begun && resolvedAt < scheduledFor)
    return scheduledFor;
  // For planned work the source's start is when it was announced.
  const start =
    kind === 'maintenance' && scheduledFor
      ? (begun ?? scheduledFor)
      : (written ?? (createdAt < fallback ? createdAt : fallback));
  if (!resolvedAt || start <= resolvedAt) return start;
  if (createdAt <= resolvedAt) {
    remark('mended', 'a start after its own end (written down later); taken from its backdated time');
    return createdAt;
  }
  remark('noted', 'it ends before it starts; imported with no length');
  return resolvedAt;
}

function claimsOf(
  record: Loose,
  status: AnyStatus,
  updates: readonly TidyUpdate[],
  span: { startedAt: Instant; endedAt: Instant | null },
  finder: ComponentFinder,
  subject: string,
): TidyClaim[] {
  const changes = updates.flatMap((update): StatusChange[] =>
    update.componentChanges.map((change) => ({
      at: update.postedAt,
      componentId: change.code,
      oldStatus: change.old_status,
      newStatus: change.new_status,
    })),
  );
  const told = new Set(changes.map((change) => change.componentId));
  const listed = looseList(record.components).flatMap((entry) =>
    listedStatus(entry, span.endedAt === null, finder, subject).filter(
      ({ componentId }) => !told.has(componentId),
    ),
  );
  const claims = [...claimsFromChanges(changes, span), ...claimsFromList(listed, span)];
  if (status !== 'scheduled') return claims;
  // What is planned is named before anything happens to it; it is under maintenance from its start on.
  return [...new Set(claims.map((claim) => claim.componentId))].map((componentId) => ({
    componentId,
    status: 'under_maintenance',
    startsAt: span.startedAt,
    endsAt: null,
  }));
}

/** A whole component says only how it is now, which is this incident's doing only while it is open. */
function listedStatus(
  entry: unknown,
  open: boolean,
  finder: ComponentFinder,
  subject: string,
): { componentId: string; status: ComponentStatus | null }[] {
  if (!isLoose(entry)) return [];
  const value = isWholeComponent(entry) ? (open ? entry.status : null) : entry.new_status;
  const status = isComponentStatus(value) ? value : null;
  return finder
    .find(looseText(entry.code) ?? looseText(entry.id), looseText(entry.name), subject)
    .map((component) => ({ componentId: component.id, status }));
}
