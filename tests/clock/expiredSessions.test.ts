import { expect, test } from 'vitest';
import { expiredSessionsDuty } from '#clock/expiredSessions.ts';
import type { Db } from '#db/open.ts';
import { insertSession, listSessionsOf } from '#db/sessions.ts';
import { insertUser } from '#db/users.ts';
import { addMs, HOUR, MINUTE } from '#domain/time.ts';
import { testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';

eachDatabase('expired sessions', (fresh) => {
  async function signedIn() {
    const db = await fresh();
    const ctx = testContext(db, { actor: { kind: 'system', name: 'clock' } });
    const createdAt = ctx.now();
    await db.write((tx) =>
      insertUser(tx, {
        id: 'ada',
        email: 'ada@example.com',
        name: 'Ada',
        role: 'comms',
        passwordHash: '',
        createdAt,
      }),
    );
    const session = (idHash: string, expiresAt: string) =>
      db.write((tx) => insertSession(tx, { idHash, userId: 'ada', createdAt, expiresAt, device: '' }));
    const left = async (of: Db = db) =>
      (await of.read((tx) => listSessionsOf(tx, 'ada'))).map(({ idHash }) => idHash);
    return { ctx, db, session, left };
  }

  test('go at the first tick, the others stay', async () => {
    const { ctx, session, left } = await signedIn();
    await session('past', addMs(ctx.now(), -1));
    await session('now', ctx.now());
    await session('ahead', addMs(ctx.now(), 1));
    expect(await expiredSessionsDuty()(ctx)).toBe(2);
    expect(await left()).toEqual(['ahead']);
  });

  test('are looked for once an hour at most', async () => {
    const { ctx, session, left } = await signedIn();
    const duty = expiredSessionsDuty();
    expect(await duty(ctx)).toBe(0);
    await session('soon', addMs(ctx.now(), MINUTE));
    ctx.clock.advance(HOUR - 1);
    expect(await duty(ctx)).toBeNull();
    expect(await left()).toEqual(['soon']);
    ctx.clock.advance(1);
    expect(await duty(ctx)).toBe(1);
    expect(await left()).toEqual([]);
  });

  test('are looked for again after a failure, and after the clock was set back', async () => {
    const { ctx, db } = await signedIn();
    const duty = expiredSessionsDuty();
    const away = { ...db, write: () => Promise.reject(new Error('The database is away.')) };
    await expect(duty({ ...ctx, db: away })).rejects.toThrow('away');
    expect(await duty(ctx)).toBe(0);
    ctx.clock.advance(-24 * HOUR);
    expect(await duty(ctx)).toBe(0);
  });
});
