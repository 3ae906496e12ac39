import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite, types } from '@electric-sql/pglite';
import type { DatabaseConnection, Dialect, Driver } from 'kysely';
import { CompiledQuery, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely';
import { afterAll, describe, it, onTestFinished } from 'vitest';
import { migrate } from '#db/migrate.ts';
import { type Db, databaseOver, openDatabase } from '#db/open.ts';
import { cleanSchema, dropKept, makeSchema } from './schemas.ts';

const START = '2026-01-01T00:00:00.000Z';

let migrated: Promise<Buffer> | undefined;

/** A fresh, migrated SQLite database in a file of its own; `close` removes it. */
export async function freshSqlite(): Promise<Db> {
  migrated ??= migrateSqlite();
  const folder = mkdtempSync(join(tmpdir(), 'foghorn-test-'));
  const file = join(folder, 'foghorn.db');
  writeFileSync(file, await migrated);
  const db = await openDatabase(`sqlite:${file}`);
  return {
    ...db,
    close: async () => {
      await db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The file of a migrated database: most tests begin with one, and a copy is made at once. */
async function migrateSqlite(): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'foghorn-test-'));
  const file = join(folder, 'foghorn.db');
  const db = await openDatabase(`sqlite:${file}`);
  await migrate(db, START);
  await db.close();
  const bytes = readFileSync(file);
  rmSync(folder, { recursive: true });
  return bytes;
}

let postgres: Promise<PGlite> | undefined;

/**
 * A clean, migrated Postgres: in this worker's own PGlite, or, when TEST_POSTGRES_URL names a real server, in a schema of its own
 * there.
 */
export async function freshPostgres(): Promise<Db> {
  if (process.env.TEST_POSTGRES_URL) return cleanSchema(process.env.TEST_POSTGRES_URL, START);
  postgres ??= PGlite.create({ parsers: { [types.INT8]: Number } });
  const pg = await postgres;
  await pg.exec('drop schema if exists public cascade; create schema public;');
  const db = databaseOver('postgres', null, pgliteDialect(pg));
  await migrate(db, START);
  return db;
}

/** Runs the same tests on both databases; `fresh()` gives each test a clean one, or, asked outside of one, all of them together. */
export function eachDatabase(name: string, body: (fresh: () => Promise<Db>) => void): void {
  for (const [dialect, open] of [
    ['sqlite', freshSqlite],
    ['postgres', freshPostgres],
  ] as const) {
    afterAll(dropKept);
    describe(`${name} (${dialect})`, () => {
      const opened: Db[] = [];
      afterAll(async () => {
        for (const db of opened) await db.close();
      });
      body(async () => {
        const db = closedOnce(await open());
        try {
          onTestFinished(db.close);
        } catch {
          opened.push(db);
        }
        return db;
      });
    });
  }
}

/** A test that makes many may close each when it is done with it. */
function closedOnce(db: Db): Db {
  let closing: Promise<void> | undefined;
  return {
    ...db,
    close: () => {
      closing ??= db.close();
      return closing;
    },
  };
}

/**
 * Runs the same tests on both databases, for what other processes open as well: `place()` is the address of an empty one. That takes
 * a real Postgres server, which TEST_POSTGRES_URL names; without it a skipped test says so.
 */
export function eachDatabaseUrl(name: string, body: (place: () => Promise<string>) => void): void {
  describe(`${name} (sqlite)`, () => {
    const folders: string[] = [];
    afterAll(() => {
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    });
    body(async () => {
      const folder = mkdtempSync(join(tmpdir(), 'foghorn-test-'));
      folders.push(folder);
      return `sqlite:${join(folder, 'foghorn.db')}`;
    });
  });
  const server = process.env.TEST_POSTGRES_URL;
  if (!server) {
    const left = `${name} (postgres): NOT RUN, because TEST_POSTGRES_URL names no server`;
    console.warn(left);
    it.skip(left, () => undefined);
    return;
  }
  describe(`${name} (postgres)`, () => {
    const drops: (() => Promise<void>)[] = [];
    afterAll(async () => {
      for (const drop of drops) await drop();
    });
    body(async () => {
      const { url, drop } = await makeSchema(server);
      drops.push(drop);
      return url;
    });
  });
}

/** PGlite has one connection: transactions take turns on it, as writers do. */
function pgliteDialect(pg: PGlite): Dialect {
  let busy = false;
  const waiting: (() => void)[] = [];
  const connection: DatabaseConnection = {
    async executeQuery({ sql, parameters }) {
      const result = await pg.query(sql, [...parameters]);
      return { rows: result.rows as never[], numAffectedRows: BigInt(result.affectedRows ?? 0) };
    },
    // biome-ignore lint/correctness/useYield: Kysely asks for it; nothing streams
    async *streamQuery() {
      throw new Error('not supported');
    },
  };
  const run = (sql: string) => connection.executeQuery(CompiledQuery.raw(sql));
  const driver: Driver = {
    init: async () => undefined,
    async acquireConnection() {
      if (busy) await new Promise<void>((resolve) => waiting.push(resolve));
      busy = true;
      return connection;
    },
    async releaseConnection() {
      const next = waiting.shift();
      if (next) next();
      else busy = false;
    },
    async beginTransaction(_, settings) {
      const isolation = settings.isolationLevel ? ` isolation level ${settings.isolationLevel}` : '';
      const access = settings.accessMode ? ` ${settings.accessMode}` : '';
      await run(`begin${isolation}${access}`);
    },
    commitTransaction: async () => void (await run('commit')),
    rollbackTransaction: async () => void (await run('rollback')),
    destroy: async () => undefined,
  };
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => driver,
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  };
}
