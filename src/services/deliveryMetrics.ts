import type { Ctx } from '#db/context.ts';
import type { Lane } from '#db/deliveries.ts';
import { listFanoutsSince } from '#db/deliveryReports.ts';
import { type ReceiptFigures, readReceiptFigures } from '#db/receiptFigures.ts';
import { countSuppressions } from '#db/suppressions.ts';
import { countOutcomes, DELIVERY_STATES, type DeliveryState } from '#domain/deliveries.ts';
import { requirePermission } from '#domain/permissions.ts';
import { PRIORITIES } from '#domain/priority.ts';
import { addMs, DAY } from '#domain/time.ts';
import { type ClockStanding, readClock } from './clockHealth.ts';
import { statesOf } from './deliveries.ts';
import { readSending, type Sending } from './deliveryHealth.ts';

/** What the screen of deliveries shows, as figures for a machine that looks every few seconds. */
export type DeliveryMetrics = {
  sending: Sending;
  clock: ClockStanding;
  /** Of messages that are not through or were posted in the last day: every state and priority, zeros too. */
  deliveries: { state: DeliveryState; priority: number; count: number }[];
  /** People of those messages for whom there is no delivery yet. */
  unmade: number;
  /** Until all that waits has left at the present pace: 0 when nothing waits, null when that cannot be said. */
  finishSeconds: Record<Lane, number | null>;
  suppressions: { reason: string; count: number }[];
  receipts: ReceiptFigures;
};

const REASONS = ['bounce', 'soft_bounces', 'complaint', 'manual'] as const;

export async function readDeliveryMetrics(ctx: Ctx): Promise<DeliveryMetrics> {
  requirePermission(ctx.actor, 'delivery.read');
  const { fanouts, suppressions, receipts } = await ctx.db.read(async (tx) => ({
    fanouts: await listFanoutsSince(tx, addMs(ctx.now(), -DAY)),
    suppressions: await countSuppressions(tx),
    receipts: await readReceiptFigures(tx),
  }));
  const sending = await readSending(ctx);
  const counts = new Map<string, number>();
  let unmade = 0;
  for (const fanout of fanouts) {
    const states = await statesOf(ctx, fanout);
    for (const state of DELIVERY_STATES) {
      const key = `${state} ${fanout.priority}`;
      counts.set(key, (counts.get(key) ?? 0) + (states[state] ?? 0));
    }
    const made = Object.values(states).reduce((sum, count) => sum + count, 0);
    if (!fanout.dropped) unmade += countOutcomes(states, fanout).total - made;
  }
  return {
    sending,
    clock: await readClock(ctx),
    deliveries: DELIVERY_STATES.flatMap((state) =>
      PRIORITIES.map((priority) => ({ state, priority, count: counts.get(`${state} ${priority}`) ?? 0 })),
    ),
    unmade,
    // Whose delivery is not made yet counts as mail: next to nobody else is many.
    finishSeconds: { mail: finishOf(sending, 'mail', unmade), hook: finishOf(sending, 'hook', 0) },
    suppressions: REASONS.map((reason) => ({ reason, count: suppressions[reason] ?? 0 })),
    receipts,
  };
}

/** While it is not paused, and no matter what a quota allows: the screen says that in words. */
function finishOf({ lanes, providers }: Sending, lane: Lane, unmade: number): number | null {
  const { pace } = lanes[lane];
  const waiting = lanes[lane].waiting + unmade;
  if (!waiting) return 0;
  const isHindered = providers.some(
    ({ id, circuit, pausedAt }) => (id === 'hook') === (lane === 'hook') && (pausedAt || circuit === 'open'),
  );
  return pace && !isHindered ? (waiting / pace) * 60 : null;
}
