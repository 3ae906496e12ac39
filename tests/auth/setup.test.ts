import { afterEach, expect, it, vi } from 'vitest';
import { readSession } from '#auth/sessions.ts';
import { ensureSetupToken, isSetupNeeded, isSetupOpen, setUpFirstOwner } from '#auth/setup.ts';
import { listAudit } from '#db/audit.ts';
import { getSetupToken } from '#db/setup.ts';
import { listUsers } from '#db/users.ts';
import { eachDatabase } from '../support/databases.ts';
import { addUser, caller, PASSWORD, sessionIdOf, visitorContext } from './fixtures.ts';

afterEach(() => void vi.useRealTimers());

eachDatabase('first set-up', (fresh) => {
  async function house() {
    const ctx = visitorContext(await fresh());
    const url = await ensureSetupToken(ctx);
    const token = new URL(url!).searchParams.get('token')!;
    const setUp = (email = 'ada@example.com', given = token) =>
      setUpFirstOwner(ctx, { token: given, email, name: 'Ada', password: PASSWORD, caller: caller() });
    return { ctx, url, token, setUp };
  }

  it('prints one address, the same after a restart, and keeps only its hash', async () => {
    const { ctx, url, token } = await house();
    expect(url).toMatch(/^https:\/\/status\.example\.com\/admin\/setup\?token=[\w-]{32}$/);
    ctx.clock.advance(60_000);
    expect(await ensureSetupToken(ctx)).toBe(url);
    expect(JSON.stringify(await ctx.db.read(getSetupToken))).not.toContain(token);
    expect(await isSetupNeeded(ctx)).toBe(true);
  });

  it('gives a new address when the secret key has changed', async () => {
    const { ctx, token } = await house();
    const rekeyed = { ...ctx, sign: (purpose: string, value: string) => ctx.sign(`${purpose}!`, value) };
    const other = await ensureSetupToken(rekeyed);
    expect(other).not.toContain(token);
    expect(await isSetupOpen(ctx, token)).toBe(false);
    expect(await isSetupOpen(ctx, new URL(other!).searchParams.get('token')!)).toBe(true);
  });

  it('makes an owner who is signed in, once', async () => {
    const { ctx, token, setUp } = await house();
    expect(await isSetupOpen(ctx, token)).toBe(true);
    expect(await isSetupOpen(ctx, 'guess')).toBe(false);
    const cookies = await setUp();
    expect((await readSession(ctx, sessionIdOf(cookies))).user).toMatchObject({ role: 'owner', name: 'Ada' });
    expect(await isSetupOpen(ctx, token)).toBe(false);
    expect(await ensureSetupToken(ctx)).toBeNull();
    expect(await isSetupNeeded(ctx)).toBe(false);
    await expect(setUp('eve@example.com')).rejects.toMatchObject({ code: 'gone' });
    const actions = (await ctx.db.read((tx) => listAudit(tx, null, 9))).map((row) => row.action);
    expect(actions).toEqual(['user.signIn', 'user.create']);
  });

  it('is closed to a wrong token, and to everyone once a user was added otherwise', async () => {
    const { ctx, token, setUp } = await house();
    await expect(setUp('eve@example.com', 'guess')).rejects.toMatchObject({ code: 'gone' });
    await addUser(ctx, 'owner');
    expect(await isSetupOpen(ctx, token)).toBe(false);
    await expect(setUp()).rejects.toMatchObject({ code: 'gone' });
  });

  it('says everything that is wrong with the form at once, and stays open', async () => {
    const { ctx, token } = await house();
    const error = await setUpFirstOwner(ctx, {
      token,
      email: 'nonsense',
      name: ' ',
      password: 'short',
      caller: caller(),
    }).catch((thrown) => thrown);
    expect(error.problems.map((problem: { field: string }) => problem.field)).toEqual([
      'name',
      'email',
      'password',
    ]);
    expect(await isSetupOpen(ctx, token)).toBe(true);
  });

  it('makes exactly one owner of fifty who try at once', async () => {
    const { ctx, setUp } = await house();
    const results = await Promise.allSettled(
      Array.from({ length: 50 }, (_, n) => setUp(`person${n}@example.com`)),
    );
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'gone' });
    expect(await ctx.db.read(listUsers)).toHaveLength(1);
  });
});
