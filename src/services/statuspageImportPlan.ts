import type { Row } from '#db/schema.ts';
import {
  componentFields,
  groupFields,
  incidentFields,
  type StoredIncident,
  updateFields,
} from '#db/statuspageImport.ts';
import type { TidyClaim } from '#domain/statuspageClaims.ts';
import type { TidyComponent, TidyGroup } from '#domain/statuspageComponents.ts';
import type { TidyIncident } from '#domain/statuspageIncidents.ts';
import type { TidyUpdate } from '#domain/statuspageUpdates.ts';

/** What an import would do with one record. `left`: someone changed it here since, so it stays as it is. */
export type Verdict = 'new' | 'changed' | 'same' | 'left';

export type IncidentPlan = {
  incident: TidyIncident;
  verdict: Verdict;
  /** The updates to write, each with its verdict; one that the source no longer has is in `gone`. */
  updates: { update: TidyUpdate; verdict: Verdict }[];
  gone: string[];
  claimsDiffer: boolean;
};

/** Compares an incident of the source with what is here. Pure: reading and writing are done around it. */
export function planIncident(
  incident: TidyIncident,
  stored: StoredIncident | undefined,
  touched: boolean,
): IncidentPlan {
  const all = (verdict: Verdict) => incident.updates.map((update) => ({ update, verdict }));
  if (!stored) return { incident, verdict: 'new', updates: all('new'), gone: [], claimsDiffer: true };
  if (touched || stored.row.source !== 'import' || stored.row.has_cadence === 1)
    return { incident, verdict: 'left', updates: all('left'), gone: [], claimsDiffer: false };
  const byId = new Map(stored.updates.map((row) => [row.source_id, row]));
  const updates = incident.updates.map((update) => {
    const row = byId.get(update.sourceId);
    byId.delete(update.sourceId);
    const verdict: Verdict = !row ? 'new' : differs(updateFields(update), row) ? 'changed' : 'same';
    return { update, verdict };
  });
  const claimsDiffer = claimsKey(incident.claims) !== storedClaimsKey(stored.claims);
  const changed =
    differs(incidentFields(incident), stored.row) ||
    claimsDiffer ||
    updates.some(({ verdict }) => verdict !== 'same');
  return {
    incident,
    verdict: changed ? 'changed' : 'same',
    updates,
    gone: [...byId.values()].flatMap((row) => (row.source_id === null ? [] : [row.source_id])),
    claimsDiffer,
  };
}

/** A group that was touched and is not here was deleted here: it stays so. */
export function planGroup(
  group: TidyGroup,
  row: Row<'component_groups'> | undefined,
  touched: boolean,
): Verdict {
  if (touched) return 'left';
  return !row ? 'new' : differs(placeless(groupFields(group)), row) ? 'changed' : 'same';
}

export function planComponent(
  component: TidyComponent,
  row: Row<'components'> | undefined,
  touched: boolean,
): Verdict {
  if (!row) return 'new';
  return touched ? 'left' : differs(placeless(componentFields(component)), row) ? 'changed' : 'same';
}

/** Moving one thing on the page moves its neighbours, so where it stands is ours from the first import on. */
function placeless<T extends { position: number }>({ position: _, ...fields }: T): Omit<T, 'position'> {
  return fields;
}

function differs(fields: object, row: Record<string, unknown>): boolean {
  return Object.entries(fields).some(([name, value]) => (row[name] ?? null) !== (value ?? null));
}

function claimsKey(claims: readonly TidyClaim[]): string {
  return keyOf(claims.map((c) => [c.componentId, c.status, c.startsAt, c.endsAt]));
}

function storedClaimsKey(claims: readonly Row<'claims'>[]): string {
  return keyOf(claims.map((c) => [c.component_id, c.status, c.starts_at, c.ends_at]));
}

function keyOf(claims: (string | null)[][]): string {
  return claims
    .map((parts) => parts.join(' '))
    .sort()
    .join('\n');
}
