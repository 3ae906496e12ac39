import { newId, signerFor } from '#auth/tokens.ts';
import type { Config } from '#config';
import type { Ctx, Log, Site } from '#db/context.ts';
import { type Db, openDatabase } from '#db/open.ts';
import type { Actor } from '#domain/permissions.ts';
import { createLog } from './log.ts';

/** The open installation: what the server and the command line both stand on. */
export type Foghorn = {
  config: Config;
  db: Db;
  log: Log;
  site: Site;
  contextFor: (actor: Actor) => Ctx;
  /** Calls back after each commit in this process; returns the way to stop. */
  onChanged: (listener: (what: 'page' | 'outbox') => void) => () => void;
  close: () => Promise<void>;
};

/** Opens the database (without migrating it) and wires clock, chance and signature to it. */
export async function openFoghorn(config: Config): Promise<Foghorn> {
  const db = await openDatabase(config.databaseUrl);
  const log = createLog(config.logLevel);
  const site: Site = { url: config.siteUrl, mailFrom: config.mailFrom, mailReplyTo: config.mailReplyTo };
  const listeners = new Set<(what: 'page' | 'outbox') => void>();
  const shared = {
    db,
    site,
    log,
    newId,
    sign: signerFor(config.secretKey),
    now: () => new Date().toISOString(),
    changed: (what: 'page' | 'outbox') => {
      for (const listener of listeners) listener(what);
    },
  };
  return {
    config,
    db,
    log,
    site,
    contextFor: (actor) => ({ ...shared, actor }),
    onChanged: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => db.close(),
  };
}
