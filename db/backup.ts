import { chmod, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Database } from 'sqlite3';
import { AppError } from '#domain/errors.ts';
import type { Db } from './open.ts';

/**
 * Copies the SQLite database to `file` while it is in use: one consistent, compact snapshot, checked, synced and only then given its
 * name, readable by its owner alone. Writers are not held up. The folder must exist.
 * @throws AppError `invalid` on Postgres, `conflict` when the file exists; Error when the copy does not pass its check
 */
export async function backupTo(db: Pick<Db, 'file'>, file: string): Promise<void> {
  if (!db.file)
    throw new AppError('invalid', 'This installation keeps its data in Postgres.', { fix: 'Use pg_dump.' });
  if (await exists(file))
    throw new AppError('conflict', `${file} exists already.`, {
      fix: 'Choose another name, or remove it first.',
    });
  const beside = `${file}.part`;
  await rm(beside, { force: true });
  try {
    // A connection of its own, because VACUUM runs in no transaction.
    await withDatabase(db.file, (source) => run(source, 'vacuum into ?', [beside]));
    await chmod(beside, 0o600);
    await withDatabase(beside, checkIntegrity);
    await sync(beside);
    await rename(beside, file);
    await sync(dirname(file));
  } finally {
    await rm(beside, { force: true });
  }
}

async function checkIntegrity(copy: Database): Promise<void> {
  const faults = await run<{ integrity_check: string }>(copy, 'pragma integrity_check(5)', []);
  if (faults[0]?.integrity_check !== 'ok')
    throw new Error(`The copy is damaged: ${faults.map((fault) => fault.integrity_check).join('; ')}`);
}

async function withDatabase<T>(file: string, work: (database: Database) => Promise<T>): Promise<T> {
  const { default: sqlite3 } = await import('sqlite3');
  const database = await new Promise<Database>((resolve, reject) => {
    const opened = new sqlite3.Database(file, sqlite3.OPEN_READWRITE, (error) =>
      error ? reject(error) : resolve(opened),
    );
  });
  try {
    await run(database, 'pragma busy_timeout = 5000', []);
    return await work(database);
  } finally {
    await new Promise<void>((resolve, reject) =>
      database.close((error) => (error ? reject(error) : resolve())),
    );
  }
}

function run<Row>(database: Database, sql: string, parameters: readonly string[]): Promise<Row[]> {
  return new Promise((resolve, reject) =>
    database.all<Row>(sql, [...parameters], (error, rows) => (error ? reject(error) : resolve(rows))),
  );
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
