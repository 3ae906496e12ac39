import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { migrate } from '#db/migrate.ts';
import { type Db, openDatabase } from '#db/open.ts';

/** A schema of its own on a real server, with the address under which any process finds it. */
export type Schema = { url: string; name: string; admin: Client; drop: () => Promise<void> };

/** A migrated schema with what its migrations wrote, so that it can be made clean again: that takes a tenth of making another. */
type Kept = Schema & { tables: string[]; rows: [table: string, json: string][]; shape: string };

const kept: Kept[] = [];

/** An empty schema. */
export async function makeSchema(server: string): Promise<Schema> {
  const name = `test_${randomBytes(8).toString('hex')}`;
  const admin = new Client({ connectionString: server });
  await admin.connect();
  await admin.query(`create schema ${name}`);
  await admin.query(`set search_path to ${name}`);
  const url = new URL(server);
  url.searchParams.set('options', `-c search_path=${name}`);
  return {
    url: url.href,
    name,
    admin,
    drop: async () => {
      await admin.query(`drop schema ${name} cascade`);
      await admin.end();
    },
  };
}

/** A migrated database in a clean schema; `close` keeps the schema for the next, until `dropKept`. */
export async function cleanSchema(server: string, start: string): Promise<Db> {
  const schema = kept.pop() ?? (await makeKept(server, start));
  const db = await openDatabase(schema.url);
  return {
    ...db,
    close: async () => {
      await db.close();
      if (await empty(schema)) kept.push(schema);
      else await schema.drop();
    },
  };
}

export async function dropKept(): Promise<void> {
  for (const { drop } of kept.splice(0)) await drop();
}

async function makeKept(server: string, start: string): Promise<Kept> {
  const schema = await makeSchema(server);
  const db = await openDatabase(schema.url);
  await migrate(db, start);
  await db.close();
  const rows: Kept['rows'] = [];
  const tables = await tablesOf(schema);
  for (const table of await filled(schema.admin, tables)) {
    const { rows: found } = await schema.admin.query(`select json_agg(t)::text as json from ${table} t`);
    rows.push([table, found[0].json]);
  }
  return { ...schema, tables, rows, shape: await shapeOf(schema) };
}

/** @returns false when a test changed more than rows. */
async function empty(schema: Kept): Promise<boolean> {
  if ((await shapeOf(schema)) !== schema.shape) return false;
  const { admin } = schema;
  const written = await filled(admin, schema.tables);
  if (written.length) await admin.query(`truncate ${written.join(', ')} restart identity cascade`);
  // As the migrations wrote it, in any order.
  await admin.query('set session_replication_role = replica');
  for (const [table, json] of schema.rows)
    await admin.query(`insert into ${table} select * from json_populate_recordset(null::${table}, $1)`, [
      json,
    ]);
  await admin.query('set session_replication_role = origin');
  return true;
}

async function tablesOf({ admin, name }: Schema): Promise<string[]> {
  const { rows } = await admin.query<{ table: string }>(
    "select relname as table from pg_class where relnamespace = $1::regnamespace and relkind = 'r' order by oid",
    [name],
  );
  return rows.map(({ table }) => table);
}

async function filled(admin: Client, tables: string[]): Promise<string[]> {
  const each = tables.map((table) => `select '${table}' as table where exists (select from ${table})`);
  const { rows } = await admin.query<{ table: string }>(each.join(' union all '));
  return rows.map(({ table }) => table);
}

/** Changes with every table, column, index and trigger. */
async function shapeOf({ admin, name }: Schema): Promise<string> {
  const { rows } = await admin.query<{ shape: string }>(
    `select concat(count(*), ' ', sum(relnatts), ' ', sum(relchecks), ' ',
       (select count(*) from pg_trigger where tgrelid in (select oid from pg_class where relnamespace = $1::regnamespace))) as shape
     from pg_class where relnamespace = $1::regnamespace`,
    [name],
  );
  return rows[0]?.shape ?? '';
}
