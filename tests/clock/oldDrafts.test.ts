import { expect, it } from 'vitest';
import { startClock } from '#clock/clock.ts';
import { oldDraftsDuty } from '#clock/oldDrafts.ts';
import { insertUser } from '#db/users.ts';
import { DAY, HOUR } from '#domain/time.ts';
import { loadDraft, saveDraft } from '#services/drafts.ts';
import { testContext } from '../support/context.ts';
import { eachDatabase } from '../support/databases.ts';

const MIA = { kind: 'user', id: 'mia', name: 'Mia', email: 'mia@example.com', role: 'comms' } as const;

eachDatabase('old drafts', (fresh) => {
  async function desk() {
    const db = await fresh();
    const mia = testContext(db, { actor: MIA });
    await db.write((tx) => insertUser(tx, { ...MIA, passwordHash: '', createdAt: mia.now() }));
    const clock = testContext(db, { actor: { kind: 'system', name: 'clock' }, clock: mia.clock });
    const save = (subject: string) => saveDraft(mia, { subject, fields: { body: 'Card payments' } });
    const kept = async (subject: string) => (await loadDraft(mia, subject)).own !== null;
    return { mia, clock, save, kept };
  }

  it('go once nobody has touched them for 30 days; what was touched since stays', async () => {
    const { mia, clock, save, kept } = await desk();
    const duty = oldDraftsDuty();
    await save('closed');
    await save('new');
    mia.clock.advance(DAY);
    await save('closed');
    mia.clock.advance(29 * DAY);
    expect(await duty(clock)).toBe(0);
    mia.clock.advance(HOUR);
    expect(await duty(clock)).toBe(1);
    expect([await kept('new'), await kept('closed')]).toEqual([false, true]);
    mia.clock.advance(DAY);
    expect(await duty(clock)).toBe(1);
    expect(await kept('closed')).toBe(false);
  });

  it('are one of the duties of the clock', async () => {
    const { mia, clock: ctx, save, kept } = await desk();
    await save('closed');
    mia.clock.advance(31 * DAY);
    const clock = startClock(ctx);
    await expect.poll(() => kept('closed'), { timeout: 60_000 }).toBe(false);
    await clock.stop();
  });
});
