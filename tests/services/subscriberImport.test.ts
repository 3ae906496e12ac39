import { expect, it } from 'vitest';
import { findSubscriber } from '#db/recipients.ts';
import { suppressAddress } from '#db/suppressions.ts';
import { MINUTE } from '#domain/time.ts';
import { type ImportReport, importSubscribers } from '#services/subscriberImport.ts';
import { addSubscriber, countSubscribers, unsubscribeSubscriber } from '#services/subscriberRecords.ts';
import { testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { makeComponent, makeGroup, makePage } from '../support/factory.ts';

eachDatabase('importing subscribers', (fresh) => {
  async function staff() {
    const db = await fresh();
    await makePage(db);
    return testContext(db);
  }

  it('adds everyone it can, and says of everyone else why not and on which line', async () => {
    const ctx = await staff();
    const shop = await makeGroup(ctx.db, { name: 'Shop' });
    const search = await makeComponent(ctx.db, { name: 'Search', group_id: shop.id });
    await makeComponent(ctx.db, { name: 'API', group_id: shop.id });
    await makeComponent(ctx.db, { name: 'API' });
    const left = await addSubscriber(ctx, { address: 'left@example.com', consent: 'x' });
    await unsubscribeSubscriber(ctx, left);
    await addSubscriber(ctx, { address: 'here@example.com', consent: 'x' });
    const bounce = {
      address: 'bounced@example.com',
      reason: 'bounce',
      detail: null,
      now: ctx.now(),
    } as const;
    await ctx.db.write((tx) => suppressAddress(tx, bounce));
    ctx.clock.advance(MINUTE);
    const report = await importSubscribers(
      ctx,
      [
        'Name,Email,Components,Locale',
        'Mia,Mia@Example.com,shop; search,de-AT',
        `Tom,tom@example.com,${search.id},`,
        ',all@example.com,,',
        ',mia@example.com,,',
        ',left@example.com,,',
        ',here@example.com,,',
        ',bounced@example.com,,',
        ',not an address,,',
        ',a@example.com,Fax,',
        ',b@example.com,API,',
        ',c@example.com,,klingon!',
        ',,,',
        ',d@example.com"x,,',
        ',"e@example.com"x,,',
        '"never closed',
      ].join('\r\n'),
    );
    expect(report).toEqual({
      rows: 15,
      added: 3,
      existing: 1,
      repeated: 1,
      unsubscribed: 1,
      suppressed: 1,
      bad: 8,
      skipped: expect.any(Array),
    } satisfies ImportReport);
    const reasons = Object.fromEntries(report.skipped.map(({ line, reason }) => [line, reason]));
    expect(reasons).toEqual({
      5: expect.stringContaining('stands in the file before'),
      6: expect.stringContaining('unsubscribed before'),
      8: expect.stringContaining('must not be mailed'),
      9: 'This is no mail address: “not an address”',
      10: 'No component or group is called “Fax”.',
      11: 'More than one component or group is called “API”. Write its id.',
      12: expect.stringContaining('no locale: “klingon!”'),
      13: 'There is no mail address.',
      14: expect.stringContaining('no mail address'),
      15: 'There is text after a closing quote.',
      16: expect.stringContaining('not closed'),
    });
    expect(await ctx.db.read((tx) => findSubscriber(tx, 'mia@example.com'))).toMatchObject({
      state: 'confirmed',
      locale: 'de-AT',
      confirmedAt: ctx.now(),
      consentSource: 'import',
      consentVersion: null,
      choice: {
        wholePage: false,
        scopes: [
          { kind: 'component', id: search.id },
          { kind: 'group', id: shop.id },
        ],
      },
    });
    expect(await ctx.db.read((tx) => findSubscriber(tx, 'bounced@example.com'))).toBeNull();
    expect(await ctx.db.read((tx) => findSubscriber(tx, 'left@example.com'))).toMatchObject({
      state: 'unsubscribed',
    });
    expect(await ctx.db.read((tx) => findSubscriber(tx, 'all@example.com'))).toMatchObject({
      locale: 'en',
      choice: { wholePage: true, scopes: [] },
    });
  });

  it('adds no one twice, within a file of many chunks or in a second run', async () => {
    const ctx = await staff();
    const file = `email\n${Array.from({ length: 5_000 }, (_, i) => `p${i % 2_500}@example.com`).join('\n')}\n`;
    expect(await importSubscribers(ctx, file)).toMatchObject({ rows: 5_000, added: 2_500, repeated: 2_500 });
    ctx.clock.advance(MINUTE);
    expect(await importSubscribers(ctx, file)).toMatchObject({ rows: 5_000, added: 0, existing: 5_000 });
    expect(await countSubscribers(ctx)).toMatchObject({ confirmed: 2_500 });
  });

  it('reads a stream in pieces, tells how far it is, and lets others write between its chunks', async () => {
    const ctx = await staff();
    async function* stream() {
      yield 'ema';
      yield 'il\n';
      for (let i = 0; i < 3_500; i++) {
        yield `p${i}@exam`;
        yield 'ple.com\n';
      }
    }
    const progress: number[] = [];
    const others: Promise<unknown>[] = [];
    await importSubscribers(ctx, stream(), {
      onProgress: ({ rows, added }) => {
        progress.push(rows);
        expect(added).toBe(rows);
        others.push(addSubscriber(ctx, { address: `between${rows}@example.com`, consent: 'x' }));
      },
    });
    expect(progress).toEqual([1_000, 2_000, 3_000, 3_500]);
    await Promise.all(others);
    const order = await ctx.db.read((tx) =>
      tx.selectFrom('recipients').select(['seq', 'address']).orderBy('seq').execute(),
    );
    expect(order.findIndex(({ address }) => address === 'between1000@example.com')).toBeLessThan(2_500);
    expect(order).toHaveLength(3_504);
  });

  it.each(['', '\n\n', 'mia@example.com\n', 'name;email\nMia;mia@example.com\n'])(
    'says what the first line must be when it is %j',
    async (file) => {
      const ctx = await staff();
      await expect(importSubscribers(ctx, file)).rejects.toMatchObject({
        code: 'invalid',
        fix: expect.stringContaining('email,components,locale'),
      });
    },
  );

  it('keeps at most a thousand reasons, and counts the rest', async () => {
    const ctx = await staff();
    const report = await importSubscribers(ctx, `email\n${'bad\n'.repeat(1_500)}`);
    expect(report.bad).toBe(1_500);
    expect(report.skipped).toHaveLength(1_000);
  });
});
