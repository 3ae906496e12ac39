import { PostgresDialect, sql } from 'kysely';
import { afterEach, expect, it } from 'vitest';
import { type Db, databaseOver } from '#db/open.ts';
import { openPool, withoutLimit } from '#db/postgres.ts';
import { silentProxy } from '../support/silentProxy.ts';

const server = process.env.TEST_POSTGRES_URL;
const LIMITS = { statementMs: 400, connectMs: 400 };
const SILENT = 'The database has not answered for 0.4 seconds.';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function house() {
  const proxy = await silentProxy(server as string);
  ends.push(proxy.close);
  const pool = await openPool(proxy.url, LIMITS);
  const db = databaseOver('postgres', null, new PostgresDialect({ pool }));
  ends.push(db.close);
  return { proxy, pool, db };
}

const one = (db: Db) =>
  db.write(async (tx) => (await sql<{ one: number }>`select 1 as one`.execute(tx)).rows[0]?.one);

if (!server) {
  const left = 'a Postgres that falls silent: NOT RUN, because TEST_POSTGRES_URL names no server';
  console.warn(left);
  it.skip(left, () => undefined);
} else {
  it('a connection that falls silent, statements and all, ends for whoever waits on it, and is never used again', async () => {
    const { proxy, pool, db } = await house();
    // As many as there are, so that there is no other to take.
    const begun: Promise<unknown>[] = [];
    await new Promise<void>((resolve) => {
      let inside = 0;
      const silence = new Promise<void>((fall) => {
        for (let nth = 0; nth < 10; nth++)
          begun.push(
            db.read(async (tx) => {
              await sql`select 1`.execute(tx);
              if (++inside === 10) {
                proxy.fallSilent();
                fall();
                resolve();
              }
              await silence;
              return sql`select 2`.execute(tx);
            }),
          );
      });
    });
    // Waits for a free one as long as it takes.
    const waits = one(db);
    proxy.speak();
    const outcomes = await Promise.allSettled(begun);
    expect(
      new Set(outcomes.map((one) => (one.status === 'rejected' ? one.reason.message : 'answered'))),
    ).toEqual(new Set([SILENT]));
    expect(await waits).toBe(1);
    expect(await one(db)).toBe(1);
    expect(pool.totalCount).toBeLessThanOrEqual(2);
  });

  it('a server that takes a connection and says nothing is not waited for', async () => {
    const { proxy, db } = await house();
    proxy.fallSilent();
    await expect(one(db)).rejects.toThrow(/timeout|terminated/i);
    proxy.speak();
    expect(await one(db)).toBe(1);
  });

  it('a writer that falls silent keeps no other from writing', async () => {
    const proxy = await silentProxy(server as string);
    ends.push(proxy.close);
    const open = async (url: string, limits = LIMITS) => {
      const dialect = new PostgresDialect({ pool: await openPool(url, limits) });
      const db = databaseOver('postgres', null, dialect, { writerIdleMs: 300 });
      ends.push(db.close);
      return db;
    };
    const [silent, other] = [
      await open(proxy.url),
      await open(server as string, { ...LIMITS, statementMs: 60_000 }),
    ];
    const lost = silent.write(async (tx) => {
      proxy.fallSilent();
      return sql`select 1`.execute(tx);
    });
    const outcome = expect(lost).rejects.toThrow(SILENT);
    await proxy.fellSilent;
    expect(await one(other)).toBe(1);
    await outcome;
  });

  it('a connection that breaks in the middle of a transaction is the fault of that transaction alone', async () => {
    const { db } = await house();
    const read = db.read(async (tx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
      await terminate(rows[0]?.pid as number);
      return sql`select 1`.execute(tx);
    });
    await expect(read).rejects.toThrow();
    expect(await one(db)).toBe(1);
  });

  /** Ends the server's side of this connection. */
  async function terminate(pid: number): Promise<void> {
    const pool = await openPool(server as string);
    await pool.query('select pg_terminate_backend($1)', [pid]);
    await pool.end();
  }

  it('what may take long is not cut, nor a snapshot that is held while nothing is asked', async () => {
    const { db } = await house();
    const slow = (seconds: number) =>
      db.read(async (tx) => (await sql`select pg_sleep(${seconds})`.execute(tx)).rows.length);
    const [long, cut, held] = await Promise.allSettled([
      withoutLimit(() => slow(0.9)),
      slow(0.9),
      db.read(async (tx) => {
        await sql`select 1`.execute(tx);
        await withoutLimit(() => slowElsewhere(0.9));
        return (await sql`select 1`.execute(tx)).rows.length;
      }),
    ]);
    expect(long).toEqual({ status: 'fulfilled', value: 1 });
    expect(cut).toMatchObject({ status: 'rejected', reason: { message: SILENT } });
    expect(held).toEqual({ status: 'fulfilled', value: 1 });
  });

  /** Until the server itself says that so much time has passed, on a connection of its own. */
  async function slowElsewhere(seconds: number): Promise<void> {
    const pool = await openPool(server as string);
    await pool.query('select pg_sleep($1)', [seconds]);
    await pool.end();
  }
}
