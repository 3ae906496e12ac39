import type { Migration } from '../migrate.ts';

/** What stands behind the last @ of `address`, in words that both databases know. */
export const DOMAIN_OF_ADDRESS = "substr(address, length(rtrim(address, replace(address, '@', ''))) + 1)";

/** What a fan-out needs beside the main job: stopping and mending, coalescing, pace, receipts, and ways out that are not mail. */
export const fanout: Migration = {
  name: '0002_fanout',
  statements: ({ SEQ, BIGINT, MAIL_DOMAIN }) => [
    // A notice may have variants: what someone gets who missed earlier ones, and the short correction for who got a wrong one.
    `alter table notices add column variant_of ${BIGINT} references notices (seq)`,
    `alter table notices add column since_update_seq ${BIGINT} references updates (seq)`,
    'alter table notices add column stopped_at text',
    'alter table notices add column stopped_by text',
    `alter table notices add column replaced_by ${BIGINT} references notices (seq)`,
    'alter table notices add column omits text',
    'alter table notices add column payload text',
    'create index notices_variant on notices (variant_of) where variant_of is not null',

    "alter table fanouts add column release_at text not null default ''",
    "alter table fanouts add column follows text not null default '[]'",
    'alter table fanouts add column mends text',
    'alter table fanouts add column parked integer not null default 0',
    'alter table fanouts add column finished_at text',
    // Those from before are not followed any more.
    "update fanouts set finished_at = done_at where state = 'done'",
    'create index fanouts_unfinished on fanouts (seq) where finished_at is null',

    `alter table deliveries add column content_seq ${BIGINT} references notices (seq)`,
    "alter table deliveries add column lane text not null default 'mail'",
    'alter table deliveries add column decided_at text',
    "create index deliveries_uncertain on deliveries (seq) where state = 'uncertain'",
    // Serves the counts of a notice, and the people of one state in order.
    'drop index deliveries_notice_state',
    'create index deliveries_notice_state on deliveries (notice_seq, state, seq)',
    "create index deliveries_hook on deliveries (notice_seq, state) where lane = 'hook'",
    'create index batches_settled on batches (settled_at) where settled_at is not null',
    'drop index deliveries_queue',
    "create index deliveries_queue on deliveries (lane, priority, not_before, seq) where state = 'queued'",

    'alter table recipients add column shared integer not null default 0',
    'alter table recipients add column owner_address text',
    'alter table recipients add column secret text',
    'alter table recipients add column old_secret text',
    'alter table recipients add column old_secret_until text',
    'alter table recipients add column failures integer not null default 0',
    "alter table recipients add column failed_at text not null default '[]'",
    'alter table recipients add column quarantined_at text',
    // Counts whom an update reaches without a look at their rows, within the transaction that posts it.
    `create index recipients_whole on recipients (kind, state, whole_page)
      where kind = 'subscriber' and state = 'confirmed' and whole_page = 1`,
    // Webhooks and chats are few among many people: each of these is looked for every second, or at every post.
    "create index recipients_hooks on recipients (seq) where channel <> 'email'",
    'create index recipients_quarantined on recipients (seq) where quarantined_at is not null',
    'create index recipients_owner on recipients (owner_address) where owner_address is not null',
    // Written by the database, so that no writer can forget it: what stands behind the @ of a mail address.
    `alter table recipients add column domain text ${MAIL_DOMAIN}`,
    'create index recipients_domain on recipients (domain, address) where domain is not null',

    `create table provider_events (
      seq ${SEQ}, provider text not null, event_id text not null, type text not null, occurred_at text not null,
      received_at text not null, body text not null, receipt text not null, delivery_seq ${BIGINT}, applied_at text,
      outcome text, unique (provider, event_id))`,
    'create index provider_events_waiting on provider_events (seq) where applied_at is null',
    'create index provider_events_delivery on provider_events (delivery_seq) where delivery_seq is not null',
    'create index provider_events_other on provider_events (received_at) where delivery_seq is null',
    "create index provider_events_bodies on provider_events (received_at) where body <> ''",
    `create table soft_bounces (
      address text not null, incident_seq ${BIGINT} not null references incidents (seq), at text not null,
      primary key (address, incident_seq))`,
    'create index suppressions_open on suppressions (created_at, address) where lifted_at is null',
    `create index suppressions_domain on suppressions ((${DOMAIN_OF_ADDRESS}), created_at) where lifted_at is null`,

    'alter table providers add column rate_limit integer',
    'alter table providers add column rate_window_ms integer',
    "alter table providers add column calls text not null default '[]'",
    "alter table providers add column quotas text not null default '[]'",
    'alter table providers add column paused_at text',
    'alter table providers add column paused_by text',
  ],
};
