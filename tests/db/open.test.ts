import { sql } from 'kysely';
import sqlite3 from 'sqlite3';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Db, openDatabase, type Tx } from '#db/open.ts';
import { eachDatabase, freshSqlite } from '../support/databases.ts';

eachDatabase('the open database', (fresh) => {
  it('writes, and reads what was written', async () => {
    const db = await fresh();
    await db.write(async (tx) => {
      await tx
        .insertInto('audiences')
        .values({ id: 'a', name: 'Executives', severities: '[]', position: 1 })
        .execute();
    });
    const names = await db.read((tx) => tx.selectFrom('audiences').select('name').execute());
    expect(names).toEqual([{ name: 'Executives' }]);
  });

  it('rolls back everything when the callback throws', async () => {
    const db = await fresh();
    await expect(
      db.write(async (tx) => {
        await tx
          .insertInto('audiences')
          .values({ id: 'a', name: 'Executives', severities: '[]', position: 1 })
          .execute();
        throw new Error('stop');
      }),
    ).rejects.toThrow('stop');
    expect(await db.read((tx) => tx.selectFrom('audiences').selectAll().execute())).toEqual([]);
  });

  it('refuses a transaction inside a transaction at once, in place of waiting for itself for ever', async () => {
    const db = await fresh();
    await expect(db.write(() => db.write(async () => 1))).rejects.toThrow(
      'db.write was called inside db.write',
    );
    await expect(db.read(() => db.write(async () => 1))).rejects.toThrow(
      'db.write was called inside db.read',
    );
    expect(await db.read(async () => 'still usable')).toBe('still usable');
  });

  it('refuses to write in a read', async () => {
    const db = await fresh();
    await expect(
      db.read((tx) =>
        tx.insertInto('audiences').values({ id: 'a', name: 'x', severities: '[]', position: 1 }).execute(),
      ),
    ).rejects.toThrow();
  });

  it('lets fifty writers take turns and loses none', async () => {
    const db = await fresh();
    await db.write((tx) =>
      tx
        .insertInto('page')
        .values({
          id: 1,
          public_id: 'p',
          name: 'n',
          time_zone: 'UTC',
          version: 0,
          updated_at: '',
          settings: '{}',
          uptime_weight: 0.3,
          bumped_until: '',
        })
        .execute(),
    );
    await Promise.all(
      Array.from({ length: 50 }, () =>
        db.write(async (tx) => {
          const { version } = await tx.selectFrom('page').select('version').executeTakeFirstOrThrow();
          await tx
            .updateTable('page')
            .set({ version: version + 1 })
            .execute();
        }),
      ),
    );
    expect(await db.read((tx) => tx.selectFrom('page').select('version').executeTakeFirstOrThrow())).toEqual({
      version: 50,
    });
  });
});

describe('a SQLite file', () => {
  async function opened(): Promise<Db> {
    const db = await freshSqlite();
    onTestFinished(db.close);
    return db;
  }

  const pragmas = async (tx: Tx) => {
    const values: Record<string, unknown> = {};
    for (const name of ['synchronous', 'journal_mode', 'foreign_keys', 'busy_timeout', 'query_only']) {
      const { rows } = await sql.raw<Record<string, unknown>>(`pragma ${name}`).execute(tx);
      values[name] = Object.values(rows[0] as object)[0];
    }
    return values;
  };

  // What power loss may take cannot be tried here; what SQLite promises for these settings is that it takes nothing.
  const SAFE = { synchronous: 2, journal_mode: 'wal', foreign_keys: 1, busy_timeout: 5000 };

  it('is written so that power loss takes nothing that was committed', async () => {
    const db = await opened();
    // It waits to begin by itself, not by SQLite's timeout.
    expect(await db.write(pragmas)).toEqual({ ...SAFE, busy_timeout: 0, query_only: 0 });
  });

  it('has four readers, each of which cannot write', async () => {
    const db = await opened();
    const all = Promise.withResolvers<void>();
    let here = 0;
    const read = () =>
      db.read(async (tx) => {
        // Each waits for the others, so that no connection serves two of them.
        if (++here === 4) all.resolve();
        await all.promise;
        return pragmas(tx);
      });
    for (const values of await Promise.all([read(), read(), read(), read()]))
      expect(values).toEqual({ ...SAFE, query_only: 1 });
  });

  /** Another connection, as another process has one, in the middle of a write until `letGo`. */
  async function held(db: Db): Promise<{ letGo: () => Promise<void> }> {
    const other = await openDatabase(`sqlite:${db.file}`);
    onTestFinished(other.close);
    const begun = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const done = other.write(async () => {
      begun.resolve();
      await release.promise;
    });
    await begun.promise;
    return {
      letGo: () => {
        release.resolve();
        return done;
      },
    };
  }

  it('that another process is writing to is waited for, while readers read on', async () => {
    const db = await opened();
    const { letGo } = await held(db);
    const settled = vi.fn();
    const write = db.write(async () => 'written').finally(settled);
    write.catch(() => undefined);
    for (let i = 0; i < 200; i++) expect(await db.read(async () => 'read')).toBe('read');
    expect(settled).not.toHaveBeenCalled();
    await letGo();
    expect(await write).toBe('written');
  });

  it('that stays busy for longer than SQLite waits is tried again', async () => {
    const db = await opened();
    await db.write((tx) => sql`pragma busy_timeout = 300`.execute(tx));
    const { letGo } = await held(db);
    const again = Promise.withResolvers<void>();
    let tries = 0;
    const run = sqlite3.Database.prototype.run;
    const watched = vi.spyOn(sqlite3.Database.prototype, 'run').mockImplementation(function (
      this: sqlite3.Database,
      ...args: Parameters<typeof run>
    ) {
      if (args[0] === 'begin immediate' && ++tries === 2) again.resolve();
      return run.apply(this, args);
    } as typeof run);
    onTestFinished(() => watched.mockRestore());
    const write = db.write(async () => 'written');
    await Promise.race([again.promise, write]);
    await letGo();
    expect(await write).toBe('written');
  });
});
