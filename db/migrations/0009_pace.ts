import type { Migration } from '../migrate.ts';

/** Who hears how often: mail that waits for its turn, what each person chose, and the daily digest. */
export const pace: Migration = {
  name: '0009_pace',
  statements: ({ SEQ, BIGINT }) => [
    // Why it leaves later than at once: 'opening' or 'interval', and since when that counts.
    'alter table fanouts add column wait_for text',
    'alter table fanouts add column wait_since text',
    // 1: it tells everyone of a change to an update that had left already.
    'alter table fanouts add column corrects integer not null default 0',
    `update fanouts set corrects = 1 where mends is null and exists (
      select 1 from notices n join notices o on o.update_seq = n.update_seq and o.seq < n.seq
      where n.seq = fanouts.notice_seq and o.variant_of is null)`,

    // Software is told of each update, as it has been: nobody is woken by it.
    "update recipients set mode = 'everything' where channel = 'webhook' and mode = 'policy'",
    // Counts whom an update reaches, by what they chose, without a look at their rows.
    'drop index recipients_whole',
    `create index recipients_whole on recipients (kind, state, whole_page, mode)
      where kind = 'subscriber' and state = 'confirmed' and whole_page = 1`,
    // Whom a digest may be for, in order; those who named no zone are in the page's.
    `create index recipients_digest on recipients (mode, time_zone, seq)
      where kind = 'subscriber' and state = 'confirmed' and channel = 'email'`,

    // What a digest may tell of: each update that people were told of, with whom it concerns.
    `create table digest_items (
      seq ${SEQ}, update_seq ${BIGINT} not null references updates (seq),
      incident_seq ${BIGINT} not null references incidents (seq), at text not null, filter text not null,
      modes text not null)`,
    'create index digest_items_at on digest_items (at)',
    // The digests of a day in a zone: what they tell of (at > window_from, at <= window_to), and how far they have come.
    `create table digest_runs (
      zone text not null, day text not null, window_from text not null, window_to text not null,
      cursor_seq ${BIGINT} not null default 0, bound_seq ${BIGINT} not null default 0, done_at text,
      primary key (zone, day))`,
    'create index digest_runs_open on digest_runs (zone) where done_at is null',
    // One text for everyone who missed the same updates.
    `create table digest_texts (
      zone text not null, day text not null, items text not null,
      notice_seq ${BIGINT} not null references notices (seq), primary key (zone, day, items))`,
  ],
};
