import type { Migration } from '../migrate.ts';

/** What only named people see until it is published, and updates that wait for a second pair of eyes. */
export const sealed: Migration = {
  name: '0007_sealed',
  statements: ({ SEQ, BIGINT }) => [
    // Who sees a restricted incident, and what was said inside of one that has been published since.
    `create table incident_viewers (
      incident_seq ${BIGINT} not null references incidents (seq), user_id text not null references users (id),
      added_at text not null, added_label text not null, primary key (incident_seq, user_id))`,
    // When a restricted incident was published: what was said and done inside before then stays with its viewers.
    'alter table incidents add column unsealed_at text',
    'alter table users add column approver integer not null default 0',

    // An update that waits for an approver, or did: its text as it was frozen, who asked, and what came of it.
    `create table approvals (
      seq ${SEQ}, id text not null unique, incident_seq ${BIGINT} not null references incidents (seq), input text not null,
      standing text not null, why text not null, asked_by text not null references users (id), asked_at text not null,
      told_all_at text, state text not null, decided_by text references users (id), decided_at text, reason text)`,
    'create index approvals_incident on approvals (incident_seq)',
    // One at a time: a second text would be about another state of things.
    "create unique index approvals_waiting on approvals (incident_seq) where state = 'waiting'",
  ],
};
