import { readConfig } from '#config';
import { openFoghorn, prepareFoghorn } from '../foghorn.ts';
import { type Command, readArguments } from './command.ts';
import { quiet } from './installation.ts';

export const migrateCommand: Command = {
  help: `
  foghorn migrate

An older SQLite database is first copied to DATA_DIR/backups. One that a newer Foghorn wrote is refused. Starting the
server does the same.`,
  async run(args, io) {
    readArguments(args, {});
    const foghorn = await openFoghorn(quiet(readConfig()));
    try {
      const { applied, backup } = await prepareFoghorn(foghorn);
      if (backup) io.say(`The database as it was is kept in ${backup}`);
      io.out(applied.length ? `Applied ${applied.join(', ')}.` : 'The database is up to date.');
    } finally {
      await foghorn.close();
    }
  },
};
