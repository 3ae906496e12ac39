import type { Migration } from '../migrate.ts';

/** Who is told beside subscribers: audiences with a wording of their own, accounts, and what each of them was told when. */
export const people: Migration = {
  name: '0006_people',
  statements: ({ SEQ, BIGINT }) => [
    "alter table audiences add column kind text not null default 'inside'",
    'alter table audiences add column intro text',
    `alter table audiences add column facts text not null default '["inside","team","affected","components","before"]'`,
    `update audiences set kind = 'outside', facts = '["affected","components","before"]' where id = 'accounts'`,
    // Those of the policy table that nobody changed follow the policies from now on.
    ...Object.entries({
      executives: '["SEV1"]',
      managers: '["SEV1","SEV2"]',
      support: '["SEV1","SEV2","SEV3"]',
      accounts: '["SEV1","SEV2"]',
    }).map(
      ([id, told]) =>
        `update audiences set severities = 'null' where id = '${id}' and severities = '${told}'`,
    ),

    // A customer: told of their own components only, in the name of one of us.
    `create table accounts (
      id text primary key, name text not null, contact_id text not null references users (id), created_at text not null)`,
    'create index accounts_contact on accounts (contact_id)',
    `create table account_components (
      account_id text not null references accounts (id) on delete cascade,
      component_id text not null references components (id) on delete cascade, primary key (account_id, component_id))`,
    'create index account_components_component on account_components (component_id)',

    // Once for each thing that happened and each audience or account, but for corrections; update_seq 0 is the declaration.
    `create table tellings (
      seq ${SEQ}, incident_seq ${BIGINT} not null references incidents (seq), update_seq ${BIGINT} not null,
      audience_id text not null, name text not null, what text not null, lead text,
      people integer not null, notice_seq ${BIGINT} references notices (seq), told_at text not null)`,
    `create unique index tellings_once on tellings (incident_seq, update_seq, audience_id) where what <> 'correction'`,
    'create index tellings_incident on tellings (incident_seq)',
    'create index tellings_notice on tellings (notice_seq) where notice_seq is not null',
  ],
};
