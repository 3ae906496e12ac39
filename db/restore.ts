import { existsSync } from 'node:fs';
import { sql } from 'kysely';
import { MIGRATIONS } from './migrate.ts';
import { openDatabase } from './open.ts';

export type DatabaseCheck =
  | { outcome: 'good'; pending: string[] }
  /** What is wrong with the file, in words. */
  | { outcome: 'damaged' | 'foreign' | 'newer'; reason: string };

/**
 * Whether a SQLite file is a whole database of ours that this version can run. Opens it for writing (which leaves it in WAL mode):
 * give it a copy.
 */
export async function checkDatabaseFile(file: string): Promise<DatabaseCheck> {
  let db: Awaited<ReturnType<typeof openDatabase>>;
  try {
    db = await openDatabase(`sqlite:${file}`);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'SQLITE_NOTADB') return { outcome: 'foreign', reason: 'It is no SQLite database.' };
    if (code === 'SQLITE_CORRUPT') return { outcome: 'damaged', reason: 'The file is damaged.' };
    throw error;
  }
  try {
    return await db.read(async (tx) => {
      const faults = (await sql<{ integrity_check: string }>`pragma integrity_check(5)`.execute(tx)).rows.map(
        (row) => row.integrity_check,
      );
      if (faults[0] !== 'ok') return { outcome: 'damaged', reason: faults.join('; ') };
      const { rows: tables } = await sql<{ name: string }>`
        select name from sqlite_master where type = 'table' and name in ('migrations', 'page')`.execute(tx);
      if (tables.length < 2) return { outcome: 'foreign', reason: 'It is no database of Foghorn.' };
      const known = MIGRATIONS.map((migration) => migration.name);
      const { rows } = await sql<{ name: string }>`select name from migrations order by name`.execute(tx);
      const unknown = rows.map((row) => row.name).filter((name) => !known.includes(name));
      if (unknown.length)
        return {
          outcome: 'newer',
          reason: `It was written by a newer Foghorn (it has ${unknown.join(', ')}).`,
        };
      return {
        outcome: 'good',
        pending: known.filter((name) => !rows.some((row) => row.name === name)),
      };
    });
  } catch (error) {
    if ((error as { code?: string }).code === 'SQLITE_CORRUPT')
      return { outcome: 'damaged', reason: 'The file is damaged.' };
    throw error;
  } finally {
    await db.close();
  }
}

/** True while any process has the SQLite file open. An unused or missing file is false. */
export async function isDatabaseInUse(file: string): Promise<boolean> {
  if (!existsSync(file)) return false;
  const { default: sqlite3 } = await import('sqlite3');
  return new Promise((resolve, reject) => {
    const database = new sqlite3.Database(file, sqlite3.OPEN_READWRITE, (opening) => {
      if (opening) return reject(opening);
      // In WAL mode every open connection holds a shared lock, so an exclusive one is only to be had alone.
      const probe = 'pragma busy_timeout = 0; pragma locking_mode = exclusive; begin exclusive; rollback;';
      database.exec(probe, (error) => {
        const code = (error as { code?: string } | null)?.code;
        database.close(() => (!error || code === 'SQLITE_BUSY' ? resolve(Boolean(error)) : reject(error)));
      });
    });
  });
}
