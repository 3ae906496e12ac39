import { expect, it } from 'vitest';
import { readConfig } from '#config';
import type { Db } from '#db/open.ts';
import { listWorkers } from '#db/workers.ts';
import { startOutbox } from '#delivery/outbox.ts';
import { MINUTE } from '#domain/time.ts';
import { ALIVE_MS, getDeliveryHealth } from '#services/deliveryHealth.ts';
import { type TestCtx, testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';

eachDatabase('the heartbeat of a dispatcher', (fresh) => {
  /** Begins to send, and waits for the first sign of life in each lane. */
  async function start(db: Db, ctx: TestCtx) {
    const config = readConfig({ DATA_DIR: '/nowhere', MAIL_TRANSPORT: 'file', SECRET_KEY: 'x'.repeat(40) });
    const outbox = startOutbox({ ...ctx, db, config });
    await expect.poll(async () => (await db.read(listWorkers)).length, { timeout: 60_000 }).toBe(2);
    return outbox;
  }

  it('is fine while it runs, and red when it has stopped', async () => {
    const db = await fresh();
    const ctx = testContext(db);
    const outbox = await start(db, ctx);
    expect(await getDeliveryHealth(ctx)).toMatchObject({ level: 'fine', message: 'Nothing is waiting.' });
    await outbox.stop();
    expect(await getDeliveryHealth(ctx)).toMatchObject({
      level: 'trouble',
      message: 'No process is ready to send.',
      fix: expect.stringContaining('start a worker'),
    });
    const again = await start(db, ctx);
    expect(await getDeliveryHealth(ctx)).toMatchObject({ level: 'fine' });
    await again.stop();
  });

  it('is red half a minute after the last beat of one that fell silent, and says since when', async () => {
    const db = await fresh();
    const ctx = testContext(db);
    // Its own clock stands still while time goes on for whoever looks: its beats are of the past.
    const stuck = testContext(db);
    const outbox = await start(db, stuck);
    ctx.clock.advance(ALIVE_MS);
    expect(await getDeliveryHealth(ctx)).toMatchObject({ level: 'fine' });
    ctx.clock.advance(1);
    expect(await getDeliveryHealth(ctx)).toMatchObject({
      level: 'trouble',
      message: 'No process is ready to send. The last one fell silent less than a minute ago.',
    });
    ctx.clock.advance(5 * MINUTE);
    expect((await getDeliveryHealth(ctx)).message).toContain('fell silent 5 minutes ago');
    stuck.clock.advance(6 * MINUTE);
    await outbox.stop();
  });
});
