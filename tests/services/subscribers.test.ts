import { describe, expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { findSubscriber, type Recipient } from '#db/recipients.ts';
import { maskAddress } from '#domain/text.ts';
import { DAY, MINUTE } from '#domain/time.ts';
import { recipientLinks } from '#emails/links.ts';
import { undoUnsubscribe, unsubscribe, viewUnsubscribe } from '#services/leaving.ts';
import { type ChoiceInput, subscribe, WHOLE_PAGE } from '#services/subscribers.ts';
import {
  confirmSubscription,
  getSubscription,
  saveSubscription,
  viewConfirmation,
} from '#services/subscriptions.ts';
import { type TestCtx, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeComponent, makeGroup, makePage } from '../support/factory.ts';

const freely = async () => ({ ok: true }) as const;
const ask = (ctx: TestCtx, address: string, choice: ChoiceInput = WHOLE_PAGE) =>
  subscribe(ctx, { address, choice, locale: 'en', source: 'subscribe page', clientKey: '192.0.2.1' }, freely);

/** Every mail that was queued, oldest first, and the links that its reader would find in it. */
async function mailbox(ctx: TestCtx) {
  const rows = await ctx.db.read((tx) =>
    tx
      .selectFrom('deliveries as d')
      .innerJoin('notices as n', 'n.seq', 'd.notice_seq')
      .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
      .select(['n.kind', 'n.priority', 'n.created_at', 'd.state', 'r.address', 'r.id'])
      .orderBy('d.seq')
      .execute(),
  );
  return rows.map(({ id, created_at, ...row }) => {
    const links = recipientLinks(ctx.site.url, ctx.sign, id, created_at);
    const token = (url: string) => url.split('/').at(-1) as string;
    return {
      ...row,
      confirm: token(links.confirm_url),
      manage: token(links.manage_url),
      unsubscribe: token(links.unsubscribe_url),
    };
  });
}

const personAt = (ctx: TestCtx, address: string) => ctx.db.read((tx) => findSubscriber(tx, address));

async function everything(db: Db) {
  return db.read(async (tx) => ({
    recipients: await tx.selectFrom('recipients').selectAll().orderBy('seq').execute(),
    scopes: await tx.selectFrom('recipient_scopes').selectAll().execute(),
    deliveries: await tx.selectFrom('deliveries').selectAll().orderBy('seq').execute(),
    audit: await tx.selectFrom('audit').selectAll().orderBy('seq').execute(),
  }));
}

eachDatabase('subscribing', (fresh) => {
  async function visitor() {
    const db = await fresh();
    await makePage(db);
    return testContext(db, { actor: { kind: 'visitor' } });
  }
  async function subscribed(address = 'mia@example.com') {
    const ctx = await visitor();
    await ask(ctx, address);
    const [mail] = await mailbox(ctx);
    await confirmSubscription(ctx, mail!.confirm);
    ctx.clock.advance(11 * MINUTE);
    return { ctx, mail: mail! };
  }

  it('mails a link, and tells no one before it was confirmed', async () => {
    const ctx = await visitor();
    await ask(ctx, 'mia@example.com');
    const [mail] = await mailbox(ctx);
    expect(mail).toMatchObject({ kind: 'confirm', priority: 0, state: 'queued', address: 'mia@example.com' });
    expect(ctx.changes).toEqual(['outbox']);
    expect(await personAt(ctx, 'mia@example.com')).toMatchObject({ state: 'pending', confirmedAt: null });
    ctx.clock.advance(MINUTE);
    await confirmSubscription(ctx, mail!.confirm);
    expect(await personAt(ctx, 'mia@example.com')).toMatchObject({
      state: 'confirmed',
      askedAt: '2026-11-20T14:00:00.000Z',
      confirmedAt: '2026-11-20T14:01:00.000Z',
      consentVersion: '2026-11',
      consentSource: 'subscribe page',
      choice: { wholePage: true, scopes: [] },
    });
  });

  it('answers and works alike for an address that is new, waiting or confirmed; only the mail differs', async () => {
    const { ctx } = await subscribed('known@example.com');
    await ask(ctx, 'waiting@example.com');
    ctx.clock.advance(11 * MINUTE);
    ctx.changes.length = 0;
    const answers = [];
    for (const address of ['new@example.com', 'waiting@example.com', 'known@example.com'])
      answers.push(await ask(ctx, address));
    expect(answers).toEqual([undefined, undefined, undefined]);
    expect(ctx.changes).toEqual(['outbox', 'outbox', 'outbox']);
    const mails = (await mailbox(ctx)).slice(-3).map(({ kind, address }) => [kind, address]);
    expect(mails).toEqual([
      ['confirm', 'new@example.com'],
      ['confirm', 'waiting@example.com'],
      ['already', 'known@example.com'],
    ]);
  });

  it('lets no stranger change what a confirmed subscriber gets', async () => {
    const { ctx } = await subscribed();
    const before = await personAt(ctx, 'mia@example.com');
    const { id } = await makeComponent(ctx.db);
    await ask(ctx, 'mia@example.com', { wholePage: false, groups: [], components: [id] });
    const { askedAt, ...after } = (await personAt(ctx, 'mia@example.com'))!;
    expect(after).toEqual({ ...before, askedAt: undefined });
    expect(askedAt).toBe(ctx.now());
  });

  it('writes to an address at most once in ten minutes and five times a day, whoever asks', async () => {
    const ctx = await visitor();
    for (const state of ['new', 'waiting']) {
      await ask(ctx, 'mia@example.com');
      await ask(ctx, 'mia@example.com');
      ctx.clock.advance(9 * MINUTE);
      await ask(ctx, 'mia@example.com');
      expect(await mailbox(ctx)).toHaveLength(state === 'new' ? 1 : 2);
      ctx.clock.advance(2 * MINUTE);
    }
    await confirmSubscription(ctx, (await mailbox(ctx)).at(-1)!.confirm);
    for (let i = 0; i < 10; i++) {
      await ask(ctx, 'mia@example.com');
      ctx.clock.advance(11 * MINUTE);
    }
    expect(await mailbox(ctx)).toHaveLength(5);
    ctx.clock.advance(DAY);
    await ask(ctx, 'mia@example.com');
    expect(await mailbox(ctx)).toHaveLength(6);
  });

  it('refuses at once, for any address, when the client or the crowd asks too much', async () => {
    const ctx = await visitor();
    const before = await everything(ctx.db);
    const refuse = async () => ({ ok: false, retryAfter: 42 }) as const;
    const input = { address: 'a@example.com', choice: WHOLE_PAGE, locale: 'en', source: 's', clientKey: 'k' };
    await expect(subscribe(ctx, input, refuse)).rejects.toMatchObject({ code: 'too_many', retryAfter: 42 });
    expect(await everything(ctx.db)).toEqual(before);
  });

  it('remembers groups (for their components) and single components, and drops what does not exist', async () => {
    const ctx = await visitor();
    const shop = await makeGroup(ctx.db, { name: 'Shop' });
    const inShop = await makeComponent(ctx.db, { group_id: shop.id });
    const alone = await makeComponent(ctx.db, { name: 'Website' });
    const gone = await makeComponent(ctx.db, { name: 'Fax', archived_at: ctx.now() });
    await ask(ctx, 'mia@example.com', {
      wholePage: false,
      groups: [shop.id, 'nogroup'],
      components: [inShop.id, alone.id, gone.id, "'; drop table recipients; --"],
    });
    expect((await personAt(ctx, 'mia@example.com'))?.choice).toEqual({
      wholePage: false,
      scopes: [
        { kind: 'component', id: alone.id },
        { kind: 'group', id: shop.id },
      ],
    });
    await expect(
      ask(ctx, 'tom@example.com', { wholePage: false, groups: [], components: [gone.id] }),
    ).rejects.toMatchObject({ code: 'invalid', problems: [{ field: 'scopes' }] });
    expect(await personAt(ctx, 'tom@example.com')).toBeNull();
  });

  describe('a confirmation link', () => {
    it('shows and changes nothing until it is pressed, then works twice as well as once', async () => {
      const ctx = await visitor();
      await ask(ctx, 'mia@example.com');
      const { confirm } = (await mailbox(ctx))[0]!;
      const before = await everything(ctx.db);
      expect(await viewConfirmation(ctx, confirm)).toMatchObject({
        masked: 'm***@example.com',
        state: 'pending',
      });
      expect(await everything(ctx.db)).toEqual(before);
      await confirmSubscription(ctx, confirm);
      const after = await everything(ctx.db);
      ctx.clock.advance(MINUTE);
      await confirmSubscription(ctx, confirm);
      expect(await everything(ctx.db)).toEqual(after);
    });

    it('expires after seven days and says how to get another; who has confirmed is told so still', async () => {
      const ctx = await visitor();
      await ask(ctx, 'mia@example.com');
      const { confirm } = (await mailbox(ctx))[0]!;
      ctx.clock.advance(7 * DAY - 1);
      expect(await viewConfirmation(ctx, confirm)).toMatchObject({ state: 'pending' });
      ctx.clock.advance(1);
      const refusal = { code: 'gone', message: expect.stringContaining('expired'), fix: expect.any(String) };
      await expect(viewConfirmation(ctx, confirm)).rejects.toMatchObject(refusal);
      await expect(confirmSubscription(ctx, confirm)).rejects.toMatchObject(refusal);
      await ask(ctx, 'mia@example.com');
      await confirmSubscription(ctx, (await mailbox(ctx)).at(-1)!.confirm);
      expect(await viewConfirmation(ctx, confirm)).toMatchObject({ state: 'confirmed' });
    });

    it('from before an unsubscribing cannot bring anyone back; a new one can, at once', async () => {
      const ctx = await visitor();
      await ask(ctx, 'mia@example.com');
      const mail = (await mailbox(ctx))[0]!;
      await confirmSubscription(ctx, mail.confirm);
      ctx.clock.advance(MINUTE);
      await unsubscribe(ctx, mail.unsubscribe);
      await expect(confirmSubscription(ctx, mail.confirm)).rejects.toMatchObject({ code: 'gone' });
      ctx.clock.advance(MINUTE);
      await ask(ctx, 'mia@example.com');
      expect((await mailbox(ctx)).map(({ kind }) => kind)).toEqual(['confirm', 'unsubscribed', 'confirm']);
      expect(await personAt(ctx, 'mia@example.com')).toMatchObject({ state: 'pending' });
      await expect(confirmSubscription(ctx, mail.confirm)).rejects.toMatchObject({ code: 'gone' });
      await confirmSubscription(ctx, (await mailbox(ctx)).at(-1)!.confirm);
      expect(await personAt(ctx, 'mia@example.com')).toMatchObject({ state: 'confirmed' });
    });
  });

  describe('personal links', () => {
    it('of one purpose or person open nothing else', async () => {
      const { ctx, mail } = await subscribed();
      await ask(ctx, 'tom@example.com');
      const tom = (await mailbox(ctx)).at(-1)!;
      const before = await everything(ctx.db);
      const swapped = mail.unsubscribe.slice(0, 32) + tom.unsubscribe.slice(32);
      const wrong = { code: 'not_found' };
      for (const token of [mail.manage, mail.confirm, swapped, '', 'x'.repeat(44)])
        await expect(unsubscribe(ctx, token)).rejects.toMatchObject(wrong);
      for (const token of [mail.unsubscribe, mail.confirm, swapped])
        await expect(getSubscription(ctx, token)).rejects.toMatchObject(wrong);
      for (const token of [mail.unsubscribe, mail.manage])
        await expect(confirmSubscription(ctx, token)).rejects.toMatchObject(wrong);
      expect(await everything(ctx.db)).toEqual(before);
    });

    it('never show the address they belong to', async () => {
      const { ctx, mail } = await subscribed('mia.long@example.com');
      const views = [
        await viewUnsubscribe(ctx, mail.unsubscribe),
        await getSubscription(ctx, mail.manage),
        await viewConfirmation(ctx, mail.confirm),
      ];
      expect(JSON.stringify(views)).not.toContain('mia');
      expect(maskAddress('a@b.example')).toBe('a***@b.example');
    });
  });

  describe('unsubscribing', () => {
    it('shows first and changes nothing, then acts once, and takes back what waits in the queue', async () => {
      const { ctx, mail } = await subscribed();
      await ask(ctx, 'mia@example.com');
      const before = await everything(ctx.db);
      expect(await viewUnsubscribe(ctx, mail.unsubscribe)).toMatchObject({ state: 'confirmed' });
      expect(await everything(ctx.db)).toEqual(before);
      await unsubscribe(ctx, mail.unsubscribe);
      expect(await personAt(ctx, 'mia@example.com')).toMatchObject({
        state: 'unsubscribed',
        unsubscribedAt: ctx.now(),
      });
      expect((await mailbox(ctx)).map(({ kind, state }) => [kind, state])).toEqual([
        ['confirm', 'suppressed'],
        ['already', 'suppressed'],
        ['unsubscribed', 'queued'],
      ]);
      const after = await everything(ctx.db);
      ctx.clock.advance(MINUTE);
      await unsubscribe(ctx, mail.unsubscribe);
      expect(await everything(ctx.db)).toEqual(after);
    });

    it('can be undone by whoever holds the link, keeping what they had chosen', async () => {
      const { ctx, mail } = await subscribed();
      const { id } = await makeComponent(ctx.db);
      await saveSubscription(ctx, mail.manage, { wholePage: false, groups: [], components: [id] });
      const { confirmedAt } = (await personAt(ctx, 'mia@example.com')) as Recipient;
      ctx.clock.advance(MINUTE);
      await unsubscribe(ctx, mail.unsubscribe);
      await expect(saveSubscription(ctx, mail.manage, WHOLE_PAGE)).rejects.toMatchObject({
        code: 'conflict',
      });
      expect(await viewUnsubscribe(ctx, mail.unsubscribe)).toMatchObject({ canUndo: true });
      ctx.clock.advance(MINUTE);
      await undoUnsubscribe(ctx, mail.unsubscribe);
      expect(await personAt(ctx, 'mia@example.com')).toMatchObject({
        state: 'confirmed',
        // As though they had never left: what was said meanwhile is theirs, too.
        confirmedAt,
        choice: { wholePage: false, scopes: [{ kind: 'component', id }] },
      });
    });

    it('can be undone for seven days: an old link that was forwarded brings nobody back', async () => {
      const { ctx, mail } = await subscribed();
      await unsubscribe(ctx, mail.unsubscribe);
      ctx.clock.advance(7 * DAY);
      expect(await viewUnsubscribe(ctx, mail.unsubscribe)).toMatchObject({ canUndo: true });
      ctx.clock.advance(1);
      expect(await viewUnsubscribe(ctx, mail.unsubscribe)).toMatchObject({ canUndo: false });
      await expect(undoUnsubscribe(ctx, mail.unsubscribe)).rejects.toMatchObject({ code: 'conflict' });
      expect(await personAt(ctx, 'mia@example.com')).toMatchObject({ state: 'unsubscribed' });
    });

    it('cannot be undone into a subscription that was never confirmed', async () => {
      const ctx = await visitor();
      await ask(ctx, 'mia@example.com');
      const mail = (await mailbox(ctx))[0]!;
      await unsubscribe(ctx, mail.unsubscribe);
      expect(await viewUnsubscribe(ctx, mail.unsubscribe)).toMatchObject({ canUndo: false });
      await expect(undoUnsubscribe(ctx, mail.unsubscribe)).rejects.toMatchObject({ code: 'conflict' });
    });
  });
});
