import { expect, it } from 'vitest';
import { mayHavePart } from '#domain/team.ts';
import { assignRole } from '#services/incidents.ts';
import { paceInput, setOwnPace } from '#services/policies.ts';
import { eachDatabase } from '../support/databases.ts';
import { dutyHouse } from './dutyHouse.ts';

eachDatabase('a part in an incident', (fresh) => {
  it('goes to nobody who would be called and could do nothing about it', async () => {
    const { ctx, declare, get } = await dutyHouse(fresh);
    const { id } = await declare();
    const give = (role: Parameters<typeof assignRole>[1]['role'], userId: string) =>
      assignRole(ctx, { incidentId: id, role, userId });
    for (const [role, userId, words] of [
      ['comms_lead', 'vera', 'Vera (viewer) would be called first and may not post updates.'],
      ['comms_lead', 'rui', 'Rui (responder) would be called first and may not post updates.'],
      ['incident_commander', 'vera', 'Vera (viewer) would be called first and may not say “I have it”.'],
    ] as const)
      await expect(give(role, userId)).rejects.toMatchObject({ code: 'invalid', message: words });
    expect((await get(id)).roles).toEqual([]);
    await give('incident_commander', 'rui');
    await give('comms_lead', 'mia');
    await give('scribe', 'vera');
    expect((await get(id)).roles.map(({ name }) => name).sort()).toEqual(['Mia', 'Rui', 'Vera']);
  });

  it('lets its commander state the pace that they are asked for, whatever else they may', async () => {
    const { as, ctx, declare, get } = await dutyHouse(fresh);
    const { id } = await declare();
    const pace = paceInput.parse({
      publicUpdateEvery: '120',
      internalUpdateEvery: '60',
      reason: 'It will be long.',
    });
    const state = async () =>
      setOwnPace(as('rui'), { ...pace, incidentId: id, version: (await get(id)).version });
    await expect(state()).rejects.toMatchObject({ code: 'forbidden' });
    await assignRole(ctx, { incidentId: id, role: 'incident_commander', userId: 'rui' });
    await state();
    expect((await get(id)).pace.policy.publicUpdateEvery).toBe(120);
  });
});

it('in a drill whoever may write inside can lead', () => {
  const may = (role: Parameters<typeof mayHavePart>[1], drill: boolean) =>
    mayHavePart('comms_lead', role, { drill });
  expect([may('responder', true), may('responder', false), may('viewer', true)]).toEqual([
    true,
    false,
    false,
  ]);
});
