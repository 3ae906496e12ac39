import type { Db } from '#db/open.ts';
import type { Role } from '#domain/permissions.ts';
import { getIncident, type PostInput, postUpdate } from '#services/incidents.ts';
import { declareRestricted } from '#services/restricted.ts';
import type { TestCtx } from '../support/context.ts';
import { incidentHouse } from './incidentHouse.ts';

/** Who can sign in. Sela and Noor see what Sela declares; Noor and Abel may approve, Noor alone of those who see it. */
export const STAFF = {
  sela: ['responder', false],
  noor: ['comms', true],
  abel: ['viewer', true],
  kim: ['comms', false],
  'user-owner': ['owner', false],
  'user-comms': ['comms', false],
  'user-responder': ['responder', false],
  'user-viewer': ['viewer', false],
} as const satisfies Record<string, readonly [Role, boolean]>;
export type Name = keyof typeof STAFF;

/** A house of eight people, some of them approvers. */
export async function sealedHouse(fresh: () => Promise<Db>) {
  const house = await incidentHouse(fresh);
  const { db, ctx } = house;
  await db.write(async (tx) => {
    for (const [id, [role, approver]] of Object.entries(STAFF))
      await tx
        .insertInto('users')
        .values({
          id,
          email: `${id}@example.com`,
          name: id,
          role,
          password_hash: 'x',
          created_at: '2026-01-01T00:00:00.000Z',
          disabled_at: null,
          approver: approver ? 1 : 0,
        })
        .execute();
  });
  const as = (name: Name): TestCtx => ({
    ...ctx,
    actor: { kind: 'user', role: STAFF[name][0], id: name, name, email: `${name}@example.com` },
  });
  const seal = (changes: Partial<Parameters<typeof declareRestricted>[1]> = {}) =>
    declareRestricted(as('sela'), {
      title: 'A key lay open',
      severity: 'SEV1',
      components: [{ id: house.checkout.id, status: 'major_outage' }],
      viewers: ['noor'],
      ...changes,
    });
  /** Posts as this person, against what they see. */
  const write = async (name: Name, id: string, changes: Partial<PostInput> = {}) => {
    const { version, status } = await getIncident(as(name), id);
    return postUpdate(as(name), {
      incidentId: id,
      version,
      audience: 'public',
      status,
      body: 'We are looking into it.',
      components: [],
      notify: false,
      ...changes,
    });
  };
  /** Every mail to staff so far: "14:05 mia, jonas: Late: ...". */
  const mails = async () => {
    const rows = await db.read((tx) =>
      tx
        .selectFrom('notices as n')
        .innerJoin('deliveries as d', 'd.notice_seq', 'n.seq')
        .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
        .select(['n.seq', 'n.created_at', 'n.subject', 'r.address'])
        .where('n.kind', '=', 'call')
        .orderBy('n.seq')
        .orderBy('r.address')
        .execute(),
    );
    return [...Map.groupBy(rows, ({ seq }) => seq).values()].map(
      ([first, ...rest]) =>
        `${first?.created_at.slice(11, 16)} ${[first, ...rest].map((row) => row?.address.split('@')[0]).join(', ')}: ${first?.subject}`,
    );
  };
  return { ...house, as, seal, write, mails };
}
