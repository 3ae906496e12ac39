import type { Instant } from '#domain/time.ts';

/** What stands beside the timeline of one incident. */
export type IncidentFacts = {
  title: string;
  roles: readonly {
    role: 'incident_commander' | 'technical_lead' | 'comms_lead' | 'scribe';
    label: string;
    /** Who has it; null when nobody does. */
    holder: { id: string; name: string } | null;
  }[];
  /** Who may be given a role. */
  people: readonly { id: string; name: string }[];
  /** Said beside the roles: one person is both commander and technical lead. */
  warning: string | null;
  times: readonly {
    name: string;
    label: string;
    at: Instant | null;
    /** What the clock set cannot be changed by hand. */
    editable: boolean;
    /** "4 min after it began" */
    after: string | null;
  }[];
  /** How often a word is due; null when nothing is. In minutes as they are typed, '' for none. */
  pace: { words: string; publicEvery: string; internalEvery: string } | null;
};
