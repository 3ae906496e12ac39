import { expect, it } from 'vitest';
import { DAY, HOUR } from '#domain/time.ts';
import { sendDigests } from '#services/digests.ts';
import { eachDatabase } from '../support/databases.ts';
import { setReleaseSeconds } from '../support/factory.ts';
import { makeSubscribers } from '../support/people.ts';
import { outgoingHouse } from './outgoingHouse.ts';

eachDatabase('digests by a clock that leaps ahead and is put right', (fresh) => {
  it('tell all that happens until then as well, and nothing twice', async () => {
    const house = await outgoingHouse(fresh, { people: 0, batchSize: 10 });
    const { ctx, db, say, declare, wire, drain } = house;
    await setReleaseSeconds(db, 0);
    await makeSubscribers(db, 2, [], { mode: 'digest' });
    const mails = async (at: string) => {
      ctx.clock.set(at);
      const before = wire.taken.length;
      for (let minute = 0; minute < 3; minute++) {
        await sendDigests(ctx);
        await drain();
        ctx.clock.advance(60_000);
      }
      return wire.taken
        .slice(before)
        .map(({ text }) => WORDS.filter((word) => text.includes(word)).join(' '));
    };
    const { id } = await declare({ severity: 'SEV1' });
    await say(id, { body: 'One.', notify: true });
    expect(await mails('2026-11-20T15:00:00.000Z')).toEqual([]);
    expect(await mails('2026-11-22T15:00:00.000Z')).toEqual(['One.', 'One.']);
    ctx.clock.set('2026-11-20T15:05:00.000Z');
    await say(id, { body: 'Two.', notify: true });
    expect(await mails('2026-11-20T15:06:00.000Z')).toEqual([]);
    expect(await mails('2026-11-21T09:00:00.000Z')).toEqual(['Two.', 'Two.']);
    ctx.clock.advance(HOUR);
    await say(id, { body: 'Three.', notify: true });
    expect(await mails('2026-11-22T09:00:00.000Z')).toEqual(['Three.', 'Three.']);
    ctx.clock.advance(DAY);
    expect(await mails('2026-11-23T15:00:00.000Z')).toEqual([]);
  });
});

const WORDS = ['One.', 'Two.', 'Three.'];
