import { describe, expect, it } from 'vitest';
import { setDropped } from '#db/dropped.ts';
import type { Db } from '#db/open.ts';
import { removeMember } from '#services/audienceMembers.ts';
import { getAudience } from '#services/audiences.ts';
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
  /** Takes a person out of an audience. */
  const leave = async (audience: string, name: string) => {
    const { members } = await getAudience(ctx, audience);
    const { id } = members.find(({ address }) => address === `${name}@example.com`)!;
    await removeMember(ctx, audience, id);
  };
  return { ...made, subscribe, subjects, leave };
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

  describe('hears as a subscriber where the other mail does not leave after all', () => {
    const INVESTIGATING = '[Investigating] Checkout is failing';
    const IDENTIFIED = '[Identified] Checkout is failing';

    /** Both mails of the first update are made, and neither has left; Eva is an executive and has subscribed. */
    async function made() {
      const all = await house(fresh);
      await all.subscribe('eva', 'everything');
      const { id } = await all.declare();
      await all.drain();
      await all.say(id, { body: 'Cards fail.', notify: true });
      await all.expand();
      const before = all.subjects('eva').length;
      const { db, ctx } = all;
      return {
        ...all,
        id,
        news: () => all.subjects('eva').slice(before),
        leave: () => all.leave('executives', 'eva'),
        rest: () =>
          db.write((tx) =>
            tx
              .updateTable('recipients')
              .set({ quarantined_at: ctx.now() })
              .where('kind', '=', 'stakeholder')
              .where('address', '=', 'eva@example.com')
              .execute(),
          ),
      };
    }

    it('for she was taken out of the audience', async () => {
      const { leave, drain, news } = await made();
      await leave();
      await drain();
      expect(news()).toEqual([INVESTIGATING]);
    });

    it('for the mail to audiences rests for her', async () => {
      const { rest, drain, news } = await made();
      await rest();
      await drain();
      expect(news()).toEqual([INVESTIGATING]);
    });

    it('for it was dropped, and what subscribers get was not', async () => {
      const { ctx, db, drain, news } = await made();
      const { seq } = await db.read((tx) =>
        tx
          .selectFrom('deliveries as d')
          .innerJoin('recipients as r', 'r.seq', 'd.recipient_seq')
          .select('d.notice_seq as seq')
          .where('r.kind', '=', 'stakeholder')
          .where('r.address', '=', 'eva@example.com')
          .where('d.state', '=', 'queued')
          .executeTakeFirstOrThrow(),
      );
      await db.write((tx) => setDropped(tx, [seq], { at: ctx.now(), by: 'Ana' }));
      await drain();
      expect(news()).toEqual([INVESTIGATING]);
    });

    it('for the provider refuses it', async () => {
      const { wire, drain, news } = await made();
      wire.refuses = ({ to, subject }) => to === 'eva@example.com' && subject.startsWith('[SEV1');
      await drain();
      expect(news()).toEqual([INVESTIGATING]);
    });

    it('once, in order, and of all that she missed', async () => {
      const { ctx, say, id, expand, leave, drain, news, heard } = await made();
      ctx.clock.advance(60_000);
      await say(id, { body: 'We know why.', status: 'identified', notify: true });
      await expand();
      await leave();
      await drain();
      expect(news()).toEqual([IDENTIFIED]);
      expect(heard('eva@example.com').at(-1)?.text).toContain('Cards fail.');
      ctx.clock.advance(60_000);
      await say(id, { body: 'It is mended.', status: 'monitoring', notify: true });
      await drain();
      expect(news().slice(1)).toEqual(['[Monitoring] Checkout is failing']);
    });

    it('but not of what she had in it before she left it', async () => {
      const { ctx, say, id, expand, leave, drain, news, heard } = await made();
      await drain();
      ctx.clock.advance(60_000);
      await say(id, { body: 'We know why.', status: 'identified', notify: true });
      await expand();
      await leave();
      await drain();
      expect(news()).toEqual([`[SEV1, Investigating] Checkout is failing`, IDENTIFIED]);
      expect(heard('eva@example.com')).toHaveLength(3);
    });

    it('and that it is over, which those are told who were told of it', async () => {
      const { ctx, declare, say, drain, subscribe, subjects, leave } = await house(fresh);
      await subscribe('sue', 'policy');
      // Support is told of a SEV3; subscribers by the policy once it has been open for half an hour.
      const { id } = await declare({ severity: 'SEV3' });
      await say(id, { body: 'Cards are slow.', notify: true });
      for (let minute = 0; minute < 40; minute++) {
        ctx.clock.advance(60_000);
        await drain();
      }
      const before = subjects('sue').length;
      await leave('support', 'sue');
      await say(id, { body: 'They are quick again.', status: 'resolved', notify: true });
      await drain();
      expect(subjects('sue').slice(before)).toEqual(['[Resolved] Checkout is failing']);
    });

    it('in the digest', async () => {
      const { ctx, declare, say, expand, drain, subscribe, subjects, heard, leave } = await house(fresh);
      await subscribe('eva', 'digest');
      const { id } = await declare();
      await drain();
      await say(id, { body: 'Cards fail.', notify: true });
      await expand();
      await leave('executives', 'eva');
      await drain();
      const before = subjects('eva').length;
      ctx.clock.set('2026-11-21T09:00:00.000Z');
      await sendDigests(ctx);
      await drain();
      expect(subjects('eva').length).toBe(before + 1);
      expect(heard('eva@example.com').at(-1)?.text).toContain('Cards fail.');
    });
  });

  it('has no digest of what was said before the end, once the audience has told them that it is over', async () => {
    const { ctx, declare, say, drain, subscribe, subjects } = await house(fresh);
    for (const name of ['eva', 'zoe']) await subscribe(name, name === 'eva' ? 'policy' : 'digest');
    const { id } = await declare();
    await drain();
    for (const said of [
      { body: 'Cards fail.' },
      { body: 'It only looks wrong.', severity: 'SEV4' as const },
      { body: 'It still does.' },
      { body: 'It works.', status: 'resolved' as const },
    ]) {
      ctx.clock.advance(60_000);
      await say(id, { ...said, notify: true });
      await drain();
    }
    expect(subjects('eva').at(-1)).toContain('Resolved');
    const before = subjects('eva').length;
    ctx.clock.set('2026-11-21T09:00:00.000Z');
    await sendDigests(ctx);
    await drain();
    expect(subjects('zoe')).toHaveLength(1);
    expect(subjects('eva')).toHaveLength(before);
  });
});
