import { afterEach, expect, it, vi } from 'vitest';
import { changePassword, createUser, listOwnSessions, signOutEverywhere } from '#auth/accounts.ts';
import { acceptInvitation, inviteUser, makeSignInLink, readInvitation } from '#auth/invitations.ts';
import { createSignInLimits } from '#auth/limits.ts';
import { beginSession, readSession } from '#auth/sessions.ts';
import { signIn } from '#auth/signIn.ts';
import { listAudit } from '#db/audit.ts';
import { listUsers as readUsers } from '#db/users.ts';
import { ROLES } from '#domain/permissions.ts';
import { DAY } from '#domain/time.ts';
import { disableUser, enableUser, listUsers, setRole } from '#services/users.ts';
import { eachDatabase } from '../support/databases.ts';
import { addUser, caller, OTHER_PASSWORD, PASSWORD, sessionIdOf, visitorContext } from './fixtures.ts';

afterEach(() => void vi.useRealTimers());

eachDatabase('accounts', (fresh) => {
  async function house() {
    const ctx = visitorContext(await fresh());
    const owner = await addUser(ctx, 'owner');
    return { ctx, owner };
  }
  const enter = (ctx: Parameters<typeof signIn>[0], email: string, password = PASSWORD) =>
    signIn(ctx, { email, password, caller: caller() }, createSignInLimits());
  const tokenOf = (link: { url: string }) => new URL(link.url).searchParams.get('token')!;

  it('are the owner’s business alone', async () => {
    const { ctx, owner } = await house();
    const input = { email: 'new@example.com', name: 'New', role: 'viewer' as const, password: PASSWORD };
    for (const role of ROLES.filter((name) => name !== 'owner')) {
      const other = await addUser(ctx, role);
      for (const deed of [
        () => createUser(other.ctx, input),
        () => inviteUser(other.ctx, input),
        () => makeSignInLink(other.ctx, owner.id),
        () => listUsers(other.ctx),
        () => setRole(other.ctx, { userId: other.id, role: 'owner' }),
        () => disableUser(other.ctx, owner.id),
        () => enableUser(other.ctx, owner.id),
      ])
        await expect(deed(), role).rejects.toMatchObject({ code: 'forbidden' });
      await expect(createUser(ctx, input)).rejects.toMatchObject({ code: 'unauthenticated' });
    }
  });

  it('have one address each, in lower case', async () => {
    const { owner } = await house();
    const input = { name: 'Twin', role: 'viewer' as const, password: PASSWORD };
    await expect(createUser(owner.ctx, { ...input, email: 'OWNER@example.com' })).rejects.toMatchObject({
      code: 'conflict',
      problems: [{ field: 'email' }],
    });
    await expect(inviteUser(owner.ctx, { ...input, email: 'Owner@Example.com' })).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('refuse control characters, unknown roles and weak passwords, all told at their fields', async () => {
    const { owner } = await house();
    for (const [changes, field] of [
      [{ name: 'A\u0000B' }, 'name'],
      [{ name: 'A\nB' }, 'name'],
      [{ email: 'a@b' }, 'email'],
      [{ email: 'a@b.example\r\nBcc: c@d.example' }, 'email'],
      [{ role: 'root' as 'owner' }, 'role'],
      [{ password: 'password1234' }, 'password'],
      [{ password: 'newcomer-newcomer-8' }, 'password'],
    ] as const) {
      const input = {
        email: 'newcomer@example.com',
        name: 'New',
        role: 'viewer' as const,
        password: PASSWORD,
      };
      await expect(createUser(owner.ctx, { ...input, ...changes })).rejects.toMatchObject({
        code: 'invalid',
        problems: [{ field }],
      });
    }
    expect(await owner.ctx.db.read(readUsers)).toHaveLength(1);
  });

  it('keep an owner who can sign in', async () => {
    const { ctx, owner } = await house();
    for (const deed of [
      () => disableUser(owner.ctx, owner.id),
      () => setRole(owner.ctx, { userId: owner.id, role: 'viewer' }),
    ])
      await expect(deed()).rejects.toMatchObject({ code: 'conflict' });

    await inviteUser(owner.ctx, { email: 'second@example.com', name: 'Second', role: 'owner' });
    // One who has not chosen a password cannot sign in, so does not count.
    await expect(disableUser(owner.ctx, owner.id)).rejects.toMatchObject({ code: 'conflict' });

    const third = await addUser(ctx, 'comms');
    await setRole(owner.ctx, { userId: third.id, role: 'owner' });
    await disableUser(owner.ctx, owner.id);
    const thirdNow = { ...third.ctx, actor: { ...third.ctx.actor, role: 'owner' } as typeof third.ctx.actor };
    await expect(disableUser(thirdNow, third.id)).rejects.toMatchObject({ code: 'conflict' });
    await enableUser(thirdNow, owner.id);
    await setRole(thirdNow, { userId: third.id, role: 'comms' });
  });

  it('keep an owner when two owners give it up at the same moment', async () => {
    const { ctx, owner } = await house();
    const other = await addUser(ctx, 'owner', 'other@example.com');
    const results = await Promise.allSettled([
      setRole(owner.ctx, { userId: owner.id, role: 'viewer' }),
      setRole(other.ctx, { userId: other.id, role: 'viewer' }),
    ]);
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  });

  it('change role at the next click and end at once when disabled', async () => {
    const { ctx, owner } = await house();
    const viewer = await addUser(ctx, 'viewer');
    const sessionId = sessionIdOf(await enter(ctx, viewer.email));
    const unused = sessionIdOf(await enter(ctx, viewer.email));
    await setRole(owner.ctx, { userId: viewer.id, role: 'comms' });
    expect((await readSession(ctx, sessionId)).user?.role).toBe('comms');
    await disableUser(owner.ctx, viewer.id);
    expect((await readSession(ctx, sessionId)).user).toBeNull();
    await expect(enter(ctx, viewer.email)).rejects.toMatchObject({ code: 'unauthenticated' });
    await enableUser(owner.ctx, viewer.id);
    for (const id of [sessionId, unused]) expect((await readSession(ctx, id)).user).toBeNull();
    await enter(ctx, viewer.email);
  });

  it('begin with a link that works once, for three days, and is stored as a hash', async () => {
    const { ctx, owner } = await house();
    const link = await inviteUser(owner.ctx, { email: 'New@Example.com', name: 'New', role: 'comms' });
    const token = tokenOf(link);
    await expect(enter(ctx, 'new@example.com')).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(await readInvitation(ctx, token)).toEqual({ name: 'New', email: 'new@example.com' });
    expect(JSON.stringify(await listUsers(owner.ctx))).not.toContain(token);

    await expect(acceptInvitation(ctx, { token, password: 'short', caller: caller() })).rejects.toMatchObject(
      { code: 'invalid' },
    );
    const cookies = await acceptInvitation(ctx, { token, password: OTHER_PASSWORD, caller: caller() });
    expect((await readSession(ctx, sessionIdOf(cookies))).user).toMatchObject({ role: 'comms', name: 'New' });
    await enter(ctx, 'new@example.com', OTHER_PASSWORD);
    await expect(
      acceptInvitation(ctx, { token, password: PASSWORD, caller: caller() }),
    ).rejects.toMatchObject({ code: 'gone' });

    const late = tokenOf(
      await inviteUser(owner.ctx, { email: 'late@example.com', name: 'Late', role: 'comms' }),
    );
    ctx.clock.advance(3 * DAY);
    expect(await readInvitation(ctx, late)).toBeNull();
  });

  it('let one of ten who open a link at once in', async () => {
    const { ctx, owner } = await house();
    const token = tokenOf(
      await inviteUser(owner.ctx, { email: 'new@example.com', name: 'New', role: 'comms' }),
    );
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, () =>
        acceptInvitation(ctx, { token, password: OTHER_PASSWORD, caller: caller() }),
      ),
    );
    expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  });

  it('get a new password by a link: an older link and every session end with it', async () => {
    const { ctx, owner } = await house();
    const comms = await addUser(ctx, 'comms');
    const before = sessionIdOf(await enter(ctx, comms.email));
    const first = tokenOf(await makeSignInLink(owner.ctx, comms.id));
    const second = tokenOf(await makeSignInLink(owner.ctx, comms.id));
    expect(await readInvitation(ctx, first)).toBeNull();
    await enter(ctx, comms.email);
    await acceptInvitation(ctx, { token: second, password: OTHER_PASSWORD, caller: caller() });
    expect((await readSession(ctx, before)).user).toBeNull();
    await expect(enter(ctx, comms.email)).rejects.toMatchObject({ code: 'unauthenticated' });
    await enter(ctx, comms.email, OTHER_PASSWORD);
  });

  it('have no open link once disabled, or once the password was changed', async () => {
    const { ctx, owner } = await house();
    const comms = await addUser(ctx, 'comms');
    const one = tokenOf(await makeSignInLink(owner.ctx, comms.id));
    await changePassword(
      comms.ctx,
      { current: PASSWORD, password: OTHER_PASSWORD, caller: caller() },
      createSignInLimits(),
    );
    expect(await readInvitation(ctx, one)).toBeNull();
    const two = tokenOf(await makeSignInLink(owner.ctx, comms.id));
    await disableUser(owner.ctx, comms.id);
    expect(await readInvitation(ctx, two)).toBeNull();
    await expect(makeSignInLink(owner.ctx, comms.id)).rejects.toMatchObject({ code: 'conflict' });
    await enableUser(owner.ctx, comms.id);
    expect(await readInvitation(ctx, two)).toBeNull();
  });

  it('ask for the present password before it is changed, and count wrong ones', async () => {
    const { ctx, owner } = await house();
    const limits = createSignInLimits();
    const change = (current: string, password = OTHER_PASSWORD) =>
      changePassword(owner.ctx, { current, password, caller: caller() }, limits);
    await expect(change(PASSWORD, 'password1234')).rejects.toMatchObject({
      problems: [{ field: 'password' }],
    });
    for (let count = 0; count < 10; count++)
      await expect(change('wrong')).rejects.toMatchObject({ problems: [{ field: 'current' }] });
    await expect(change(PASSWORD)).rejects.toMatchObject({ code: 'too_many' });
    // Elsewhere the owner signs in as ever.
    await signIn(ctx, { email: owner.email, password: PASSWORD, caller: caller() }, limits);
  });

  it('sign out everywhere at once', async () => {
    const { ctx, owner } = await house();
    const ids: string[] = [];
    for (let count = 0; count < 3; count++)
      ids.push(sessionIdOf([await ctx.db.write((tx) => beginSession(ctx, tx, owner.id, 'Firefox'))]));
    expect(await listOwnSessions(owner.ctx, ids[1]!)).toHaveLength(3);
    await signOutEverywhere(owner.ctx);
    for (const id of ids) expect((await readSession(ctx, id)).user).toBeNull();
  });

  it('leave an audit row for each change, by whom', async () => {
    const { ctx, owner } = await house();
    const viewer = await addUser(ctx, 'viewer');
    await setRole(owner.ctx, { userId: viewer.id, role: 'comms' });
    await setRole(owner.ctx, { userId: viewer.id, role: 'comms' });
    await makeSignInLink(owner.ctx, viewer.id);
    await disableUser(owner.ctx, viewer.id);
    await enableUser(owner.ctx, viewer.id);
    const rows = (await ctx.db.read((tx) => listAudit(tx, null, 4))).reverse();
    expect(rows.map((row) => [row.action, row.actor, row.subjectId])).toEqual(
      ['user.setRole', 'user.makeSignInLink', 'user.disable', 'user.enable'].map((action) => [
        action,
        'owner person',
        viewer.id,
      ]),
    );
    expect(rows[0]?.detail).toEqual({ from: 'viewer', to: 'comms' });
  });

  it('say no to deeds on users who are not there', async () => {
    const { owner } = await house();
    for (const deed of [
      () => setRole(owner.ctx, { userId: 'nobody', role: 'comms' }),
      () => disableUser(owner.ctx, 'nobody'),
      () => enableUser(owner.ctx, 'nobody'),
      () => makeSignInLink(owner.ctx, 'nobody'),
    ])
      await expect(deed()).rejects.toMatchObject({ code: 'not_found' });
  });
});
