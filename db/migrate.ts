import { sql } from 'kysely';
import { COLUMN_WORDS, type ColumnWords } from './dialect.ts';
import { start } from './migrations/0001_start.ts';
import { fanout } from './migrations/0002_fanout.ts';
import { providerBack } from './migrations/0003_provider_back.ts';
import { cadence } from './migrations/0004_cadence.ts';
import { automatic } from './migrations/0005_automatic.ts';
import { people } from './migrations/0006_people.ts';
import { sealed } from './migrations/0007_sealed.ts';
import { kept } from './migrations/0008_kept.ts';
import { pace } from './migrations/0009_pace.ts';
import { duty } from './migrations/0010_duty.ts';
import { runbooks } from './migrations/0011_runbooks.ts';
import { dropped } from './migrations/0012_dropped.ts';
import { drills } from './migrations/0013_drills.ts';
import { paging } from './migrations/0014_paging.ts';
import { insideAtOnce } from './migrations/0015_inside_at_once.ts';
import { textsByKey } from './migrations/0016_texts_by_key.ts';
import { digestSince } from './migrations/0017_digest_since.ts';
import { digestFrom } from './migrations/0018_digest_from.ts';
import { paceZone } from './migrations/0019_pace_zone.ts';
import { maintenance } from './migrations/0020_maintenance.ts';
import { upstream } from './migrations/0022_upstream.ts';
import { brand } from './migrations/0023_brand.ts';
import { languages } from './migrations/0024_languages.ts';
import { postmortems } from './migrations/0025_postmortems.ts';
import { corrected } from './migrations/0026_corrected.ts';
import { stuck } from './migrations/0027_stuck.ts';
import { providerKeys } from './migrations/0028_provider_keys.ts';
import { spared } from './migrations/0030_spared.ts';
import type { Db, Tx } from './open.ts';
import { withoutLimit } from './postgres.ts';

export type Migration = { name: string; statements: (words: ColumnWords) => readonly string[] };

/** In order; a migration that has run anywhere is never changed, only followed by another. */
export const MIGRATIONS: readonly Migration[] = [
  start,
  fanout,
  providerBack,
  cadence,
  automatic,
  people,
  sealed,
  kept,
  pace,
  duty,
  runbooks,
  dropped,
  drills,
  paging,
  insideAtOnce,
  textsByKey,
  digestSince,
  digestFrom,
  paceZone,
  maintenance,
  upstream,
  brand,
  languages,
  postmortems,
  corrected,
  stuck,
  providerKeys,
  spared,
];

export class NewerSchemaError extends Error {
  override name = 'NewerSchemaError';
}

export type MigrationState = { applied: string[]; pending: string[] };

/** @throws NewerSchemaError when the database has migrations that this version does not know. */
export async function migrationState(db: Db): Promise<MigrationState> {
  const applied = await db.read(readApplied);
  return compare(applied);
}

/**
 * Brings the schema up to date in one transaction: all of it or nothing. Two processes that start together do it once.
 * @returns the names that were applied now
 * @throws NewerSchemaError
 */
export async function migrate(db: Db, now: string): Promise<string[]> {
  return withoutLimit(() => db.write((tx) => bringUpToDate(tx, now)));
}

async function bringUpToDate(tx: Tx, now: string): Promise<string[]> {
  await sql`create table if not exists migrations (name text primary key, applied_at text not null)`.execute(
    tx,
  );
  const { pending } = compare(await readApplied(tx));
  for (const name of pending) {
    const migration = MIGRATIONS.find((m) => m.name === name) as Migration;
    for (const statement of migration.statements(COLUMN_WORDS[tx.dialect]))
      await sql.raw(statement).execute(tx);
    await sql`insert into migrations (name, applied_at) values (${name}, ${now})`.execute(tx);
  }
  return pending;
}

function compare(applied: string[]): MigrationState {
  const known = MIGRATIONS.map((m) => m.name);
  const unknown = applied.filter((name) => !known.includes(name));
  if (unknown.length)
    throw new NewerSchemaError(
      `The database was written by a newer Foghorn (it has ${unknown.join(', ')}). Run that version, or restore a backup made before it.`,
    );
  return { applied, pending: known.filter((name) => !applied.includes(name)) };
}

async function readApplied(tx: Tx): Promise<string[]> {
  const { rows } =
    tx.dialect === 'sqlite'
      ? await sql<{
          name: string;
        }>`select name from sqlite_master where type = 'table' and name = 'migrations'`.execute(tx)
      : await sql<{ name: string }>`select to_regclass('migrations')::text as name`.execute(tx);
  if (!rows[0]?.name) return [];
  return (await sql<{ name: string }>`select name from migrations order by name`.execute(tx)).rows.map(
    (row) => row.name,
  );
}
