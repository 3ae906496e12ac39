import type { Generated, GeneratedAlways, Insertable, Selectable } from 'kysely';
import type { Background, LogoType } from '#domain/brand.ts';
import type { CallClock, CallKind } from '#domain/calls.ts';
import type { DeliveryState } from '#domain/deliveries.ts';
import type { MaintenanceWord } from '#domain/maintenance.ts';
import type { CalledFor, PagerAction } from '#domain/paging.ts';
import type { Role } from '#domain/permissions.ts';
import type { Severity } from '#domain/severity.ts';
import type { AudienceKind, What } from '#domain/stakeholders.ts';
import type { AnyStatus, ComponentStatus, Impact, IncidentKind } from '#domain/status.ts';
import type { Mode } from '#domain/subscriberPace.ts';
import type { Instant } from '#domain/time.ts';

/**
 * The tables as both databases hold them: instants are ISO text, booleans 0/1, JSON is text (parsed by the queries here).
 * `seq` columns are internal integers that keysets, foreign keys and UNIQUE use; `id` columns are public.
 */
export type Flag = 0 | 1;
type Json = string;

export interface PageTable {
  /** Always 1: there is one page. */
  id: number;
  public_id: string;
  name: string;
  time_zone: string;
  /** Rises with every change that a visitor could see. */
  version: number;
  updated_at: Instant;
  /** Weight of a partial outage in the uptime formula, 0 to 1. */
  uptime_weight: number;
  support_url: string | null;
  /** Settings that have no column: business hours, policies, reply-to. */
  settings: Json;
  /** The clock has bumped the version for everything that became due up to here. */
  bumped_until: Instant;
}

export interface UsersTable {
  id: string;
  email: string;
  name: string;
  role: Role;
  /** '' until an invited user has chosen a password: nothing matches it. */
  password_hash: string;
  created_at: Instant;
  disabled_at: Instant | null;
  /** 1: may publish what is restricted and what waits for a second pair of eyes. */
  approver: Generated<Flag>;
}

export interface SessionsTable {
  /** sha256 of the session id, hex: what is stored here does not sign anyone in. */
  id_hash: string;
  user_id: string;
  expires_at: Instant;
  created_at: Instant;
  /** "Firefox on Linux": what its owner may recognise it by. */
  device: string;
}

/** A one-time link with which one user chooses a password: the first one, or a new one. */
export interface InvitationsTable {
  user_id: string;
  token_hash: string;
  created_at: Instant;
  expires_at: Instant;
}

export interface SetupTokenTable {
  /** Always 1: there is one first owner. */
  id: number;
  token_hash: string;
  created_at: Instant;
  used_at: Instant | null;
}

export interface AuditTable {
  seq: Generated<number>;
  at: Instant;
  actor_id: string | null;
  actor_label: string;
  action: string;
  subject_kind: string;
  subject_id: string;
  detail: Json;
}

export interface ComponentGroupsTable {
  id: string;
  name: string;
  description: string | null;
  position: number;
  created_at: Instant;
  updated_at: Instant;
}

export interface ComponentsTable {
  id: string;
  group_id: string | null;
  name: string;
  description: string | null;
  position: number;
  showcase: Flag;
  only_show_if_degraded: Flag;
  /** The calendar day from which its history counts, YYYY-MM-DD. */
  start_date: string | null;
  /** Who runs it, when it is somebody else, and their own status page: both or neither. */
  upstream_name: string | null;
  upstream_url: string | null;
  created_at: Instant;
  updated_at: Instant;
  archived_at: Instant | null;
}

export interface LogosTable {
  background: Background;
  /** Of its bytes: a part of its address. */
  hash: string;
  type: LogoType;
  body: Buffer;
}

export interface ClaimsTable {
  seq: Generated<number>;
  component_id: string;
  source_kind: 'incident' | 'maintenance' | 'manual';
  /** The incident's seq; 0 for a manual setting. */
  source_seq: number;
  status: ComponentStatus;
  starts_at: Instant;
  ends_at: Instant | null;
  recorded_at: Instant;
  recorded_by: string;
  /** Set when a correction replaced this version; a voided claim counts for nothing. */
  voided_at: Instant | null;
}

