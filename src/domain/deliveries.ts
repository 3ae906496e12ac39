/** What a delivery's states mean to whoever posted: is it still to come, is it out, did it fail, was it left out on purpose? */
export const DELIVERY_STATES = [
  'queued',
  'in_batch',
  'accepted',
  'delivered',
  'bounced',
  'complained',
  'refused',
  'suppressed',
  'superseded',
  'uncertain',
] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export const DELIVERY_OUTCOMES = ['waiting', 'sent', 'failed', 'left_out'] as const;
export type DeliveryOutcome = (typeof DELIVERY_OUTCOMES)[number];

/** Each state belongs to one outcome. Who complained has had the mail; what is uncertain may not have come, so it counts as failed. */
export const OUTCOME_OF: Record<DeliveryState, DeliveryOutcome> = {
  queued: 'waiting',
  in_batch: 'waiting',
  accepted: 'sent',
  delivered: 'sent',
  complained: 'sent',
  bounced: 'failed',
  refused: 'failed',
  uncertain: 'failed',
  suppressed: 'left_out',
  superseded: 'left_out',
};

/** One line about each state, for a table's reader. */
export const STATE_WORDS: Record<DeliveryState, { label: string; meaning: string }> = {
  queued: { label: 'Queued', meaning: 'Waits for its turn.' },
  in_batch: { label: 'Being sent', meaning: 'Handed over, or about to be; the answer is not here yet.' },
  accepted: { label: 'Accepted', meaning: 'The mail provider has it.' },
  delivered: { label: 'Delivered', meaning: 'The person’s mail server has it.' },
  bounced: { label: 'Bounced', meaning: 'The person’s mail server sent it back.' },
  complained: { label: 'Complained', meaning: 'It came, and was reported as spam.' },
  refused: { label: 'Refused', meaning: 'The provider did not take it, for the reason given.' },
  suppressed: {
    label: 'Suppressed',
    meaning: 'Not sent: the address must not be mailed, or has unsubscribed.',
  },
  superseded: {
    label: 'Superseded',
    meaning: 'Not sent: newer news of the same incident took its place, or the rest was dropped.',
  },
  uncertain: { label: 'Uncertain', meaning: 'It may have arrived; sending again could send it twice.' },
};

export type StateCounts = Partial<Record<DeliveryState, number>>;

/**
 * The counts by outcome. `expected` beyond what exists so far, while the list is still being made, is waiting too; of a message that is
 * dropped it is left out, like whoever is still to be ended.
 */
export function countOutcomes(
  states: StateCounts,
  { expected, expanding, dropped = null }: { expected: number; expanding: boolean; dropped?: object | null },
): Record<DeliveryOutcome, number> & { total: number } {
  const counts = { waiting: 0, sent: 0, failed: 0, left_out: 0, total: 0 };
  for (const state of DELIVERY_STATES) {
    const outcome = dropped && state === 'queued' ? 'left_out' : OUTCOME_OF[state];
    counts[outcome] += states[state] ?? 0;
    counts.total += states[state] ?? 0;
  }
  if (expanding && expected > counts.total) {
    counts[dropped ? 'left_out' : 'waiting'] += expected - counts.total;
    counts.total = expected;
  }
  return counts;
}

/** Why an address must not be mailed. */
export type SuppressionReason = 'bounce' | 'soft_bounces' | 'complaint' | 'manual';
