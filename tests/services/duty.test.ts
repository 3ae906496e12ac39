import { expect, it } from 'vitest';
import { getOnDuty } from '#db/duty.ts';
import { addMs, DAY, HOUR, MINUTE } from '#domain/time.ts';
import {
  addShift,
  changeShift,
  getDutyLine,
  getRota,
  getShift,
  listDutyChoices,
  removeShift,
} from '#services/duty.ts';
import { endFeed, readDutyFeed, renewFeed } from '#services/dutyFeeds.ts';
import { writeNote } from '#services/dutyNotes.ts';
import { type RotationInput, repeatShifts } from '#services/dutyRotation.ts';
import { readCalendar } from '../support/calendar.ts';
import { eachDatabase } from '../support/databases.ts';
import { dutyHouse } from './dutyHouse.ts';

const NOW = '2026-11-20T14:00:00.000Z';
const at = (hours: number) => addMs(NOW, hours * HOUR);
const shiftOf = (from: number, to: number, primary = 'mia') => ({
  from: at(from),
  to: at(to),
  primary,
  second: null as string | null,
  manager: null as string | null,
});

eachDatabase('the rota', (fresh) => {
  it('says who is on duty and until when, to whoever is and to the others', async () => {
    const { ctx, as } = await dutyHouse(fresh);
    expect(await getDutyLine(as('mia'))).toBeNull();
    await addShift(ctx, { ...shiftOf(0, 4), second: 'jonas' });
    await addShift(ctx, { ...shiftOf(4, 8), second: 'ada' });
    await addShift(ctx, shiftOf(8, 12, 'ada'));
    // Mia's two shifts are one duty; Jonas is second for the first of them.
    expect(await getDutyLine(as('mia'))).toEqual({ primary: 'Mia', until: at(8), mine: 'primary' });
    expect(await getDutyLine(as('jonas'))).toEqual({ primary: 'Mia', until: at(4), mine: 'second' });
    expect(await getDutyLine(as('vera'))).toEqual({ primary: 'Mia', until: at(8), mine: null });
    ctx.clock.advance(20 * HOUR);
    expect(await getDutyLine(as('mia'))).toEqual({ primary: null, until: null, mine: null });
    expect((await getRota(as('vera'))).past.map(({ primary }) => primary.name)).toEqual([
      'Ada',
      'Mia',
      'Mia',
    ]);
  });

  it('is what calls go by, and says when someone on it can no longer sign in', async () => {
    const { db, ctx, as, disable } = await dutyHouse(fresh);
    await addShift(ctx, { ...shiftOf(0, 4), second: 'jonas', manager: 'rui' });
    await disable('mia');
    expect(await db.read((tx) => getOnDuty(tx, ctx.now()))).toMatchObject({
      primary: null,
      second: { userId: 'jonas' },
      manager: { userId: 'rui' },
    });
    expect((await getRota(as('vera'))).shifts[0]?.primary).toMatchObject({ name: 'Mia', canSignIn: false });
    expect(await getDutyLine(as('rui'))).toMatchObject({ primary: null, mine: 'manager' });
  });

  it('refuses what cannot be, with the field at fault', async () => {
    const { ctx, disable } = await dutyHouse(fresh);
    await disable('jonas');
    const fieldsOf = async (input: Parameters<typeof addShift>[1]) => {
      const error = await addShift(ctx, input).then(
        () => null,
        (refused) => refused,
      );
      return error?.problems.map(({ field }: { field: string }) => field);
    };
    // A viewer could neither post nor say that they have it.
    expect(await fieldsOf({ ...shiftOf(0, 4), manager: 'vera' })).toEqual(['manager']);
    expect(await fieldsOf(shiftOf(4, 4))).toEqual(['to']);
    expect(await fieldsOf(shiftOf(-30, 4))).toEqual(['from']);
    expect(await fieldsOf({ ...shiftOf(0, 4, 'rui'), second: 'jonas', manager: 'nobody-here' })).toEqual([
      'primary',
      'second',
      'manager',
    ]);
    expect(await fieldsOf({ ...shiftOf(0, 4), second: 'mia' })).toEqual(['second']);
    expect((await getRota(ctx)).shifts).toEqual([]);
    expect((await listDutyChoices(ctx)).leads.map(({ name }) => name)).toEqual(['Ada', 'Mia', 'Otto']);
  });

  it('begins now what would have begun today, and takes the same shift once', async () => {
    const { ctx } = await dutyHouse(fresh);
    const { id } = await addShift(ctx, shiftOf(-3, 4));
    expect(await getShift(ctx, id)).toMatchObject({ startsAt: NOW, endsAt: at(4), revision: 0 });
    ctx.clock.advance(20_000);
    await expect(addShift(ctx, shiftOf(-3, 4))).rejects.toMatchObject({ code: 'conflict' });
    await addShift(ctx, shiftOf(-3, 4, 'jonas'));
  });

  it('changes a coming shift in its place, and one that was changed since not at all', async () => {
    const { ctx } = await dutyHouse(fresh);
    const { id } = await addShift(ctx, shiftOf(4, 8));
    await changeShift(ctx, id, { ...shiftOf(5, 9, 'ada'), manager: 'otto', revision: 0 });
    expect(await getShift(ctx, id)).toMatchObject({
      startsAt: at(5),
      endsAt: at(9),
      primary: { name: 'Ada' },
      manager: { name: 'Otto' },
      revision: 1,
    });
    await expect(changeShift(ctx, id, { ...shiftOf(5, 10), revision: 0 })).rejects.toMatchObject({
      code: 'conflict',
      message: 'Someone changed this shift while you had the form open.',
    });
    expect(await removeShift(ctx, id, 1)).toEqual({ ended: false });
    await expect(getShift(ctx, id)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('keeps what has been: a running shift ends now or goes on with someone else, and one that is over stays', async () => {
    const { ctx } = await dutyHouse(fresh);
    const { id } = await addShift(ctx, shiftOf(0, 8));
    ctx.clock.advance(2 * HOUR);
    // Its beginning cannot be moved, and a later end is a change in place.
    await changeShift(ctx, id, { ...shiftOf(1, 9), revision: 0 });
    expect(await getShift(ctx, id)).toMatchObject({ startsAt: NOW, endsAt: at(9) });
    const { id: next } = await changeShift(ctx, id, { ...shiftOf(0, 9, 'jonas'), revision: 1 });
    expect(await getShift(ctx, id)).toMatchObject({ endsAt: at(2), primary: { name: 'Mia' }, revision: 2 });
    expect(await getShift(ctx, next)).toMatchObject({
      startsAt: at(2),
      endsAt: at(9),
      primary: { name: 'Jonas' },
    });
    await expect(changeShift(ctx, next, { ...shiftOf(0, 1, 'jonas'), revision: 0 })).rejects.toMatchObject({
      problems: [{ field: 'to' }],
    });
    await expect(removeShift(ctx, id, 2)).rejects.toMatchObject({
      code: 'conflict',
      message: 'This shift is over and stays as it was.',
    });
    ctx.clock.advance(HOUR);
    expect(await removeShift(ctx, next, 0)).toEqual({ ended: true });
    expect((await getRota(ctx)).past.map(({ endsAt }) => endsAt)).toEqual([at(3), at(2)]);
  });

  it('lets whoever is on a shift write its note, before and after its end, and loses nobody’s words', async () => {
    const { ctx, as } = await dutyHouse(fresh);
    const { id } = await addShift(ctx, shiftOf(0, 1));
    await expect(writeNote(as('rui'), id, { note: 'x', noteAt: null })).rejects.toMatchObject({
      code: 'forbidden',
    });
    await writeNote(as('mia'), id, { note: 'The vendor calls at three.', noteAt: null });
    ctx.clock.advance(2 * HOUR);
    await expect(writeNote(as('jonas'), id, { note: 'Mine', noteAt: null })).rejects.toMatchObject({
      code: 'conflict',
      message: 'Mia wrote the note while you had it open.',
    });
    await writeNote(as('mia'), id, { note: 'The vendor called.', noteAt: NOW });
    expect(await getShift(ctx, id)).toMatchObject({
      note: 'The vendor called.',
      noteBy: 'Mia',
      noteAt: at(2),
      revision: 0,
    });
  });

  const rotation = (changes: Partial<RotationInput> = {}): RotationInput => ({
    firstDay: '2026-11-23',
    at: '09:00',
    weeks: 4,
    people: ['mia', 'jonas', 'ada'],
    second: 'next',
    manager: 'otto',
    ...changes,
  });

  it('plans a rotation whole, or not at all where the rota is taken', async () => {
    const { ctx, disable } = await dutyHouse(fresh);
    expect(await repeatShifts(ctx, rotation())).toBe(4);
    expect(
      (await getRota(ctx)).shifts.map(
        ({ startsAt, endsAt, primary, second, manager }) =>
          `${startsAt.slice(0, 16)} ${endsAt.slice(0, 16)} ${primary.name} ${second?.name} ${manager?.name}`,
      ),
    ).toEqual([
      '2026-11-23T09:00 2026-11-30T09:00 Mia Jonas Otto',
      '2026-11-30T09:00 2026-12-07T09:00 Jonas Ada Otto',
      '2026-12-07T09:00 2026-12-14T09:00 Ada Mia Otto',
      '2026-12-14T09:00 2026-12-21T09:00 Mia Jonas Otto',
    ]);
    await expect(repeatShifts(ctx, rotation({ firstDay: '2026-12-14' }))).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('Mia is on duty already from 14 Dec 2026, 09:00 UTC.'),
    });
    expect(await repeatShifts(ctx, rotation({ firstDay: '2026-12-21', weeks: 52 }))).toBe(52);
    await disable('ada');
    await expect(repeatShifts(ctx, rotation({ firstDay: '2028-01-03' }))).rejects.toMatchObject({
      problems: [{ field: 'people' }],
    });
    await expect(repeatShifts(ctx, rotation({ people: [], firstDay: '2026-01-05' }))).rejects.toMatchObject({
      problems: [{ field: 'people' }, { field: 'firstDay' }],
    });
  });

  it('is a calendar for whoever has its address, and for nobody else', async () => {
    const { ctx, as, disable } = await dutyHouse(fresh);
    const { id } = await addShift(ctx, { ...shiftOf(1, 9), second: 'jonas', manager: 'otto' });
    await addShift(ctx, { ...shiftOf(9, 17, 'jonas'), second: 'mia' });
    await addShift(ctx, shiftOf(17, 20, 'ada'));
    await writeNote(as('mia'), id, { note: 'A key lay open.', noteAt: null });
    await renewFeed(as('mia'), { shows: 'own', tokenHash: 'of-mia' });
    await renewFeed(as('vera'), { shows: 'all', tokenHash: 'of-vera' });
    const visitor = { ...ctx, actor: { kind: 'visitor' as const } };
    const read = async (hash: string) => readCalendar(await readDutyFeed(visitor, hash));

    const own = await read('of-mia');
    expect(own.name).toBe('Harbour: Mia on duty');
    expect(own.events.map(({ start, end, summary }) => [start, end, summary])).toEqual([
      ['20261120T150000Z', '20261120T230000Z', 'Harbour: you are on duty'],
      ['20261120T230000Z', '20261121T070000Z', 'Harbour: you are second to Jonas'],
    ]);
    expect(JSON.stringify(own)).not.toContain('key lay open');
    expect((await read('of-vera')).events.map(({ summary }) => summary)).toEqual([
      'Harbour: Mia on duty, second Jonas',
      'Harbour: Jonas on duty, second Mia',
      'Harbour: Ada on duty',
    ]);

    // The same bytes until something changes; then the same UID with a higher SEQUENCE.
    const before = own.events[0];
    ctx.clock.advance(MINUTE);
    expect(await read('of-mia')).toEqual(own);
    await changeShift(ctx, id, { ...shiftOf(2, 9), revision: 0 });
    const [after] = (await read('of-mia')).events;
    expect(after).toMatchObject({ uid: before?.uid, sequence: 1, start: '20261120T160000Z' });
    expect(before?.sequence).toBe(0);
    expect(String(after?.stamp) > String(before?.stamp)).toBe(true);
    await removeShift(ctx, id, 1);
    expect((await read('of-mia')).events).toHaveLength(1);

    // What is long over is left out; an address that was renewed or ended, or whose owner is gone, shows nothing.
    ctx.clock.advance(93 * DAY);
    expect((await read('of-vera')).events).toEqual([]);
    await renewFeed(as('mia'), { shows: 'own', tokenHash: 'newer' });
    await read('newer');
    await endFeed(as('vera'), 'all');
    await renewFeed(as('ada'), { shows: 'own', tokenHash: 'of-ada' });
    await disable('ada');
    for (const hash of ['of-mia', 'of-vera', 'of-ada', 'never'])
      await expect(readDutyFeed(visitor, hash), hash).rejects.toMatchObject({ code: 'not_found' });
  });
});
