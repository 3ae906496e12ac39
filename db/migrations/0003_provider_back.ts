import type { Migration } from '../migrate.ts';

/** Since when a provider can be called again. */
export const providerBack: Migration = {
  name: '0003_provider_back',
  statements: () => ['alter table providers add column back_at text'],
};
