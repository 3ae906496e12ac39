import { expect, it } from 'vitest';
import { startClock } from '#clock/clock.ts';
import { MINUTE } from '#domain/time.ts';
import { changeShift, getShift, removeShift } from '#services/duty.ts';
import { askToTakeOver, listHandovers, takeOver } from '#services/handover.ts';
import { assignRole, getIncident } from '#services/incidents.ts';
import { declareRestricted } from '#services/restricted.ts';
import { eachDatabase } from '../support/databases.ts';
import { dutyHouse } from './dutyHouse.ts';

const TAKE = /Take over/;

eachDatabase('the hand-over at the end of a duty', (fresh) => {
  /** Mia until 14:30 with a note, then Jonas, Ada as his second and Otto as manager; Mia leads a SEV1 since 14:00. */
  async function atWork() {
    const house = await dutyHouse(fresh);
    const { ctx, declare, shift } = house;
    const leaving = await shift('08:00', '14:30', 'mia', { note: 'The vendor calls back at 15:00.' });
    const coming = await shift('14:30', '22:00', 'jonas', { second: 'ada', manager: 'otto' });
    const { id } = await declare();
    ctx.clock.advance(MINUTE);
    const lead = async () => (await getIncident(ctx, id)).roles.find(({ role }) => role === 'comms_lead');
    await assignRole(ctx, { incidentId: id, role: 'comms_lead', userId: 'mia' });
    return { ...house, id, leaving, coming, lead };
  }
  const lines = async (house: { mails: (about: RegExp) => Promise<{ line: string }[]> }) =>
    (await house.mails(TAKE)).map(({ line }) => line);

  it('is asked of the incoming primary, then of second, manager and everyone, while the leaving one stays and is called', async () => {
    const house = await atWork();
    await house.pass(59);
    expect(await lines(house)).toEqual([
      '14:30 jonas: [SEV1] Take over: Checkout is failing',
      '14:35 ada: [SEV1] Take over: Checkout is failing',
      '14:40 otto: [SEV1] Take over: Checkout is failing',
    ]);
    const [first, second] = await house.mails(TAKE);
    expect(first?.text).toContain('Mia’s duty ended at 14:30 UTC.');
    expect(first?.text).toContain('Mia stays comms lead, and is called, until someone takes it.');
    expect(first?.text).toContain('The vendor calls back at 15:00.');
    expect(first?.text).toContain('https://status.example.com/admin/duty/handover');
    expect(first?.text).toContain('Untaken by 14:35 UTC, it goes to the next person.');
    expect(second?.text).toContain('nobody has taken over yet');
    // The chain of late reminders goes on with her meanwhile.
    const late = (await house.mails(/Late: first public/)).map(({ line }) => line);
    expect(late.filter((line) => line >= '14:31').length).toBeGreaterThan(4);
    expect(late.every((line) => line.includes('mia'))).toBe(true);
    expect((await house.lead())?.userId).toBe('mia');
  });

  it('is asked when it is time, though a clock that had leapt ahead asked then', async () => {
    const house = await atWork();
    const { ctx, pass } = house;
    ctx.clock.set('2026-11-20T19:10:00.000Z');
    await askToTakeOver(ctx);
    ctx.clock.set('2026-11-20T14:11:00.000Z');
    await pass(35);
    expect(await lines(house)).toEqual([
      '19:10 jonas, ada, otto: [SEV1] Take over: Checkout is failing',
      '14:30 jonas: [SEV1] Take over: Checkout is failing',
      '14:35 ada: [SEV1] Take over: Checkout is failing',
      '14:40 otto: [SEV1] Take over: Checkout is failing',
    ]);
  });

  it('is taken by one press, and is asked of nobody then', async () => {
    const house = await atWork();
    const { as, id, pass } = house;
    await pass(31);
    expect(await listHandovers(as('jonas'))).toMatchObject([
      {
        incident: { id },
        lead: 'Mia',
        asked: ['Jonas'],
        left: { primary: { name: 'Mia' }, note: 'The vendor calls back at 15:00.' },
      },
    ]);
    expect(await takeOver(as('jonas'), { incidentIds: [id] })).toEqual([
      { id, title: 'Checkout is failing' },
    ]);
    expect((await house.lead())?.userId).toBe('jonas');
    await pass(30);
    expect(await lines(house)).toEqual(['14:30 jonas: [SEV1] Take over: Checkout is failing']);
    // Who stayed until then is told that they may go, once.
    const [relieved, ...again] = await house.mails(/took over/);
    expect([relieved?.line, again]).toEqual([
      `${relieved?.line.slice(0, 5)} mia: [SEV1] Jonas took over: Checkout is failing`,
      [],
    ]);
    expect(relieved?.text).toContain('Jonas is comms lead now. You are called about it no more.');
    expect(await listHandovers(as('ada'))).toEqual([]);
    expect((await getIncident(house.ctx, id)).facts[0]).toMatchObject({
      text: 'Jonas took over as comms lead from Mia',
    });
    await expect(takeOver(as('ada'), { incidentIds: [id] })).rejects.toMatchObject({
      code: 'conflict',
      message: 'Jonas is its comms lead now.',
    });
    await expect(takeOver(as('vera'), { incidentIds: [id] })).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('two processes ask each once, and one that starts again asks nobody again', async () => {
    const house = await atWork();
    const { ctx } = house;
    const other = { ...ctx, newId: () => `other${ctx.newId().slice(5)}` };
    for (const minutes of [29, 2, 1, 2, 0, 5, 5, 5]) {
      ctx.clock.advance(minutes * MINUTE);
      await Promise.all([askToTakeOver(ctx), askToTakeOver(other), askToTakeOver(ctx)]);
    }
    expect(await lines(house)).toEqual([
      '14:30 jonas: [SEV1] Take over: Checkout is failing',
      '14:35 ada: [SEV1] Take over: Checkout is failing',
      '14:40 otto: [SEV1] Take over: Checkout is failing',
    ]);
  });

  it('is one of the duties of the clock', async () => {
    const house = await atWork();
    house.ctx.clock.advance(30 * MINUTE);
    const clock = startClock(house.ctx);
    await expect.poll(() => lines(house), { timeout: 60_000 }).toHaveLength(1);
    await clock.stop();
  });

  it('after an hour away asks all whose turn it is in one mail', async () => {
    const house = await atWork();
    house.ctx.clock.advance(90 * MINUTE);
    await askToTakeOver(house.ctx);
    expect(await lines(house)).toEqual(['15:31 jonas, ada, otto: [SEV1] Take over: Checkout is failing']);
    expect((await house.mails(TAKE))[0]?.text).toContain('Asked now: Jonas, Ada, Otto.');
  });

  it('asks of several in one mail, and one press takes them all', async () => {
    const house = await atWork();
    const { as, declare, id, pass } = house;
    const { id: more } = await declare({ title: 'Search is slow', severity: 'SEV2' });
    await pass(30);
    expect(await lines(house)).toEqual(['14:30 jonas: [SEV1] Take over: 2 open incidents']);
    const [mail] = await house.mails(TAKE);
    expect(mail?.text).toContain('SEV1: Checkout is failing, led by Mia');
    expect(mail?.text).toContain('SEV2: Search is slow, which nobody leads');
    expect(mail?.text).toContain('Whoever leads one stays with it');
    expect(await takeOver(as('jonas'), { incidentIds: [id, more] })).toHaveLength(2);
    await pass(10);
    expect(await lines(house)).toHaveLength(1);
  });

  it('asks the one who is put on duty in the midst of a shift', async () => {
    const house = await atWork();
    const { as, coming, pass } = house;
    await pass(31);
    const { revision } = await getShift(as('otto'), coming);
    const to = '2026-11-20T22:00:00.000Z';
    const changed = await changeShift(as('otto'), coming, {
      from: '2026-11-20T14:30:00.000Z',
      to,
      primary: 'ada',
      second: null,
      manager: 'otto',
      revision,
    });
    // What has been stays on record.
    expect(await getShift(as('otto'), coming)).toMatchObject({ endsAt: '2026-11-20T14:32:00.000Z' });
    expect(await getShift(as('otto'), changed.id)).toMatchObject({ primary: { name: 'Ada' }, endsAt: to });
    await pass(7);
    expect(await lines(house)).toEqual([
      '14:30 jonas: [SEV1] Take over: Checkout is failing',
      '14:32 ada: [SEV1] Take over: Checkout is failing',
      '14:37 otto: [SEV1] Take over: Checkout is failing',
    ]);
  });

  it('asks everyone at once when the shift is ended and nobody follows', async () => {
    const house = await atWork();
    const { ctx, as, coming, id, pass } = house;
    await pass(31);
    await takeOver(as('jonas'), { incidentIds: [id] });
    ctx.clock.advance(MINUTE);
    expect(await removeShift(as('otto'), coming, 0)).toEqual({ ended: true });
    await pass(10);
    expect(await lines(house)).toEqual([
      '14:30 jonas: [SEV1] Take over: Checkout is failing',
      '14:33 ada, mia: [SEV1] Take over: Checkout is failing',
    ]);
    expect((await house.lead())?.userId).toBe('jonas');
  });

  it('does not ask those who can no longer sign in', async () => {
    const house = await atWork();
    await house.disable('jonas');
    await house.pass(36);
    expect(await lines(house)).toEqual([
      '14:30 ada: [SEV1] Take over: Checkout is failing',
      '14:35 otto: [SEV1] Take over: Checkout is failing',
    ]);
  });

  it('of what is over, or a drill, asks nobody', async () => {
    const house = await atWork();
    const { db, say, id, pass, declare } = house;
    const { seq } = await declare({ title: 'Practice' });
    await db.write((tx) => tx.updateTable('incidents').set({ drill: 1 }).where('seq', '=', seq).execute());
    await say(id, { status: 'resolved', reason: 'Over.' });
    await pass(45);
    expect(await lines(house)).toEqual([]);
  });

  it('of what is restricted asks its viewers alone, says nothing of it, and lets nobody else take it', async () => {
    const house = await dutyHouse(fresh);
    const { ctx, as, shift, pass } = house;
    await shift('08:00', '14:30', 'mia', { note: 'A key lay open, mind it.' });
    await shift('14:30', '22:00', 'jonas', { second: 'ada', manager: 'otto' });
    const { id } = await declareRestricted(as('rui'), {
      title: 'A key lay open',
      severity: 'SEV1',
      components: [],
      viewers: ['mia', 'ada'],
    });
    ctx.clock.advance(MINUTE);
    await assignRole(as('rui'), { incidentId: id, role: 'comms_lead', userId: 'mia' });
    await pass(60);
    // Rui declared it, and so sees it; but whoever takes it speaks for us, which a responder may not.
    expect(await lines(house)).toEqual(['14:30 ada: [SEV1] Take over: a restricted incident']);
    for (const { text } of await house.mails(TAKE)) expect(text).not.toContain('key lay open');
    expect(await listHandovers(as('jonas'))).toEqual([]);
    await expect(takeOver(as('jonas'), { incidentIds: [id] })).rejects.toMatchObject({
      code: 'conflict',
      message: 'It is over, or there is no such incident.',
    });
    expect(await takeOver(as('ada'), { incidentIds: [id] })).toEqual([{ id, title: 'A key lay open' }]);
  });
});
