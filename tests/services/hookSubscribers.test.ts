import { expect, it } from 'vitest';
import type { Hooks } from '#db/context.ts';
import { findHookAt } from '#db/hooks.ts';
import { DAY, HOUR, MINUTE } from '#domain/time.ts';
import { recipientLinks } from '#emails/links.ts';
import {
  addHookSubscriber,
  eraseHookSubscriber,
  getHookSubscriber,
  listHookSubscribers,
} from '#services/hookRecords.ts';
import {
  askForFreshLink,
  confirmWebhook,
  removeOwnHook,
  resumeOwnHook,
  rotateOwnSecret,
  saveOwnHook,
  subscribeWebhook,
  tryOwnHook,
  viewOwnHook,
  webhookInput,
} from '#services/hookSubscribers.ts';
import { undoUnsubscribe, unsubscribe, viewUnsubscribe } from '#services/leaving.ts';
import {
  countSubscribers,
  eraseSubscriber,
  getSubscriberFile,
  unsubscribeSubscriber,
} from '#services/subscriberRecords.ts';
import { WHOLE_PAGE } from '#services/subscribers.ts';
import { getSubscription } from '#services/subscriptions.ts';
import { type TestCtx, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeComponent, makePage } from '../support/factory.ts';

const URL_ = 'https://receiver.example/hook?key=1';
const OWNER = 'owner@example.com';
const freely = async () => ({ ok: true }) as const;

