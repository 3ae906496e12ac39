import type { Migration } from '../migrate.ts';

/** Where staff are called beside mail, and what was said there of which call. */
export const paging: Migration = {
  name: '0014_paging',
  statements: ({ BIGINT }) => [
    // `severities` is a JSON list; `calls` is 'all' or 'pressing'; `told_at`: when its owner was told that its calls fail.
    `create table paging_places (
      recipient_seq ${BIGINT} primary key references recipients (seq), severities text not null, calls text not null,
      told_at text)`,
    // What was said to a place of one clock of an incident, in order. 1 in \`is_open\`: something may have to follow.
    `create table paging_words (
      delivery_seq ${BIGINT} primary key references deliveries (seq), recipient_seq ${BIGINT} not null references recipients (seq),
      incident_seq ${BIGINT} not null references incidents (seq), clock text not null, due_at text not null,
      action text not null, incident_key text not null, said_at text not null, is_open integer not null default 1)`,
    'create index paging_words_row on paging_words (recipient_seq, incident_seq, clock, delivery_seq)',
    'create index paging_words_open on paging_words (delivery_seq) where is_open = 1',
  ],
};
