import { describe, expect, it } from 'vitest';
import { DRILL_ROLES, type DrillRole, suggestRoles } from '#domain/drills.ts';

const had = (role: DrillRole, userId: string, month: string) => ({
  role,
  userId,
  at: `2026-${month}-01T00:00:00.000Z`,
});

describe('roles for the next drill', () => {
  it('go to whoever never had them, a role each', () => {
    expect(suggestRoles(['ada', 'ben', 'cleo', 'dora', 'emil'], [])).toEqual({
      incident_commander: 'ada',
      comms_lead: 'ben',
      technical_lead: 'cleo',
      scribe: 'dora',
    });
    expect(suggestRoles(['ada', 'ben'], [had('incident_commander', 'ada', '03')])).toEqual({
      incident_commander: 'ben',
      comms_lead: 'ada',
    });
  });

  it('go to whoever had them longest ago when everyone has, and among equals to who had the fewest turns', () => {
    const everyone = ['ada', 'ben', 'cleo'];
    const held = [
      had('incident_commander', 'ada', '05'),
      had('incident_commander', 'ben', '02'),
      had('incident_commander', 'cleo', '08'),
      had('comms_lead', 'ada', '03'),
    ];
    const { incident_commander, comms_lead } = suggestRoles(everyone, held);
    expect([incident_commander, comms_lead]).toEqual(['ben', 'cleo']);
  });

  it('fall to one person twice only where nobody is left, and then only who decides and who speaks', () => {
    expect(suggestRoles(['ada'], [])).toEqual({ incident_commander: 'ada', comms_lead: 'ada' });
    expect(suggestRoles([], [])).toEqual({});
  });

  it('come round: in as many drills as there are people, everyone has had every role once', () => {
    const people = ['ada', 'ben', 'cleo', 'dora'];
    const held: ReturnType<typeof had>[] = [];
    for (const month of ['01', '02', '03', '04'])
      for (const [role, userId] of Object.entries(suggestRoles(people, held)))
        held.push(had(role as DrillRole, userId, month));
    for (const role of DRILL_ROLES)
      expect(
        held
          .filter((one) => one.role === role)
          .map(({ userId }) => userId)
          .sort(),
        role,
      ).toEqual(people);
  });
});
