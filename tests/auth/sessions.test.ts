import { afterEach, describe, expect, it, vi } from 'vitest';
import { changePassword, endOwnSession, listOwnSessions } from '#auth/accounts.ts';
import { listedId, sessionAdapter } from '#auth/adapter.ts';
import { readCookie } from '#auth/cookies.ts';
import { createSignInLimits } from '#auth/limits.ts';
import { beginSession, presentedSession, purgeExpiredSessions, readSession } from '#auth/sessions.ts';
import { signIn, signOut } from '#auth/signIn.ts';
import { hashSecret } from '#auth/tokens.ts';
import { listSessionsOf } from '#db/sessions.ts';
import { setUserDisabled } from '#db/users.ts';
import { DAY, HOUR } from '#domain/time.ts';
import { eachDatabase } from '../support/databases.ts';
import {
  addUser,
  caller,
  cookieHeader,
  OTHER_PASSWORD,
  PASSWORD,
  sessionIdOf,
  visitorContext,
} from './fixtures.ts';

afterEach(() => void vi.useRealTimers());

eachDatabase('sessions', (fresh) => {
  async function signedIn() {
    const ctx = visitorContext(await fresh());
    const user = await addUser(ctx, 'owner');
    const cookies = await signIn(
      ctx,
      { email: user.email, password: PASSWORD, caller: caller() },
      createSignInLimits(),
    );
    return { ctx, user, cookies, sessionId: sessionIdOf(cookies) };
  }

  it('keep only the hash of the id, and the hash signs no one in', async () => {
    const { ctx, user, sessionId } = await signedIn();
    const [stored] = await ctx.db.read((tx) => listSessionsOf(tx, user.id));
    expect(stored?.idHash).toBe(hashSecret(sessionId));
    expect((await readSession(ctx, sessionId)).user?.email).toBe(user.email);
    for (const stolen of [stored!.idHash, `h:${stored!.idHash}`, listedId(sessionId)]) {
      expect((await readSession(ctx, stolen)).user).toBeNull();
      expect(presentedSession(ctx.site.url, `__Host-session=${stolen}`)).toBeNull();
    }
    expect((await readSession(ctx, sessionId)).user?.email).toBe(user.email);
  });

  it('are listed by a name that ends them and does nothing else', async () => {
    const { ctx, user, sessionId } = await signedIn();
    const adapter = sessionAdapter(ctx.db, ctx.now);
    const [listed] = await adapter.getUserSessions(user.id);
    expect(await adapter.getSessionAndUser(listed!.id)).toEqual([null, null]);
    await adapter.updateSessionExpiration(listed!.id, new Date(Date.parse(ctx.now()) + 20 * DAY));
    expect((await adapter.getUserSessions(user.id))[0]?.expiresAt).toEqual(listed!.expiresAt);
    await adapter.deleteSession(listed!.id);
    expect((await readSession(ctx, sessionId)).user).toBeNull();
  });

  it('slide for seven days when used, and end for good after thirty', async () => {
    const { ctx, sessionId } = await signedIn();
    const { clock } = ctx;
    expect((await readSession(ctx, sessionId)).cookie).toBeNull();
    for (let day = 4; day < 30; day += 4) {
      clock.advance(4 * DAY);
      const { user, cookie } = await readSession(ctx, sessionId);
      expect(user, `day ${day}`).not.toBeNull();
      expect(cookie, `day ${day}`).toContain(sessionId);
    }
    clock.advance(2 * DAY - HOUR);
    expect((await readSession(ctx, sessionId)).user).not.toBeNull();
    clock.advance(HOUR);
    expect((await readSession(ctx, sessionId)).user).toBeNull();
  });

  it('are stored with an end that no renewal moves past thirty days', async () => {
    const { ctx, user, sessionId } = await signedIn();
    const adapter = sessionAdapter(ctx.db, ctx.now);
    const begun = Date.parse(ctx.now());
    await adapter.updateSessionExpiration(sessionId, new Date(begun + 29 * DAY));
    await adapter.updateSessionExpiration(sessionId, new Date(begun + 400 * DAY));
    const [stored] = await ctx.db.read((tx) => listSessionsOf(tx, user.id));
    expect(Date.parse(stored!.expiresAt) - begun).toBe(30 * DAY);
  });

  it('end after seven days without use', async () => {
    const { ctx, sessionId } = await signedIn();
    ctx.clock.advance(7 * DAY);
    const { user, cookie } = await readSession(ctx, sessionId);
    expect(user).toBeNull();
    expect(cookie).toContain('Max-Age=0');
  });

  it('write nothing while they cannot be prolonged any more', async () => {
    const { ctx, sessionId } = await signedIn();
    for (let day = 4; day <= 28; day += 4) {
      ctx.clock.advance(4 * DAY);
      await readSession(ctx, sessionId);
    }
    let writes = 0;
    const write = (work: never) => {
      writes++;
      return ctx.db.write(work);
    };
    const db = { ...ctx.db, write } as typeof ctx.db;
    expect((await readSession({ ...ctx, db }, sessionId)).user).not.toBeNull();
    expect(writes).toBe(0);
  });

  it('are never taken from what a browser presented before it signed in', async () => {
    const { ctx, user, sessionId } = await signedIn();
    const planted = `__Host-session=${'a'.repeat(40)}`;
    const cookies = await signIn(
      ctx,
      { email: user.email, password: PASSWORD, caller: caller({ cookies: planted }) },
      createSignInLimits(),
    );
    expect(sessionIdOf(cookies)).not.toBe('a'.repeat(40));
    expect((await readSession(ctx, 'a'.repeat(40))).user).toBeNull();

    const again = await signIn(
      ctx,
      { email: user.email, password: PASSWORD, caller: caller({ cookies: `__Host-session=${sessionId}` }) },
      createSignInLimits(),
    );
    expect((await readSession(ctx, sessionId)).user).toBeNull();
    expect((await readSession(ctx, sessionIdOf(again))).user).not.toBeNull();
  });

  it('all end when the password changes, but for a new one of who changed it', async () => {
    const { ctx, user, cookies, sessionId } = await signedIn();
    const elsewhere = sessionIdOf(
      await signIn(ctx, { email: user.email, password: PASSWORD, caller: caller() }, createSignInLimits()),
    );
    const renewed = await changePassword(
      user.ctx,
      { current: PASSWORD, password: OTHER_PASSWORD, caller: caller({ cookies: cookieHeader(cookies) }) },
      createSignInLimits(),
    );
    expect((await readSession(ctx, elsewhere)).user).toBeNull();
    expect((await readSession(ctx, sessionId)).user).toBeNull();
    expect((await readSession(ctx, sessionIdOf(renewed))).user?.id).toBe(user.id);
    await expect(
      signIn(ctx, { email: user.email, password: PASSWORD, caller: caller() }, createSignInLimits()),
    ).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('end at sign-out, and with the disabling of their user', async () => {
    const { ctx, user, cookies, sessionId } = await signedIn();
    await signOut(user.ctx, cookieHeader(cookies));
    expect((await readSession(ctx, sessionId)).user).toBeNull();

    const other = await ctx.db.write((tx) => beginSession(ctx, tx, user.id, 'Firefox on Linux'));
    await ctx.db.write((tx) => setUserDisabled(tx, user.id, ctx.now()));
    expect((await readSession(ctx, sessionIdOf([other]))).user).toBeNull();
  });

  it("let their owner end one of them, and never someone else's", async () => {
    const { ctx, user, sessionId } = await signedIn();
    const other = await addUser(ctx, 'comms');
    const theirs = await ctx.db.write((tx) => beginSession(ctx, tx, other.id, 'Safari on iPhone'));
    const [own] = await listOwnSessions(user.ctx, sessionId);
    expect(own).toMatchObject({ current: true, device: 'Firefox on Linux' });
    await expect(endOwnSession(user.ctx, listedId(sessionIdOf([theirs])))).rejects.toMatchObject({
      code: 'not_found',
    });
    expect((await readSession(ctx, sessionIdOf([theirs]))).user).not.toBeNull();
    await endOwnSession(user.ctx, own!.id);
    expect((await readSession(ctx, sessionId)).user).toBeNull();
  });

  it('are purged once they have expired, and not before', async () => {
    const { ctx } = await signedIn();
    expect(await purgeExpiredSessions(ctx.db, ctx.now())).toBe(0);
    ctx.clock.advance(7 * DAY);
    expect(await purgeExpiredSessions(ctx.db, ctx.now())).toBe(1);
  });

  it('carry cookies that only this host can set and no script can read', async () => {
    const { cookies } = await signedIn();
    expect(cookies).toHaveLength(2);
    for (const [index, name] of ['__Host-session', '__Host-device'].entries()) {
      const parts = cookies[index]!.split('; ');
      expect(parts[0]).toMatch(new RegExp(`^${name}=`));
      expect(parts).toEqual(expect.arrayContaining(['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure']));
      expect(cookies[index]).not.toMatch(/domain=/i);
    }
    expect(cookies[0]).toContain('Max-Age=604800');
  });

  it('use a plain name on plain http, where browsers would refuse the prefix', async () => {
    const ctx = visitorContext(await fresh());
    const user = await addUser(ctx, 'owner');
    const plain = { ...ctx, site: { ...ctx.site, url: 'http://localhost:4321' } };
    const cookies = await signIn(
      plain,
      { email: user.email, password: PASSWORD, caller: caller() },
      createSignInLimits(),
    );
    expect(cookies[0]).toMatch(/^session=/);
    expect(cookies.join()).not.toContain('Secure');
    expect(await signOut(plain, cookieHeader(cookies))).toMatch(/^session=; HttpOnly; Max-Age=0/);
  });
});

describe('reading cookies', () => {
  it('takes the last of a name, and never fails on what a stranger sends', () => {
    expect(readCookie('session=a; other=%; session=b', 'session')).toBe('b');
    expect(readCookie('%E0%A4%A=1;=;;session', 'session')).toBe('');
    expect(readCookie(null, 'session')).toBeNull();
    for (const value of ['%', '', 'A'.repeat(40), 'a'.repeat(41), "' or 1=1"])
      expect(presentedSession('http://localhost:4321', `session=${value}`)).toBeNull();
  });
});
