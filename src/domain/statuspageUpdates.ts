import type { Severity } from './severity.ts';
import {
  type AnyStatus,
  type ComponentStatus,
  INCIDENT_STATUSES,
  type IncidentKind,
  type IncidentStatus,
  isComponentStatus,
  isOver,
  MAINTENANCE_STATUSES,
  type MaintenanceStatus,
  STATUS_LABELS,
} from './status.ts';
import {
  derivedId,
  isLoose,
  isOwnDialect,
  type Loose,
  looseList,
  looseText,
  looseTime,
  type Remarks,
} from './statuspage.ts';
import { asMaintenanceStatus } from './statuspageClaims.ts';
import type { ComponentFinder } from './statuspageComponents.ts';
import { htmlToMarkdown, plainToMarkdown } from './statuspageText.ts';
import { addMs, type Instant, MINUTE } from './time.ts';

export type TidyUpdateKind = 'initial' | 'progress' | 'resolution' | 'reopening' | 'postmortem';

export type TidyUpdate = {
  /** Unique within its incident only. */
  sourceId: string;
  kind: TidyUpdateKind;
  status: AnyStatus;
  severity: Severity;
  body: string;
  postedAt: Instant;
  createdAt: Instant;
  updatedAt: Instant;
  editedAt: Instant | null;
  componentChanges: TidyChange[];
};

/** As the API writes it. */
export type TidyChange = {
  code: string;
  name: string;
  old_status: ComponentStatus;
  new_status: ComponentStatus;
};

type UpdateReading = {
  zone: string | null;
  finder: ComponentFinder;
  remarks: Remarks;
  kind: IncidentKind;
  severity: Severity;
  subject: string;
  createdAt: Instant;
};

/** An incident's updates, the oldest first, each with the status that it gives the incident. */
export function tidyUpdates(incident: Loose, reading: UpdateReading): TidyUpdate[] {
  const { remarks, subject } = reading;
  const posted = inOrder(looseList(incident.incident_updates), reading);
  const updates: TidyUpdate[] = [];
  const seen = new Map<string, Loose>();
  for (const { record, postedAt } of posted) {
    const sourceId = sourceIdOf(record, postedAt, seen, remarks, subject);
    if (sourceId === null) continue;
    const status = statusOf(record, updates.at(-1)?.status ?? null, reading);
    const createdAt = looseTime(record.created_at, reading.zone) ?? postedAt;
    const updatedAt = looseTime(record.updated_at, reading.zone) ?? createdAt;
    updates.push({
      sourceId,
      status,
      kind: 'progress',
      severity: reading.severity,
      body: bodyOf(record, status, {
        remarks,
        subject: `${subject} ${sourceId}`,
        isOwn: isOwnDialect(incident),
      }),
      postedAt,
      createdAt,
      updatedAt,
      // A minute's grace: the source touches an update while it is being sent.
      editedAt: updatedAt > addMs(createdAt, MINUTE) ? updatedAt : null,
      componentChanges: changesOf(record, reading),
    });
  }
  nameKinds(updates);
  return updates;
}

/** Says of each update what it is to its incident, from the statuses before it. */
export function nameKinds(updates: readonly TidyUpdate[]): void {
  for (const [index, update] of updates.entries())
    update.kind = kindOf(update.status, updates[index - 1]?.status ?? null);
}

type Posted = { record: Loose; postedAt: Instant };

/** Sources list updates either way round; among equal times their own order decides. */
function inOrder(records: readonly unknown[], reading: UpdateReading): Posted[] {
  const posted: Posted[] = [];
  for (const record of records) {
    if (!isLoose(record)) {
      reading.remarks.push({ level: 'skipped', reason: 'not an update record', subject: reading.subject });
      continue;
    }
    const at =
      looseTime(record.display_at, reading.zone) ??
      looseTime(record.displayed_at, reading.zone) ??
      looseTime(record.created_at, reading.zone);
    if (!at)
      reading.remarks.push({
        level: 'noted',
        reason: 'an update with no time that can be read; put where its list has it',
        subject: reading.subject,
      });
    posted.push({ record, postedAt: at ?? posted.at(-1)?.postedAt ?? reading.createdAt });
  }
  if ((posted[0]?.postedAt ?? '') > (posted.at(-1)?.postedAt ?? '')) posted.reverse();
  return posted.sort((a, b) => (a.postedAt < b.postedAt ? -1 : a.postedAt > b.postedAt ? 1 : 0));
}

