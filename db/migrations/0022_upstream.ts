import type { Migration } from '../migrate.ts';

/** Who runs a part that is not one's own, and where they tell how it is: both or neither. */
export const upstream: Migration = {
  name: '0022_upstream',
  statements: () => [
    'alter table components add column upstream_name text',
    'alter table components add column upstream_url text',
  ],
};
