import type { Migration } from '../migrate.ts';

/** Everything that the main job needs. `SEQ`, `BLOB` and `BIGINT` are the dialect's words. */
export const start: Migration = {
  name: '0001_start',
  statements: ({ SEQ, BLOB, BIGINT }) => [
    `create table page (
      id integer primary key check (id = 1), public_id text not null, name text not null, time_zone text not null,
      version ${BIGINT} not null, updated_at text not null, uptime_weight double precision not null default 0.3,
      support_url text, settings text not null default '{}', bumped_until text not null)`,

    `create table users (
      id text primary key, email text not null unique, name text not null,
      role text not null check (role in ('owner', 'comms', 'responder', 'viewer')),
      password_hash text not null, created_at text not null, disabled_at text)`,
    `create table sessions (
      id_hash text primary key, user_id text not null references users (id) on delete cascade,
      expires_at text not null, created_at text not null, device text not null default '')`,
    'create index sessions_user on sessions (user_id)',
    'create index sessions_expires on sessions (expires_at)',
    `create table invitations (
      user_id text primary key references users (id) on delete cascade, token_hash text not null unique,
      created_at text not null, expires_at text not null)`,
    `create table setup_token (
      id integer primary key check (id = 1), token_hash text not null, created_at text not null, used_at text)`,
    `create table audit (
      seq ${SEQ}, at text not null, actor_id text, actor_label text not null, action text not null,
      subject_kind text not null, subject_id text not null, detail text not null default '{}')`,
    'create index audit_subject on audit (subject_kind, subject_id, seq)',

    `create table component_groups (
      id text primary key, name text not null, description text, position integer not null,
      created_at text not null, updated_at text not null)`,
    `create table components (
      id text primary key, group_id text references component_groups (id), name text not null, description text,
      position integer not null, showcase integer not null default 1, only_show_if_degraded integer not null default 0,
      start_date text, created_at text not null, updated_at text not null, archived_at text)`,
    'create index components_group on components (group_id, position)',
    `create table claims (
      seq ${SEQ}, component_id text not null references components (id),
      source_kind text not null check (source_kind in ('incident', 'maintenance', 'manual')), source_seq ${BIGINT} not null,
      status text not null, starts_at text not null, ends_at text, recorded_at text not null, recorded_by text not null,
      voided_at text)`,
    `create unique index claims_open on claims (component_id, source_kind, source_seq)
      where ends_at is null and voided_at is null`,
    'create index claims_source on claims (source_kind, source_seq)',
    'create index claims_time on claims (ends_at, starts_at)',

    `create table incidents (
      seq ${SEQ}, id text not null unique, kind text not null check (kind in ('incident', 'maintenance')), title text not null,
      severity text not null check (severity in ('SEV1', 'SEV2', 'SEV3', 'SEV4')), status text not null, impact_override text,
      scope text, started_at text not null, detected_at text, declared_at text not null, published_at text,
      mitigated_at text, resolved_at text, scheduled_for text, scheduled_until text, next_update_due text,
      internal_due text, has_cadence integer not null default 1, restricted integer not null default 0,
      drill integer not null default 0, source text not null default 'own', shortlink text, version integer not null default 1,
      created_at text not null, updated_at text not null)`,
    'create index incidents_started on incidents (started_at, seq)',
    'create index incidents_open on incidents (kind, seq) where resolved_at is null',
    'create index incidents_due on incidents (next_update_due) where next_update_due is not null',
    `create table updates (
      seq ${SEQ}, id text not null unique, incident_seq ${BIGINT} not null references incidents (seq), source_id text,
      audience text not null check (audience in ('public', 'internal')), kind text not null, status text not null,
      severity text not null, body text not null, scope text, affected text, workaround text, estimate text,
      next_update_by text, was_due_at text, posted_at text not null, created_at text not null, updated_at text not null,
      edited_at text, author_label text not null, component_changes text not null default '[]',
      notified integer not null default 0, unique (incident_seq, source_id))`,
    'create index updates_incident on updates (incident_seq, posted_at, seq)',
    `create table update_edits (
      seq ${SEQ}, update_seq ${BIGINT} not null references updates (seq), before text not null, edited_at text not null,
      edited_by text not null)`,
    'create index update_edits_update on update_edits (update_seq)',
    `create table log_entries (
      seq ${SEQ}, id text not null unique, incident_seq ${BIGINT} not null references incidents (seq), at text not null,
      created_at text not null, author_label text not null, body text not null)`,
    'create index log_entries_incident on log_entries (incident_seq, at)',
    `create table incident_roles (
      seq ${SEQ}, incident_seq ${BIGINT} not null references incidents (seq), role text not null,
      user_id text not null references users (id), assigned_at text not null, ended_at text)`,
    'create unique index incident_roles_one on incident_roles (incident_seq, role) where ended_at is null',
    `create table drafts (
      subject text not null, user_id text not null references users (id) on delete cascade, user_name text not null,
      fields text not null, updated_at text not null, primary key (subject, user_id))`,
    `create table templates (
      id text primary key, kind text not null, variant text not null default '', name text not null, title text,
      body text not null, status text, position integer not null, created_at text not null, updated_at text not null)`,

    `create table recipients (
      seq ${SEQ}, id text not null unique, kind text not null check (kind in ('subscriber', 'stakeholder', 'staff')),
      channel text not null, address text not null, name text, audience_id text not null default '',
      state text not null check (state in ('pending', 'confirmed', 'unsubscribed')), mode text not null default 'policy',
      whole_page integer not null default 1, locale text not null default 'en', time_zone text, created_at text not null,
      confirmed_at text, unsubscribed_at text, consent_version text, consent_source text, asked_at text,
      unique (kind, audience_id, channel, address))`,
    'create index recipients_address on recipients (address)',
    'create index recipients_kind_state on recipients (kind, state, seq)',
    `create table recipient_scopes (
      recipient_seq ${BIGINT} not null references recipients (seq) on delete cascade,
      kind text not null check (kind in ('group', 'component')), ref_id text not null,
      primary key (recipient_seq, kind, ref_id))`,
    'create index recipient_scopes_ref on recipient_scopes (kind, ref_id)',
    `create table audiences (
      id text primary key, name text not null, severities text not null, position integer not null)`,

    `create table notices (
      seq ${SEQ}, id text not null unique, kind text not null, incident_seq ${BIGINT} references incidents (seq),
      update_seq ${BIGINT} references updates (seq), priority integer not null, subject text not null, html text not null,
      text text not null, headers text not null default '{}', created_at text not null)`,
    'create index notices_incident on notices (incident_seq)',
    `create table fanouts (
      seq ${SEQ}, notice_seq ${BIGINT} not null unique references notices (seq), filter text not null, cursor_seq ${BIGINT} not null,
      bound_seq ${BIGINT} not null, confirmed_by text not null, state text not null, expected integer not null,
      created_at text not null, done_at text)`,
    "create index fanouts_open on fanouts (seq) where state = 'expanding'",
    `create table batches (
      seq ${SEQ}, transport text not null, idempotency_key text not null, generation integer not null, priority integer not null,
      size integer not null, body ${BLOB}, body_sha256 text not null, state text not null, lease_owner text, lease_until text,
      fence integer not null, attempts integer not null, first_attempt_at text, not_before text not null,
      created_at text not null, settled_at text, last_error text)`,
    'create index batches_unsettled on batches (priority, seq) where settled_at is null',
    `create table deliveries (
      seq ${SEQ}, notice_seq ${BIGINT} not null references notices (seq), recipient_seq ${BIGINT} not null references recipients (seq),
      state text not null, priority integer not null, not_before text not null, attempts integer not null default 0,
      unanswered integer not null default 0, batch_seq ${BIGINT} references batches (seq), provider_id text, reason text,
      updated_at text not null, unique (notice_seq, recipient_seq))`,
    "create index deliveries_queue on deliveries (priority, not_before, seq) where state = 'queued'",
    'create index deliveries_batch on deliveries (batch_seq) where batch_seq is not null',
    'create index deliveries_notice_state on deliveries (notice_seq, state)',
    'create index deliveries_recipient on deliveries (recipient_seq, seq)',
    `create table suppressions (
      address text primary key, reason text not null, detail text, created_at text not null, lifted_at text,
      lifted_reason text)`,
    `create table providers (
      id text primary key, blocked_until text, blocked_reason text, circuit text not null default 'closed',
      circuit_reason text, failures integer not null default 0, updated_at text not null)`,
    'create table workers (id text primary key, role text not null, beat_at text not null)',
  ],
};
