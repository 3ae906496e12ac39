import { expect, it } from 'vitest';
import { findSubscriber } from '#db/recipients.ts';
import { DAY, HOUR, MINUTE } from '#domain/time.ts';
import { linkToken, recipientLinks } from '#emails/links.ts';
import { slot } from '#emails/template.ts';
import { undoUnsubscribe, unsubscribe, unsubscribeFromManage, viewUnsubscribe } from '#services/leaving.ts';
import { addSubscriber, markShared } from '#services/subscriberRecords.ts';
import { WHOLE_PAGE } from '#services/subscribers.ts';
import { getSubscription, mailFreshLink, saveSubscription } from '#services/subscriptions.ts';
import { type TestCtx, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeComponent, makePage } from '../support/factory.ts';

const LIST = 'ops-all@acme.example';

/** Mails are forwarded, kept for years, and read by many: what each link may do, to whom, and for how long. */
eachDatabase('mail in other hands', (fresh) => {
  async function house({ shared = false } = {}) {
    const db = await fresh();
    await makePage(db);
    const ctx = testContext(db);
    const id = await addSubscriber(ctx, { address: LIST, consent: 'a letter' });
    if (shared) await markShared(ctx, id, true);
    ctx.clock.advance(HOUR);
    const visitor = { ...ctx, actor: { kind: 'visitor' as const } };
    ctx.changes.length = 0;
    return { ctx: visitor, staff: ctx, id };
  }

  /** The links in a mail that was written now. */
  function linksNow(ctx: TestCtx, id: string, at = ctx.now()) {
    const links = recipientLinks(ctx.site.url, ctx.sign, id, at);
    const token = (url: string) => url.split('/').at(-1) as string;
    return {
      unsubscribe: token(links.unsubscribe_url),
      manage: token(links.manage_url),
      leave: token(links.leave_url),
    };
  }
  const person = async (ctx: TestCtx) => (await ctx.db.read((tx) => findSubscriber(tx, LIST)))!;
  const mails = (ctx: TestCtx) =>
    ctx.db.read((tx) =>
      tx
        .selectFrom('deliveries as d')
        .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
        .select(['n.kind', 'd.state', 'n.subject', 'n.text', 'n.priority', 'd.lane'])
        .orderBy('d.seq')
        .execute(),
    );
  const kinds = async (ctx: TestCtx) => (await mails(ctx)).map(({ kind, state }) => `${kind} ${state}`);
  const actions = async (ctx: TestCtx) =>
    (await ctx.db.read((tx) => tx.selectFrom('audit').select('action').orderBy('seq').execute())).map(
      ({ action }) => action,
    );

  it('an unsubscribing mails one notice with a way back, however often the link is pressed', async () => {
    const { ctx, id } = await house();
    const { unsubscribe: token } = linksNow(ctx, id);
    expect(await unsubscribe(ctx, token)).toBe('left');
    expect(ctx.changes).toEqual(['outbox']);
    for (let i = 0; i < 3; i++) expect(await unsubscribe(ctx, token)).toBe('left');
    expect(await mails(ctx)).toMatchObject([
      {
        kind: 'unsubscribed',
        state: 'queued',
        lane: 'mail',
        priority: 0,
        text: expect.stringContaining(slot('unsubscribe_url')),
      },
    ]);
    // The way back in that mail.
    await undoUnsubscribe(ctx, token);
    expect(await person(ctx)).toMatchObject({ state: 'confirmed' });
  });

  it('the notice is taken back with the unsubscribing when it has not left, and comes again when it ends once more', async () => {
    const { ctx, id } = await house();
    const { unsubscribe: token } = linksNow(ctx, id);
    await unsubscribe(ctx, token);
    await undoUnsubscribe(ctx, token);
    expect(await mails(ctx)).toMatchObject([{ kind: 'unsubscribed', state: 'superseded' }]);
    await unsubscribe(ctx, token);
    expect(await kinds(ctx)).toEqual(['unsubscribed superseded', 'unsubscribed queued']);
  });

  it('whoever took it back a moment ago hears of the next unsubscribing too', async () => {
    const { ctx, id } = await house();
    const { unsubscribe: token } = linksNow(ctx, id);
    await unsubscribe(ctx, token);
    // It has left, and the owner of the mailbox takes the way back that it shows.
    await ctx.db.write((tx) => tx.updateTable('deliveries').set({ state: 'delivered' }).execute());
    ctx.clock.advance(2 * MINUTE);
    await undoUnsubscribe(ctx, token);
    ctx.clock.advance(2 * MINUTE);
    await unsubscribe(ctx, token);
    expect(await kinds(ctx)).toEqual(['unsubscribed delivered', 'unsubscribed queued']);
  });

  it('two people who press unsubscribe and undo in turn fill no mailbox', async () => {
    const { ctx, id } = await house();
    const { unsubscribe: token } = linksNow(ctx, id);
    for (let i = 0; i < 20; i++) {
      await unsubscribe(ctx, token);
      // It has left meanwhile.
      await ctx.db.write((tx) =>
        tx.updateTable('deliveries').set({ state: 'accepted' }).where('state', '=', 'queued').execute(),
      );
      ctx.clock.advance(11 * MINUTE);
      await undoUnsubscribe(ctx, token);
    }
    expect(await mails(ctx)).toHaveLength(5);
  });

  it('nobody who was never told is mailed that it ends', async () => {
    const { ctx, id } = await house();
    await ctx.db.write((tx) =>
      tx.updateTable('recipients').set({ state: 'pending', confirmed_at: null }).execute(),
    );
    await unsubscribe(ctx, linksNow(ctx, id).unsubscribe);
    expect(await mails(ctx)).toEqual([]);
    expect(ctx.changes).toEqual([]);
  });

  it('preferences change by a link that was mailed within a day, and by no older one', async () => {
    const { ctx, id } = await house();
    const component = await makeComponent(ctx.db);
    const { manage, unsubscribe: stop } = linksNow(ctx, id);
    const some = { wholePage: false, groups: [], components: [component.id] };
    ctx.clock.advance(DAY);
    await saveSubscription(ctx, manage, some);
    expect((await person(ctx)).choice.wholePage).toBe(false);
    ctx.clock.advance(1);
    const before = await person(ctx);
    expect(await getSubscription(ctx, manage)).toMatchObject({
      isFresh: false,
      masked: 'o***@acme.example',
      unsubscribePath: `/unsubscribe/${stop}`,
    });
    for (const change of [
      () => saveSubscription(ctx, manage, { ...WHOLE_PAGE, shared: true }),
      () => unsubscribeFromManage(ctx, manage),
    ])
      await expect(change()).rejects.toMatchObject({ code: 'gone', fix: expect.stringContaining('fresh') });
    expect(await person(ctx)).toEqual(before);
    expect(await mails(ctx)).toEqual([]);
    // Unsubscribing never ends: RFC 8058 asks for it, and so do people.
    ctx.clock.advance(400 * DAY);
    expect(await unsubscribe(ctx, stop)).toBe('left');
  });

  it('a link from before links were dated is an old one', async () => {
    const { ctx, id } = await house();
    const old = linkToken(ctx.sign, 'manage', id);
    expect(await getSubscription(ctx, old)).toMatchObject({ isFresh: false, state: 'confirmed' });
    await expect(saveSubscription(ctx, old, WHOLE_PAGE)).rejects.toMatchObject({ code: 'gone' });
  });

  it('an old link has a fresh one mailed to the address, a few at most; that one works for a day', async () => {
    const { ctx, id } = await house();
    const old = linksNow(ctx, id).manage;
    ctx.clock.advance(30 * DAY);
    await mailFreshLink(ctx, old);
    await mailFreshLink(ctx, old);
    expect(ctx.changes).toEqual(['outbox']);
    expect(await mails(ctx)).toMatchObject([
      {
        kind: 'manage',
        state: 'queued',
        text: expect.stringContaining(slot('manage_url')),
      },
    ]);
    const fresh = linksNow(ctx, id).manage;
    await saveSubscription(ctx, fresh, WHOLE_PAGE);
    for (let i = 0; i < 20; i++) {
      ctx.clock.advance(11 * MINUTE);
      await mailFreshLink(ctx, old);
    }
    expect(await mails(ctx)).toHaveLength(5);
    await expect(mailFreshLink(ctx, `${old}x`)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('no fresh link goes to who has left', async () => {
    const { ctx, id } = await house();
    const { manage, unsubscribe: stop } = linksNow(ctx, id);
    await unsubscribe(ctx, stop);
    await mailFreshLink(ctx, manage);
    expect(await kinds(ctx)).toEqual(['unsubscribed queued']);
  });

  it('a press in a mail to a list asks all who read it; the link in that mail stops it for all', async () => {
    const { ctx, id } = await house({ shared: true });
    const { unsubscribe: stop, manage } = linksNow(ctx, id);
    expect(await viewUnsubscribe(ctx, stop)).toMatchObject({ asksAll: true, byList: false });
    expect(await unsubscribe(ctx, stop)).toBe('asked');
    expect(await unsubscribe(ctx, stop)).toBe('asked');
    expect(await unsubscribeFromManage(ctx, manage)).toBe('asked');
    expect(await person(ctx)).toMatchObject({ state: 'confirmed', unsubscribedAt: null });
    expect(await mails(ctx)).toMatchObject([
      { kind: 'leave', state: 'queued', text: expect.stringContaining(slot('leave_url')) },
    ]);
    const asked = linksNow(ctx, id).leave;
    ctx.clock.advance(6 * DAY);
    expect(await viewUnsubscribe(ctx, asked)).toMatchObject({
      state: 'confirmed',
      asksAll: false,
      byList: true,
      masked: 'o***@acme.example',
    });
    expect(await unsubscribe(ctx, asked)).toBe('left');
    expect(await person(ctx)).toMatchObject({ state: 'unsubscribed' });
    expect(await kinds(ctx)).toEqual(['leave suppressed', 'unsubscribed queued']);
    expect((await actions(ctx)).filter((one) => one === 'subscriber.unsubscribe')).toHaveLength(1);
  });

  it('the link in that mail ends after a week, and with the next time that the list comes back', async () => {
    const { ctx, id } = await house({ shared: true });
    const { unsubscribe: stop, leave: asked } = linksNow(ctx, id);
    ctx.clock.advance(HOUR);
    await unsubscribe(ctx, asked);
    ctx.clock.advance(HOUR);
    await undoUnsubscribe(ctx, asked);
    for (const use of [unsubscribe, viewUnsubscribe])
      await expect(use(ctx, asked)).rejects.toMatchObject({ code: 'gone' });
    expect(await unsubscribe(ctx, stop)).toBe('asked');
    const again = linksNow(ctx, id).leave;
    ctx.clock.advance(7 * DAY);
    await expect(unsubscribe(ctx, again)).rejects.toMatchObject({ code: 'gone' });
    expect(await person(ctx)).toMatchObject({ state: 'confirmed' });
    // Of another person's, or for another purpose, it is none.
    for (const token of [linksNow(ctx, id).manage, `x${again.slice(1)}`])
      await expect(unsubscribe(ctx, token)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('is marked by a reader and by staff, and unmarked by staff alone; each is on record', async () => {
    const { ctx, staff, id } = await house();
    const { manage, unsubscribe: stop } = linksNow(ctx, id);
    await saveSubscription(ctx, manage, { ...WHOLE_PAGE, shared: true });
    expect((await person(ctx)).shared).toBe(true);
    await saveSubscription(ctx, manage, { ...WHOLE_PAGE, shared: false });
    expect((await getSubscription(ctx, manage)).shared).toBe(true);
    expect(await unsubscribe(ctx, stop)).toBe('asked');
    for (const role of ['responder', 'viewer'] as const)
      await expect(markShared(staff.as(role), id, false)).rejects.toMatchObject({ code: 'forbidden' });
    await markShared(staff, id, false);
    await markShared(staff, id, false);
    expect(await unsubscribe(ctx, stop)).toBe('left');
    expect(await actions(ctx)).toEqual([
      'subscriber.add',
      'subscriber.choose',
      'subscriber.share',
      'subscriber.choose',
      'subscriber.unshare',
      'subscriber.unsubscribe',
    ]);
  });
});
