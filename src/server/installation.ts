import { existsSync } from 'node:fs';
import type { Config } from '#config';
import { NewerSchemaError } from '#db/migrate.ts';
import { type Foghorn, prepareFoghorn } from '../foghorn.ts';
import { closeFoghorn, getFoghorn } from './context.ts';

export type OpeningOptions = {
  config: Config;
  log: Pick<import('pino').Logger, 'info' | 'error'>;
  /** Pages were published from here before: then a missing database is a loss, not a first start. */
  hasPublished: () => boolean;
  /** What has to be known before anyone is served from it. When it rejects, all of it is tried again. */
  prepared: (foghorn: Foghorn) => Promise<void>;
  wait: (ms: number) => Promise<void>;
  isStopping: () => boolean;
};

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 5_000;

/**
 * Opens and prepares the installation, trying again for as long as the database cannot be opened: meanwhile the last good pages are
 * served. Null when the process stops first.
 * @throws NewerSchemaError, which no waiting mends
 */
export async function openWhenPossible(options: OpeningOptions): Promise<Foghorn | null> {
  const { config, log } = options;
  for (let pause = FIRST_WAIT_MS; !options.isStopping(); pause = Math.min(pause * 2, LONGEST_WAIT_MS)) {
    try {
      refuseToForget(config, options.hasPublished());
      const foghorn = await getFoghorn();
      const { applied, backup } = await prepareFoghorn(foghorn);
      await options.prepared(foghorn);
      if (backup) log.info({ backup }, 'The database was copied before its schema changed.');
      if (applied.length) log.info({ applied }, 'The database schema is up to date.');
      return foghorn;
    } catch (error) {
      await closeFoghorn().catch(() => undefined);
      if (error instanceof NewerSchemaError) throw error;
      log.error({ err: error, againInMs: pause }, 'The database cannot be used. Trying again.');
      await options.wait(pause);
    }
  }
  return null;
}

/** An empty new database in the place of a lost one would show an empty page as if nothing had ever happened. */
function refuseToForget(config: Config, hasPublished: boolean): void {
  if (!config.databaseUrl.startsWith('sqlite:') || !hasPublished) return;
  const file = config.databaseUrl.slice('sqlite:'.length);
  if (existsSync(file)) return;
  throw new Error(
    `There is no database at ${file}, but pages were published from here before. Put it back (foghorn restore), or make a new one (foghorn migrate).`,
  );
}
