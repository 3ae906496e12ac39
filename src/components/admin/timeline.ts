import type { AnyStatus } from '#domain/status.ts';
import type { Instant } from '#domain/time.ts';
import type { FanoutCounts } from './fanout.ts';

/** One thing that happened in an incident, as the admin's timeline shows it. */
export type TimelineEntry = UpdateEntry | NoteEntry | FactEntry;

export type UpdateEntry = {
  kind: 'update';
  id: string;
  at: Instant;
  audience: 'public' | 'internal';
  status: AnyStatus;
  title: string;
  author: string;
  body: string;
  scope: string | null;
  affected: string | null;
  workaround: string | null;
  estimate: string | null;
  nextUpdateBy: Instant | null;
  wasDueAt: Instant | null;
  editedAt: Instant | null;
  notified: boolean;
  /** "Checkout: Major outage, was Operational" */
  changes: readonly string[];
  /** How it stood before each edit, the newest first. */
  edits: readonly { at: Instant; by: string; body: string }[];
  /** Who was told of it, and how far that has got; empty when nobody was. */
  fanouts: readonly { id: string; counts: FanoutCounts }[];
};

export type NoteEntry = { kind: 'note'; at: Instant; writtenAt: Instant; author: string; body: string };

/** A role taken, a severity changed, a component corrected: said in one line. */
export type FactEntry = { kind: 'fact'; at: Instant; author: string; text: string; note: string | null };
