import { expect, it } from 'vitest';
import { DEFAULT_POLICIES } from '#domain/severity.ts';
import {
  getPolicies,
  paceInput,
  policiesInput,
  savePolicies,
  setOwnPace,
  useCurrentPolicies,
} from '#services/policies.ts';
import { getSettings, saveSettings } from '#services/settings.ts';
import { fieldsOf } from '../../src/pages/admin/settings/_policies.ts';
import { eachDatabase } from '../support/databases.ts';
import { incidentHouse, time } from './incidentHouse.ts';

/** What stands in the form of the policies that come with the product, with some of it typed over. */
function typed(severity: 'SEV1' | 'SEV3', changes: object, rest: object = {}) {
  const fields = fieldsOf({
    seq: null,
    policies: DEFAULT_POLICIES,
    hours: { opens: '09:00', closes: '17:00', weekdays: [1, 2, 3, 4, 5], holidays: [] },
  });
  return { ...fields, [severity]: { ...fields[severity], ...changes }, ...rest };
}

eachDatabase('policies', (fresh) => {
  it('hold for what is declared from then on; what is open keeps those it was declared under', async () => {
    const { ctx, declare, say, at, get } = await incidentHouse(fresh);
    const owner = ctx.as('owner');
    const old = await declare();
    const input = policiesInput.parse(typed('SEV1', { publicUpdateEvery: '20' }, { reason: 'Too slow.' }));
    await expect(savePolicies(ctx, input)).rejects.toMatchObject({ code: 'forbidden' });
    expect(await savePolicies(owner, input)).toBe(true);
    expect(await savePolicies(owner, input)).toBe(false);
    const young = await declare();
    for (const { id } of [old, young]) await say(id);
    expect(time((await get(old.id)).nextUpdateDue)).toBe('14:30');
    expect(time((await get(young.id)).nextUpdateDue)).toBe('14:20');
    expect((await getPolicies(ctx)).history).toMatchObject([{ reason: 'Too slow.', by: 'owner person' }]);

    at('14:10');
    const { version } = await get(old.id);
    await useCurrentPolicies(ctx, { incidentId: old.id, version, reason: 'The new ones fit better.' });
    // What was promised stays promised; the next one goes by the new ones.
    expect(time((await get(old.id)).nextUpdateDue)).toBe('14:30');
    await say(old.id);
    expect(time((await get(old.id)).nextUpdateDue)).toBe('14:30');
    at('14:40');
    await say(old.id);
    expect(time((await get(old.id)).nextUpdateDue)).toBe('15:00');
  });

  it('hold with the zone in which the house kept its hours, until someone chooses those of today', async () => {
    const { ctx, declare, say, get } = await incidentHouse(fresh);
    const owner = ctx.as('owner');
    // Friday, after hours in UTC and in the middle of the day in New York.
    ctx.clock.set('2026-11-20T18:00:00.000Z');
    const { id } = await declare({ severity: 'SEV3' });
    expect((await get(id)).nextUpdateDue).toBe('2026-11-23T10:00:00.000Z');
    await saveSettings(owner, { ...(await getSettings(owner)), timeZone: 'America/New_York' });
    expect((await get(id)).pace.hours.zone).toBe('UTC');
    await say(id);
    expect((await get(id)).nextUpdateDue).toBe('2026-11-23T09:00:00.000Z');
    const young = await declare({ severity: 'SEV3' });
    expect((await get(young.id)).nextUpdateDue).toBe('2026-11-20T19:00:00.000Z');
    const { version } = await get(id);
    await useCurrentPolicies(ctx, { incidentId: id, version, reason: 'The team is in New York.' });
    expect((await get(id)).pace.hours.zone).toBe('America/New_York');
    await say(id);
    expect((await get(id)).nextUpdateDue).toBe('2026-11-20T20:00:00.000Z');
  });

  it('give way to a pace that was agreed for one incident, until its severity changes', async () => {
    const { ctx, declare, say, at, get, audit } = await incidentHouse(fresh);
    const { id } = await declare();
    await say(id);
    const pace = paceInput.parse({
      publicUpdateEvery: '120',
      internalUpdateEvery: '',
      reason: 'It is a long one.',
    });
    const { version } = await get(id);
    await setOwnPace(ctx, { ...pace, incidentId: id, version });
    await expect(setOwnPace(ctx, { ...pace, incidentId: id, version })).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(time((await get(id)).nextUpdateDue)).toBe('14:30');
    at('14:25');
    await say(id);
    expect(time((await get(id)).nextUpdateDue)).toBe('16:25');
    expect((await get(id)).pace.policy.internalUpdateEvery).toBeNull();
    await say(id, { severity: 'SEV2' });
    expect(time((await get(id)).nextUpdateDue)).toBe('15:25');
    expect((await get(id)).ownPace).toBeNull();
    expect(await audit()).toContain('incident.pace');
    await say(id, { status: 'resolved', reason: 'Over.' });
    const over = await get(id);
    await expect(setOwnPace(ctx, { ...pace, incidentId: id, version: over.version })).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('a pace that is agreed where nothing was due begins there and then', async () => {
    const { ctx, declare, say, at, get } = await incidentHouse(fresh);
    const { id } = await declare({ severity: 'SEV4' });
    await say(id);
    at('14:10');
    const pace = paceInput.parse({
      publicUpdateEvery: '45',
      internalUpdateEvery: '20',
      reason: 'They ask for it.',
    });
    await setOwnPace(ctx, { ...pace, incidentId: id, version: (await get(id)).version });
    const { nextUpdateDue, internalDue } = await get(id);
    expect([time(nextUpdateDue), time(internalDue)]).toEqual(['14:55', '14:30']);
  });
});

it('says of each field what is wrong with it', () => {
  const problem = (changes: object, rest: object = {}) => {
    const issue = policiesInput.safeParse(typed('SEV3', changes, rest)).error?.issues[0];
    return issue && `${issue.path.join('.')}: ${issue.message}`;
  };
  const hours = { opens: '09:00', closes: '17:00', weekdays: ['1'], holidays: '' };
  expect(problem({})).toBeUndefined();
  expect(problem({ publicUpdateEvery: '' })).toBeUndefined();
  expect(problem({ publicUpdateEvery: 'often' })).toContain('SEV3.publicUpdateEvery: ');
  expect(problem({ publicUpdateEvery: '0' })).toContain('SEV3.publicUpdateEvery');
  expect(problem({ lateEvery: '' })).toBe(
    'SEV3.lateEvery: The time between calls when late is a whole number, such as 30.',
  );
  expect(problem({ remindBefore: '10; 0' })).toContain('with commas between them');
  expect(problem({ lateTell: ['neighbour'] })).toContain('Choose roles from the list.');
  // A team that works at night.
  expect(problem({}, { hours: { ...hours, opens: '22:00', closes: '06:00' } })).toBeUndefined();
  expect(problem({}, { hours: { ...hours, closes: '09:00' } })).toContain(
    'hours.closes: The close is the opening',
  );
  expect(problem({}, { hours: { ...hours, weekdays: [] } })).toContain('at least one day');
  expect(problem({}, { hours: { ...hours, holidays: '2026-02-30' } })).toContain('“2026-02-30” is no day.');
  expect(
    policiesInput.parse(typed('SEV3', {}, { hours: { ...hours, holidays: '2026-12-25 2026-12-24' } })).hours
      .holidays,
  ).toEqual(['2026-12-24', '2026-12-25']);
});
