import type { Migration } from '../migrate.ts';

/** A notice's text in other languages than the page's first: written with it, and as lasting. */
export const languages: Migration = {
  name: '0024_languages',
  statements: ({ BIGINT }) => [
    `create table notice_texts (notice_seq ${BIGINT} not null references notices(seq), locale text not null,
      subject text not null, html text not null, text text not null, primary key (notice_seq, locale))`,
  ],
};
