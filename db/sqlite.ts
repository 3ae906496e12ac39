import type { DatabaseConnection, Dialect, Driver, QueryResult } from 'kysely';
import { CompiledQuery, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import type { Database } from 'sqlite3';

/**
 * A Kysely dialect over the `sqlite3` driver: `size` connections to one file, each lent to one caller at a time. With `readOnly`
 * they refuse to write and a transaction is a snapshot; otherwise it begins IMMEDIATE, so that it never fails at commit.
 */
export function sqliteDialect(options: { file: string; size: number; readOnly: boolean }): Dialect {
  return {
    createAdapter: () => new PooledAdapter(),
    createDriver: () => sqliteDriver(options),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  };
}

/** Kysely lends SQLite's connections to one caller at a time, all of them together; our driver lends each by itself. */
class PooledAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

function sqliteDriver({ file, size, readOnly }: { file: string; size: number; readOnly: boolean }): Driver {
  const all: SqliteConnection[] = [];
  const idle: SqliteConnection[] = [];
  const waiting: ((connection: SqliteConnection) => void)[] = [];
  const run = (connection: DatabaseConnection, sql: string) =>
    connection.executeQuery(CompiledQuery.raw(sql));

  return {
    async init() {
      for (let i = 0; i < size; i++) {
        const connection = await openConnection(file, readOnly);
        all.push(connection);
        idle.push(connection);
      }
    },
    async acquireConnection() {
      return idle.pop() ?? new Promise<SqliteConnection>((resolve) => waiting.push(resolve));
    },
    async releaseConnection(connection) {
      const next = waiting.shift();
      if (next) next(connection as SqliteConnection);
      else idle.push(connection as SqliteConnection);
    },
    async beginTransaction(connection) {
      if (readOnly) await run(connection, 'begin');
      else await beginWhenFree(() => run(connection, 'begin immediate'));
    },
    async commitTransaction(connection) {
      await run(connection, 'commit');
    },
    async rollbackTransaction(connection) {
      // After some faults (a full disk) SQLite has rolled back by itself; a second rollback must not hide the first error.
      await run(connection, 'rollback').catch(() => undefined);
    },
    async destroy() {
      for (const connection of all) await connection.close();
    },
  };
}

/**
 * While another process writes, asks again every few milliseconds for 5 s: SQLite's own wait asks ever more seldom, and so misses the short
 * rests of one who writes much.
 */
async function beginWhenFree(begin: () => Promise<unknown>): Promise<void> {
  const over = AbortSignal.timeout(BUSY_MS);
  for (;;) {
    try {
      await begin();
      return;
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_BUSY' || over.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, BEGIN_EVERY_MS));
    }
  }
}

const BUSY_MS = 5_000;
const BEGIN_EVERY_MS = 4;

async function openConnection(file: string, readOnly: boolean): Promise<SqliteConnection> {
  // Loaded here, so that a Postgres installation never needs the native module.
  const { default: sqlite3 } = await import('sqlite3');
  const database = await new Promise<Database>((resolve, reject) => {
    const opened = new sqlite3.Database(file, sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE, (error) =>
      error ? reject(error) : resolve(opened),
    );
  });
  const connection = new SqliteConnection(database);
  const pragmas = [
    `busy_timeout = ${BUSY_MS}`,
    'foreign_keys = on',
    'synchronous = full',
    'temp_store = memory',
  ];
  if (!readOnly) pragmas.splice(1, 0, 'journal_mode = wal');
  // A writer only ever waits to begin, and sees to that itself.
  pragmas.push(readOnly ? 'query_only = on' : 'busy_timeout = 0');
  for (const pragma of pragmas) await connection.executeQuery(CompiledQuery.raw(`pragma ${pragma}`));
  return connection;
}

class SqliteConnection implements DatabaseConnection {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const returnsRows = /^\s*(select|with|pragma|explain|values)\b|\breturning\b/i.test(sql);
    return new Promise((resolve, reject) => {
      if (returnsRows) {
        this.#database.all<R>(sql, [...parameters], (error, rows) => {
          if (error) reject(error);
          else resolve({ rows });
        });
      } else {
        this.#database.run(sql, [...parameters], function (error) {
          if (error) reject(error);
          else resolve({ rows: [], numAffectedRows: BigInt(this.changes), insertId: BigInt(this.lastID) });
        });
      }
    });
  }

  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    yield await Promise.reject(new Error('Streaming is not supported: page through with a keyset.'));
  }

  close(): Promise<void> {
    return new Promise((resolve, reject) =>
      this.#database.close((error) => (error ? reject(error) : resolve())),
    );
  }
}
