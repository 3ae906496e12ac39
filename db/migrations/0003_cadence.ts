import type { Migration } from '../migrate.ts';

/** What keeping a promise needs: policies with their history. */
export const cadence: Migration = {
  name: '0003_cadence',
  statements: ({ SEQ, BIGINT }) => [
    // What was agreed, each time that it was: the last one holds.
    `create table policy_versions (
      seq ${SEQ}, policies text not null, hours text not null, created_at text not null, author_label text not null,
      reason text)`,
    // The policies that it was declared under; null: those that came with the product, before anyone agreed on others.
    `alter table incidents add column policy_seq ${BIGINT} references policy_versions (seq)`,
    // Its own pace, in the place of its policy's: {publicUpdateEvery, internalUpdateEvery} in minutes.
    'alter table incidents add column own_pace text',
    'alter table incidents add column paced_at text',
  ],
};
