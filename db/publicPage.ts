import { sql } from 'kysely';
import type { AnyStatus, ComponentStatus, IncidentKind } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';

/**
 * Everything that the public surfaces read. What is public is decided here and nowhere else: an incident or maintenance that is
 * published and neither restricted nor a drill, its public updates, and the claims of such incidents or of a manual setting.
 */
export type PublicIncidentRow = Row<'incidents'>;
export type PublicUpdateRow = Omit<Row<'updates'>, 'component_changes'> & { changes: ComponentChange[] };
export type ComponentChange = {
  code: string;
  name: string;
  old_status: ComponentStatus;
  new_status: ComponentStatus;
};
export type PublicClaimRow = Pick<
  Row<'claims'>,
  'component_id' | 'source_kind' | 'source_seq' | 'status' | 'starts_at' | 'ends_at'
>;

function publicIncidents(tx: Tx) {
  return tx
    .selectFrom('incidents')
    .selectAll()
    .where('published_at', 'is not', null)
    .where('restricted', '=', 0)
    .where('drill', '=', 0);
}

export function listPublicGroups(tx: Tx): Promise<Row<'component_groups'>[]> {
  return tx.selectFrom('component_groups').selectAll().orderBy('position').orderBy('id').execute();
}

/** In the order in which they stand; archived ones too, because old incidents name them. */
export function listPublicComponents(tx: Tx): Promise<Row<'components'>[]> {
  return tx.selectFrom('components').selectAll().orderBy('position').orderBy('id').execute();
}

/** Open (not over) and newest first. Uses incidents_open. */
export function listOpenIncidents(tx: Tx): Promise<PublicIncidentRow[]> {
  return publicIncidents(tx)
    .where('kind', '=', 'incident')
    .where('resolved_at', 'is', null)
    .where('status', 'in', ['investigating', 'identified', 'monitoring'] satisfies AnyStatus[])
    .orderBy('started_at', 'desc')
    .orderBy('seq', 'desc')
    .execute();
}

/** Running or still to come, the next one first. Uses incidents_open. */
export function listOpenMaintenance(tx: Tx): Promise<PublicIncidentRow[]> {
  return publicIncidents(tx)
    .where('kind', '=', 'maintenance')
    .where('resolved_at', 'is', null)
    .where('status', 'in', ['scheduled', 'in_progress', 'verifying'] satisfies AnyStatus[])
    .orderBy('scheduled_for')
    .orderBy('seq')
    .execute();
}

/** Over, and started or ended since then; newest start first. */
export function listEndedSince(tx: Tx, since: Instant): Promise<PublicIncidentRow[]> {
  return publicIncidents(tx)
    .where('status', 'in', ['resolved', 'postmortem', 'completed'] satisfies AnyStatus[])
    .where((eb) => eb.or([eb('started_at', '>=', since), eb('resolved_at', '>=', since)]))
    .orderBy('started_at', 'desc')
    .orderBy('seq', 'desc')
    .execute();
}

