import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Dialect, Transaction } from 'kysely';
import { Kysely, PostgresDialect, sql } from 'kysely';
import type { DialectName } from './dialect.ts';
import { openPool } from './postgres.ts';
import type { Schema } from './schema.ts';
import { sqliteDialect } from './sqlite.ts';

/** A running transaction, as every query function takes it first. */
export type Tx = Transaction<Schema> & { readonly dialect: DialectName };

/**
 * The open database. Both verbs run their callback in a transaction and neither may be called inside the other: that would wait
 * for itself, so it throws at once.
 */
export type Db = {
  readonly dialect: DialectName;
  /** Where the file is; null on Postgres. */
  readonly file: string | null;
  /**
   * One writer at a time, on both databases and over all processes, so a callback sees no one else's half-done work. Nothing but
   * SQL belongs inside. When it resolves, the work is on disk. When another process keeps the database busy it is tried again,
   * so the callback may run more than once: it must build its result from scratch.
   */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** One snapshot, read only. */
  read<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Writes of this process that run or wait for their turn. */
  writing(): number;
  close(): Promise<void>;
};

const READERS = 4;
/** Any number, as long as every Foghorn uses the same: the Postgres lock that makes writers take turns. */
const WRITER_LOCK = 4_321_001;
const WRITER_IDLE_MS = 60_000;
const BUSY_TRIES = 6;

const inside = new AsyncLocalStorage<'read' | 'write'>();

/** Opens `sqlite:PATH` (made with its folder when absent) or `postgres://...`. Does not migrate. */
export async function openDatabase(url: string): Promise<Db> {
  if (url.startsWith('sqlite:')) return openSqlite(url.slice('sqlite:'.length));
  return databaseOver('postgres', null, new PostgresDialect({ pool: await openPool(url) }));
}

async function openSqlite(file: string): Promise<Db> {
  mkdirSync(dirname(file), { recursive: true });
  const writer = new Kysely<Schema>({ dialect: sqliteDialect({ file, size: 1, readOnly: false }) });
  // The writer goes first: it makes the file and sets its journal to WAL.
  await sql`select 1`.execute(writer);
  const readers = new Kysely<Schema>({ dialect: sqliteDialect({ file, size: READERS, readOnly: true }) });
  return counted({
    dialect: 'sqlite',
    file,
    write: (work) =>
      transact('write', () =>
        retryBusy(() => writer.transaction().execute((tx) => work(named(tx, 'sqlite')))),
      ),
    read: (work) => transact('read', () => readers.transaction().execute((tx) => work(named(tx, 'sqlite')))),
    close: async () => {
      await readers.destroy();
      await writer.destroy();
    },
  });
}

/** The database over one Kysely dialect that serves both reads and writes: Postgres, and in tests PGlite. */
export function databaseOver(
  dialect: 'postgres',
  file: null,
  kyselyDialect: Dialect,
  { writerIdleMs }: { writerIdleMs: number } = { writerIdleMs: WRITER_IDLE_MS },
): Db {
  const kysely = new Kysely<Schema>({ dialect: kyselyDialect });
  return counted({
    dialect,
    file,
    write: (work) =>
      transact('write', () =>
        kysely.transaction().execute(async (tx) => {
          // Only SQL is inside: whoever asks nothing for long is gone, and must not keep the others from writing until the system notices.
          await sql`select pg_advisory_xact_lock(${sql.lit(WRITER_LOCK)}),
            set_config('idle_in_transaction_session_timeout', ${sql.lit(String(writerIdleMs))}, true)`.execute(
            tx,
          );
          return work(named(tx, dialect));
        }),
      ),
    read: (work) =>
      transact('read', () =>
        kysely
          .transaction()
          .setIsolationLevel('repeatable read')
          .setAccessMode('read only')
          .execute((tx) => work(named(tx, dialect))),
      ),
    close: () => kysely.destroy(),
  });
}

function counted(db: Omit<Db, 'writing'>): Db {
  let writing = 0;
  return {
    ...db,
    write: async (work) => {
      writing += 1;
      try {
        return await db.write(work);
      } finally {
        writing -= 1;
      }
    },
    writing: () => writing,
  };
}

function named(tx: Transaction<Schema>, dialect: DialectName): Tx {
  return Object.assign(tx, { dialect });
}

function transact<T>(verb: 'read' | 'write', work: () => Promise<T>): Promise<T> {
  const outer = inside.getStore();
  if (outer)
    return Promise.reject(
      new Error(`db.${verb} was called inside db.${outer}: pass the transaction on instead.`),
    );
  return inside.run(verb, work);
}

/** SQLite waits 5 s for another process by itself; past that the transaction never began and may be tried again. */
async function retryBusy<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if ((error as { code?: string }).code !== 'SQLITE_BUSY' || attempt === BUSY_TRIES) throw error;
    }
  }
}
