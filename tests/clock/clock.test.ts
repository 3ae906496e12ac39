import { expect, it, test } from 'vitest';
import { startClock } from '#clock/clock.ts';
import type { Ctx } from '#db/context.ts';
import { MINUTE } from '#domain/time.ts';
import { readClock, readClockTrouble } from '#services/clockHealth.ts';
import { testContext } from '../support/context.ts';
import { eachDatabase, freshSqlite } from '../support/databases.ts';

test('a duty that fails is tried again, is spoken of once, and holds up no other', async () => {
  const db = await freshSqlite();
  const said: string[] = [];
  const note = (level: string) => (fields: object) =>
    void said.push(`${level} ${(fields as { duty: string }).duty}`);
  const ctx: Ctx = {
    ...testContext(db),
    log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
  };
  let failing = 0;
  let others = 0;
  await new Promise<void>((done) => {
    const clock = startClock(ctx, {
      shaky: async () => {
        if (++failing <= 2) throw new Error('Not yet.');
      },
      steady: async () => {
        if (++others === 3) void clock.stop().then(done);
      },
    });
  });
  expect([failing, others]).toEqual([3, 3]);
  expect(said).toEqual(['error shaky', 'info shaky']);
  await db.close();
});

test('stopping waits for the duty that runs, and begins no other', async () => {
  const db = await freshSqlite();
  const order: string[] = [];
  const running = new Promise<void>((done) => {
    const clock = startClock(testContext(db), {
      long: async () => {
        order.push('begun');
        await Promise.resolve();
        void clock.stop().then(() => {
          order.push('stopped');
          done();
        });
        // A turn of the whole event loop: whoever did not wait would be done by now.
        await new Promise((turn) => setImmediate(turn));
        order.push('ended');
      },
      next: async () => void order.push('next'),
    });
  });
  await running;
  expect(order).toEqual(['begun', 'ended', 'stopped']);
  await db.close();
});

/** Ticks as fast as it can, and waits next to no time for a duty. */
const QUICK = { tickMs: 1, lateMs: 300 };

eachDatabase('a clock of which one duty never ends', (fresh) => {
  it('does all others, does not begin it twice, says so in the log and to who looks, and begins it again once it has ended', async () => {
    const db = await fresh();
    const said: string[] = [];
    const note = (level: string) => (fields: object) => {
      const { duty } = fields as { duty: string };
      if (duty === 'calls to staff') said.push(level);
    };
    const ctx = {
      ...testContext(db),
      log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
    };
    let begun = 0;
    let end = () => {};
    let others = 0;
    let watch = () => {};
    const until = (isSo: () => boolean) =>
      new Promise<void>((resolve) => {
        watch = () => isSo() && resolve();
      });
    const clock = startClock(
      ctx,
      {
        'calls to staff': async () => {
          begun++;
          watch();
          if (begun === 1)
            await new Promise<void>((resolve) => {
              end = resolve;
            });
        },
        others: async () => {
          others++;
          watch();
        },
      },
      QUICK,
    );
    await until(() => others === 5);
    expect(begun).toBe(1);
    expect(said).toEqual(['error']);
    // It may be a slow one: for a minute nobody is bothered.
    await expect.poll(() => readClock(ctx)).toEqual({ lastTick: ctx.now(), undone: [] });
    ctx.clock.advance(MINUTE);
    await expect
      .poll(() => readClockTrouble(ctx))
      .toMatchObject([{ level: 'trouble', message: 'The clock does not get this done: calls to staff.' }]);

    // Another process does it: then it is done.
    const other = startClock(ctx, { 'calls to staff': async () => undefined }, QUICK);
    await expect.poll(() => readClockTrouble(ctx)).toEqual([]);
    await other.stop();

    end();
    await until(() => begun === 3);
    expect(said).toEqual(['error', 'info']);
    await clock.stop();
  });

  it('stands still: whoever looks is told from the second minute on, with what to do', async () => {
    const db = await fresh();
    const ctx = testContext(db);
    expect(await readClock(ctx)).toEqual({ lastTick: null, undone: [] });
    // Where none ever ran, others say that nothing runs.
    expect(await readClockTrouble(ctx)).toEqual([]);
    await new Promise<void>((resolve) => {
      let ticks = 0;
      const clock = startClock(ctx, { any: async () => void (++ticks === 2 && clock.stop().then(resolve)) });
    });
    ctx.clock.advance(MINUTE);
    expect(await readClockTrouble(ctx)).toEqual([]);
    ctx.clock.advance(3 * MINUTE);
    const [trouble, ...more] = await readClockTrouble(ctx);
    expect(more).toEqual([]);
    expect(trouble?.level).toBe('trouble');
    expect(trouble?.message).toMatch(
      /^The clock has stood still for 4 minutes: nobody is called when a word is due/,
    );
    expect(trouble?.fix).toContain('start a worker');
  });
});
