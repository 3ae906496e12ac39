import { existsSync } from 'node:fs';
import { readConfig } from '#config';
import type { Ctx } from '#db/context.ts';
import { migrationState } from '#db/migrate.ts';
import { AppError } from '#domain/errors.ts';
import { type Foghorn, openFoghorn, prepareFoghorn } from '../foghorn.ts';

export const COMMAND_LINE = { kind: 'system', name: 'command line' } as const;

/**
 * Opens the installation that the environment names, runs the work and closes it. A new one is made where `create` says so; an older
 * one must be migrated by name first, so that no small command changes a schema under a running server.
 * @throws AppError `not_found`, or `conflict` for an older schema; NewerSchemaError
 */
export async function withInstallation<T>(
  { create }: { create: boolean },
  work: (foghorn: Foghorn, ctx: Ctx) => Promise<T>,
): Promise<T> {
  const config = quiet(readConfig());
  const file = sqliteFile(config.databaseUrl);
  if (file && !create && !existsSync(file)) throw nothingThere(file);
  const foghorn = await openFoghorn(config);
  try {
    const { applied, pending } = await migrationState(foghorn.db);
    if (pending.length && applied.length)
      throw new AppError('conflict', 'The database was written by an older Foghorn.', {
        fix: 'Run foghorn migrate, which makes a backup first, or start the server, which does the same.',
      });
    if (!applied.length) {
      if (!create) throw nothingThere(file ?? 'the address in DATABASE_URL');
      await prepareFoghorn(foghorn);
    }
    return await work(foghorn, foghorn.contextFor(COMMAND_LINE));
  } finally {
    await foghorn.close();
  }
}

/** The path in a `sqlite:` URL; null for Postgres. */
export function sqliteFile(databaseUrl: string): string | null {
  return databaseUrl.startsWith('sqlite:') ? databaseUrl.slice('sqlite:'.length) : null;
}

/** Standard output belongs to the command's own result: the log is silent unless LOG_LEVEL asks for it. */
export function quiet<T extends { logLevel: string }>(config: T): T {
  return process.env.LOG_LEVEL ? config : { ...config, logLevel: 'silent' };
}

function nothingThere(where: string): AppError {
  return new AppError('not_found', `There is no Foghorn database at ${where}.`, {
    fix: 'Check DATA_DIR and DATABASE_URL, or make one: foghorn migrate.',
  });
}
