import type { Migration } from '../migrate.ts';

/** What keeping a promise needs: policies with their history. */
export const cadence: Migration = {
  name: '0004_cadence',
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

    // Staff who were called: once for each clock, what was due on it, and when the call was planned for.
    `create table calls (
      seq ${SEQ}, incident_seq ${BIGINT} not null references incidents (seq), clock text not null, due_at text not null,
      at text not null, kind text not null, roles text not null, made_at text not null,
      notice_seq ${BIGINT} references notices (seq), unique (incident_seq, clock, due_at, at))`,
    // Who said "I have it", and until when the others are left alone.
    `create table holds (
      seq ${SEQ}, incident_seq ${BIGINT} not null references incidents (seq), clock text not null, at text not null,
      until text not null, user_id text not null references users (id))`,
    'create index holds_incident on holds (incident_seq)',

    // Who is on duty from when to when.
    `create table duty_shifts (
      seq ${SEQ}, id text not null unique, starts_at text not null, ends_at text not null,
      primary_id text not null references users (id), second_id text references users (id),
      manager_id text references users (id), note text, created_at text not null, updated_at text not null)`,
    'create index duty_shifts_ends on duty_shifts (ends_at)',
  ],
};
