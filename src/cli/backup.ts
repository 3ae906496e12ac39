import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { readConfig } from '#config';
import { backupTo } from '#db/backup.ts';
import { checkDatabaseFile, isDatabaseInUse } from '#db/restore.ts';
import { AppError } from '#domain/errors.ts';
import { type Command, readArguments } from './command.ts';
import { sqliteFile, withInstallation } from './installation.ts';

export const backupCommand: Command = {
  help: `
  foghorn backup <file>

The file is one whole, consistent database. It holds addresses and password hashes: keep it as safe as the database
itself. The key in DATA_DIR/secret.key is not in it; without that key the links in mails that were sent stop working, so
keep a copy of the key as well. For Postgres use pg_dump.

  foghorn backup /backups/foghorn-2026-11-21.db`,
  async run(args, io) {
    const { positionals } = readArguments(args, {}, ['file']);
    const file = resolve(positionals[0] as string);
    await withInstallation({ create: false }, async ({ db }) => {
      await mkdir(dirname(file), { recursive: true });
      await backupTo(db, file);
    });
    const { size } = await stat(file);
    io.out(`${file} (${Math.ceil(size / 1024).toLocaleString('en-US')} KB)`);
  },
};

export const restoreCommand: Command = {
  help: `
  foghorn restore <file>

The file is checked first: that it is whole, ours, and not from a newer version. The database that was there is kept
beside it, under a name that says when. Stop the server before: a database in use is never replaced.

  foghorn restore /backups/foghorn-2026-11-21.db`,
  async run(args, io) {
    const { positionals } = readArguments(args, {}, ['file']);
    const source = resolve(positionals[0] as string);
    const config = readConfig();
    const target = sqliteFile(config.databaseUrl);
    if (!target)
      throw new AppError('invalid', 'This installation keeps its data in Postgres.', {
        fix: 'Use pg_restore, or what your provider offers.',
      });
    if (!existsSync(source))
      throw new AppError('not_found', `There is no file ${source}.`, { fix: 'Check the path.' });
    if (source === target)
      throw new AppError('invalid', 'That is the database itself.', { fix: 'Name a backup of it.' });
    if (await isDatabaseInUse(target))
      throw new AppError('conflict', 'The database is in use: a server, a worker or a command has it open.', {
        fix: 'Stop it, then restore again.',
      });
    await mkdir(dirname(target), { recursive: true });
    const fresh = `${target}.restoring`;
    try {
      await copyFile(source, fresh);
      const pending = await checkFile(fresh, source);
      const kept = await setAside(target);
      await rename(fresh, target);
      if (kept) io.say(`The database that was there is kept in ${kept}`);
      if (pending.length)
        io.say('It is from an older version: foghorn migrate, or the next start, brings it up to date.');
      io.out(`Restored ${source} to ${target}`);
    } finally {
      for (const suffix of ['', '-wal', '-shm']) await rm(`${fresh}${suffix}`, { force: true });
    }
  },
};

async function checkFile(fresh: string, source: string): Promise<string[]> {
  const check = await checkDatabaseFile(fresh);
  if (check.outcome === 'good') return check.pending;
  const fix = {
    damaged: 'Use another backup. Nothing was changed.',
    foreign: 'Name a file that foghorn backup made. Nothing was changed.',
    newer: 'Run the newer version, or use a backup made before it. Nothing was changed.',
  }[check.outcome];
  throw new AppError('invalid', `${source} cannot be restored. ${check.reason}`, { fix });
}

/** Moves the database and what belongs to it out of the way. @returns where it is now; null when there was none */
async function setAside(target: string): Promise<string | null> {
  if (!existsSync(target)) return null;
  const kept = `${target}.before-restore-${new Date().toISOString().replace(/[:.]/g, '-')}`;
  await rename(target, kept);
  for (const suffix of ['-wal', '-shm'])
    if (existsSync(`${target}${suffix}`)) await rename(`${target}${suffix}`, `${kept}${suffix}`);
  return kept;
}
