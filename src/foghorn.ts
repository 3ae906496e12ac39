import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { newId, signerFor } from '#auth/tokens.ts';
import type { Config } from '#config';
import { backupTo } from '#db/backup.ts';
import type { Changed, Ctx, Log, Site } from '#db/context.ts';
import { migrate, migrationState } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { ensurePage } from '#db/page.ts';
import { createResolveHost } from '#delivery/resolveHost.ts';
import type { Actor } from '#domain/permissions.ts';
import { ensureAudiences } from '#services/audiences.ts';
import { ensureDefaultTemplates } from '#services/templates.ts';
import { createLog } from './log.ts';

/** The open installation: what the server and the command line both stand on. */
export type Foghorn = {
  config: Config;
  db: Db;
  log: Log;
  site: Site;
  contextFor: (actor: Actor) => Ctx;
  /** Calls back after each commit in this process; returns the way to stop. */
  onChanged: (listener: (what: Changed) => void) => () => void;
  close: () => Promise<void>;
};

/** Opens the database (without migrating it) and wires clock, chance and signature to it. */
export async function openFoghorn(config: Config): Promise<Foghorn> {
  const db = await openDatabase(config.databaseUrl);
  const log = createLog(config.logLevel);
  const { siteUrl: url, languages, mailFrom, mailReplyTo } = config;
  const site: Site = { url, languages, mailFrom, mailReplyTo };
  const listeners = new Set<(what: Changed) => void>();
  const shared = {
    db,
    site,
    log,
    hooks: { ...config.hooks, resolve: createResolveHost(config.hooks) },
    newId,
    sign: signerFor(config.secretKey),
    now: () => new Date().toISOString(),
    changed: (what: Changed) => {
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

/**
 * Brings the schema up to date and makes what every installation has. An older SQLite database is first copied to
 * DATA_DIR/backups.
 * @returns the migrations applied now, and where the backup is (null when none was needed)
 * @throws NewerSchemaError
 */
export async function prepareFoghorn(
  foghorn: Foghorn,
): Promise<{ applied: string[]; backup: string | null }> {
  const { db } = foghorn;
  const ctx = foghorn.contextFor({ kind: 'system', name: 'set-up' });
  const before = await migrationState(db);
  let backup: string | null = null;
  if (db.file && before.applied.length && before.pending.length) {
    const folder = join(foghorn.config.dataDir, 'backups');
    await mkdir(folder, { recursive: true });
    backup = join(folder, `before-${before.pending[0]}-${ctx.now().replace(/[:.]/g, '-')}.db`);
    await backupTo(db, backup);
  }
  const applied = await migrate(db, ctx.now());
  await db.write((tx) => ensurePage(tx, { publicId: ctx.newId(), name: 'Status', now: ctx.now() }));
  await ensureAudiences(ctx);
  await ensureDefaultTemplates(ctx);
  return { applied, backup };
}
