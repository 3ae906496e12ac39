import { startClock } from '#clock/clock.ts';
import { readConfig } from '#config';
import { migrationState } from '#db/migrate.ts';
import { startOutbox } from '#delivery/outbox.ts';
import { AppError } from '#domain/errors.ts';
import { openFoghorn } from '../foghorn.ts';
import { type Command, readArguments } from './command.ts';

export const workerCommand: Command = {
  help: `
  foghorn worker

Hands over mail and keeps the clock, beside web processes that run with FOGHORN_ROLE=web. Any number may run on one
Postgres; on SQLite they must share the machine. It logs to standard output and stops on SIGTERM or Ctrl-C, after the
calls that are under way.`,
  async run(args) {
    readArguments(args, {});
    const foghorn = await openFoghorn(readConfig());
    try {
      const { applied, pending } = await migrationState(foghorn.db);
      if (pending.length)
        throw new AppError(
          'conflict',
          applied.length ? 'The database was written by an older Foghorn.' : 'There is no database yet.',
          { fix: 'Run foghorn migrate, or start the server, then start the worker again.' },
        );
      const toldToStop = Promise.race([stopSignal(), serverGone()]);
      const ctx = foghorn.contextFor({ kind: 'system', name: 'worker' });
      const dispatcher = startOutbox({ ...ctx, config: foghorn.config });
      const forget = foghorn.onChanged((what) => what === 'outbox' && dispatcher.wake());
      // From the server that has started this worker (server/workerProcess.ts): somebody has posted.
      process.on('message', (what) => what === 'outbox' && dispatcher.wake());
      const clock = startClock(ctx);
      foghorn.log.info({ transport: foghorn.config.mailTransport, pid: process.pid }, 'the worker runs');
      // To a server that has started this worker and waits for it.
      void dispatcher.begun.then(() => process.send?.('begun', () => undefined));
      await toldToStop;
      foghorn.log.info({}, 'the worker stops');
      forget();
      await clock.stop();
      await dispatcher.stop();
    } finally {
      await foghorn.close();
      if (process.connected) process.disconnect();
    }
  },
};

/** The first SIGTERM or SIGINT. Later ones change nothing: it is stopping already. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve());
  });
}

/** A server that has started this worker and is gone, however it ended; never where none has. */
function serverGone(): Promise<void> {
  return new Promise((resolve) => {
    // It may have gone while this process was being loaded.
    if (process.send && !process.connected) resolve();
    else process.once('disconnect', resolve);
  });
}
