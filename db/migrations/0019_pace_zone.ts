import type { Migration } from '../migrate.ts';

/** In which zone the business hours are that an incident goes by: the page's when it was declared, wherever the page moves. */
export const paceZone: Migration = {
  name: '0019_pace_zone',
  statements: () => [
    'alter table incidents add column pace_zone text',
    'update incidents set pace_zone = (select time_zone from page) where has_cadence = 1',
  ],
};
