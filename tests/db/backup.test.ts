import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { backupTo } from '#db/backup.ts';
import { MIGRATIONS, type Migration, migrationState } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { type Foghorn, prepareFoghorn } from '../../src/foghorn.ts';
import { testContext } from '../support/context.ts';
import { freshPostgres, freshSqlite } from '../support/databases.ts';
import { makePage } from '../support/factory.ts';

let folder: string;
let db: Db;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foghorn-backup-'));
  db = await freshSqlite();
  await makePage(db);
});
afterEach(async () => {
  await db.close();
  rmSync(folder, { recursive: true, force: true });
});

async function versionIn(file: string): Promise<number> {
  const copy = await openDatabase(`sqlite:${file}`);
  try {
    return (await copy.read(getPage)).version;
  } finally {
    await copy.close();
  }
}

describe('backup', () => {
  test('while others write: a whole copy that opens, of one moment, for its owner alone', async () => {
    let writing = true;
    let written = 0;
    const writer = (async () => {
      while (writing) {
        // The two tables move together: a copy in which they differ would be of two moments.
        await db.write(async (tx) => {
          await sql`update page set version = version + 1`.execute(tx);
          await sql`insert into audit (at, actor_label, action, subject_kind, subject_id, detail)
            values ('2026-01-01', 'x', 'x', 'x', 'x', '{}')`.execute(tx);
        });
        written += 1;
      }
    })();
    const file = join(folder, 'copy.db');
    await backupTo(db, file);
    writing = false;
    await writer;
    expect(written).toBeGreaterThan(0);
    const copy = await openDatabase(`sqlite:${file}`);
    const { version, rows } = await copy.read(async (tx) => ({
      version: (await getPage(tx)).version,
      rows: (await sql<{ n: number }>`select count(*) as n from audit`.execute(tx)).rows[0]?.n,
    }));
    await copy.close();
    expect(rows).toBe(version - 1);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('never overwrites', async () => {
    const file = join(folder, 'copy.db');
    writeFileSync(file, 'precious');
    await expect(backupTo(db, file)).rejects.toMatchObject({ code: 'conflict' });
    expect(statSync(file).size).toBe(8);
  });

  test('leaves nothing behind when it fails', async () => {
    await expect(backupTo(db, join(folder, 'no-such-folder', 'copy.db'))).rejects.toThrow();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('points to pg_dump on Postgres', async () => {
    await expect(backupTo(await freshPostgres(), join(folder, 'x'))).rejects.toMatchObject({
      fix: 'Use pg_dump.',
    });
  });
});

/** Migrations before a test adds its own. */
const OWN = MIGRATIONS.length;

describe('preparing an installation', () => {
  const foghorn = (): Foghorn =>
    ({
      db,
      config: { dataDir: folder },
      contextFor: (actor: Parameters<Foghorn['contextFor']>[0]) => testContext(db, { actor }),
    }) as unknown as Foghorn;

  afterEach(() => {
    (MIGRATIONS as Migration[]).splice(OWN);
  });

  test('what is up to date is neither copied nor changed', async () => {
    expect(await prepareFoghorn(foghorn())).toEqual({ applied: [], backup: null });
    expect(existsSync(join(folder, 'backups'))).toBe(false);
    expect((await db.read(getPage)).name).toBe('Harbour');
  });

  test('an older schema is copied first, then migrated; the copy is as it was', async () => {
    await db.write((tx) => sql`update page set version = 41`.execute(tx));
    (MIGRATIONS as Migration[]).push({
      name: '9998_test',
      statements: () => ['update page set version = 42'],
    });
    const { applied, backup } = await prepareFoghorn(foghorn());
    expect(applied).toEqual(['9998_test']);
    expect((await db.read(getPage)).version).toBe(42);
    (MIGRATIONS as Migration[]).splice(OWN);
    expect(await versionIn(backup as string)).toBe(41);
  });

  test('a migration that fails leaves the schema as it was, and the copy', async () => {
    (MIGRATIONS as Migration[]).push({
      name: '9998_test',
      statements: () => ['update page set version = 42', 'this is not SQL'],
    });
    await expect(prepareFoghorn(foghorn())).rejects.toThrow();
    expect((await db.read(getPage)).version).toBe(1);
    expect((await migrationState(db)).pending).toEqual(['9998_test']);
    expect(readdirSync(join(folder, 'backups'))).toHaveLength(1);
  });
});