export interface IncidentsTable {
  seq: Generated<number>;
  id: string;
  kind: IncidentKind;
  title: string;
  severity: Severity;
  status: AnyStatus;
  impact_override: Impact | null;
  /** "EU only": where it is felt, shown beside the title. */
  scope: string | null;
  started_at: Instant;
  detected_at: Instant | null;
  declared_at: Instant;
  published_at: Instant | null;
  mitigated_at: Instant | null;
  resolved_at: Instant | null;
  scheduled_for: Instant | null;
  scheduled_until: Instant | null;
  /** The public clock: when the next public update is promised; null when none is. */
  next_update_due: Instant | null;
  internal_due: Instant | null;
  /** 0 for imported and backfilled incidents: no clock, no mail, until adopted. */
  has_cadence: Flag;
  restricted: Flag;
  drill: Flag;
  source: 'own' | 'import' | 'backfill';
  shortlink: string | null;
  /** The policies that it goes by: those it was declared under, until someone chooses newer ones. null: the product's own. */
  policy_seq: Generated<number | null>;
  /** The zone of their business hours, which goes with them; null: the page's. */
  pace_zone: Generated<string | null>;
  /** A pace of its own in the place of its policy's, and since when it has been agreed: {publicUpdateEvery?, internalUpdateEvery?}. */
  own_pace: Json | null;
  paced_at: Instant | null;
  /** When what visitors read of it last changed by anything but an update; null when nothing did. */
  corrected_at: Generated<Instant | null>;
  /** When what was restricted was published; null when it never was either. */
  unsealed_at: Generated<Instant | null>;
  /** Rises with every change; a form that was filled in against an older one is stale. */
  version: number;
  created_at: Instant;
  updated_at: Instant;
}

export interface UpdatesTable {
  seq: Generated<number>;
  id: string;
  incident_seq: number;
  /** The id it had where it was imported from; unique within its incident only. */
  source_id: string | null;
  audience: 'public' | 'internal';
  kind:
    | 'initial'
    | 'progress'
    | 'holding'
    | 'resolution'
    | 'reopening'
    | 'postmortem'
    | 'internal'
    | 'correction'
    /** Planned work takes place at another time, or ends at another. */
    | 'moved'
    | 'newEnd';
  /** What it says the incident's status is. */
  status: AnyStatus;
  severity: Severity;
  body: string;
  scope: string | null;
  /** Who and how many. */
  affected: string | null;
  /** What still works, or a way round. */
  workaround: string | null;
  estimate: string | null;
  /** What it promised: when the next update comes. */
  next_update_by: Instant | null;
  /** What was promised before it, when it was posted: for "promised 16:15, posted 16:11". */
  was_due_at: Instant | null;
  posted_at: Instant;
  created_at: Instant;
  updated_at: Instant;
  edited_at: Instant | null;
  author_label: string;
  /** [{code, name, old_status, new_status}] */
  component_changes: Json;
  /** 1 when people were told of it. */
  notified: Flag;
  /** 1 when nobody wrote it: the policy had it posted. */
  automatic: Generated<Flag>;
}

export interface UpdateEditsTable {
  seq: Generated<number>;
  update_seq: number;
  /** The update's editable fields as they stood before. */
  before: Json;
  edited_at: Instant;
  edited_by: string;
}

export interface LogEntriesTable {
  seq: Generated<number>;
  id: string;
  incident_seq: number;
  /** When it happened, which may be before it was written. */
  at: Instant;
  created_at: Instant;
  author_label: string;
  body: string;
}

export interface IncidentRolesTable {
  seq: Generated<number>;
  incident_seq: number;
  role: 'incident_commander' | 'technical_lead' | 'comms_lead' | 'scribe';
  user_id: string;
  assigned_at: Instant;
  ended_at: Instant | null;
}

export interface DraftsTable {
  /** The incident's public id, or 'new'. */
  subject: string;
  user_id: string;
  user_name: string;
  fields: Json;
  updated_at: Instant;
}

