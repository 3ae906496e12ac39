import type { Migration } from '../migrate.ts';

/** The rota of comms leads: its notes, its calendars, and who was asked to take over at the end of a shift. */
export const duty: Migration = {
  name: '0010_duty',
  statements: ({ SEQ, BIGINT }) => [
    // Grows with each change that a calendar shows (RFC 5545, SEQUENCE).
    'alter table duty_shifts add column revision integer not null default 0',
    'alter table duty_shifts add column note_by text',
    'alter table duty_shifts add column note_at text',

    // Each person once for one incident and one end of a duty.
    `create table handover_asks (
      seq ${SEQ}, incident_seq ${BIGINT} not null references incidents (seq), due_at text not null,
      user_id text not null references users (id), asked_at text not null,
      notice_seq ${BIGINT} references notices (seq), unique (incident_seq, due_at, user_id))`,

    // Whoever has the token reads the calendar. What is stored opens nothing.
    `create table duty_feeds (
      user_id text not null references users (id), shows text not null, token_hash text not null unique,
      created_at text not null, primary key (user_id, shows))`,
  ],
};
