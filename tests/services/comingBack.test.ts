import { expect, it } from 'vitest';
import { addMs, DAY, HOUR, MINUTE } from '#domain/time.ts';
import { recipientLinks } from '#emails/links.ts';
import { sendDigests } from '#services/digests.ts';
import { dropRest } from '#services/dropRest.ts';
import { goOn, stopSending } from '#services/fanoutControl.ts';
import { undoUnsubscribe, unsubscribe } from '#services/leaving.ts';
import { eachDatabase, freshSqlite } from '../support/databases.ts';
import { makeSubscribers } from '../support/people.ts';
import { plansOf } from '../support/plans.ts';
import { outgoingHouse, type Sent } from './outgoingHouse.ts';

const ONE = 'The first thing that we know.';
const TWO = 'The second thing that we know.';
const THREE = 'The third thing that we know.';

const told = ({ text }: Sent) =>
  [THREE, TWO, ONE].filter((words) => text.split('\nEarlier\n')[0]?.includes(words));

eachDatabase('who takes an unsubscribing back', (fresh) => {
  async function house(options: Parameters<typeof outgoingHouse>[1] = {}) {
    const home = await outgoingHouse(fresh, options);
    const tokenOf = async (to: string) => {
      const { id } = await home.db.read((tx) =>
        tx.selectFrom('recipients').select('id').where('address', '=', to).executeTakeFirstOrThrow(),
      );
      const links = recipientLinks(home.ctx.site.url, home.ctx.sign, id, home.ctx.now());
      return links.unsubscribe_url.split('/').at(-1) as string;
    };
    const go = async (to: string) => unsubscribe(home.ctx, await tokenOf(to));
    const back = async (to: string) => undoUnsubscribe(home.ctx, await tokenOf(to));
    const leave = async () => {
      await home.release();
      await home.drain();
    };
    /** What of the incident came to them, a mail each. */
    const news = (to: string) =>
      home
        .heard(to)
        .map(told)
        .filter((words) => words.length > 0);
    const [mia, ...others] = home.addresses as [string, ...string[]];
    return { ...home, go, back, leave, news, mia, others };
  }

  it('hears what waited for them when they left, once', async () => {
    const { declare, say, go, back, leave, release, news, mia, others } = await house();
    const { id } = await declare();
    await say(id, { body: ONE, notify: true });
    await release();
    await go(mia);
    await back(mia);
    await leave();
    expect(news(mia)).toEqual([[ONE]]);
    for (let again = 0; again < 2; again++) {
      await go(mia);
      await back(mia);
      await leave();
    }
    expect(news(mia)).toEqual([[ONE]]);
    for (const to of others) expect(news(to)).toEqual([[ONE]]);
  });

  it('hears in one mail what was said while they were away, and of what they had nothing', async () => {
    const { ctx, declare, say, go, back, leave, news, mia, others, heard } = await house();
    const { id } = await declare();
    await say(id, { body: ONE, notify: true });
    await leave();
    await go(mia);
    await say(id, { body: TWO, status: 'identified', notify: true });
    await leave();
    await say(id, { body: THREE, status: 'monitoring', notify: true });
    await leave();
    ctx.clock.advance(2 * DAY);
    await leave();
    expect(news(mia)).toEqual([[ONE]]);
    await back(mia);
    await leave();
    expect(news(mia)).toEqual([[ONE], [THREE, TWO]]);
    expect(heard(mia).at(-1)?.text).toMatch(/What you missed[\s\S]*second/);
    for (const to of others) expect(news(to)).toEqual([[ONE], [TWO], [THREE]]);
    await say(id, { body: 'It is over.', status: 'resolved', reason: 'Watched.', notify: true });
    await leave();
    expect(heard(mia).at(-1)?.subject).toBe('[Resolved] Checkout is failing');
  });

  it('hears it with what comes after, where it has not left by then', async () => {
    const { declare, say, go, back, leave, news, mia } = await house();
    const { id } = await declare();
    await go(mia);
    await say(id, { body: ONE, notify: true });
    await leave();
    await back(mia);
    await say(id, { body: TWO, status: 'identified', notify: true });
    await leave();
    expect(news(mia)).toEqual([[TWO, ONE]]);
  });

  it('hears once what is still held back for everyone, and nothing of what is dropped', async () => {
    const { ctx, declare, say, newest, go, back, leave, release, expand, news, mia, others } = await house();
    const { id } = await declare();
    await say(id, { body: ONE, notify: true });
    await release();
    const first = await newest(id);
    await stopSending(ctx, first.noticeId);
    await go(mia);
    await back(mia);
    await leave();
    expect(news(mia)).toEqual([]);
    await goOn(ctx, first.noticeId);
    await leave();
    for (const to of [mia, ...others]) expect(news(to)).toEqual([[ONE]]);
    await say(id, { body: TWO, status: 'identified', notify: true });
    await release();
    const second = await newest(id);
    await stopSending(ctx, second.noticeId);
    await go(mia);
    await dropRest(ctx, second.noticeId);
    await expand();
    await back(mia);
    await leave();
    for (const to of [mia, ...others]) expect(news(to)).toEqual([[ONE]]);
  });

  it('hears what is released after they are back, and what is released to everyone in between, once each', async () => {
    const { declare, say, go, back, leave, news, mia } = await house();
    const { id } = await declare();
    await go(mia);
    await say(id, { body: ONE, notify: true });
    await back(mia);
    await leave();
    expect(news(mia)).toEqual([[ONE]]);
  });

  it('hears how it ended where they had heard that it began, and nothing of what came and went without them', async () => {
    const { declare, say, go, back, leave, heard, mia } = await house();
    const { id } = await declare();
    await say(id, { body: ONE, notify: true });
    await leave();
    await go(mia);
    const other = await declare({ title: 'Cart is slow' });
    for (const [one, body] of [
      [id, TWO],
      [other.id, THREE],
    ] as const) {
      await say(one, { body, notify: true });
      await leave();
      await say(one, { body: 'It is over.', status: 'resolved', reason: 'Watched.', notify: true });
      await leave();
    }
    await back(mia);
    await leave();
    const mails = heard(mia).filter(({ subject }) => /failing|slow/.test(subject));
    expect(mails.map(({ subject }) => subject)).toEqual([
      '[Investigating] Checkout is failing',
      '[Resolved] Checkout is failing',
    ]);
    expect(told(mails[1] as Sent)).toEqual([TWO]);
  });

  it('hears it in the words in which it stands by now, and that what they had was wrong', async () => {
    const { ctx, declare, say, edit, go, back, leave, heard, news, mia, wire, turn, answer, release } =
      await house();
    const { id } = await declare();
    await say(id, { body: 'Wrong from the start.', notify: true });
    await release();
    // Mia is among the first two, who have it; the others wait.
    wire.takes = false;
    await turn();
    await answer();
    expect(heard(mia)).toHaveLength(1);
    await go(mia);
    await edit(id, ONE, { wrong: 'It was worse' });
    await leave();
    ctx.clock.advance(HOUR);
    await back(mia);
    await leave();
    expect(heard(mia).filter(({ subject }) => subject.startsWith('[Correction]'))).toHaveLength(1);
    await go(mia);
    await say(id, { body: 'Wrong again.', status: 'identified', notify: true });
    await leave();
    ctx.clock.advance(HOUR);
    await edit(id, TWO, { notify: false });
    await back(mia);
    await leave();
    expect(news(mia).at(-1)).toEqual([TWO]);
    expect(heard(mia).some(({ text }) => text.includes('Wrong again.'))).toBe(false);
  });

  it('finds in their next digest what the digests said without them', async () => {
    const { db, ctx, declare, say, go, back, leave, heard } = await house({ people: 0 });
    const [mia] = (await makeSubscribers(db, 1, [], { mode: 'digest' })) as [string];
    await makeSubscribers(db, 1, [], { mode: 'digest' });
    const day = async () => {
      ctx.clock.set(addMs(ctx.now(), DAY));
      await sendDigests(ctx);
      await leave();
    };
    await day();
    const { id } = await declare();
    await say(id, { body: ONE, notify: true });
    ctx.clock.advance(MINUTE);
    await go(mia);
    await day();
    await day();
    await back(mia);
    await day();
    await day();
    expect(heard(mia).filter(({ text }) => text.includes(ONE))).toHaveLength(1);
  });
});

it('reads by index what a person missed', async () => {
  const { db, ctx, declare, say, release, drain, addresses } = await outgoingHouse(freshSqlite);
  const { id } = await declare();
  const recipient = await db.read((tx) =>
    tx.selectFrom('recipients').select('id').where('address', '=', addresses[0]!).executeTakeFirstOrThrow(),
  );
  const links = recipientLinks(ctx.site.url, ctx.sign, recipient.id, ctx.now());
  const token = links.unsubscribe_url.split('/').at(-1) as string;
  await unsubscribe(ctx, token);
  await say(id, { body: ONE, notify: true });
  await release();
  await drain();
  const plans = await plansOf(db, (watched) => undoUnsubscribe({ ...ctx, db: watched }, token));
  const lines = plans.flatMap((plan) => plan.lines);
  expect(lines.some((line) => line.includes('deliveries_recipient'))).toBe(true);
  expect(
    lines.filter((line) => /^SCAN (d|n|c|r|f|i|o|h|deliveries|notices|recipients)\b(?!.* INDEX)/.test(line)),
  ).toEqual([]);
  await db.close();
});