export interface TemplatesTable {
  id: string;
  kind: 'initial' | 'progress' | 'holding' | 'resolution' | 'internal' | 'maintenance';
  /** '' for general use. */
  variant: '' | 'third_party' | 'region';
  name: string;
  title: string | null;
  body: string;
  status: AnyStatus | null;
  position: number;
  created_at: Instant;
  updated_at: Instant;
  /** Since when it may be posted automatically, and who said so. */
  approved_at: Instant | null;
  approved_by: string | null;
}

/**
 * Everyone who can be told something. `kind` says what they are to us: `subscriber` asked from outside, `stakeholder` is in an
 * audience (one row an audience), `staff` is a user. A delivery points at one of these rows.
 */
export interface RecipientsTable {
  seq: Generated<number>;
  id: string;
  kind: 'subscriber' | 'stakeholder' | 'staff';
  channel: 'email' | 'webhook' | 'slack' | 'teams' | 'discord' | 'pager';
  /** Of mail: lower case, its domain in ASCII. Of the others: the URL that is called. */
  address: string;
  name: string | null;
  /** Of a stakeholder the audience or the account; of a place where staff are called its own id, because two may share an address; else ''. */
  audience_id: string;
  state: 'pending' | 'confirmed' | 'unsubscribed';
  mode: Mode;
  /** 1: the whole page; 0: what recipient_scopes names. */
  whole_page: Flag;
  locale: string;
  time_zone: string | null;
  created_at: Instant;
  confirmed_at: Instant | null;
  unsubscribed_at: Instant | null;
  /** Proof of consent: which wording, from where. */
  consent_version: string | null;
  consent_source: string | null;
  /** When the last confirmation mail was asked for, so that nobody can be flooded with them. */
  asked_at: Instant | null;
  /** 1: a list that many people read, so one of them alone cannot unsubscribe it by one press. */
  shared: Generated<Flag>;
  /** Who is mailed when a webhook or chat stops working; null for mail. */
  owner_address: string | null;
  /** What a webhook's calls are signed with (`whsec_` and base64, Standard Webhooks); of a pager its routing key; null for the others. */
  secret: string | null;
  /** The one before, which signs beside it until then, so that its receiver can change over without missing a call. */
  old_secret: string | null;
  old_secret_until: Instant | null;
  /** Calls of a webhook or chat in a row that failed. */
  failures: Generated<number>;
  /** When the last calls there failed, the oldest first, whatever was taken in between: [instants], a few. */
  failed_at: Generated<Json>;
  /** Since when nothing is sent, because its calls failed. */
  quarantined_at: Instant | null;
  /** 1: also told an hour before planned work begins. */
  hour_before: Generated<Flag>;
  /** What stands behind the @ of a mail address, written by the database itself; null for other channels. */
  domain: GeneratedAlways<string | null>;
  /** Since when their next digest tells; null: since the last one of their zone. */
  digest_from: Generated<Instant | null>;
}

export interface RecipientScopesTable {
  recipient_seq: number;
  kind: 'group' | 'component';
  ref_id: string;
}

export interface AudiencesTable {
  id: string;
  name: string;
  /** Severities of which it is told: a JSON list; `null` (as JSON) leaves it to the policies. */
  severities: Json;
  position: number;
  kind: Generated<AudienceKind>;
  /** Their own first line, with variables. */
  intro: string | null;
  /** Which facts they get: a JSON list. */
  facts: Generated<Json>;
}

/** A customer who is told when a component of theirs is affected. Its people are recipients whose `audience_id` is its id. */
export interface AccountsTable {
  id: string;
  name: string;
  /** The user in whose name they are told, and who gets their answers. */
  contact_id: string;
  created_at: Instant;
}

export interface AccountComponentsTable {
  account_id: string;
  component_id: string;
}

/** That an audience or account was told of something. */
export interface TellingsTable {
  seq: Generated<number>;
  incident_seq: number;
  /** 0: the declaration. */
  update_seq: number;
  /** Of an audience or an account. */
  audience_id: string;
  /** What it was called then. */
  name: string;
  what: What;
  /** The sentence that said so; null when the news said it. */
  lead: string | null;
  /** How many it was for. */
  people: number;
  /** null: all of them got it as people of another audience. */
  notice_seq: number | null;
  told_at: Instant;
}

