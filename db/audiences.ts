import type { Audience } from '#domain/stakeholders.ts';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';
import type { Row } from './schema.ts';

export type { Audience };
export type AudienceMember = {
  id: string;
  seq: number;
  channel: Row<'recipients'>['channel'];
  /** Of mail the mailbox; of a chat the URL, which is a secret. */
  address: string;
  name: string | null;
  addedAt: Instant;
};

export async function listAudiences(tx: Tx): Promise<Audience[]> {
  const rows = await tx.selectFrom('audiences').selectAll().orderBy('position').orderBy('id').execute();
  return rows.map((row) => ({
    ...row,
    severities: JSON.parse(row.severities),
    facts: JSON.parse(row.facts),
  }));
}

/** Adds those whose id is not there yet. */
export async function insertAudiences(tx: Tx, audiences: readonly Audience[]): Promise<void> {
  await tx
    .insertInto('audiences')
    .values(audiences.map(toRow))
    .onConflict((oc) => oc.column('id').doNothing())
    .execute();
}

/** False when there is no such audience. */
export async function updateAudience(
  tx: Tx,
  id: string,
  changes: Omit<Audience, 'id' | 'position'>,
): Promise<boolean> {
  const { name, kind, intro, severities, facts } = changes;
  const result = await tx
    .updateTable('audiences')
    .set({ name, kind, intro, severities: JSON.stringify(severities), facts: JSON.stringify(facts) })
    .where('id', '=', id)
    .executeTakeFirst();
  return result.numUpdatedRows > 0n;
}

/** Its people are let go before. */
export async function deleteAudience(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('audiences').where('id', '=', id).execute();
}

function toRow(audience: Audience) {
  return {
    ...audience,
    severities: JSON.stringify(audience.severities),
    facts: JSON.stringify(audience.facts),
  };
}

/** How many people each audience and account has. Uses the UNIQUE (kind, audience_id, ...). */
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

/** Who is in these audiences or accounts now, those who came first before the others. Uses the UNIQUE (kind, audience_id, ...). */
export async function listMembersOf(
  tx: Tx,
  audienceIds: readonly string[],
): Promise<(AudienceMember & { audienceId: string })[]> {
  if (!audienceIds.length) return [];
  const rows = await tx
    .selectFrom('recipients')
    .select(['id', 'seq', 'channel', 'address', 'name', 'created_at', 'audience_id'])
    .where('kind', '=', 'stakeholder')
    .where('audience_id', 'in', audienceIds)
    .where('state', '=', 'confirmed')
    .orderBy('seq')
    .execute();
  return rows.map(({ created_at, audience_id, ...row }) => ({
    ...row,
    addedAt: created_at,
    audienceId: audience_id,
  }));
}

/** By name, then by address. */
export async function listAudienceMembers(tx: Tx, audienceId: string): Promise<AudienceMember[]> {
  const members = await listMembersOf(tx, [audienceId]);
  const key = ({ name, address }: AudienceMember) => `${(name ?? address).toLowerCase()} ${address}`;
  return members.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** Someone who was taken out before comes back under their new name; a name that is not given now stays. */
export async function upsertAudienceMember(
  tx: Tx,
  member: {
    id: string;
    audienceId: string;
    channel: Row<'recipients'>['channel'];
    address: string;
    name: string | null;
    /** Who is mailed when a chat stops working; null of mail. */
    owner: string | null;
    now: Instant;
  },
): Promise<void> {
  await tx
    .insertInto('recipients')
    .values({
      id: member.id,
      kind: 'stakeholder',
      channel: member.channel,
      address: member.address,
      owner_address: member.owner,
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
      oc.columns(['kind', 'audience_id', 'channel', 'address']).doUpdateSet((eb) => ({
        name: eb.fn.coalesce('excluded.name', 'recipients.name'),
        owner_address: eb.fn.coalesce('excluded.owner_address', 'recipients.owner_address'),
        state: 'confirmed',
        confirmed_at: eb
          .case()
          .when('recipients.state', '=', 'confirmed')
          .then(eb.ref('recipients.confirmed_at'))
          .else(eb.ref('excluded.confirmed_at'))
          .end(),
        unsubscribed_at: null,
        quarantined_at: null,
        failures: 0,
      })),
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

/** Takes everyone out. */
export async function removeAllMembers(tx: Tx, audienceId: string, now: Instant): Promise<void> {
  await tx
    .updateTable('recipients')
    .set({ state: 'unsubscribed', unsubscribed_at: now })
    .where('kind', '=', 'stakeholder')
    .where('audience_id', '=', audienceId)
    .where('state', '=', 'confirmed')
    .execute();
}
