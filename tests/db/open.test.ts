import { expect, it } from 'vitest';
import { eachDatabase } from '../support/databases.ts';

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