/** A notice in another language than the page's first. */
export interface NoticeTextsTable {
  notice_seq: number;
  locale: string;
  subject: string;
  html: string;
  text: string;
}

export interface NoticesTable {
  seq: Generated<number>;
  id: string;
  kind:
    | 'update'
    | 'maintenance'
    | 'confirm'
    | 'already'
    /** A fresh link to change what one gets. */
    | 'manage'
    /** Whether an address that many read should be unsubscribed. */
    | 'leave'
    | 'unsubscribed'
    | 'quarantined'
    | 'test'
    /** To staff: a promise runs out. */
    | 'call'
    /** To an audience or accounts. */
    | 'stakeholder'
    /** What someone missed since the day before. */
    | 'digest'
    /** What an update of a drill would have told subscribers, to those who take part in it. */
    | 'drill'
    /** To subscribers of components that an incident turned out not to touch, who had been told that it does. */
    | 'spared';
  incident_seq: number | null;
  update_seq: number | null;
  /** One of `PRIORITY` (domain/priority.ts): the lower goes first. */
  priority: number;
  subject: string;
  /** Rendered; personal links are slots, {{manage_url}} and so on. */
  html: string;
  text: string;
  /** Headers beside the standard ones: {name: value}. */
  headers: Json;
  created_at: Instant;
  /** The notice in whose place some people get this one: it says more (what they missed) or less (what was wrong). */
  variant_of: number | null;
  /** Of such a variant for people who missed updates: the first that they missed. */
  since_update_seq: number | null;
  /** Since when none of it leaves, until someone lets it go on or mends it. */
  stopped_at: Instant | null;
  stopped_by: string | null;
  /** Since when it is over for those who have not got it; what of it comes back to the queue ends, too. */
  dropped_at: Generated<Instant | null>;
  dropped_by: Generated<string | null>;
  /** The mended text that goes in its place since; what was sent before stays what it was. Always the latest, never a chain. */
  replaced_by: number | null;
  /** Of a variant for people who missed updates: those that it leaves out, because they were stopped when it was written: [seqs]. */
  omits: Json | null;
  /** What webhooks and chats are told of it, as JSON; null when they are not. */
  payload: Json | null;
}

export interface FanoutsTable {
  seq: Generated<number>;
  notice_seq: number;
  /** Who, as `FanoutFilter`: {components: [ids], groups: [ids]} of what the update touches and what people chose; or {people: [seqs]}, stakeholders by name. */
  filter: Json;
  cursor_seq: number;
  /** Recipients past this one came after the post. */
  bound_seq: number;
  confirmed_by: Instant;
  state: 'expanding' | 'done';
  /** How many people the screen said it would reach. */
  expected: number;
  created_at: Instant;
  done_at: Instant | null;
  /** Not before this: until then it can be stopped without a trace. '' in rows from before there was such a time. */
  release_at: Generated<Instant>;
  /**
   * Earlier notices of the incident that may not have reached everyone: [{noticeSeq, yields}]. Where `yields`, this one takes the place of
   * what is unsent; its variant since the first missed update carries the rest.
   */
  follows: Generated<Json>;
  /** Of a correction: who gets it, {bases: [notices], contents: [wrong texts]}: who was handed one of the texts under one of the notices. */
  mends: Json | null;
  /** How many of a stopped notice's queued deliveries were moved out of the queue's front: 0 none, 1 some, 2 all. */
  parked: Generated<0 | 1 | 2>;
  /** When the last of its deliveries was no longer waiting. */
  finished_at: Instant | null;
  /** Why it leaves later than at once: an incident must be open for so long, or other mail left a while ago; null when it does not. */
  wait_for: 'opening' | 'interval' | null;
  /** Since when that counts. */
  wait_since: Instant | null;
  /** 1: it tells everyone of a change to an update whose mail had left already. */
  corrects: Generated<Flag>;
  /** How often in a row it could not be turned into deliveries, and when that was last so. */
  failures: Generated<number>;
  failed_at: Instant | null;
}

