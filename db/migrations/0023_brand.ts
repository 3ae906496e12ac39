import type { Migration } from '../migrate.ts';

/** The owner's logo, one for light backgrounds and one for dark; how large they are stands with the page's settings. */
export const brand: Migration = {
  name: '0023_brand',
  statements: ({ BLOB }) => [
    `create table logos (
      background text primary key check (background in ('light', 'dark')), hash text not null, type text not null,
      body ${BLOB} not null)`,
  ],
};