/** Null (with a remark) when the very same update was read before. */
function sourceIdOf(
  record: Loose,
  postedAt: Instant,
  seen: Map<string, Loose>,
  remarks: Remarks,
  subject: string,
): string | null {
  const given = looseText(record.id);
  const own = derivedId('update', postedAt, record);
  if (!given) remarks.push({ level: 'mended', reason: 'an update without an id; given one', subject });
  let id = given ?? own;
  if (seen.has(id) && !isSame(seen.get(id), record)) id = `${id}-${own}`;
  if (seen.has(id)) {
    remarks.push({ level: 'skipped', reason: 'the same update twice', subject: `${subject} ${id}` });
    return null;
  }
  if (given && id !== given)
    remarks.push({
      level: 'mended',
      reason: 'two different updates of one incident under one id; the second given its own',
      subject: `${subject} ${given}`,
    });
  seen.set(id, record);
  return id;
}

function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function statusOf(record: Loose, inForce: AnyStatus | null, reading: UpdateReading): AnyStatus {
  const { remarks, kind, subject } = reading;
  const start: AnyStatus = kind === 'maintenance' ? 'in_progress' : 'investigating';
  const written = looseText(record.status);
  const read = readStatus(written);
  if (read) return kind === 'maintenance' ? asMaintenanceStatus(read) : asIncidentStatus(read);
  if (written?.toLowerCase() === 'update')
    remarks.push({
      level: 'mended',
      reason: 'an update whose status is "update"; it has the status in force at its time',
      subject,
    });
  else
    remarks.push({
      level: 'noted',
      reason: `an update with ${written ? 'a status that is not known' : 'no status'}; it has the status in force at its time`,
      subject: `${subject} ${written ?? ''}`.trim(),
    });
  return inForce ?? start;
}

function asIncidentStatus(status: AnyStatus): AnyStatus {
  if (status === 'completed') return 'resolved';
  if (status === 'verifying') return 'monitoring';
  return status === 'scheduled' || status === 'in_progress' ? 'investigating' : status;
}

/** The status whatever its case or spacing ("In Progress"); null when it is none of ours. */
export function readStatus(value: unknown): AnyStatus | null {
  const text = looseText(value)
    ?.toLowerCase()
    .replace(/[\s-]+/g, '_');
  const known =
    INCIDENT_STATUSES.includes(text as IncidentStatus) ||
    MAINTENANCE_STATUSES.includes(text as MaintenanceStatus);
  return known ? (text as AnyStatus) : null;
}

function kindOf(status: AnyStatus, before: AnyStatus | null): TidyUpdateKind {
  if (status === 'postmortem') return 'postmortem';
  if (isOver(status)) return before && isOver(before) ? 'progress' : 'resolution';
  if (!before) return 'initial';
  return isOver(before) ? 'reopening' : 'progress';
}

function bodyOf(
  record: Loose,
  status: AnyStatus,
  { remarks, subject, isOwn }: { remarks: Remarks; subject: string; isOwn: boolean },
): string {
  const written = typeof record.body === 'string' ? record.body : '';
  const body = isOwn ? plainToMarkdown(written) : htmlToMarkdown(written);
  if (!body) {
    remarks.push({ level: 'mended', reason: 'an update without text; its status stands for it', subject });
    return `${STATUS_LABELS[status]}.`;
  }
  if (!isOwn && body !== written.replaceAll('\r\n', '\n').trim())
    remarks.push({
      level: 'mended',
      reason: 'HTML, entities or stray characters in a text; made plain Markdown',
      subject,
    });
  return body;
}

function changesOf(record: Loose, { finder, remarks, subject }: UpdateReading): TidyChange[] {
  return looseList(record.affected_components).flatMap((entry) => {
    if (!isLoose(entry) || !isComponentStatus(entry.new_status)) {
      remarks.push({ level: 'skipped', reason: 'a component change without a known status', subject });
      return [];
    }
    const newStatus = entry.new_status;
    const oldStatus = isComponentStatus(entry.old_status) ? entry.old_status : 'operational';
    return finder
      .find(looseText(entry.code) ?? looseText(entry.id), looseText(entry.name), subject)
      .map(({ id, name }) => ({ code: id, name, old_status: oldStatus, new_status: newStatus }));
  });
}
