import { describe, expect, it } from 'vitest';
import { suppressAddress } from '#db/suppressions.ts';
import { MINUTE } from '#domain/time.ts';
import { importSubscribers } from '#services/subscriberImport.ts';
import {
  addSubscriber,
  countSubscribers,
  eraseSubscriber,
  findSubscriberByAddress,
  getSubscriberFile,
  listSubscribers,
  unsubscribeSubscriber,
} from '#services/subscriberRecords.ts';
import { subscribe, WHOLE_PAGE } from '#services/subscribers.ts';
import { type TestCtx, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makePage } from '../support/factory.ts';

const add = (ctx: TestCtx, address: string) => addSubscriber(ctx, { address, consent: 'Trade fair, 3 May' });
const suppress = (ctx: TestCtx, address: string) =>
  ctx.db.write((tx) =>
    suppressAddress(tx, { address, reason: 'bounce', detail: 'no such mailbox', now: ctx.now() }),
  );

eachDatabase('the subscribers as staff see them', (fresh) => {
  async function staff() {
    const db = await fresh();
    await makePage(db);
    return testContext(db);
  }

  it('are listed newest first, page by page, each once', async () => {
    const ctx = await staff();
    const rows = Array.from({ length: 120 }, (_, i) => `p${i}@example.com`);
    await importSubscribers(ctx, `email\n${rows.join('\n')}`);
    const seen: string[] = [];
    let before: number | null = null;
    do {
      const { people, next } = await listSubscribers(ctx, { state: 'confirmed', before });
      seen.push(...people.map(({ address }) => address));
      before = next;
    } while (before !== null);
    expect(seen).toEqual(rows.toReversed());
    expect((await listSubscribers(ctx, { state: 'pending', before: null })).people).toEqual([]);
    expect(await countSubscribers(ctx)).toEqual({ confirmed: 120, pending: 0, unsubscribed: 0 });
  });

  it('are found by their exact address alone, whatever was typed', async () => {
    const ctx = await staff();
    await add(ctx, 'mia@example.com');
    expect(await findSubscriberByAddress(ctx, 'mia@example.com')).toMatchObject({ state: 'confirmed' });
    for (const typed of ['mia@example.co', '%', 'mi_@example.com', "' or 1=1 --"])
      expect(await findSubscriberByAddress(ctx, typed)).toBeNull();
  });

  it('can be added with a note of where they agreed, but not against their will', async () => {
    const ctx = await staff();
    const id = await add(ctx, 'mia@example.com');
    expect((await getSubscriberFile(ctx, id)).person).toMatchObject({
      state: 'confirmed',
      consentSource: 'staff: Trade fair, 3 May',
    });
    await expect(add(ctx, 'mia@example.com')).rejects.toMatchObject({ code: 'conflict' });
    await unsubscribeSubscriber(ctx, id);
    await expect(add(ctx, 'mia@example.com')).rejects.toThrow('unsubscribed on 20 Nov 2026');
    await suppress(ctx, 'gone@example.com');
    await expect(add(ctx, 'gone@example.com')).rejects.toThrow('must not be mailed');
  });

  it('are erased with everything that was sent to them', async () => {
    const ctx = await staff();
    await subscribe(
      ctx,
      { address: 'mia@example.com', choice: WHOLE_PAGE, locale: 'en', source: 's', clientKey: 'k' },
      async () => ({ ok: true }),
    );
    const { id } = (await findSubscriberByAddress(ctx, 'mia@example.com'))!;
    expect((await getSubscriberFile(ctx, id)).mails).toMatchObject([
      { subject: 'Confirm that you want updates from Harbour status', state: 'queued' },
    ]);
    await eraseSubscriber(ctx, id);
    await expect(getSubscriberFile(ctx, id)).rejects.toMatchObject({ code: 'not_found' });
    expect(await countSubscribers(ctx)).toEqual({ confirmed: 0, pending: 0, unsubscribed: 0 });
    const left = await ctx.db.read(async (tx) => [
      ...(await tx.selectFrom('recipients').selectAll().execute()),
      ...(await tx.selectFrom('deliveries').selectAll().execute()),
      ...(await tx.selectFrom('audit').selectAll().execute()),
      ...(await tx.selectFrom('suppressions').selectAll().execute()),
    ]);
    expect(JSON.stringify(left)).not.toContain('mia');
  });

  it('leave a keyed hash behind when they must not be mailed, which stops an import but not themselves', async () => {
    const ctx = await staff();
    const id = await add(ctx, 'mia@example.com');
    await suppress(ctx, 'mia@example.com');
    expect((await getSubscriberFile(ctx, id)).suppressed).toBe(true);
    await eraseSubscriber(ctx, id);
    const kept = await ctx.db.read((tx) => tx.selectFrom('suppressions').selectAll().execute());
    expect(kept).toHaveLength(1);
    expect(JSON.stringify(kept)).not.toContain('mia@');
    await expect(add(ctx, 'mia@example.com')).rejects.toThrow('must not be mailed');
    ctx.clock.advance(MINUTE);
    expect(await importSubscribers(ctx, 'email\nmia@example.com')).toMatchObject({ added: 0, suppressed: 1 });
    await subscribe(
      ctx,
      { address: 'mia@example.com', choice: WHOLE_PAGE, locale: 'en', source: 's', clientKey: 'k' },
      async () => ({ ok: true }),
    );
    const back = (await findSubscriberByAddress(ctx, 'mia@example.com'))!;
    expect(await getSubscriberFile(ctx, back.id)).toMatchObject({ suppressed: true });
  });

  describe('permissions', () => {
    it('keep responders and viewers out', async () => {
      const ctx = await staff();
      const id = await add(ctx, 'mia@example.com');
      for (const role of ['responder', 'viewer'] as const) {
        const low = ctx.as(role);
        for (const deed of [
          () => countSubscribers(low),
          () => listSubscribers(low, { state: null, before: null }),
          () => findSubscriberByAddress(low, 'mia@example.com'),
          () => getSubscriberFile(low, id),
          () => add(low, 'tom@example.com'),
          () => unsubscribeSubscriber(low, id),
          () => eraseSubscriber(low, id),
          () => importSubscribers(low, 'email\ntom@example.com'),
        ])
          await expect(deed()).rejects.toMatchObject({ code: 'forbidden' });
      }
      expect(await countSubscribers(ctx)).toMatchObject({ confirmed: 1 });
    });
  });
});
