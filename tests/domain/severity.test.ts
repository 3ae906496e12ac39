import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_POLICIES,
  impactOf,
  isMoreSevere,
  isSeverity,
  SEVERITIES,
  SEVERITY_QUESTIONS,
  type SeverityAnswers,
  severityOfImpact,
  suggestSeverity,
} from '#domain/severity.ts';

const USERS = Object.keys(SEVERITY_QUESTIONS.users.answers) as SeverityAnswers['users'][];
const EFFECTS = Object.keys(SEVERITY_QUESTIONS.effect.answers) as SeverityAnswers['effect'][];
const BUSINESS = Object.keys(SEVERITY_QUESTIONS.business.answers) as SeverityAnswers['business'][];
const MILDEST: SeverityAnswers = {
  users: 'none',
  effect: 'cosmetic',
  business: 'slight',
  workaround: true,
  dataLossOrBreach: false,
};

/** Every question's answers by how bad they are, 0 the worst. */
const places = fc.record({
  users: fc.nat(3),
  effect: fc.nat(3),
  business: fc.nat(2),
  workaround: fc.nat(1),
  dataLossOrBreach: fc.nat(1),
});
type Places = Record<keyof SeverityAnswers, number>;
const answersAt = (at: Places): SeverityAnswers => ({
  users: USERS[at.users] as SeverityAnswers['users'],
  effect: EFFECTS[at.effect] as SeverityAnswers['effect'],
  business: BUSINESS[at.business] as SeverityAnswers['business'],
  workaround: at.workaround === 1,
  dataLossOrBreach: at.dataLossOrBreach === 0,
});

describe('the severity helper', () => {
  it.each([
    ['data loss, though nobody notices', { dataLossOrBreach: true }, 'SEV1'],
    ['down for all, even with a way round', { users: 'all', effect: 'down' }, 'SEV1'],
    ['a major feature broken for many', { users: 'many', effect: 'broken' }, 'SEV2'],
    ['down for many', { users: 'many', effect: 'down' }, 'SEV2'],
    ['degraded for some, with a way round', { users: 'some', effect: 'degraded' }, 'SEV3'],
    [
      'degraded for all, sales at stake',
      { users: 'all', effect: 'degraded', business: 'severe', workaround: false },
      'SEV1',
    ],
    ['it only looks wrong, to some', { users: 'some', effect: 'cosmetic' }, 'SEV4'],
    ['nobody is touched', { workaround: false }, 'SEV4'],
  ] as const)('%s', (_, answers, severity) =>
    expect(suggestSeverity({ ...MILDEST, ...answers })).toBe(severity),
  );

  it('never suggests a lower severity for a worse answer', () => {
    const question = fc.constantFrom(...(Object.keys(MILDEST) as (keyof SeverityAnswers)[]));
    fc.assert(
      fc.property(places, question, (at, worsened) => {
        const worse = { ...at, [worsened]: Math.max(0, at[worsened] - 1) };
        expect(isMoreSevere(suggestSeverity(answersAt(at)), suggestSeverity(answersAt(worse)))).toBe(false);
      }),
      { numRuns: 1_000 },
    );
  });

  it('can suggest each of them', () => {
    const suggested = new Set(fc.sample(places, 2_000).map((at) => suggestSeverity(answersAt(at))));
    expect([...suggested].sort()).toEqual([...SEVERITIES]);
  });
});

describe('severities', () => {
  it('stand for impacts, there and back', () => {
    expect(SEVERITIES.map(impactOf)).toEqual(['critical', 'major', 'minor', 'none']);
    for (const severity of SEVERITIES) expect(severityOfImpact(impactOf(severity))).toBe(severity);
    expect(severityOfImpact('maintenance')).toBe('SEV4');
  });

  it('are ordered, and known from other words', () => {
    expect(isMoreSevere('SEV1', 'SEV2')).toBe(true);
    expect(isMoreSevere('SEV2', 'SEV2')).toBe(false);
    expect(isMoreSevere('SEV3', 'SEV2')).toBe(false);
    expect(['SEV1', 'SEV5', 'sev1', null].map(isSeverity)).toEqual([true, false, false, false]);
  });

  it('ask for more the graver they are: the policy table as it was agreed', () => {
    const table = SEVERITIES.map((severity) => {
      const policy = DEFAULT_POLICIES[severity];
      return [
        policy.firstPublicUpdate,
        policy.publicUpdateEvery,
        policy.internalUpdateEvery,
        policy.watchBeforeResolving,
      ];
    });
    expect(table).toEqual([
      [5, 30, 15, 15],
      [5, 60, 30, 15],
      [60, 120, null, null],
      [null, null, null, null],
    ]);
    expect(SEVERITIES.map((severity) => DEFAULT_POLICIES[severity].audiences.length)).toEqual([4, 3, 1, 0]);
    expect(SEVERITIES.map((severity) => DEFAULT_POLICIES[severity].businessHoursOnly)).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
});