export interface DeliveriesTable {
  seq: Generated<number>;
  notice_seq: number;
  recipient_seq: number;
  state: DeliveryState;
  priority: number;
  not_before: Instant;
  /** How often it was refused for now or taken out of a batch; the next batch's generation. */
  attempts: number;
  /** How often it was handed to an SMTP server that then said nothing. */
  unanswered: number;
  batch_seq: number | null;
  provider_id: string | null;
  /** Why it is refused, suppressed or uncertain, in words. */
  reason: string | null;
  updated_at: Instant;
  /** The variant that this person gets, or was sent; null for the notice itself. While it is queued, a mended text goes in its place. */
  content_seq: number | null;
  /** Which dispatcher takes it: mail, or calls of webhooks and chats. */
  lane: Generated<'mail' | 'hook'>;
  /** Of an uncertain one: when an operator decided to leave it so. */
  decided_at: Instant | null;
}

/** A link that shows one incident's brief to whoever has it, for a while. */
export interface BriefLinksTable {
  seq: Generated<number>;
  /** sha256 of the token, hex: what is stored here opens nothing. */
  token_hash: string;
  incident_seq: number;
  /** 1: its reader sees what is known inside, too. */
  inside: Flag;
  created_by: string;
  created_at: Instant;
  expires_at: Instant;
  ended_at: Instant | null;
}

/** What a provider told us of a mail, as it came; applied after it was stored. */
export interface ProviderEventsTable {
  seq: Generated<number>;
  provider: string;
  /** The provider's id of the event: a second one with the same is a repeat. */
  event_id: string;
  type: string;
  occurred_at: Instant;
  received_at: Instant;
  /** The body, byte for byte; '' once it is no longer kept. */
  body: string;
  /** What it says in our words (`Receipt`), read when it came in. */
  receipt: Json;
  /** The delivery that it names; null when it names none of ours. */
  delivery_seq: number | null;
  /** null while it waits for a delivery that is not known yet. */
  applied_at: Instant | null;
  /** What came of it, in words. */
  outcome: string | null;
}

/** An address that could not be reached for now, once an incident. */
export interface SoftBouncesTable {
  address: string;
  incident_seq: number;
  at: Instant;
}

export interface BatchesTable {
  seq: Generated<number>;
  transport: 'file' | 'resend' | 'smtp' | 'hook';
  /** From membership, generation and the installation alone, never from the bytes. */
  idempotency_key: string;
  generation: number;
  priority: number;
  size: number;
  /** The exact bytes of the call, zstd; null once settled. */
  body: Buffer | null;
  /** Of `body`, as it is stored. */
  body_sha256: string;
  state: 'frozen' | 'settled' | 'held';
  /** Who has it, or had it in the middle of a call when they ended; null when it was put back, or is settled. */
  lease_owner: string | null;
  /** null when nobody holds it (any more). */
  lease_until: Instant | null;
  /** Rises with every claim; a settle with an older fence is refused. */
  fence: number;
  attempts: number;
  /** Since when its outcome may be unknown; null while every call so far was definitely refused. */
  first_attempt_at: Instant | null;
  not_before: Instant;
  created_at: Instant;
  settled_at: Instant | null;
  last_error: string | null;
}

export interface SuppressionsTable {
  address: string;
  reason: 'bounce' | 'soft_bounces' | 'complaint' | 'manual';
  detail: string | null;
  created_at: Instant;
  lifted_at: Instant | null;
  lifted_reason: string | null;
}

