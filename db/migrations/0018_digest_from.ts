import type { Migration } from '../migrate.ts';

/** Digests that reach back for whoever, or whatever page, changed its zone: no stretch of time is in none of theirs. */
export const digestFrom: Migration = {
  name: '0018_digest_from',
  statements: () => [
    // Since when someone's next digest tells; null: since the last one of their zone. Very few have one.
    'alter table recipients add column digest_from text',
    `create index recipients_digest_from on recipients (time_zone, seq)
      where kind = 'subscriber' and state = 'confirmed' and channel = 'email' and digest_from is not null`,
    // Since when a run tells those who named no zone; null: they are not among its readers.
    'alter table digest_runs add column page_from text',
    'update digest_runs set page_from = window_from where zone = (select time_zone from page)',
    'create index digest_runs_page on digest_runs (window_to) where page_from is not null',
    // Since when a text tells, for readers whose digest reaches back further than the run's window; null: it does not.
    'alter table digest_texts add column told_from text',
  ],
};
