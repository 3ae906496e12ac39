import { type BusinessHours, DEFAULT_HOURS } from '#domain/cadence.ts';
import { type CadencePolicy, DEFAULT_POLICIES, type Policies, type Severity } from '#domain/severity.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';

/** What was agreed for each severity, and when the house works. */
export type PolicyVersion = {
  /** null: what comes with the product, before anyone agreed on anything. */
  seq: number | null;
  policies: Policies;
  hours: Omit<BusinessHours, 'zone'>;
};

/** When and by whom it was agreed, and why. */
export type AgreedVersion = PolicyVersion & { at: Instant; by: string; reason: string | null };

const FROM_THE_START: PolicyVersion = { seq: null, policies: DEFAULT_POLICIES, hours: DEFAULT_HOURS };

/** What holds for whatever is declared now. */
export async function currentPolicies(tx: Tx): Promise<PolicyVersion> {
  const row = await tx
    .selectFrom('policy_versions')
    .selectAll()
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ? toVersion(row) : FROM_THE_START;
}

/** The versions that these incidents go by, by seq. */
export async function policiesOf(
  tx: Tx,
  incidents: readonly { policySeq: number | null }[],
): Promise<Map<number | null, PolicyVersion>> {
  const versions = new Map<number | null, PolicyVersion>([[null, FROM_THE_START]]);
  const seqs = [...new Set(incidents.map(({ policySeq }) => policySeq))].filter((seq) => seq !== null);
  if (!seqs.length) return versions;
  const rows = await tx.selectFrom('policy_versions').selectAll().where('seq', 'in', seqs).execute();
  for (const row of rows) versions.set(row.seq, toVersion(row));
  return versions;
}

/** Every version that was ever agreed, the latest first. */
export async function listPolicies(tx: Tx): Promise<AgreedVersion[]> {
  const rows = await tx.selectFrom('policy_versions').selectAll().orderBy('seq', 'desc').execute();
  return rows.map((row) => ({
    ...toVersion(row),
    at: row.created_at,
    by: row.author_label,
    reason: row.reason,
  }));
}

/** @returns its seq */
export async function insertPolicies(tx: Tx, version: Omit<AgreedVersion, 'seq'>): Promise<number> {
  const { seq } = await tx
    .insertInto('policy_versions')
    .values({
      policies: JSON.stringify(version.policies),
      hours: JSON.stringify(version.hours),
      created_at: version.at,
      author_label: version.by,
      reason: version.reason,
    })
    .returning('seq')
    .executeTakeFirstOrThrow();
  return seq;
}

function toVersion(row: Row<'policy_versions'>): PolicyVersion {
  const agreed = JSON.parse(row.policies) as Record<Severity, Partial<CadencePolicy>>;
  // What nobody could agree on yet, when it was written, is as it comes with the product.
  const whole = (severity: Severity) => ({ ...DEFAULT_POLICIES[severity], ...agreed[severity] });
  return {
    seq: row.seq,
    policies: { SEV1: whole('SEV1'), SEV2: whole('SEV2'), SEV3: whole('SEV3'), SEV4: whole('SEV4') },
    hours: JSON.parse(row.hours),
  };
}