export interface ProvidersTable {
  /** The transport's name. */
  id: string;
  blocked_until: Instant | null;
  /** Why, in words: a rate limit, a quota, no answer. */
  blocked_reason: string | null;
  circuit: 'closed' | 'open';
  /** What an operator must do, in words. */
  circuit_reason: string | null;
  /** Calls in a row that had no answer. */
  failures: number;
  updated_at: Instant;
  /** Calls that the provider allows in a window, as its answers say; null while that is not known. */
  rate_limit: number | null;
  rate_window_ms: number | null;
  /** When the calls of the last window began and were answered: [[began, answered or null]], ms since the epoch. */
  calls: Generated<Json>;
  /** [{period: 'day' | 'month', limit, used, resetsAt}] */
  quotas: Generated<Json>;
  /** Since when an operator wants nothing sent, and who that was. */
  paused_at: Instant | null;
  paused_by: string | null;
  /** When it can be called, or could again, after a minute or more in which it could not, or after calls in a row without an answer. */
  back_at: Generated<Instant | null>;
  /** Single mails that were refused in a row while none was taken, the oldest first: [{seq, to, words}]. */
  refusals: Generated<Json>;
  /** Of the account key that it was called with last; null where it has none. */
  key_mark: Generated<string | null>;
}

export interface WorkersTable {
  /** host:pid:start */
  id: string;
  /** What it does: `mail:resend` hands mail to Resend. */
  role: string;
  beat_at: Instant;
  /** For how long, in ms, each of its loops had not got through a turn when it beat: {expanding, sending}. */
  loops: Generated<Json>;
}

/** What the house agreed on for each severity, and when it works: a row each time that it did. The last one holds. */
export interface PolicyVersionsTable {
  seq: Generated<number>;
  /** {SEV1: CadencePolicy, ...} */
  policies: Json;
  /** {opens, closes, weekdays, holidays} */
  hours: Json;
  created_at: Instant;
  author_label: string;
  reason: string | null;
}

/** A call to staff that was made. */
export interface CallsTable {
  seq: Generated<number>;
  incident_seq: number;
  clock: CallClock;
  /** What it was about: when that stretch of the clock ran out. */
  due_at: Instant;
  /** When it was planned for. */
  at: Instant;
  kind: CallKind;
  /** Whom it was for: a JSON list. */
  roles: Json;
  made_at: Instant;
  /** The message; null when there was nobody to send it to. */
  notice_seq: number | null;
}

/** A chat room or a pager where staff are called beside mail. */
export interface PagingPlacesTable {
  recipient_seq: number;
  /** A JSON list: of which severities. */
  severities: Json;
  calls: CalledFor;
  /** When its owner was told that nothing is called there any more; null while it is called. */
  told_at: Instant | null;
}

/** One word to such a place about a clock of an incident. */
export interface PagingWordsTable {
  delivery_seq: number;
  recipient_seq: number;
  incident_seq: number;
  clock: CallClock;
  /** What it is about, as in `calls`. */
  due_at: Instant;
  action: PagerAction;
  /** The incident's public id. */
  incident_key: string;
  said_at: Instant;
  /** 1: something may have to follow, or be taken back. */
  is_open: Generated<Flag>;
}

/** Someone pressed "I have it". */
export interface HoldsTable {
  seq: Generated<number>;
  incident_seq: number;
  clock: CallClock;
  at: Instant;
  until: Instant;
  user_id: string;
}

/** Who is on duty from `starts_at` until `ends_at`. */
export interface DutyShiftsTable {
  seq: Generated<number>;
  id: string;
  starts_at: Instant;
  ends_at: Instant;
  /** The comms lead on duty. */
  primary_id: string;
  second_id: string | null;
  manager_id: string | null;
  /** What the one before wants the next to know. */
  note: string | null;
  created_at: Instant;
  updated_at: Instant;
  /** Grows with each change that a calendar shows. */
  revision: Generated<number>;
  /** Who wrote the note last, and when. */
  note_by: Generated<string | null>;
  note_at: Generated<Instant | null>;
}

export interface HandoverAsksTable {
  seq: Generated<number>;
  incident_seq: number;
  /** When the duty ended at whose end it was to be taken over. */
  due_at: Instant;
  user_id: string;
  asked_at: Instant;
  notice_seq: number | null;
}

export interface DutyFeedsTable {
  user_id: string;
  shows: 'own' | 'all';
  token_hash: string;
  created_at: Instant;
}

/** Someone who sees a restricted incident. */
export interface IncidentViewersTable {
  incident_seq: number;
  user_id: string;
  added_at: Instant;
  added_label: string;
}

