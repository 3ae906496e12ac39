import { type ComponentStatus, worstStatus } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { ClaimsTable } from './schema.ts';
import { mayKnow, type Reader } from './visible.ts';

/** Whose word a claim is: an incident's or maintenance's (by its seq), or a person's own setting (0). */
export type ClaimSource = { kind: ClaimsTable['source_kind']; seq: number };
export const BY_HAND: ClaimSource = { kind: 'manual', seq: 0 };

export type Claim = {
  seq: number;
  componentId: string;
  status: ComponentStatus;
  startsAt: Instant;
  endsAt: Instant | null;
};

type By = { at: Instant; label: string };

/** All that the source says or said and did not take back, oldest first. Uses claims_source. */
export async function listClaimsOfSource(tx: Tx, source: ClaimSource): Promise<Claim[]> {
  const rows = await tx
    .selectFrom('claims')
    .select(['seq', 'component_id', 'status', 'starts_at', 'ends_at'])
    .where('source_kind', '=', source.kind)
    .where('source_seq', '=', source.seq)
    .where('voided_at', 'is', null)
    .orderBy('starts_at')
    .orderBy('seq')
    .execute();
  return rows.map((row) => ({
    seq: row.seq,
    componentId: row.component_id,
    status: row.status,
    startsAt: row.starts_at,
    endsAt: row.ends_at,
  }));
}

/** Adds claims as they are. A component may have one open claim of a source: end the old one first. */
export async function insertClaims(
  tx: Tx,
  source: ClaimSource,
  claims: readonly Omit<Claim, 'seq'>[],
  by: By,
): Promise<void> {
  if (!claims.length) return;
  await tx
    .insertInto('claims')
    .values(
      claims.map((claim) => ({
        component_id: claim.componentId,
        source_kind: source.kind,
        source_seq: source.seq,
        status: claim.status,
        starts_at: claim.startsAt,
        ends_at: claim.endsAt,
        recorded_at: by.at,
        recorded_by: by.label,
      })),
    )
    .execute();
}

/** Ends what the source still claims, for these components or (null) for all. What others claim goes on. */
export async function endClaims(
  tx: Tx,
  source: ClaimSource,
  componentIds: readonly string[] | null,
  at: Instant,
): Promise<void> {
  if (componentIds?.length === 0) return;
  let query = tx
    .updateTable('claims')
    .set({ ends_at: at })
    .where('source_kind', '=', source.kind)
    .where('source_seq', '=', source.seq)
    .where('ends_at', 'is', null)
    .where('voided_at', 'is', null);
  if (componentIds) query = query.where('component_id', 'in', [...componentIds]);
  await query.execute();
}

/** Takes back claims as though never made; they stay in the table as what was once said. */
export async function voidClaims(tx: Tx, seqs: readonly number[], at: Instant): Promise<void> {
  if (!seqs.length) return;
  await tx
    .updateTable('claims')
    .set({ voided_at: at })
    .where('seq', 'in', [...seqs])
    .execute();
}

/**
 * What holds now for each component of which anything is claimed: the worst. Counts the unpublished, so for people inside; but neither what
 * a drill claims, for it is not so, nor what is restricted and this reader may not know of.
 */
export async function listCurrentStatuses(
  tx: Tx,
  now: Instant,
  reader: Reader = null,
): Promise<Map<string, ComponentStatus>> {
  const rows = await tx
    .selectFrom('claims as c')
    .leftJoin('incidents as i', (join) =>
      join.onRef('i.seq', '=', 'c.source_seq').on('c.source_kind', '<>', 'manual'),
    )
    .select(['c.component_id', 'c.status'])
    .where('c.ends_at', 'is', null)
    .where('c.voided_at', 'is', null)
    .where('c.starts_at', '<=', now)
    .where((eb) => eb.or([eb('i.seq', 'is', null), eb.and([eb('i.drill', '=', 0), mayKnow(reader, 'i')])]))
    .execute();
  const byComponent = Map.groupBy(rows, (row) => row.component_id);
  return new Map(
    [...byComponent].map(([id, claims]) => [id, worstStatus(claims.map((claim) => claim.status))]),
  );
}
