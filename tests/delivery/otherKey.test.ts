import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Dispatcher, startDispatcher } from '#delivery/dispatcher.ts';
import { decideHeld, listHeld } from '#services/heldBatches.ts';
import { testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';
import { type FakeResend, startFakeResend } from '../support/fakeResend.ts';
import { address, makeSubscribers } from '../support/people.ts';
import { batches, expandAll, postNotice, rendered, SITE, states } from './support.ts';

/** Two teams; a key is only known to its own, and so is what was handed over with it. */
let ours: FakeResend;
let theirs: FakeResend;
const running: Dispatcher[] = [];
beforeEach(async () => {
  ours = await startFakeResend({ apiKey: 're_ours' });
  theirs = await startFakeResend({ apiKey: 're_theirs' });
});
afterEach(async () => {
  for (const dispatcher of running.splice(0)) await dispatcher.stop();
  await ours.close();
  await theirs.close();
});

eachDatabase('a batch without an answer, and another account key since', (fresh) => {
  async function house() {
    const db = await fresh();
    await makeSubscribers(db, 3);
    const ctx = testContext(db);
    const now = () => new Date().toISOString();
    const run = async (resendApiKey: string, { url }: FakeResend) => {
      const dispatcher = startDispatcher({
        db,
        now,
        sign: ctx.sign,
        site: { url: SITE },
        log: ctx.log,
        config: {
          mailTransport: 'resend',
          mailFrom: ctx.site.mailFrom,
          mailReplyTo: null,
          siteUrl: SITE,
          dataDir: '/nowhere',
          resendApiKey,
          resendBaseUrl: url,
          smtpUrl: null,
        },
      });
      running.push(dispatcher);
      await dispatcher.begun;
      return dispatcher;
    };
    const post = async (subject: string) => {
      await postNotice(db, now(), { mail: rendered(subject) });
      await expandAll(db, now);
    };
    const first = await run('re_ours', ours);
    ours.always({ kind: 'takeAndDrop' });
    await post('First');
    await until(async () => (await batches(db)).some(({ attempts }) => attempts > 0));
    await first.stop();
    ours.always(null);
    expect(ours.taken).toBe(3);
    return { db, ctx, run, post };
  }

  it('waits until someone says that the account is the same, and everything else goes on', async () => {
    const { db, ctx, run, post } = await house();
    const before = ours.calls.length;
    const dispatcher = await run('re_theirs', theirs);
    await post('Second');
    dispatcher.wake();
    await until(async () => (await states(db)).accepted === 3);
    expect(theirs.mails.map(({ to, subject }) => [to, subject]).sort()).toEqual(
      [1, 2, 3].map((who) => [address(who), 'Second']),
    );
    expect(ours.calls).toHaveLength(before);
    const [held] = await listHeld(ctx);
    expect(held).toMatchObject({
      mails: 3,
      subjects: ['First'],
      reason: expect.stringContaining('the account key is another since'),
      otherKey: true,
    });

    // It was another team's by mistake; with a key of ours again nothing is believed by itself, either.
    await dispatcher.stop();
    const again = await run('re_ours', ours);
    expect(await listHeld(ctx)).toEqual([held]);
    expect(await decideHeld(ctx, { batchSeq: held!.seq, decision: 'askAgain' })).toBe(3);
    again.wake();
    await until(async () => (await states(db)).accepted === 6);
    expect(ours.taken).toBe(3);
    expect(new Set(ours.calls.map(({ key, hash }) => key + hash)).size).toBe(1);
  });

  it('goes on by itself where the key is the one that it was', async () => {
    const { db, ctx, run } = await house();
    await run('re_ours', ours);
    expect(await listHeld(ctx)).toEqual([]);
    await until(async () => (await states(db)).accepted === 3);
    expect(ours.taken).toBe(3);
  });
});

async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setImmediate(resolve));
}
