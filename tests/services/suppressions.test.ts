import { expect, it } from 'vitest';
import { deleteSuppression, listSuppressed, suppressAddress } from '#db/suppressions.ts';
import { readResendEvent } from '#delivery/events.ts';
import { installationMark } from '#domain/receipts.ts';
import { addMs, DAY, HOUR, MINUTE } from '#domain/time.ts';
import { addMember, pasteMembers } from '#services/audienceMembers.ts';
import { ensureAudiences } from '#services/audiences.ts';
import { addHookSubscriber } from '#services/hookRecords.ts';
import { subscribeWebhook } from '#services/hookSubscribers.ts';
import { applyReceipts, receiveEvent } from '#services/receipts.ts';
import { addSubscriber, eraseSubscriber } from '#services/subscriberRecords.ts';
import {
  addSuppression,
  countSuppressions,
  findSuppression,
  getReceiptHealth,
  liftSuppression,
  listSuppressions,
  searchInput,
} from '#services/suppressions.ts';
import { type TestCtx, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makePage } from '../support/factory.ts';

const MIA = 'mia@acme.example';

eachDatabase('suppressions', (fresh) => {
  async function house() {
    const db = await fresh();
    await makePage(db);
    return testContext(db);
  }
  const suppress = (
    ctx: TestCtx,
    address: string,
    reason: 'bounce' | 'soft_bounces' | 'complaint' | 'manual' = 'bounce',
    detail: string | null = null,
  ) => ctx.db.write((tx) => suppressAddress(tx, { address, reason, detail, now: ctx.now() }));
  const audit = async (ctx: TestCtx) =>
    (await ctx.db.read((tx) => tx.selectFrom('audit').selectAll().orderBy('seq').execute())).filter(
      ({ action }) => action.startsWith('suppression.'),
    );

  it('outlive an erasure for whoever comes back in another part: in an audience, or as the owner of a webhook', async () => {
    const ctx = await house();
    await ensureAudiences(ctx);
    const comeBack = [
      () => addMember(ctx, 'support', { address: MIA, name: 'Mia' }),
      () => pasteMembers(ctx, 'support', `${MIA}, Mia`),
      () =>
        addHookSubscriber(ctx, {
          channel: 'webhook',
          url: 'https://93.184.216.34/hook',
          name: null,
          owner: MIA,
        }),
      () =>
        subscribeWebhook(
          ctx,
          { url: 'https://93.184.216.34/own', owner: MIA, locale: 'en', source: 'form', clientKey: 'x' },
          async () => ({ ok: true }),
        ),
    ];
    for (const back of comeBack) {
      await ctx.db.write(async (tx) => {
        await deleteSuppression(tx, MIA);
        await tx.deleteFrom('deliveries').execute();
        await tx.deleteFrom('recipients').execute();
      });
      const id = await addSubscriber(ctx, { address: MIA, consent: 'a letter' });
      await suppress(ctx, MIA, 'complaint');
      await eraseSubscriber(ctx, id);
      expect(await ctx.db.read((tx) => listSuppressed(tx, [MIA]))).toEqual(new Set());
      await back();
      // What is asked at the moment of sending.
      expect(await ctx.db.read((tx) => listSuppressed(tx, [MIA]))).toEqual(new Set([MIA]));
    }
  });

  it('are added by hand and lifted, each with a reason that stays; the audit names no address', async () => {
    const ctx = await house();
    await addSuppression(ctx, { address: MIA, reason: 'Asked by telephone.' });
    await expect(addSuppression(ctx, { address: MIA, reason: 'Again.' })).rejects.toMatchObject({
      code: 'conflict',
      problems: [{ field: 'address' }],
    });
    expect(await findSuppression(ctx, { address: MIA })).toEqual({
      address: MIA,
      subscriberId: null,
      record: {
        reason: 'manual',
        detail: 'Asked by telephone.',
        createdAt: ctx.now(),
        liftedAt: null,
        liftedReason: null,
      },
    });
    ctx.clock.advance(HOUR);
    await liftSuppression(ctx, { address: MIA, reason: 'Changed her mind.' });
    await expect(liftSuppression(ctx, { address: MIA, reason: 'Again.' })).rejects.toMatchObject({
      code: 'not_found',
    });
    expect((await findSuppression(ctx, { address: MIA })).record).toMatchObject({
      liftedAt: ctx.now(),
      liftedReason: 'Changed her mind.',
    });
    expect((await listSuppressions(ctx)).suppressions).toEqual([]);
    const rows = await audit(ctx);
    expect(rows.map(({ action, detail }) => [action, JSON.parse(detail).text])).toEqual([
      ['suppression.add', 'Asked by telephone.'],
      ['suppression.lift', 'Changed her mind.'],
    ]);
    expect(rows[0]?.subject_id).toBe(rows[1]?.subject_id);
    expect(JSON.stringify(rows)).not.toContain('mia');
    // And it can be put there once more.
    await addSuppression(ctx, { address: MIA, reason: 'Once more.' });
    expect((await findSuppression(ctx, { address: MIA })).record).toMatchObject({ liftedAt: null });
  });

  it('need a reason, and an address', async () => {
    const ctx = await house();
    const nothing = { reason: 'x' } as unknown as { address: string; reason: string };
    await expect(addSuppression(ctx, nothing)).rejects.toThrow();
    expect((await listSuppressions(ctx)).suppressions).toEqual([]);
  });

  it('are counted by reason, without what was lifted', async () => {
    const ctx = await house();
    await suppress(ctx, 'a@x.example', 'bounce');
    await suppress(ctx, 'b@x.example', 'bounce');
    await suppress(ctx, 'c@x.example', 'complaint');
    await suppress(ctx, 'd@x.example', 'soft_bounces');
    await liftSuppression(ctx, { address: 'd@x.example', reason: 'x' });
    expect(await countSuppressions(ctx)).toEqual({ total: 3, byReason: { bounce: 2, complaint: 1 } });
  });

  it('are listed page by page, the newest first, each once, however many came at one instant', async () => {
    const ctx = await house();
    const all: string[] = [];
    for (let i = 0; i < 130; i++) {
      // Seventy at one instant: more than a page holds.
      if (i < 30 || i >= 100) ctx.clock.advance(MINUTE);
      const address = `p${String(i).padStart(3, '0')}@${i % 2 ? 'odd' : 'even'}.example`;
      await suppress(ctx, address);
      all.push(address);
    }
    async function pages(domain: string | null) {
      const found: (string | null)[][] = [];
      let from: Awaited<ReturnType<typeof listSuppressions>>['next'] = null;
      do {
        const page: Awaited<ReturnType<typeof listSuppressions>> = await listSuppressions(ctx, {
          domain,
          from,
        });
        found.push(page.suppressions.map(({ address }) => address));
        from = page.next;
        expect(found.length).toBeLessThan(9);
      } while (from);
      return found;
    }
    const found = await pages(null);
    expect(found.map(({ length }) => length)).toEqual([50, 50, 30]);
    expect(found.flat()).toEqual(all.toReversed());
    const odd = await pages('odd.example');
    expect(odd.flat()).toEqual(all.filter((address) => address.endsWith('@odd.example')).toReversed());
    expect(await pages('none.example')).toEqual([[]]);
    // A part of a domain is another domain.
    expect(await pages('example')).toEqual([[]]);
  });

  it('are shown masked, with what is said of them, to who may not know addresses; nor may they ask for one', async () => {
    const ctx = await house();
    await suppress(ctx, MIA, 'manual', 'Mia <mia.private@home.example> wrote, for mia@acme.example.');
    for (const role of ['responder', 'viewer'] as const) {
      const { suppressions } = await listSuppressions(ctx.as(role));
      expect(suppressions).toMatchObject([
        { address: 'm***@acme.example', detail: 'Mia <m***@home.example> wrote, for m***@acme.example.' },
      ]);
      await expect(findSuppression(ctx.as(role), { address: MIA })).rejects.toMatchObject({
        code: 'forbidden',
      });
    }
    expect((await listSuppressions(ctx)).suppressions[0]).toMatchObject({
      address: MIA,
      detail: expect.stringContaining('mia.private@home.example'),
    });
  });

  it('keep no address that a stranger’s mail server quotes', () => {
    const body = JSON.stringify({
      type: 'email.bounced',
      data: {
        to: [MIA],
        bounce: {
          type: 'Permanent',
          message: '550 <Mia.Forward@home.example>: unknown (for mia@acme.example)',
        },
      },
    });
    expect(readResendEvent(body).receipt).toMatchObject({
      addresses: [MIA],
      reason:
        'The person’s mail server sent it back. 550 <M***@home.example>: unknown (for m***@acme.example)',
    });
  });

  it('are found and lifted by who knows the address, after its owner was erased', async () => {
    const ctx = await house();
    const id = await addSubscriber(ctx, { address: MIA, consent: 'a letter' });
    await suppress(ctx, MIA);
    expect(await findSuppression(ctx, { subscriberId: id })).toMatchObject({
      address: MIA,
      subscriberId: id,
      record: { reason: 'bounce' },
    });
    await eraseSubscriber(ctx, id);
    expect((await listSuppressions(ctx)).suppressions).toMatchObject([{ address: null }]);
    expect(await findSuppression(ctx, { address: MIA })).toMatchObject({
      subscriberId: null,
      record: { reason: 'bounce', liftedAt: null },
    });
    await expect(addSuppression(ctx, { address: MIA, reason: 'x' })).rejects.toMatchObject({
      code: 'conflict',
    });
    await liftSuppression(ctx, { address: MIA, reason: 'They wrote to us.' });
    expect((await listSuppressions(ctx)).suppressions).toEqual([]);
    await addSubscriber(ctx, { address: MIA, consent: 'another letter' });
    await expect(findSuppression(ctx, { subscriberId: id })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('are sought by a whole address or by a domain', () => {
    const sought = (text: string) => searchInput.safeParse({ sought: text }).data?.sought;
    expect(sought(' Mia@ACME.example ')).toEqual({ address: MIA });
    expect(sought('@acme.example')).toEqual({ domain: 'acme.example' });
    expect(sought('ACME.example')).toEqual({ domain: 'acme.example' });
    for (const text of ['', 'mia', 'mia@', "x' or 1=1", '%', 'a b.example'])
      expect(sought(text)).toBeUndefined();
  });

  it('tell how the provider’s word comes in: the last of it, what waits, and what was of others', async () => {
    const ctx = await house();
    expect(await getReceiptHealth(ctx)).toEqual({ lastAt: null, waiting: 0, other: 0 });
    const tell = async (eventId: string, installation: string) => {
      const body = JSON.stringify({
        type: 'email.delivered',
        data: { email_id: eventId, to: [MIA], tags: { delivery_id: '7', installation } },
      });
      await receiveEvent(ctx, { ...readResendEvent(body), provider: 'resend', eventId, body });
    };
    await tell('ours', installationMark(ctx.sign, ctx.site.url));
    await tell('theirs', 'another');
    await applyReceipts(ctx);
    expect(await getReceiptHealth(ctx.as('viewer'))).toEqual({ lastAt: ctx.now(), waiting: 1, other: 1 });
    const heardAt = ctx.now();
    ctx.clock.set(addMs(heardAt, 31 * DAY));
    expect(await getReceiptHealth(ctx)).toEqual({ lastAt: heardAt, waiting: 1, other: 0 });
  });
});
