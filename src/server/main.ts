import './threadpool.ts';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { ensureSetupToken } from '#auth/setup.ts';
import { startClock } from '#clock/clock.ts';
import { type Config, ConfigError, readConfig } from '#config';
import { NewerSchemaError } from '#db/migrate.ts';
import { startOutbox } from '#delivery/outbox.ts';
import type { Foghorn } from '../foghorn.ts';
import { createLog } from '../log.ts';
import { openLastGood } from './cache/lastGood.ts';
import { watchForChanges } from './cache/watch.ts';
import { closeFoghorn } from './context.ts';
import { exportForEver, exportTo } from './export/process.ts';
import { openWhenPossible } from './installation.ts';
import { createWeb } from './web.ts';
import { startExportProcess, startWorkerProcess } from './workerProcess.ts';

/** How long running requests may take to end when we stop. */
const DRAIN_MS = 10_000;

const config = readConfigOrExit();
const log = createLog(config.logLevel);
const stops: (() => unknown)[] = [];
let foghorn: Foghorn | null = null;
let stopping = false;

process.on('uncaughtException', (error) => die(error, 'Something failed that nothing had caught.'));
process.on('unhandledRejection', (error) =>
  die(error, 'A promise was rejected that nothing was waiting for.'),
);
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));

const [mode, folder = ''] = process.argv.slice(2);
if (mode === '--export') await exportTo(config, log, folder);
else if (mode === '--keep-export') await exportForEver(config, log);
else await start(config, log);

/** Serves at once, from the last good pages if need be; then opens the database and begins what needs it. */
async function start(config: Config, log: Logger): Promise<void> {
  const lastGood = openLastGood(join(config.dataDir, 'last-good'), (error) =>
    log.warn({ err: error }, 'The last good page could not be written to disk.'),
  );
  const hadPublished = lastGood.wasUsed();
  const web = createWeb({ config, log, lastGood, wait, opened: () => foghorn });
  try {
    const port = await web.listen();
    log.info({ port, host: config.host, role: config.role, site: config.siteUrl }, 'listening');
  } catch (error) {
    return die(error, listenProblem(error, config));
  }
  stops.push(async () => {
    const cut = await web.stop(DRAIN_MS);
    if (cut) log.warn({ cut }, 'Some connections had to be cut.');
    await lastGood.flush();
  });

  try {
    foghorn = await openWhenPossible({
      config,
      log,
      wait,
      hasPublished: () => hadPublished,
      prepared: web.learnAccess,
      isStopping: () => stopping,
    });
  } catch (error) {
    return die(error, error instanceof NewerSchemaError ? error.message : 'The database cannot be used.');
  }
  if (!foghorn || stopping) return;
  if (config.role !== 'worker') {
    await web.cache.poll();
    await web.cache.keepWarm('/');
    watchForChanges(web.cache, wait);
    stops.push(foghorn.onChanged(web.changed));
  }
  let begun = Promise.resolve();
  if (config.role === 'all') {
    const worker = startWorkerProcess(log);
    begun = worker.begun;
    stops.push(
      worker.stop,
      foghorn.onChanged((what) => what === 'outbox' && worker.wake()),
    );
  }
  if (config.role === 'worker') stops.push(...startWork(foghorn));
  else if (config.exportDir) stops.push(startExportProcess(log).stop);
  const setUp = await ensureSetupToken(foghorn.contextFor({ kind: 'system', name: 'set-up' }));
  // Plain, not JSON: a person copies it. It works once.
  if (setUp) console.log(`No one has an account yet. Make the first owner at:\n  ${setUp}`);
  // Until then the screens would say that nothing sends. Pages have been served for a while.
  await begun;
  if (!stopping) log.info('ready');
}

/** In this process. @returns what stops it, in no particular order */
function startWork(open: Foghorn): (() => unknown)[] {
  const clock = startClock(open.contextFor({ kind: 'system', name: 'clock' }));
  const dispatcher = startOutbox({
    ...open.contextFor({ kind: 'system', name: 'dispatcher' }),
    config: open.config,
  });
  return [clock.stop, dispatcher.stop, open.onChanged((what) => what === 'outbox' && dispatcher.wake())];
}

/** Everything ends what it has begun; a second signal does not wait for that. */
async function stop(signal: string): Promise<void> {
  if (stopping) process.exit(1);
  stopping = true;
  log.info({ signal }, 'stopping');
  const results = await Promise.allSettled(stops.map(async (each) => each()));
  for (const result of results)
    if (result.status === 'rejected') log.error({ err: result.reason }, 'Something would not stop.');
  await closeFoghorn().catch((error: unknown) => log.error({ err: error }, 'The database did not close.'));
  log.info('stopped');
  process.exit(0);
}

function die(error: unknown, message: string): void {
  log.fatal({ err: error }, message);
  process.exit(1);
}

function readConfigOrExit(): Config {
  try {
    return readConfig();
  } catch (error) {
    console.error(error instanceof ConfigError ? error.message : error);
    process.exit(1);
  }
}

function listenProblem(error: unknown, { host, port }: Config): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return `Port ${port} is in use. Stop what uses it, or set PORT to another.`;
  if (code === 'EACCES') return `Port ${port} may not be used by this user. Set PORT to one above 1023.`;
  return `It is not possible to listen on ${host}:${port}. Check HOST and PORT.`;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
