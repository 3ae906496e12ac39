import type { Migration } from '../migrate.ts';

/** What the policies ask for once an incident is over: a row for each that is owed one, or was. */
export const postmortems: Migration = {
  name: '0025_postmortems',
  statements: ({ BIGINT }) => [
    `create table postmortems (incident_seq ${BIGINT} primary key references incidents(seq), due_at text not null,
      asked_at text, posted_at text, waived_at text, waived_by text, reason text)`,
    'create index postmortems_owed on postmortems (due_at) where posted_at is null and waived_at is null',
  ],
};
