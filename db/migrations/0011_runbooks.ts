import type { Migration } from '../migrate.ts';

/** Runbooks, and the steps that an incident was given from them. */
export const runbooks: Migration = {
  name: '0011_runbooks',
  statements: ({ SEQ, BIGINT }) => [
    // `severities` is a JSON list, empty for any; `told_at` is when its owner was last mailed that a review is overdue.
    `create table runbooks (
      id text primary key, title text not null, severities text not null, component_id text references components (id),
      steps text not null, owner_id text references users (id), reviewed_at text, reviewed_by text, created_at text not null,
      version integer not null, told_at text)`,

    // A copy: what becomes of the runbook later changes nothing here. `added_by` is null where it came by itself; `removed_at` keeps what
    // someone took off from coming back.
    `create table incident_runbooks (
      seq ${SEQ}, incident_seq ${BIGINT} not null references incidents (seq), runbook_id text not null, title text not null,
      added_at text not null, added_by text, removed_at text, unique (incident_seq, runbook_id))`,
    `create table incident_steps (
      seq ${SEQ}, incident_runbook_seq ${BIGINT} not null references incident_runbooks (seq), position integer not null,
      text text not null, link text, closing integer not null, done_at text, done_by text,
      unique (incident_runbook_seq, position))`,
  ],
};
