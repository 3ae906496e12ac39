import type { Migration } from '../migrate.ts';

/** Whoever got every internal update as it was posted goes on getting it. */
export const insideAtOnce: Migration = {
  name: '0015_inside_at_once',
  statements: () => [
    `update audiences set facts = replace(facts, '"inside"', '"inside","insideAtOnce"') where facts like '%"inside"%'`,
  ],
};
