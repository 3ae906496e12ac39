import type { Migration } from '../migrate.ts';

/** Where the deliveries of a day's digests begin: what somebody had of late is found without all that they ever had. Of earlier days, at the start. */
export const digestSince: Migration = {
  name: '0017_digest_since',
  statements: ({ BIGINT }) => [
    `alter table digest_runs add column deliveries_after ${BIGINT} not null default 0`,
  ],
};
