import type { Migration } from '../migrate.ts';

/** Texts are found by what they are of: whoever mends one has the writer's turn, and messages and digests only ever grow in number. */
export const textsByKey: Migration = {
  name: '0016_texts_by_key',
  statements: () => [
    'create index notices_replaced on notices (replaced_by) where replaced_by is not null',
    'create index digest_texts_notice on digest_texts (notice_seq)',
    'create index digest_runs_to on digest_runs (window_to)',
  ],
};
