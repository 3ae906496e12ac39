import type { ClockState } from '#domain/cadence.ts';
import type { Actor } from '#domain/permissions.ts';
import type { Severity } from '#domain/severity.ts';
import type { Instant } from '#domain/time.ts';

/** What stands around every admin page: who is signed in, what the page is called, and what is due. */
export type Frame = {
  user: Extract<Actor, { kind: 'user' }>;
  pageName: string;
  zone: string;
  now: Instant;
  /** Open incidents and their next clock, the most urgent first. */
  due: readonly DueItem[];
  /** Who is on duty; null while there is no rota. */
  duty: DutyLine | null;
};

export type DutyLine = {
  /** null: nobody. */
  primary: string | null;
  /** Until when that stays so; null: nothing is entered. */
  until: Instant | null;
  /** What the reader is now, if anything. */
  mine: 'primary' | 'second' | 'manager' | null;
};

export type DueItem = {
  id: string;
  title: string;
  severity: Severity;
  drill: boolean;
  /** What is awaited of the team. */
  what: 'first update' | 'next update' | 'internal update';
  due: Instant;
  state: Exclude<ClockState, 'none'>;
  /** A text was posted by itself in its place: it is awaited of a person still. */
  automatic: boolean;
  /** The id of the update that is written and waits for an approver; left out when none does. */
  waiting?: string | undefined;
};
