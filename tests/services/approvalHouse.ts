import type { Db } from '#db/open.ts';
import { insertPolicies } from '#db/policies.ts';
import { DEFAULT_HOURS } from '#domain/cadence.ts';
import { DEFAULT_POLICIES } from '#domain/severity.ts';
import { makeSubscribers } from '../support/people.ts';
import { sealedHouse } from './sealedHouse.ts';

/** A house in which what is said in public of a SEV1 needs an approver. */
export async function approvalHouse(fresh: () => Promise<Db>) {
  const house = await sealedHouse(fresh);
  const { db, ctx } = house;
  await db.write((tx) =>
    insertPolicies(tx, {
      policies: { ...DEFAULT_POLICIES, SEV1: { ...DEFAULT_POLICIES.SEV1, needsApproval: true } },
      hours: DEFAULT_HOURS,
      at: ctx.now(),
      by: 'test',
      reason: null,
    }),
  );
  await makeSubscribers(db, 3);
  return house;
}