/** An update that waits for an approver, or did. */
export interface ApprovalsTable {
  seq: Generated<number>;
  /** Also the id of the update that it becomes. */
  id: string;
  incident_seq: number;
  /** What will be posted, to the letter: a `PostInput`. */
  input: Json;
  /** How the incident stood when it was asked for: what an approver would publish into must still be so. */
  standing: Json;
  why: 'policy' | 'restricted';
  asked_by: string;
  asked_at: Instant;
  /** When every approver was asked, because those asked first did not answer in time. */
  told_all_at: Instant | null;
  state: 'waiting' | 'published' | 'sent_back' | 'withdrawn';
  decided_by: string | null;
  decided_at: Instant | null;
  /** Why it was sent back, or published by its own author. */
  reason: string | null;
}

/** An update that people were told of: what digests are made from. */
export interface DigestItemsTable {
  seq: Generated<number>;
  update_seq: number;
  incident_seq: number;
  /** When it was told. */
  at: Instant;
  /** Whom it concerns: {components: [ids], groups: [ids]}. */
  filter: Json;
  /** Who hears of it in a digest: a JSON list. */
  modes: Json;
}

/** The digests of one day in one zone. */
export interface DigestRunsTable {
  zone: string;
  /** YYYY-MM-DD in the zone. */
  day: string;
  /** What was told after this... */
  window_from: Instant;
  /** ...and up to this. */
  window_to: Instant;
  /** Recipients up to this one have theirs. */
  cursor_seq: Generated<number>;
  bound_seq: Generated<number>;
  /** The last delivery there was when these began: all of theirs come after it. */
  deliveries_after: Generated<number>;
  done_at: Instant | null;
  /** Since when it tells those who named no zone, whatever zone the page has moved to since; null: it is not for them. */
  page_from: Generated<Instant | null>;
}

/** A digest's text, for everyone in the zone who missed the same. */
export interface DigestTextsTable {
  zone: string;
  day: string;
  /** The seqs of the items, with commas. */
  items: string;
  notice_seq: number;
  /** Since when it tells, where that is before its run's window; null where it is not. */
  told_from: Generated<Instant | null>;
}

/** What to do beside writing updates, in order. */
export interface RunbooksTable {
  id: string;
  title: string;
  /** A list of severities; empty for any. */
  severities: Json;
  component_id: string | null;
  /** A list of `Step`. */
  steps: Json;
  owner_id: string | null;
  reviewed_at: Instant | null;
  reviewed_by: string | null;
  created_at: Instant;
  version: number;
  /** When its owner was last mailed that a review is overdue. */
  told_at: Instant | null;
}

/** A runbook as an incident was given it. */
export interface IncidentRunbooksTable {
  seq: Generated<number>;
  incident_seq: number;
  /** May be gone since. */
  runbook_id: string;
  title: string;
  added_at: Instant;
  /** null: it came by itself, because it fits. */
  added_by: string | null;
  /** When someone took it off: it does not come back by itself. */
  removed_at: Instant | null;
}

export interface IncidentStepsTable {
  seq: Generated<number>;
  incident_runbook_seq: number;
  position: number;
  text: string;
  link: string | null;
  /** 1: to update the runbook, with which each ends. */
  closing: Flag;
  done_at: Instant | null;
  done_by: string | null;
}

/** Who takes part in a drill. */
export interface DrillPeopleTable {
  incident_seq: number;
  user_id: string;
  added_at: Instant;
  added_label: string;
}

/** A drill that was broken off before it was played to its end. */
export interface DrillEndsTable {
  incident_seq: number;
  at: Instant;
  by_label: string;
}

/** What was learned from a drill. */
export interface DrillReviewsTable {
  incident_seq: number;
  /** A text for each question (`DrillAnswers`). */
  answers: Json;
  at: Instant;
  by_label: string;
}

/** How a maintenance is kept by the clock. Imported ones have no row: whoever planned those minds them elsewhere. */
export interface MaintenancePlansTable {
  incident_seq: number;
  /** Who is asked about it; null, or someone who can no longer sign in: whoever is on duty. */
  owner_id: string | null;
  /** 1: it starts and ends by itself at its time. */
  by_itself: Flag;
  /** 1: people are told of it; 0: it only stands on the page. */
  tells: Flag;
  series_seq: Generated<number | null>;
  /** Of a series: the day, in the page's zone, for which it was made, wherever it was moved since. */
  slot: Generated<string | null>;
}

