import type { Migration } from '../migrate.ts';

/** By which key a provider was called last, so that another one is noticed; keyed itself, so that it tells nothing of that. */
export const providerKeys: Migration = {
  name: '0028_provider_keys',
  statements: () => ['alter table providers add column key_mark text'],
};
