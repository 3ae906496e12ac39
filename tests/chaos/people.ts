import { expect } from 'vitest';
import type { Db, Tx } from '#db/open.ts';
import type { DeliveryState } from '#domain/deliveries.ts';
import { states } from '../delivery/support.ts';
import type { FakeResend } from '../support/fakeResend.ts';

/**
 * Whether a fan-out is under way or anyone waits for a mail.
 * @throws when a batch is held, for it would be waited for in vain
 */
export function isWorkLeft(db: Db): Promise<boolean> {
  return db.read(async (tx) => {
    const held = await tx
      .selectFrom('batches')
      .select('last_error')
      .where('state', '=', 'held')
      .executeTakeFirst();
    if (held) throw new Error(`A batch is held: ${held.last_error}`);
    return isAnyoneLeft(tx, ['queued', 'in_batch']);
  });
}

/** Whether a fan-out is under way or anyone waits to be put in a batch. */
export function isAnyQueued(db: Db): Promise<boolean> {
  return db.read((tx) => isAnyoneLeft(tx, ['queued']));
}

async function isAnyoneLeft(tx: Tx, states: readonly DeliveryState[]): Promise<boolean> {
  const open = await tx
    .selectFrom('fanouts')
    .select('seq')
    .where('state', '=', 'expanding')
    .limit(1)
    .executeTakeFirst();
  const waiting = await tx
    .selectFrom('deliveries')
    .select('seq')
    .where('state', 'in', states)
    .limit(1)
    .executeTakeFirst();
  return open !== undefined || waiting !== undefined;
}

/** Everyone got each of these messages exactly once, and the database knows. */
export async function expectOnce(
  db: Db,
  fake: FakeResend,
  { people, subjects }: { people: readonly string[]; subjects: readonly string[] },
): Promise<void> {
  expect(await tally(fake, { people, subjects })).toEqual({ lost: 0, doubled: 0 });
  expect(fake.taken).toBe(people.length * subjects.length);
  expect(await states(db)).toEqual({ accepted: people.length * subjects.length });
}

/** How many of the messages did not come, and how many came more than once. */
export async function tally(
  fake: FakeResend,
  { people, subjects }: { people: readonly string[]; subjects: readonly string[] },
): Promise<{ lost: number; doubled: number }> {
  let lost = 0;
  for (const subject of subjects)
    for (const person of people) if (!fake.counts.has(`${person} ${subject}`)) lost++;
  const doubled = [...fake.counts.values()].filter((times) => times > 1).length;
  return { lost, doubled };
}
