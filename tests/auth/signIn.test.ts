import { hash, verify } from '@node-rs/argon2';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createSignInLimits, networkOf } from '#auth/limits.ts';
import { needsRehash } from '#auth/passwords.ts';
import { signIn } from '#auth/signIn.ts';
import { listAudit } from '#db/audit.ts';
import { getUser, insertUser, setUserDisabled, setUserPassword } from '#db/users.ts';
import { HOUR, MINUTE } from '#domain/time.ts';
import { eachDatabase } from '../support/databases.ts';
import { addUser, caller, cookieHeader, PASSWORD, visitorContext } from './fixtures.ts';

// The real thing, watched: what it is asked to do says what an attacker's stopwatch would see.
vi.mock('@node-rs/argon2', { spy: true });

beforeEach(() => void vi.clearAllMocks());
afterEach(() => void vi.useRealTimers());

eachDatabase('signing in', (fresh) => {
  async function house() {
    const ctx = visitorContext(await fresh());
    const owner = await addUser(ctx, 'owner');
    const limits = createSignInLimits();
    const attempt = (password: string, from: Parameters<typeof caller>[0] = {}, email = owner.email) =>
      signIn(ctx, { email, password, caller: caller(from) }, limits);
    return { ctx, owner, attempt };
  }

  it('gives a right password a session, whatever the case of the address', async () => {
    const { attempt } = await house();
    expect(await attempt(PASSWORD, {}, '  OWNER@Example.COM ')).toHaveLength(2);
  });

  it('does the same work and gives the same answer for every way of being wrong', async () => {
    const { ctx, owner, attempt } = await house();
    const disabled = await addUser(ctx, 'viewer');
    await ctx.db.write((tx) => setUserDisabled(tx, disabled.id, ctx.now()));
    await ctx.db.write((tx) =>
      insertUser(tx, {
        id: 'invited00000',
        email: 'invited@example.com',
        name: 'Invited',
        role: 'comms',
        passwordHash: '',
        createdAt: ctx.now(),
      }),
    );
    await expect(attempt('warms the dummy hash up')).rejects.toThrow();
    const answers = new Set<string>();
    for (const [email, password] of [
      [owner.email, 'wrong password here'],
      ['nobody@example.com', PASSWORD],
      ['not an address', PASSWORD],
      [disabled.email, PASSWORD],
      ['invited@example.com', ''],
      ['invited@example.com', 'no account has this password'],
      [owner.email, 'x'.repeat(100_000)],
    ] as const) {
      vi.mocked(verify).mockClear();
      vi.mocked(hash).mockClear();
      const error = await attempt(password, {}, email).catch((thrown) => thrown);
      answers.add(JSON.stringify([error.code, error.message, error.fix]));
      expect(vi.mocked(verify).mock.calls.length, email).toBe(1);
      expect(vi.mocked(verify).mock.calls[0]?.[0], email).toContain('$m=19456,t=2,p=1$');
    }
    expect(answers.size).toBe(1);
  });

  it('writes who signed in and who failed, without an address in clear', async () => {
    const { ctx, attempt, owner } = await house();
    await attempt('wrong password here').catch(() => undefined);
    await attempt('wrong password here', {}, 'stranger@example.net').catch(() => undefined);
    await attempt(PASSWORD);
    const rows = await ctx.db.read((tx) => listAudit(tx, null, 3));
    expect(rows.map((row) => [row.action, row.actor, row.subjectId])).toEqual([
      ['user.signIn', 'owner person', owner.id],
      ['user.signInFailed', 'visitor', 'unknown'],
      ['user.signInFailed', 'visitor', owner.id],
    ]);
    const text = JSON.stringify(rows);
    for (const secret of ['192.0.2.10', 'stranger', 'example.net', 'wrong password'])
      expect(text).not.toContain(secret);
    expect(rows[1]?.detail.from).toBe(rows[2]?.detail.from);
    expect(rows[1]?.detail.account).not.toBe(rows[2]?.detail.account);
  });

  it('hashes anew a password whose hash was made with older parameters', async () => {
    const { ctx, owner, attempt } = await house();
    const old = await hash(PASSWORD, { memoryCost: 4096, timeCost: 1, parallelism: 1 });
    expect(needsRehash(old)).toBe(true);
    await ctx.db.write((tx) => setUserPassword(tx, owner.id, old));
    await attempt(PASSWORD);
    const renewed = (await ctx.db.read((tx) => getUser(tx, owner.id)))!.passwordHash;
    expect(needsRehash(renewed)).toBe(false);
    expect(await attempt(PASSWORD)).toHaveLength(2);
  });

  it('refuses a session when the password was changed while it was checked', async () => {
    const { ctx, owner } = await house();
    const limits = createSignInLimits();
    const newer = await hash('another password 9', { memoryCost: 4096, timeCost: 1, parallelism: 1 });
    let reads = 0;
    const db = {
      ...ctx.db,
      write: async (work: never) => {
        if (reads++ === 0) await ctx.db.write((tx) => setUserPassword(tx, owner.id, newer));
        return ctx.db.write(work);
      },
    } as typeof ctx.db;
    await expect(
      signIn({ ...ctx, db }, { email: owner.email, password: PASSWORD, caller: caller() }, limits),
    ).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('lets one machine try one account eight times in a quarter of an hour', async () => {
    const { ctx, attempt } = await house();
    for (let count = 0; count < 8; count++)
      await expect(attempt('wrong password here')).rejects.toMatchObject({ code: 'unauthenticated' });
    const refused = await attempt(PASSWORD).catch((error) => error);
    expect(refused).toMatchObject({ code: 'too_many', retryAfter: 900 });
    expect(refused.fix).toContain('15 minutes');
    ctx.clock.advance(15 * MINUTE);
    expect(await attempt(PASSWORD)).toHaveLength(2);
  });

  it('holds many at once to the same count', async () => {
    const { attempt } = await house();
    const codes = await Promise.all(
      Array.from({ length: 20 }, () => attempt('wrong password here').catch((error) => error.code)),
    );
    expect(codes.filter((code) => code === 'unauthenticated')).toHaveLength(8);
    expect(codes.filter((code) => code === 'too_many')).toHaveLength(12);
  });

  it('holds one machine that tries many accounts to thirty', async () => {
    const { attempt } = await house();
    const codes: string[] = [];
    for (let count = 0; count < 31; count++)
      codes.push(await attempt('wrong', {}, `guess${count}@example.com`).catch((error) => error.code));
    expect(codes.slice(0, 30).every((code) => code === 'unauthenticated')).toBe(true);
    expect(codes[30]).toBe('too_many');
  });

  it('gives back what right passwords took', async () => {
    const { attempt } = await house();
    for (let count = 0; count < 12; count++) expect(await attempt(PASSWORD)).toHaveLength(2);
  });

  it('lets the owner in from a known device while the whole world tries the account', async () => {
    const { ctx, attempt } = await house();
    const known = cookieHeader(await attempt(PASSWORD, { address: '198.51.100.7' }));
    for (let count = 0; count < 61; count++)
      await attempt('wrong password here', { address: `203.0.113.${count}` }).catch(() => undefined);
    await expect(attempt(PASSWORD, { address: '198.51.100.99' })).rejects.toMatchObject({ code: 'too_many' });

    expect(await attempt(PASSWORD, { address: '198.51.100.99', cookies: known })).toHaveLength(2);

    const forged = known.replace(/device=[^;]+/, 'device=AAAAAAAAAAAAAAAA.BBBBBBBBBBBBBBBB');
    await expect(attempt(PASSWORD, { address: '198.51.100.99', cookies: forged })).rejects.toMatchObject({
      code: 'too_many',
    });
    ctx.clock.advance(HOUR);
    expect(await attempt(PASSWORD, { address: '198.51.100.99' })).toHaveLength(2);
  });

  it("counts a known device's own failures, and takes no other account's device for it", async () => {
    const { ctx, attempt } = await house();
    const viewer = await addUser(ctx, 'viewer');
    const cookies = cookieHeader(await attempt(PASSWORD, {}, viewer.email));
    for (let count = 0; count < 10; count++)
      await attempt('wrong', { cookies, address: `203.0.113.${count}` }, viewer.email).catch(() => undefined);
    await expect(attempt(PASSWORD, { cookies, address: '203.0.113.99' }, viewer.email)).rejects.toMatchObject(
      {
        code: 'too_many',
      },
    );
    // The same cookie says nothing about the owner's account: there it is a stranger's, with a stranger's eight tries.
    for (let count = 0; count < 8; count++)
      await expect(attempt('wrong', { cookies })).rejects.toMatchObject({ code: 'unauthenticated' });
    await expect(attempt('wrong', { cookies })).rejects.toMatchObject({ code: 'too_many' });
  });
});

it('counts an IPv6 customer as one network, and a mapped address as what it is', () => {
  expect(networkOf('2001:db8:1:2:aaaa::1')).toBe('2001:db8:1:2::/64');
  expect(networkOf('2001:0DB8:1:2:ffff:1:2:3')).toBe('2001:db8:1:2::/64');
  expect(networkOf('2001:db8::1')).toBe('2001:db8:0:0::/64');
  expect(networkOf('::1')).toBe('0:0:0:0::/64');
  expect(networkOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
  expect(networkOf('::ffff:192.0.2.1')).toBe('192.0.2.1');
  expect(networkOf('192.0.2.1')).toBe('192.0.2.1');
});
