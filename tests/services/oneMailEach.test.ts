import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { sendDigests } from '#services/digests.ts';
import { type Heard, lookUp } from '#services/heard.ts';
import { eachDatabase } from '../support/databases.ts';
import { setReleaseSeconds } from '../support/factory.ts';
import { stakeholderHouse } from './stakeholderHouse.ts';

/** Eva (executives), Sue (support) and Ann (of the account Acme, which uses Checkout) also subscribed, with their own addresses. */
async function house(fresh: () => Promise<Db>) {
  const made = await stakeholderHouse(fresh);
  const { db, ctx } = made;
  await setReleaseSeconds(db, 0);
  const subscribe = (name: string, mode: 'everything' | 'important' | 'digest' | 'policy') =>
    db.write((tx) =>
      tx
        .insertInto('recipients')
        .values({
          id: `s-${name}`.padEnd(12, '0'),
          kind: 'subscriber',
          channel: 'email',
          address: `${name}@example.com`,
          audience_id: '',
          state: 'confirmed',
          mode,
          whole_page: 1,
          locale: 'en',
          created_at: ctx.now(),
          confirmed_at: ctx.now(),
        })
        .execute(),
    );
  const subjects = (name: string) => made.heard(`${name}@example.com`).map(({ subject }) => subject);
  return { ...made, subscribe, subjects };
}

eachDatabase('whoever is told as one of an audience and subscribed besides', (fresh) => {
  it('has one mail of each update, the one that says more, and how it went stands in what they heard', async () => {
    const { ctx, declare, say, drain, subscribe, subjects, heard } = await house(fresh);
    for (const name of ['eva', 'sue', 'ann']) await subscribe(name, 'everything');
    await subscribe('zoe', 'everything');
    const { id } = await declare();
    await drain();
    ctx.clock.advance(60_000);
    await say(id, { body: 'Cards fail.', notify: true });
    await drain();
    ctx.clock.advance(60_000);
    await say(id, { body: 'We know why.', status: 'identified', notify: true });
    await drain();
    for (const name of ['eva', 'sue'])
      expect(subjects(name)).toEqual([
        '[SEV1, Declared] Checkout is failing',
        '[SEV1, Investigating] Checkout is failing',
        '[SEV1, Identified] Checkout is failing',
      ]);
    expect(subjects('ann')).toEqual([
      '[Investigating] Checkout is failing',
      '[Identified] Checkout is failing',
    ]);
    expect(heard('ann@example.com')[0]?.text).toContain('Mia Berg');
    expect(subjects('zoe')).toEqual([
      '[Investigating] Checkout is failing',
      '[Identified] Checkout is failing',
    ]);
    const ann = (await lookUp(ctx, { sought: { by: 'address', address: 'ann@example.com' } })) as Extract<
      Heard,
      { told: unknown }
    >;
    const spared = ann.told.filter(({ kind }) => kind === 'update');
    expect(spared.map(({ state, reason }) => [state, reason])).toEqual(
      [1, 2].map(() => ['superseded', 'Told in another mail, as one of an audience or account.']),
    );
  });

  it('hears as a subscriber what their audience is not told', async () => {
    const { ctx, declare, say, drain, subscribe, subjects } = await house(fresh);
    await subscribe('eva', 'everything');
    await subscribe('sue', 'everything');
    // Support is told of a SEV3; executives are not.
    const { id } = await declare({ severity: 'SEV3' });
    await say(id, { body: 'Cards are slow.', notify: true });
    await drain();
    expect(subjects('eva')).toEqual(['[Investigating] Checkout is failing']);
    expect(subjects('sue').slice(1)).toEqual([]);
    ctx.clock.advance(60_000);
    await say(id, { body: 'Cards fail.', severity: 'SEV1', notify: true });
    await drain();
    expect(subjects('eva').slice(1)).toEqual(['[SEV1, raised] Checkout is failing']);
    ctx.clock.advance(60_000);
    await say(id, { body: 'They are only slow.', severity: 'SEV3', notify: true });
    await drain();
    ctx.clock.advance(60_000);
    await say(id, { body: 'Still slow.', notify: true });
    await drain();
    expect(subjects('eva').slice(2)).toEqual([
      '[SEV3, lowered] Checkout is failing',
      '[Investigating] Checkout is failing',
    ]);
  });

  it('what waited for them as subscribers does not come after the mail that told it all', async () => {
    const { ctx, declare, say, drain, subscribe, subjects, heard } = await house(fresh);
    await subscribe('eva', 'policy');
    const { id } = await declare({ severity: 'SEV3' });
    await say(id, { body: 'Cards are slow.', notify: true });
    ctx.clock.advance(60_000);
    // The first mail to who goes by the policy waits until it has been open for half an hour.
    await say(id, { body: 'Cards fail.', severity: 'SEV1', notify: true });
    for (let minute = 0; minute < 60; minute++) {
      ctx.clock.advance(60_000);
      await drain();
    }
    expect(subjects('eva')).toEqual(['[SEV1, raised] Checkout is failing']);
    expect(heard('eva@example.com')[0]?.text).toContain('Cards are slow.');
  });

  it('has no digest of what they were told as one of an audience, and one of what they were not', async () => {
    const { ctx, declare, say, drain, subscribe, subjects, heard } = await house(fresh);
    await subscribe('eva', 'digest');
    const { id } = await declare();
    await say(id, { body: 'Cards fail.', notify: true });
    await drain();
    const before = subjects('eva');
    ctx.clock.set('2026-11-21T09:00:00.000Z');
    await sendDigests(ctx);
    await drain();
    expect(subjects('eva')).toEqual(before);
    const other = await declare({ severity: 'SEV4', title: 'A typo' });
    await say(other.id, { body: 'A word is wrong.', notify: true });
    ctx.clock.set('2026-11-22T09:00:00.000Z');
    await sendDigests(ctx);
    await drain();
    expect(subjects('eva').slice(before.length)).toEqual([
      expect.stringMatching(/^Harbour.*one thing happened, and it goes on/),
    ]);
    expect(heard('eva@example.com').at(-1)?.text).not.toContain('Cards fail.');
  });

  it('is told once of a mended text, by whom they had it from', async () => {
    const { ctx, declare, say, drain, subscribe, subjects, edit } = await house(fresh);
    await subscribe('ann', 'everything');
    const { id } = await declare();
    await say(id, { body: 'Crads fail.', notify: true });
    await drain();
    ctx.clock.advance(60_000);
    await edit(id, 'Cards fail.');
    await drain();
    expect(subjects('ann')).toHaveLength(2);
    expect(subjects('ann')[1]).toContain('Correction');
  });
});