/** The one that ended last, of either kind of ending; undefined when nothing ever did. */
export function findLastIncident(tx: Tx): Promise<PublicIncidentRow | undefined> {
  return publicIncidents(tx)
    .where('kind', '=', 'incident')
    .where('resolved_at', 'is not', null)
    .orderBy('started_at', 'desc')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** `filedAt` (domain/publicIncident.ts) in SQL: when it started, or was called off before that. */
const FILED = sql<Instant>`case when resolved_at < started_at then resolved_at else started_at end`;

/**
 * Filed within [from, to), newest first; maintenance that has not begun is left out. Uses incidents_started: nothing starts before it is
 * filed.
 */
export function listFiledBetween(tx: Tx, from: Instant, to: Instant): Promise<PublicIncidentRow[]> {
  return publicIncidents(tx)
    .where('started_at', '>=', from)
    .where(FILED, '>=', from)
    .where(FILED, '<', to)
    .where('status', '!=', 'scheduled')
    .orderBy(FILED, 'desc')
    .orderBy('seq', 'desc')
    .execute();
}

/** When each public incident is filed, oldest first, up to `now`: for the list of months. */
export async function listFilings(tx: Tx, now: Instant): Promise<Instant[]> {
  const rows = await publicIncidents(tx)
    .clearSelect()
    .select(FILED.as('filed'))
    .where('status', '!=', 'scheduled')
    .where(FILED, '<=', now)
    .orderBy(FILED)
    .execute();
  return rows.map(({ filed }) => filed);
}

/** The latest of one kind, newest first. */
export function listLatest(tx: Tx, kind: IncidentKind, limit: number): Promise<PublicIncidentRow[]> {
  return publicIncidents(tx)
    .where('kind', '=', kind)
    .orderBy('started_at', 'desc')
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute();
}

/** The latest of both kinds, newest start first; maintenance to come stands on top. Uses incidents_started. */
export function listLatestOfAll(tx: Tx, limit: number): Promise<PublicIncidentRow[]> {
  return publicIncidents(tx).orderBy('started_at', 'desc').orderBy('seq', 'desc').limit(limit).execute();
}

/** The latest of both kinds with the time of the last word on each: when it was posted, or when it was changed since. */
export async function listLastWords(
  tx: Tx,
  limit: number,
): Promise<{ id: string; kind: IncidentKind; lastWordAt: Instant | null }[]> {
  return publicIncidents(tx)
    .clearSelect()
    .select(['incidents.id', 'incidents.kind'])
    .select((eb) =>
      eb
        .selectFrom('updates')
        .select(sql<Instant | null>`max(coalesce(updates.edited_at, updates.posted_at))`.as('at'))
        .whereRef('updates.incident_seq', '=', 'incidents.seq')
        .where('updates.audience', '=', 'public')
        .as('lastWordAt'),
    )
    .orderBy('started_at', 'desc')
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute();
}

/** Every one there is, newest first. */
export function listPublicIds(tx: Tx): Promise<{ id: string; kind: IncidentKind }[]> {
  return publicIncidents(tx)
    .clearSelect()
    .select(['id', 'kind'])
    .orderBy('started_at', 'desc')
    .orderBy('seq', 'desc')
    .execute();
}

/** Maintenance that was planned for that time or later; the latest plan first. Uses incidents_started. */
export function listMaintenanceSince(tx: Tx, since: Instant, limit: number): Promise<PublicIncidentRow[]> {
  return publicIncidents(tx)
    .where('kind', '=', 'maintenance')
    .where('started_at', '>=', since)
    .orderBy('started_at', 'desc')
    .orderBy('seq', 'desc')
    .limit(limit)
    .execute();
}

export function findPublicIncident(tx: Tx, id: string): Promise<PublicIncidentRow | undefined> {
  return publicIncidents(tx).where('id', '=', id).executeTakeFirst();
}

/** Those that claimed something for the component, newest first. */
export function listIncidentsOfComponent(
  tx: Tx,
  componentId: string,
  limit: number,
): Promise<PublicIncidentRow[]> {
  return touching(tx, componentId).where('status', '!=', 'scheduled').limit(limit).execute();
}

/** The same with what is planned for it, and with what was planned and called off: who was told of the one is told of the other. */
export function listNewsOfComponent(
  tx: Tx,
  componentId: string,
  limit: number,
): Promise<PublicIncidentRow[]> {
  return touching(tx, componentId, { calledOff: true }).limit(limit).execute();
}

/** Calling off takes back what a maintenance claimed, which is how its components are still known. */
function touching(tx: Tx, componentId: string, { calledOff = false } = {}) {
  return publicIncidents(tx)
    .where((eb) =>
      eb.exists(
        eb
          .selectFrom('claims')
          .select('claims.seq')
          .whereRef('claims.source_seq', '=', 'incidents.seq')
          .where('claims.source_kind', 'in', ['incident', 'maintenance'])
          .where('claims.component_id', '=', componentId)
          .where((claim) => {
            const stands = claim('claims.voided_at', 'is', null);
            if (!calledOff) return stands;
            const tookBack = claim.and([
              claim('incidents.kind', '=', 'maintenance'),
              claim('claims.voided_at', '=', claim.ref('incidents.resolved_at')),
              claim('incidents.resolved_at', '<=', claim.ref('incidents.scheduled_for')),
            ]);
            return claim.or([stands, tookBack]);
          }),
      ),
    )
    .orderBy('started_at', 'desc')
    .orderBy('seq', 'desc');
}

/** The public updates of these incidents, newest first. Uses updates_incident. */
export async function listPublicUpdates(tx: Tx, incidentSeqs: readonly number[]): Promise<PublicUpdateRow[]> {
  if (incidentSeqs.length === 0) return [];
  const rows = await tx
    .selectFrom('updates')
    .selectAll()
    .where('incident_seq', 'in', [...incidentSeqs])
    .where('audience', '=', 'public')
    .orderBy('posted_at', 'desc')
    .orderBy('seq', 'desc')
    .execute();
  return rows.map(({ component_changes, ...row }) => ({
    ...row,
    changes: JSON.parse(component_changes) as ComponentChange[],
  }));
}

/** Public claims that hold at some time from `since` on, those of one component alone if it is named. Uses claims_time. */
export function listPublicClaims(tx: Tx, since: Instant, componentId?: string): Promise<PublicClaimRow[]> {
  let query = tx
    .selectFrom('claims')
    .leftJoin('incidents', (join) =>
      join.onRef('incidents.seq', '=', 'claims.source_seq').on('claims.source_kind', '!=', 'manual'),
    )
    .select([
      'claims.component_id',
      'claims.source_kind',
      'claims.source_seq',
      'claims.status',
      'claims.starts_at',
      'claims.ends_at',
    ])
    .where('claims.voided_at', 'is', null)
    .where((eb) => eb.or([eb('claims.ends_at', 'is', null), eb('claims.ends_at', '>', since)]))
    .where((eb) =>
      eb.or([
        eb('claims.source_kind', '=', 'manual'),
        eb.and([
          eb('incidents.published_at', 'is not', null),
          eb('incidents.restricted', '=', 0),
          eb('incidents.drill', '=', 0),
        ]),
      ]),
    )
    .orderBy('claims.starts_at')
    .orderBy('claims.seq');
  if (componentId) query = query.where('claims.component_id', '=', componentId);
  return query.execute();
}

/** What these incidents claimed or claim. Pass seqs of public incidents only. Uses claims_source. */
export function listClaimsOf(tx: Tx, incidentSeqs: readonly number[]): Promise<PublicClaimRow[]> {
  if (incidentSeqs.length === 0) return Promise.resolve([]);
  return tx
    .selectFrom('claims')
    .select(['component_id', 'source_kind', 'source_seq', 'status', 'starts_at', 'ends_at'])
    .where('source_kind', 'in', ['incident', 'maintenance'])
    .where('source_seq', 'in', [...incidentSeqs])
    .where('voided_at', 'is', null)
    .orderBy('starts_at')
    .orderBy('seq')
    .execute();
}
