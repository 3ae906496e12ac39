import type { Tx } from '#db/open.ts';
import {
  listClaimsOf,
  listPublicUpdates,
  type PublicClaimRow,
  type PublicIncidentRow,
  type PublicUpdateRow,
} from '#db/publicPage.ts';
import type { Row } from '#db/schema.ts';
import {
  type AffectedComponent,
  type PublicIncident,
  type PublicUpdate,
  publicImpact,
} from '#domain/publicIncident.ts';
import { type AnyStatus, isOver, statusRank, worstStatus } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';

/**
 * Public incidents with their public updates and the components they touch, in the order given.
 * @param components all of them, archived ones too, as listPublicComponents gives them
 */
export async function assembleIncidents(
  tx: Tx,
  rows: readonly PublicIncidentRow[],
  components: readonly Row<'components'>[],
): Promise<PublicIncident[]> {
  const seqs = rows.map((row) => row.seq);
  const updates = Map.groupBy(await listPublicUpdates(tx, seqs), (update) => update.incident_seq);
  const claims = Map.groupBy(await listClaimsOf(tx, seqs), (claim) => claim.source_seq);
  const byId = new Map(components.map((component) => [component.id, component]));
  return rows.map((row) =>
    toPublicIncident(row, updates.get(row.seq) ?? [], affectedBy(claims.get(row.seq) ?? [], byId)),
  );
}

function toPublicIncident(
  row: PublicIncidentRow,
  updates: readonly PublicUpdateRow[],
  components: AffectedComponent[],
): PublicIncident {
  return {
    id: row.id,
    kind: row.kind,
    title: row.title,
    scope: row.scope,
    severity: row.severity,
    impact: publicImpact({ kind: row.kind, severity: row.severity, impactOverride: row.impact_override }),
    status: row.status,
    startedAt: row.started_at,
    identifiedAt: firstWith(updates, 'identified'),
    monitoringAt: monitoringAt(row, updates),
    resolvedAt: row.resolved_at,
    scheduledFor: row.scheduled_for,
    scheduledUntil: row.scheduled_until,
    nextUpdateDue: row.has_cadence && !isOver(row.status) ? row.next_update_due : null,
    shortlink: row.shortlink,
    createdAt: row.created_at,
    updatedAt: changedAt(row, updates),
    updates: updates.map(toPublicUpdate),
    components,
  };
}

function toPublicUpdate(row: PublicUpdateRow): PublicUpdate {
  return {
    id: row.id,
    status: row.status,
    kind: row.kind,
    body: row.body,
    scope: row.scope,
    affected: row.affected,
    workaround: row.workaround,
    estimate: row.estimate,
    nextUpdateBy: row.next_update_by,
    postedAt: row.posted_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    editedAt: row.edited_at,
    changes: row.changes,
    notified: row.notified === 1,
  };
}

/** An imported incident keeps what its source said. */
function monitoringAt(row: PublicIncidentRow, updates: readonly PublicUpdateRow[]): Instant | null {
  const said = firstWith(updates, 'monitoring');
  return row.source === 'import' && row.kind === 'incident' ? (row.mitigated_at ?? said) : said;
}

/**
 * When what visitors read of it last changed. Not the row's own time: what is done inside raises that too, and nobody outside is to
 * see from it that something was. An imported incident keeps what its source said.
 */
function changedAt(row: PublicIncidentRow, updates: readonly PublicUpdateRow[]): Instant {
  if (row.source === 'import') return row.updated_at;
  const said = updates.map((one) => one.updated_at);
  return [row.published_at, row.corrected_at, ...said].reduce<Instant>(
    (last, time) => (time !== null && time > last ? time : last),
    row.created_at,
  );
}

/** When it was first said to have that status; updates are newest first. */
function firstWith(updates: readonly PublicUpdateRow[], status: AnyStatus): Instant | null {
  return updates.findLast((update) => update.status === status)?.posted_at ?? null;
}

/** A component whose claims have all ended shows the worst that was claimed; one still claimed, what is claimed now. */
function affectedBy(
  claims: readonly PublicClaimRow[],
  components: ReadonlyMap<string, Row<'components'>>,
): AffectedComponent[] {
  return [...Map.groupBy(claims, (claim) => claim.component_id)]
    .flatMap(([id, own]) => {
      const component = components.get(id);
      if (!component) return [];
      const open = own.filter((claim) => claim.ends_at === null);
      const status = worstStatus((open.length ? open : own).map((claim) => claim.status));
      // Claims are in the order in which they began.
      const [first] = own as [PublicClaimRow, ...PublicClaimRow[]];
      const began = { status: first.status, at: first.starts_at };
      return [{ id, name: component.name, status, began, listed: component.archived_at === null }];
    })
    .sort((a, b) => statusRank(b.status) - statusRank(a.status));
}
