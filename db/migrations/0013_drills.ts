import type { Migration } from '../migrate.ts';

/** Who takes part in a drill, how it was broken off if it was, and what was learned. */
export const drills: Migration = {
  name: '0013_drills',
  statements: ({ BIGINT }) => [
    // Few among many: a literal in the condition, so that the queries' own literal finds it.
    `create index incidents_drills on incidents (declared_at) where drill = 1`,
    `create table drill_people (
      incident_seq ${BIGINT} not null references incidents (seq), user_id text not null references users (id),
      added_at text not null, added_label text not null, primary key (incident_seq, user_id))`,
    `create table drill_ends (
      incident_seq ${BIGINT} primary key references incidents (seq), at text not null, by_label text not null)`,
    // `answers` is a JSON object, a text for each question; the last one to save it is who `by_label` names.
    `create table drill_reviews (
      incident_seq ${BIGINT} primary key references incidents (seq), answers text not null, at text not null,
      by_label text not null)`,
  ],
};