eachDatabase('webhooks that people subscribe themselves', (fresh) => {
  async function visitor(hooks: Partial<Hooks> = {}) {
    const db = await fresh();
    await makePage(db);
    const ctx = testContext(db, { actor: { kind: 'visitor' } });
    return { ...ctx, hooks: { ...ctx.hooks, ...hooks } };
  }
  const ask = (ctx: TestCtx, { url = URL_, owner = OWNER, locale = 'en' } = {}) =>
    subscribeWebhook(
      ctx,
      { ...webhookInput.parse({ url, owner }), locale, source: 'webhook page', clientKey: '192.0.2.1' },
      freely,
    );
  const hookAt = (ctx: TestCtx, url = URL_) => ctx.db.read((tx) => findHookAt(tx, 'webhook', url));

  /** Every mail that was queued, the oldest first: to whom, what, and the token in its link. */
  async function mailbox(ctx: TestCtx) {
    const rows = await ctx.db.read((tx) =>
      tx
        .selectFrom('deliveries as d')
        .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
        .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
        .select(['n.kind', 'n.subject', 'n.text', 'n.created_at', 'd.state', 'd.priority', 'r.id'])
        .select(['r.owner_address as to'])
        .where('d.lane', '=', 'mail')
        .orderBy('d.seq')
        .execute(),
    );
    return rows.map(({ id, created_at, ...row }) => {
      const links = recipientLinks(ctx.site.url, ctx.sign, id, created_at);
      return { ...row, token: links.hook_url.split('/').at(-1) as string, links };
    });
  }

  async function confirmed(hooks: Partial<Hooks> = {}) {
    const ctx = await visitor(hooks);
    await ask(ctx);
    const [mail] = await mailbox(ctx);
    const { token, links } = mail as NonNullable<typeof mail>;
    const secret = (await confirmWebhook(ctx, token)) as string;
    const tokenOf = (url: string) => url.split('/').at(-1) as string;
    return { ctx, token, secret, out: tokenOf(links.unsubscribe_url), manage: tokenOf(links.manage_url) };
  }

  it('are called once their owner has said so, and told the secret that once', async () => {
    const ctx = await visitor();
    await ask(ctx);
    const [mail] = await mailbox(ctx);
    expect(mail).toMatchObject({ kind: 'confirm', to: OWNER, priority: 0, state: 'queued' });
    expect(mail?.text).toContain(URL_);
    expect(await hookAt(ctx)).toMatchObject({ state: 'pending', secret: null, owner: OWNER });
    // Opening the link changes nothing: mail scanners open every one.
    expect(await viewOwnHook(ctx, mail!.token)).toMatchObject({
      state: 'pending',
      shown: URL_,
      owner: 'o***@example.com',
    });
    expect(await hookAt(ctx)).toMatchObject({ state: 'pending' });

    const secret = await confirmWebhook(ctx, mail!.token);
    // 24 to 64 bytes (Standard Webhooks).
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{32}$/);
    expect(await hookAt(ctx)).toMatchObject({ state: 'confirmed', secret, confirmedAt: ctx.now() });
    expect(await confirmWebhook(ctx, mail!.token)).toBeNull();
    expect(await hookAt(ctx)).toMatchObject({ secret });
    expect(JSON.stringify(await viewOwnHook(ctx, mail!.token))).not.toContain(secret);
  });

  it('are asked about by a mail to the owner alone, and seldom', async () => {
    const ctx = await visitor();
    await ask(ctx);
    await ask(ctx);
    expect(await mailbox(ctx)).toHaveLength(1);
    ctx.clock.advance(11 * MINUTE);
    await ask(ctx);
    // The link of before goes on working: the same person asked for the same address.
    expect(new Set((await mailbox(ctx)).map(({ token }) => token.slice(32, 44))).size).toBe(1);
    for (let n = 0; n < 9; n++) await ask(ctx, { url: `https://receiver.example/${n}` });
    expect(await mailbox(ctx)).toHaveLength(5);
    for (let hour = 0; hour < 6; hour++) {
      ctx.clock.advance(HOUR);
      for (let n = 0; n < 9; n++) await ask(ctx, { url: `https://receiver.example/${hour}/${n}` });
    }
    expect(await mailbox(ctx)).toHaveLength(15);
    expect(new Set((await mailbox(ctx)).map(({ to }) => to))).toEqual(new Set([OWNER]));
    // Another owner's mailbox is not full.
    await ask(ctx, { url: 'https://receiver.example/other', owner: 'other@example.com' });
    expect((await mailbox(ctx)).at(-1)).toMatchObject({ to: 'other@example.com' });
  });

  it('cannot be asked for too often from one place', async () => {
    const ctx = await visitor();
    const turn = async () => ({ ok: false, retryAfter: 60 }) as const;
    await expect(
      subscribeWebhook(ctx, { url: URL_, owner: OWNER, locale: 'en', source: 's', clientKey: 'k' }, turn),
    ).rejects.toMatchObject({ code: 'too_many', retryAfter: 60 });
    expect(await hookAt(ctx)).toBeNull();
  });

  it('cannot be taken from their owner: who asks for a called address makes its owner a mail', async () => {
    const { ctx, secret } = await confirmed();
    ctx.clock.advance(11 * MINUTE);
    await ask(ctx, { owner: 'thief@example.com' });
    expect(await hookAt(ctx)).toMatchObject({ owner: OWNER, secret, state: 'confirmed' });
    const [, mail] = await mailbox(ctx);
    expect(mail).toMatchObject({ kind: 'already', to: OWNER });
    expect(await mailbox(ctx)).toHaveLength(2);
  });

  it('that wait for a yes are whoever asked last’s, and earlier links end', async () => {
    const ctx = await visitor();
    await ask(ctx, { owner: 'first@example.com' });
    const [first] = await mailbox(ctx);
    await ask(ctx, { owner: 'second@example.com' });
    await expect(confirmWebhook(ctx, first!.token)).rejects.toMatchObject({ code: 'not_found' });
    const second = (await mailbox(ctx)).find(({ to }) => to === 'second@example.com');
    expect(await hookAt(ctx)).toMatchObject({ owner: 'second@example.com', state: 'pending' });
    expect(await confirmWebhook(ctx, second!.token)).toMatch(/^whsec_/);
  });

  it('are refused at once where their host leads inside, in part or not at all', async () => {
    const resolves: [string[] | Error, RegExp][] = [
      [['127.0.0.1'], /private network/],
      [['93.184.215.14', '10.1.2.3'], /private network/],
      [['169.254.169.254'], /no web server outside/],
      [['::ffff:192.168.0.1'], /private network/],
      [[], /cannot be found/],
      [new Error('ENOTFOUND'), /cannot be found/],
    ];
    for (const [addresses, problem] of resolves) {
      const ctx = await visitor({
        resolve: async () => {
          if (addresses instanceof Error) throw addresses;
          return addresses;
        },
      });
      await expect(ask(ctx)).rejects.toMatchObject({
        code: 'invalid',
        message: expect.stringMatching(problem),
        problems: [{ field: 'url' }],
      });
      expect(await hookAt(ctx)).toBeNull();
      await expect(
        addHookSubscriber(
          { ...ctx.as('owner'), hooks: ctx.hooks },
          { channel: 'slack', url: URL_, name: null, owner: OWNER },
        ),
      ).rejects.toMatchObject({ code: 'invalid' });
    }
    const inside = await visitor({ allowPrivate: true, resolve: async () => ['10.1.2.3'] });
    await ask(inside);
    expect(await hookAt(inside)).toMatchObject({ state: 'pending' });
  });

  it('can be confirmed for seven days', async () => {
    const ctx = await visitor();
    await ask(ctx);
    const [mail] = await mailbox(ctx);
    ctx.clock.advance(7 * DAY + 1_000);
    await expect(confirmWebhook(ctx, mail!.token)).rejects.toMatchObject({ code: 'gone' });
    expect(await hookAt(ctx)).toMatchObject({ state: 'pending' });
    await expect(confirmWebhook(ctx, `${mail!.token}x`)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('are looked after by a link of the last day: an older one shows, resumes, ends, and mails a fresh one', async () => {
    const { ctx, token, secret } = await confirmed();
    const { id: component } = await makeComponent(ctx.db);
    const choice = { wholePage: false, scopes: [{ kind: 'component', id: component }] };
    ctx.clock.advance(DAY);
    await saveOwnHook(ctx, token, { wholePage: false, groups: [], components: [component] });
    expect(await viewOwnHook(ctx, token)).toMatchObject({ isFresh: true, choice });
    const rotated = await rotateOwnSecret(ctx, token);
    expect(rotated).toMatch(/^whsec_/);
    expect(rotated).not.toBe(secret);
    expect(await hookAt(ctx)).toMatchObject({ secret: rotated });
    await tryOwnHook(ctx, token);
    expect(await viewOwnHook(ctx, token)).toMatchObject({ trial: { outcome: 'waiting' } });
    await expect(tryOwnHook(ctx, token)).rejects.toMatchObject({ code: 'too_many', retryAfter: 10 });

    ctx.clock.advance(1_000);
    for (const deed of [
      () => saveOwnHook(ctx, token, WHOLE_PAGE),
      () => rotateOwnSecret(ctx, token),
      () => tryOwnHook(ctx, token),
    ])
      await expect(deed()).rejects.toMatchObject({ code: 'gone' });
    expect(await viewOwnHook(ctx, token)).toMatchObject({ isFresh: false, choice });
    expect(await hookAt(ctx)).toMatchObject({ secret: rotated });
    await askForFreshLink(ctx, token);
    const mails = await mailbox(ctx);
    const last = mails.at(-1);
    expect(last).toMatchObject({ kind: 'already', to: OWNER });
    await saveOwnHook(ctx, last!.token, WHOLE_PAGE);
    await removeOwnHook(ctx, token);
    expect(await hookAt(ctx)).toMatchObject({ state: 'unsubscribed' });
    await expect(rotateOwnSecret(ctx, last!.token)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('go on by the link in the mail about their rest, however old it is', async () => {
    const { ctx, token } = await confirmed();
    await ctx.db.write((tx) =>
      tx.updateTable('recipients').set({ quarantined_at: ctx.now(), failures: 10 }).execute(),
    );
    ctx.clock.advance(30 * DAY);
    expect(await viewOwnHook(ctx, token)).toMatchObject({ failures: 10 });
    await resumeOwnHook(ctx, token);
    expect(await hookAt(ctx)).toMatchObject({ quarantinedAt: null, failures: 0 });
    await removeOwnHook(ctx, token);
    await resumeOwnHook(ctx, token);
    expect(await hookAt(ctx)).toMatchObject({ state: 'unsubscribed' });
  });

  it('end by the link in each call, which shows its holder no more than they know, and can be taken back', async () => {
    const { ctx, out, secret } = await confirmed();
    expect(await viewUnsubscribe(ctx, out)).toMatchObject({
      masked: 'https://receiver.example/…',
      isCalled: true,
      state: 'confirmed',
    });
    await unsubscribe(ctx, out);
    expect(await hookAt(ctx)).toMatchObject({ state: 'unsubscribed' });
    // Whoever pressed it: its owner learns of it.
    const mails = await mailbox(ctx);
    expect(mails.at(-1)).toMatchObject({ kind: 'unsubscribed', to: OWNER, state: 'queued' });
    expect(mails.at(-1)?.text).toContain(URL_);
    await unsubscribe(ctx, out);
    expect(await mailbox(ctx)).toHaveLength(mails.length);
    expect(await viewOwnHook(ctx, mails.at(-1)!.token)).toMatchObject({ state: 'unsubscribed' });
    await undoUnsubscribe(ctx, out);
    expect(await hookAt(ctx)).toMatchObject({ state: 'confirmed', secret });
  });

  it('have links that do only what they are for: that of a call neither shows nor changes what its owner may', async () => {
    const { ctx, out, token, manage } = await confirmed();
    for (const wrong of [out, manage, `${token.slice(0, -1)}x`, token.slice(1), ''])
      for (const deed of [viewOwnHook, confirmWebhook, rotateOwnSecret, removeOwnHook])
        await expect(deed(ctx, wrong)).rejects.toMatchObject({ code: 'not_found' });
    await expect(getSubscription(ctx, token)).rejects.toMatchObject({ code: 'not_found' });
    await expect(unsubscribe(ctx, token)).rejects.toMatchObject({ code: 'not_found' });
    expect(await hookAt(ctx)).toMatchObject({ state: 'confirmed' });
  });

  it('show staff neither a secret nor, of a chat, its address', async () => {
    const { ctx, secret } = await confirmed();
    const staff = { ...ctx.as('comms'), hooks: ctx.hooks };
    const chat = 'https://hooks.slack.com/services/T0000/B0000/abcdefghijkl';
    const { id } = await addHookSubscriber(staff, {
      channel: 'slack',
      url: chat,
      name: '#status',
      owner: OWNER,
    });
    const seen = JSON.stringify([await listHookSubscribers(staff), await getHookSubscriber(staff, id)]);
    expect(seen).toContain('https://hooks.slack.com/…ijkl');
    expect(seen).not.toContain('abcdefghijkl');
    expect(seen).not.toContain(secret);
    expect(seen).toContain(URL_);
  });

  it('are erased, with their owner’s address, once nothing is called any more', async () => {
    const { ctx, token } = await confirmed();
    const staff = ctx.as('comms');
    const { id } = (await hookAt(ctx)) as { id: string };
    await expect(eraseHookSubscriber(staff, id)).rejects.toMatchObject({ code: 'conflict' });
    await removeOwnHook(ctx, token);
    await eraseHookSubscriber(staff, id);
    for (const table of ['recipients', 'deliveries', 'audit'] as const) {
      const rows = await ctx.db.read((tx) => tx.selectFrom(table).selectAll().execute());
      expect(JSON.stringify(rows), table).not.toMatch(/receiver\.example|owner@/);
    }
    await expect(viewOwnHook(ctx, token)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('are no people: the screens of those do not know them', async () => {
    const { ctx } = await confirmed();
    const { id } = (await hookAt(ctx)) as { id: string };
    const staff = ctx.as('comms');
    for (const deed of [getSubscriberFile, eraseSubscriber, unsubscribeSubscriber])
      await expect(deed(staff, id)).rejects.toMatchObject({ code: 'not_found' });
    expect(await countSubscribers(staff)).toEqual({ pending: 0, confirmed: 0, unsubscribed: 0 });
  });

  it('are on record: who did what, and never a secret or an address', async () => {
    const { ctx, token, secret } = await confirmed();
    const rotated = await rotateOwnSecret(ctx, token);
    await tryOwnHook(ctx, token);
    await removeOwnHook(ctx, token);
    const rows = await ctx.db.read((tx) => tx.selectFrom('audit').selectAll().orderBy('seq').execute());
    expect(rows.map((row) => row.action)).toEqual([
      'hook.confirm',
      'hook.rotate',
      'hook.test',
      'hook.remove',
    ]);
    const text = JSON.stringify(rows);
    for (const hidden of [secret, rotated, 'receiver.example', OWNER]) expect(text).not.toContain(hidden);
  });
});
