import { expect, it } from 'vitest';
import type { Db } from '#db/open.ts';
import { DAY, HOUR, MINUTE } from '#domain/time.ts';
import { assignRole, getIncident } from '#services/incidents.ts';
import { askForPostmortems, getPostmortem, listPostmortems, waivePostmortem } from '#services/postmortems.ts';
import { eachDatabase } from '../support/databases.ts';
import { sealedHouse } from './sealedHouse.ts';

async function house(fresh: () => Promise<Db>) {
  const made = await sealedHouse(fresh);
  const { ctx, as, declare, write } = made;
  /** One that was said and is over: since Friday 20 November 2026, 14:00 UTC. */
  const over = async (changes: Parameters<typeof declare>[0] = {}) => {
    const { id } = await declare(changes);
    await assignRole(as('kim'), { incidentId: id, role: 'incident_commander', userId: 'noor' });
    await write('kim', id);
    await write('kim', id, { status: 'resolved', reason: 'Checked.' });
    return id;
  };
  const ask = () => askForPostmortems({ ...ctx, actor: { kind: 'system', name: 'the clock' } });
  const asked = async () => (await made.mails()).filter((mail) => mail.includes('ostmortem'));
  return { ...made, over, ask, asked };
}

eachDatabase('the postmortem that a policy asks for', (fresh) => {
  it('is owed from the end on; its commander is asked a day before and each working day, until it is posted', async () => {
    const { ctx, as, over, ask, asked, write } = await house(fresh);
    const id = await over();
    expect(await getPostmortem(as('kim'), id)).toMatchObject({
      due: '2026-11-22T14:00:00.000Z',
      waived: null,
    });
    expect(await ask()).toBe(0);
    // A day before is a Saturday: nobody is asked before Monday, when it is late.
    ctx.clock.set('2026-11-21T14:00:00.000Z');
    expect(await ask()).toBe(0);
    ctx.clock.set('2026-11-23T08:59:00.000Z');
    expect(await ask()).toBe(0);
    ctx.clock.advance(MINUTE);
    ctx.changes.length = 0;
    expect(await ask()).toBe(1);
    expect(ctx.changes).toEqual(['outbox']);
    for (let hour = 0; hour < 23; hour++) {
      expect(await ask()).toBe(0);
      ctx.clock.advance(HOUR);
    }
    ctx.clock.advance(HOUR);
    expect(await Promise.all([ask(), ask(), ask()])).toContain(1);
    expect(await asked()).toEqual([
      '09:00 noor: [SEV1] The postmortem is late: Checkout is failing',
      '09:00 noor: [SEV1] The postmortem is late: Checkout is failing',
    ]);
    expect(await listPostmortems(as('kim'))).toMatchObject([{ id, late: true }]);
    await write('kim', id, { status: 'postmortem', body: 'A lease ran out.', notify: false });
    expect(await getIncident(as('kim'), id)).toMatchObject({ status: 'postmortem' });
    expect(await getPostmortem(as('kim'), id)).toMatchObject({ postedAt: ctx.now() });
    ctx.clock.advance(DAY);
    expect([await ask(), await listPostmortems(as('kim'))]).toEqual([0, []]);
  });

  it('is asked for once before it is due, and for two weeks after; a clock that was ahead keeps nobody from it', async () => {
    const { ctx, over, ask, asked } = await house(fresh);
    ctx.clock.set('2026-11-23T14:00:00.000Z');
    await over();
    ctx.clock.set('2026-11-24T14:00:00.000Z');
    expect(await ask()).toBe(1);
    ctx.clock.set('2026-11-25T10:00:00.000Z');
    expect(await ask()).toBe(0);
    ctx.clock.set('2027-11-25T15:00:00.000Z');
    expect(await ask()).toBe(0);
    ctx.clock.set('2026-12-08T15:00:00.000Z');
    expect(await ask()).toBe(1);
    ctx.clock.set('2026-11-26T15:00:00.000Z');
    expect(await ask()).toBe(1);
    expect(await listPostmortems(ctx)).toMatchObject([{ late: true }]);
    ctx.clock.set('2026-12-09T15:00:00.000Z');
    expect([await ask(), await listPostmortems(ctx)]).toEqual([0, []]);
    expect((await asked()).map((mail) => mail.split(': ')[1])).toEqual([
      '[SEV1] Write the postmortem',
      '[SEV1] The postmortem is late',
      '[SEV1] The postmortem is late',
    ]);
  });

  it('is owed no more once somebody says why there will be none, or while it is open again', async () => {
    const { ctx, as, over, ask, write } = await house(fresh);
    const id = await over();
    await expect(
      waivePostmortem(as('user-responder'), { incidentId: id, reason: 'x' }),
    ).rejects.toMatchObject({
      code: 'forbidden',
    });
    await expect(waivePostmortem(as('kim'), { incidentId: id, reason: ' ' })).rejects.toMatchObject({
      code: 'invalid',
    });
    await write('kim', id, { status: 'investigating', body: 'It fails again.' });
    expect(await getPostmortem(as('kim'), id)).toBeNull();
    ctx.clock.set('2026-11-23T10:00:00.000Z');
    await write('kim', id, { status: 'resolved', reason: 'Checked.' });
    expect(await getPostmortem(as('kim'), id)).toMatchObject({ due: '2026-11-25T10:00:00.000Z' });
    await waivePostmortem(as('kim'), { incidentId: id, reason: 'The provider writes one.' });
    expect((await getPostmortem(as('kim'), id))?.waived).toEqual({
      at: ctx.now(),
      by: 'kim',
      reason: 'The provider writes one.',
    });
    await expect(waivePostmortem(as('kim'), { incidentId: id, reason: 'Again.' })).rejects.toMatchObject({
      code: 'conflict',
    });
    ctx.clock.set('2026-11-25T10:00:00.000Z');
    expect(await ask()).toBe(0);
  });

  it('is not owed where the policy leaves it open, nor of what nobody saw', async () => {
    const { as, over, declare, write } = await house(fresh);
    expect(await getPostmortem(as('kim'), await over({ severity: 'SEV3' }))).toBeNull();
    const { id } = await declare();
    await write('kim', id, { audience: 'internal', status: 'resolved', reason: 'A false alarm.' });
    expect(await getPostmortem(as('kim'), id)).toBeNull();
    expect(await listPostmortems(as('kim'))).toEqual([]);
  });
});
