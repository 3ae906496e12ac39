import type { Migration } from '../migrate.ts';

/** When what visitors read of an incident last changed by anything but an update: its title, components, times or impact. */
export const corrected: Migration = {
  name: '0026_corrected',
  statements: () => ['alter table incidents add column corrected_at text'],
};
