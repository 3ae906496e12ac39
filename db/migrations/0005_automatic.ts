import type { Migration } from '../migrate.ts';

/** Texts that may be posted when nobody does, and which updates were. */
export const automatic: Migration = {
  name: '0005_automatic',
  statements: () => [
    'alter table templates add column approved_at text',
    'alter table templates add column approved_by text',
    'alter table updates add column automatic integer not null default 0',
  ],
};
