import type { Ctx } from '#db/context.ts';
import { listDrillPeople, type Participant } from '#db/drills.ts';
import type { Tx } from '#db/open.ts';
import { ensureStaff } from '#db/staff.ts';

/** Those who take part in a drill and can be reached: nobody else is told anything of it. */
export async function listReachable(tx: Tx, incidentSeq: number): Promise<Participant[]> {
  return (await listDrillPeople(tx, incidentSeq)).filter(({ canSignIn }) => canSignIn);
}

/** Whom an update of a drill is for. Writes: a mail needs a row that it is for. */
export async function participantsOf(
  tx: Tx,
  ctx: Ctx,
  { seq }: { seq: number },
): Promise<{ components: []; groups: []; people: number[] }> {
  const now = ctx.now();
  const people: number[] = [];
  for (const { email, name } of await listReachable(tx, seq))
    people.push(await ensureStaff(tx, { id: ctx.newId(), address: email, name, now }));
  return { components: [], groups: [], people };
}
