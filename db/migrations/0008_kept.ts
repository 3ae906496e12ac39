import type { Migration } from '../migrate.ts';

/** Reports of kept words, and links to a brief. */
export const kept: Migration = {
  name: '0008_kept',
  statements: ({ SEQ, BIGINT }) => [
    'create index incidents_declared on incidents (declared_at)',
    // Whoever has the token reads the brief until then. What is stored opens nothing.
    `create table brief_links (
      seq ${SEQ}, token_hash text not null unique, incident_seq ${BIGINT} not null references incidents (seq),
      inside integer not null, created_by text not null, created_at text not null, expires_at text not null,
      ended_at text)`,
    'create index brief_links_incident on brief_links (incident_seq)',
  ],
};
