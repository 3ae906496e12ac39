import type { Migration } from '../migrate.ts';

/** What the clock does about planned work, what was said of it already, and what comes again. */
export const maintenance: Migration = {
  name: '0020_maintenance',
  statements: ({ SEQ, BIGINT }) => [
    // `rule` is JSON (domain/recurrence.ts); `first_day` and `last_day` are days in the page's zone.
    `create table maintenance_series (
      seq ${SEQ}, id text not null unique, title text not null, body text not null, scope text, components text not null,
      rule text not null, starts_at_clock text not null, minutes integer not null, first_day text not null, last_day text,
      by_itself integer not null, tells integer not null, owner_id text, created_at text not null, ended_at text)`,
    'create index maintenance_series_open on maintenance_series (seq) where ended_at is null',
    // 1 in `by_itself`: it starts and ends by the clock. 1 in `tells`: people are told of it beside the page.
    `create table maintenance_plans (
      incident_seq ${BIGINT} primary key references incidents (seq), owner_id text, by_itself integer not null,
      tells integer not null, series_seq ${BIGINT} references maintenance_series (seq), slot text)`,
    `create unique index maintenance_plans_slot on maintenance_plans (series_seq, slot) where series_seq is not null`,
    // `about`: the start or the end of the window that it was about, so that a window that moved is a new matter.
    `create table maintenance_words (
      incident_seq ${BIGINT} not null references incidents (seq), kind text not null, about text not null, said_at text not null,
      notice_seq ${BIGINT} references notices (seq), primary key (incident_seq, kind, about))`,
    `insert into maintenance_plans (incident_seq, owner_id, by_itself, tells)
      select seq, null, 1, 1 from incidents where kind = 'maintenance' and source = 'own' and resolved_at is null`,
    // An account is reminded of the update that it was told.
    'drop index tellings_once',
    `create unique index tellings_once on tellings (incident_seq, update_seq, audience_id) where what not in ('correction', 'reminder')`,
    // 1: also told an hour before planned work begins.
    'alter table recipients add column hour_before integer not null default 0',
  ],
};
