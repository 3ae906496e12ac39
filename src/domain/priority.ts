/**
 * What goes before what. The numbers are stored: they never change, a new level gets one of its own. Of the first two a part of each
 * quota is kept, and they wait for no more than a call that has begun.
 */
export const PRIORITY = {
  /** Calls to staff: a promise runs out. */
  staff: -1,
  /** Confirmations, and SEV1. */
  urgent: 0,
  incident: 1,
  maintenance: 2,
  digest: 3,
} as const;

export type Priority = (typeof PRIORITY)[keyof typeof PRIORITY];

/** The most urgent first. */
export const PRIORITIES: readonly Priority[] = Object.values(PRIORITY);

export function isUrgent(priority: number): boolean {
  return priority <= PRIORITY.urgent;
}
