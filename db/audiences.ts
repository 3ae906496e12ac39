import { SEVERITIES, type Severity } from '#domain/severity.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

export type Audience = { id: string; name: string; severities: Severity[]; position: number };
export type AudienceMember = { id: string; address: string; name: string | null; addedAt: Instant };

export async function listAudiences(tx: Tx): Promise<Audience[]> {
  const rows = await tx.selectFrom('audiences').selectAll().orderBy('position').orderBy('id').execute();
  return rows.map((row) => ({ ...row, severities: JSON.parse(row.severities) as Severity[] }));
}

/** Adds those whose id is not there yet. */
export async function insertAudiences(tx: Tx, audiences: readonly Audience[]): Promise<void> {
  await tx
    .insertInto('audiences')
    .values(audiences.map((audience) => ({ ...audience, severities: JSON.stringify(audience.severities) })))
    .onConflict((oc) => oc.column('id').doNothing())
    .execute();
}

/** False when there is no such audience. */
export async function updateAudience(
  tx: Tx,
  id: string,
  changes: { name: string; severities: readonly Severity[] },
): Promise<boolean> {
  const severities = SEVERITIES.filter((severity) => changes.severities.includes(severity));
  const result = await tx
    .updateTable('audiences')
    .set({ name: changes.name, severities: JSON.stringify(severities) })
    .where('id', '=', id)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** How many people each audience has. Uses the UNIQUE (kind, audience_id, ...). */
export async function countAudienceMembers(tx: Tx): Promise<Map<string, number>> {
  const rows = await tx
    .selectFrom('recipients')
    .select((eb) => ['audience_id', eb.fn.countAll<number>().as('count')])
    .where('kind', '=', 'stakeholder')
    .where('state', '=', 'confirmed')
    .groupBy('audience_id')
    .execute();
  return new Map(rows.map((row) => [row.audience_id, Number(row.count)]));
}

export async function listAudienceMembers(tx: Tx, audienceId: string): Promise<AudienceMember[]> {
  const rows = await tx
    .selectFrom('recipients')
    .select(['id', 'address', 'name', 'created_at'])
    .where('kind', '=', 'stakeholder')
    .where('audience_id', '=', audienceId)
    .where('state', '=', 'confirmed')
    .orderBy('address')
    .execute();
  return rows.map(({ id, address, name, created_at }) => ({ id, address, name, addedAt: created_at }));
}

/** Someone who was taken out before comes back under their new name. */
export async function upsertAudienceMember(
  tx: Tx,
  member: { id: string; audienceId: string; address: string; name: string | null; now: Instant },
): Promise<void> {
  await tx
    .insertInto('recipients')
    .values({
      id: member.id,
      kind: 'stakeholder',
      channel: 'email',
      address: member.address,
      name: member.name,
      audience_id: member.audienceId,
      state: 'confirmed',
      mode: 'policy',
      whole_page: 1,
      locale: 'en',
      created_at: member.now,
      confirmed_at: member.now,
      consent_source: 'audience',
    })
    .onConflict((oc) =>
      oc
        .columns(['kind', 'audience_id', 'channel', 'address'])
        .doUpdateSet({ name: member.name, state: 'confirmed', unsubscribed_at: null }),
    )
    .execute();
}

/**
 * Takes someone out; the row stays, because deliveries point at it.
 * @returns the address, or null when no such person is in the audience
 */
export async function removeAudienceMember(
  tx: Tx,
  audienceId: string,
  id: string,
  now: Instant,
): Promise<string | null> {
  const row = await tx
    .updateTable('recipients')
    .set({ state: 'unsubscribed', unsubscribed_at: now })
    .where('id', '=', id)
    .where('kind', '=', 'stakeholder')
    .where('audience_id', '=', audienceId)
    .where('state', '=', 'confirmed')
    .returning('address')
    .executeTakeFirst();
  return row?.address ?? null;
}