/** Something that was said about a maintenance besides its updates, or need not be said. */
export interface MaintenanceWordsTable {
  incident_seq: number;
  kind: MaintenanceWord;
  /** The start or the end of the window that it was about; of what is asked again, when it was planned to be. */
  about: Instant;
  said_at: Instant;
  /** null when it needed no saying. */
  notice_seq: number | null;
}

/** Planned work that comes again and again. */
export interface MaintenanceSeriesTable {
  seq: Generated<number>;
  id: string;
  title: string;
  body: string;
  scope: string | null;
  /** A JSON list of ids. */
  components: Json;
  /** A `RecurrenceRule`. */
  rule: Json;
  /** HH:MM, as the wall clock in the page's zone has it. */
  starts_at_clock: string;
  minutes: number;
  /** YYYY-MM-DD in the page's zone. */
  first_day: string;
  last_day: string | null;
  by_itself: Flag;
  tells: Flag;
  owner_id: string | null;
  created_at: Instant;
  ended_at: Instant | null;
}

/** The postmortem that the policy asks for: written when the incident was over in public, gone when it is open again. */
export interface PostmortemsTable {
  incident_seq: number;
  due_at: Instant;
  /** When somebody was last asked for it by mail. */
  asked_at: Instant | null;
  posted_at: Instant | null;
  /** When, by whom and why it was decided that there will be none. */
  waived_at: Instant | null;
  waived_by: string | null;
  reason: string | null;
}

export interface Schema {
  page: PageTable;
  users: UsersTable;
  sessions: SessionsTable;
  invitations: InvitationsTable;
  setup_token: SetupTokenTable;
  audit: AuditTable;
  component_groups: ComponentGroupsTable;
  components: ComponentsTable;
  claims: ClaimsTable;
  incidents: IncidentsTable;
  updates: UpdatesTable;
  update_edits: UpdateEditsTable;
  log_entries: LogEntriesTable;
  incident_roles: IncidentRolesTable;
  drafts: DraftsTable;
  templates: TemplatesTable;
  recipients: RecipientsTable;
  recipient_scopes: RecipientScopesTable;
  audiences: AudiencesTable;
  accounts: AccountsTable;
  account_components: AccountComponentsTable;
  tellings: TellingsTable;
  notices: NoticesTable;
  fanouts: FanoutsTable;
  deliveries: DeliveriesTable;
  batches: BatchesTable;
  suppressions: SuppressionsTable;
  providers: ProvidersTable;
  workers: WorkersTable;
  provider_events: ProviderEventsTable;
  soft_bounces: SoftBouncesTable;
  policy_versions: PolicyVersionsTable;
  calls: CallsTable;
  holds: HoldsTable;
  paging_places: PagingPlacesTable;
  paging_words: PagingWordsTable;
  duty_shifts: DutyShiftsTable;
  handover_asks: HandoverAsksTable;
  duty_feeds: DutyFeedsTable;
  brief_links: BriefLinksTable;
  incident_viewers: IncidentViewersTable;
  approvals: ApprovalsTable;
  digest_items: DigestItemsTable;
  logos: LogosTable;
  digest_runs: DigestRunsTable;
  notice_texts: NoticeTextsTable;
  digest_texts: DigestTextsTable;
  runbooks: RunbooksTable;
  incident_runbooks: IncidentRunbooksTable;
  incident_steps: IncidentStepsTable;
  drill_people: DrillPeopleTable;
  drill_ends: DrillEndsTable;
  drill_reviews: DrillReviewsTable;
  maintenance_plans: MaintenancePlansTable;
  maintenance_words: MaintenanceWordsTable;
  maintenance_series: MaintenanceSeriesTable;
  postmortems: PostmortemsTable;
}

export type Row<T extends keyof Schema> = Selectable<Schema[T]>;
export type NewRow<T extends keyof Schema> = Insertable<Schema[T]>;
