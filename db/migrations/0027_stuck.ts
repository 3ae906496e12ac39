import type { Migration } from '../migrate.ts';

/** What tells work that is stuck from work that goes on. */
export const stuck: Migration = {
  name: '0027_stuck',
  statements: () => [
    'alter table fanouts add column failures integer not null default 0',
    'alter table fanouts add column failed_at text',
    "alter table workers add column loops text not null default '{}'",
    "alter table providers add column refusals text not null default '[]'",
  ],
};
