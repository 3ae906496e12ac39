import { sql } from 'kysely';
import type { Instant } from '#domain/time.ts';
import type { Tx } from './open.ts';

/** How the provider's word comes in. `stored` only grows while there is any: a counter. */
export type ReceiptFigures = {
  stored: number;
  lastAt: Instant | null;
  waiting: number;
  oldestWaiting: Instant | null;
};

/** Uses the primary key and provider_events_waiting. */
export async function readReceiptFigures(tx: Tx): Promise<ReceiptFigures> {
  const last = await tx
    .selectFrom('provider_events')
    .select(['seq', 'received_at'])
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  const { waiting, oldest } = await tx
    .selectFrom('provider_events')
    .select((eb) => [
      eb.fn.countAll<number>().as('waiting'),
      sql<Instant | null>`min(received_at)`.as('oldest'),
    ])
    .where('applied_at', 'is', null)
    .executeTakeFirstOrThrow();
  return {
    stored: last?.seq ?? 0,
    lastAt: last?.received_at ?? null,
    waiting: Number(waiting),
    oldestWaiting: oldest,
  };
}
