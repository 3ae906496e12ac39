import { expect, test } from 'vitest';
import { startClock } from '#clock/clock.ts';
import type { Ctx } from '#db/context.ts';
import { testContext } from '../support/context.ts';
import { freshSqlite } from '../support/databases.ts';

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
