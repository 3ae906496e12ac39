import type { Migration } from '../migrate.ts';

/** An account may be told of one update both that it concerns them and, later, that it does not after all. */
export const spared: Migration = {
  name: '0030_spared',
  statements: () => [
    'drop index tellings_once',
    `create unique index tellings_once on tellings (incident_seq, update_seq, audience_id)
      where what not in ('correction', 'reminder', 'spared', 'affected')`,
  ],
};
