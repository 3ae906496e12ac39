import type { HookRules } from '#domain/hooks.ts';
import type { Actor } from '#domain/permissions.ts';
import type { Instant } from '#domain/time.ts';
import type { Languages } from '#i18n/locales.ts';
import type { Db } from './open.ts';

export type Changed = 'page' | 'outbox' | 'access';

/** What the product's rooms are given in place of clocks, chance and environment. One a request or command. */
export type Ctx = {
  db: Db;
  now: () => Instant;
  /** A new public id: 12 characters of [a-z0-9]. */
  newId: () => string;
  /** A signature over purpose and value that only this installation can make: base64url, 32 characters. */
  sign: (purpose: string, value: string) => string;
  actor: Actor;
  site: Site;
  /** What may be called, and how a host's addresses are found. */
  hooks: Hooks;
  log: Log;
  /** Tells this process, after a commit, that the page has a new version, the outbox new work, or that others may see the page now. */
  changed: (what: Changed) => void;
};

export type Site = {
  /** Origin of the public page, without a trailing slash. */
  url: string;
  /** What the page is offered in; the first at addresses without a language. */
  languages: Languages;
  /** "Name <address>" */
  mailFrom: string;
  mailReplyTo: string | null;
};

export type Hooks = HookRules & { resolve: (host: string) => Promise<readonly string[]> };

/** A structured log, as pino gives it. Never pass an address or a token. */
export type Log = Record<'debug' | 'info' | 'warn' | 'error', (fields: object, message: string) => void>;
