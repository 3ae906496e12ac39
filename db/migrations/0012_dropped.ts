import type { Migration } from '../migrate.ts';

/** A stopped message that is not told to the rest. */
export const dropped: Migration = {
  name: '0012_dropped',
  statements: () => [
    'alter table notices add column dropped_at text',
    'alter table notices add column dropped_by text',
  ],
};
