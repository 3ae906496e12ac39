import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addBusinessMinutes,
  type BusinessHours,
  firstPublicDue,
  nextInternalDue,
  nextOpening,
  nextPublicDue,
  wholeMinute,
} from '#domain/cadence.ts';
import { type Call, type CallFacts, callsDue, HOLD, nextCallAt } from '#domain/calls.ts';
import { type CadencePolicy, DEFAULT_POLICIES, DUTY_ROLES, type Severity } from '#domain/severity.ts';
import { addMs, DAY, HOUR, type Instant, MINUTE, msBetween, toInstant } from '#domain/time.ts';

const HOURS: BusinessHours = {
  zone: 'UTC',
  opens: '09:00',
  closes: '17:00',
  weekdays: [1, 2, 3, 4, 5],
  holidays: [],
};
const AT = '2026-11-20T15:00:00.000Z';
const later = (minutes: number, seconds = 0) => addMs(AT, minutes * MINUTE + seconds * 1000);

/** An incident on paper: what was said, who has it, which calls were made. Time is handed in. */
function paper(
  severity: Severity,
  declaredAt: Instant = AT,
  { hours = HOURS, ...agreed }: Partial<CadencePolicy> & { hours?: BusinessHours } = {},
) {
  const pace = { policy: { ...DEFAULT_POLICIES[severity], ...agreed }, hours };
  const facts: CallFacts = {
    policy: pace.policy,
    hours,
    declaredAt,
    over: false,
    publicClock: clockOf(firstPublicDue(pace, declaredAt), declaredAt, true),
    internalClock: clockOf(nextInternalDue(pace, declaredAt), declaredAt, true),
    filled: DUTY_ROLES,
    rolesMissing: false,
    answered: true,
    pacedAt: declaredAt,
    stalledAt: null,
    holds: [],
    made: [],
  };
  const made: Call[] = [];
  return {
    facts,
    made,
    tick(now: Instant) {
      const calls = callsDue(facts, now);
      made.push(...calls);
      facts.made = made;
      return calls;
    },
    /** As the clock does: looks exactly when it said that it would. */
    run(from: Instant, until: Instant) {
      for (let now = from; now <= until; ) {
        this.tick(now);
        const next = nextCallAt(facts, now);
        if (!next) return;
        now = next;
      }
    },
    postPublic(now: Instant, promised?: Instant) {
      const due = promised ?? nextPublicDue(pace, now);
      facts.publicClock = clockOf(due && wholeMinute(due), now, false);
      facts.holds = facts.holds.filter(({ clock }) => clock !== 'public');
    },
    postInternal(now: Instant) {
      facts.internalClock = clockOf(nextInternalDue(pace, now), now, false);
    },
    haveIt(now: Instant) {
      facts.holds = [...facts.holds, { clock: 'public', at: now, until: addMs(now, HOLD) }];
    },
  };
}

function clockOf(due: Instant | null, since: Instant, first: boolean) {
  return due === null ? null : { due, since, first };
}

/** "15:03 first comms_lead" */
const told = (calls: readonly Call[], clock = 'public') =>
  calls
    .filter((call) => call.clock === clock)
    .map(({ at, kind, roles }) => `${at.slice(11, 16)} ${kind} ${roles.join(', ')}`);

describe('who is called about the next word outside', () => {
  it('of a SEV1 that nobody answers: thrice in five minutes, then one more person every five, then all of them', () => {
    const incident = paper('SEV1');
    incident.run(AT, later(26));
    expect(told(incident.made)).toEqual([
      '15:00 first comms_lead',
      '15:03 first comms_lead',
      '15:05 due comms_lead',
      '15:10 late comms_lead, second',
      '15:15 late comms_lead, second, incident_commander',
      '15:20 late comms_lead, second, incident_commander, manager',
      '15:25 late comms_lead, second, incident_commander, manager',
    ]);
  });

  it('of a SEV1 under way: ten minutes before, and when it is due', () => {
    const incident = paper('SEV1');
    incident.run(AT, later(1));
    incident.postPublic(later(2));
    incident.run(later(2), later(33));
    expect(told(incident.made)).toEqual([
      '15:00 first comms_lead',
      '15:22 before comms_lead',
      '15:32 due comms_lead',
    ]);
  });

  it('of a SEV3 within business hours alone', () => {
    const incident = paper('SEV3', '2026-11-20T15:30:00.000Z');
    incident.run('2026-11-20T15:30:00.000Z', '2026-11-20T23:00:00.000Z');
    expect(told(incident.made)).toEqual([
      '16:00 before comms_lead',
      '16:30 due comms_lead',
      ...['16:35', '16:40', '16:45', '16:50', '16:55', '17:00'].map((at) => `${at} late comms_lead, second`),
    ]);
    expect(nextCallAt(incident.facts, '2026-11-20T17:00:00.000Z')).toBe('2026-11-23T09:00:00.000Z');
  });

  it('of what was promised for the night: in the night', () => {
    const incident = paper('SEV3');
    incident.postPublic(later(1), '2026-11-20T22:00:00.000Z');
    incident.run(later(1), '2026-11-20T22:05:00.000Z');
    expect(told(incident.made)).toEqual([
      '21:30 before comms_lead',
      '22:00 due comms_lead',
      '22:05 late comms_lead, second',
    ]);
  });

  it('of a SEV4: nobody, unless someone promised a time', () => {
    const incident = paper('SEV4');
    expect(nextCallAt(incident.facts, AT)).toBeNull();
    incident.postPublic(AT, later(30));
    incident.run(AT, later(36));
    expect(told(incident.made)).toEqual(['15:30 due comms_lead', '15:35 late comms_lead']);
  });

  it('stands still for a quarter of an hour when someone has it, and goes on where it would have been', () => {
    const incident = paper('SEV1');
    incident.run(AT, later(10));
    incident.haveIt(later(11));
    incident.run(later(11), later(31));
    expect(told(incident.made).slice(3)).toEqual([
      '15:10 late comms_lead, second',
      '15:30 late comms_lead, second, incident_commander, manager',
    ]);
  });

  it('says the latest alone after an hour in which nothing ran', () => {
    const incident = paper('SEV1');
    expect(told(incident.tick(later(63)))).toEqual([
      '16:00 late comms_lead, second, incident_commander, manager',
    ]);
    expect(incident.tick(later(63, 1))).toEqual([]);
  });

  it('repeats nothing when the clock goes back a little', () => {
    const incident = paper('SEV1');
    incident.run(AT, later(21));
    const before = incident.made.length;
    for (const minutes of [20, 16, 15]) incident.tick(later(minutes));
    expect(incident.made.length).toBe(before);
  });

  it('leaves out whom nobody is: the next in the chain comes sooner, and one who is alone is called each time', () => {
    const incident = paper('SEV1');
    incident.facts.filled = ['comms_lead', 'manager'];
    incident.run(AT, later(15));
    expect(told(incident.made).slice(3)).toEqual([
      '15:10 late comms_lead, manager',
      '15:15 late comms_lead, manager',
    ]);
    const alone = paper('SEV1');
    alone.facts.filled = [];
    alone.run(AT, later(10));
    expect(told(alone.made).slice(2)).toEqual(['15:05 due comms_lead', '15:10 late comms_lead']);
  });

  it('ends when it is over', () => {
    const incident = paper('SEV1');
    incident.facts.over = true;
    expect([callsDue(incident.facts, later(60)), nextCallAt(incident.facts, AT)]).toEqual([[], null]);
  });
});

describe('where business hours are kept', () => {
  const WORK: BusinessHours = { ...HOURS, zone: 'Europe/Berlin' };
  const when = (calls: readonly Call[], clock = 'public') =>
    calls
      .filter((call) => call.clock === clock)
      .map(({ at, kind, roles }) => `${at.slice(5, 16).replace('T', ' ')} ${kind} ${roles.length}`);
  const days = (from: Instant, count: number) => addMs(from, count * DAY);

  it('what would be called after the close is called at the opening, once however much of it there is', () => {
    const incident = paper('SEV3', '2026-11-20T16:31:00.000Z', { firstPublicUpdate: 28, lateEvery: 60 });
    incident.run('2026-11-20T16:31:00.000Z', '2026-11-23T11:30:00.000Z');
    expect(when(incident.made)).toEqual([
      '11-20 16:31 before 1',
      '11-20 16:59 due 1',
      '11-23 09:00 late 2',
      '11-23 10:00 late 2',
      '11-23 11:00 late 2',
    ]);
  });

  it('the first words are called for at the opening, of what is declared in the night', () => {
    const incident = paper('SEV3', '2026-11-21T12:00:00.000Z', { remindFirstAfter: [0, 3], lateEvery: 30 });
    incident.run('2026-11-21T12:00:00.000Z', '2026-11-23T10:30:00.000Z');
    expect(when(incident.made)).toEqual(['11-23 09:00 first 1', '11-23 10:00 due 1', '11-23 10:30 late 2']);
  });

  it('what comes once a day comes at each opening, and calls one person more each time', () => {
    const declared = '2026-11-20T16:00:00.000Z';
    const incident = paper('SEV3', declared, { internalUpdateEvery: 1440 });
    incident.run(declared, days(declared, 6));
    expect(when(incident.made, 'internal')).toEqual([
      '11-23 09:00 due 1',
      '11-24 09:00 late 2',
      '11-25 09:00 late 3',
      '11-26 09:00 late 3',
    ]);
  });

  it('what is due while nobody works, since other hours were agreed meanwhile, is late at the opening', () => {
    const incident = paper('SEV3', '2026-11-20T10:00:00.000Z', { internalUpdateEvery: 1440 });
    incident.facts.internalClock = { due: '2026-11-21T17:30:00.000Z', since: '2026-11-20T17:30:00.000Z' };
    incident.run('2026-11-20T17:30:00.000Z', '2026-11-25T00:00:00.000Z');
    expect(when(incident.made, 'internal')).toEqual(['11-23 09:00 late 1', '11-24 09:00 late 2']);
  });

  it('once a day stays at the opening by the wall clock, where clocks change', () => {
    for (const [promised, calls] of [
      ['2026-03-26T08:00:00.000Z', ['03-26 08:00', '03-27 08:00', '03-30 07:00', '03-31 07:00']],
      ['2026-10-22T07:00:00.000Z', ['10-22 07:00', '10-23 07:00', '10-26 08:00', '10-27 08:00']],
    ] as const) {
      const incident = paper('SEV3', days(promised, -2), { lateEvery: 1440, hours: WORK });
      incident.postPublic(days(promised, -1), promised);
      incident.run(promised, days(promised, 6));
      expect(when(incident.made).slice(0, 4)).toEqual(
        calls.map((at, index) => `${at} ${index ? 'late 2' : 'due 1'}`),
      );
    }
  });

  it('a slower pace is asked for, however short the day', () => {
    const short = { ...HOURS, opens: '09:00', closes: '12:00' };
    const incident = paper('SEV3', '2026-11-20T10:00:00.000Z', { hours: short });
    incident.run('2026-11-20T10:00:00.000Z', '2026-11-25T00:00:00.000Z');
    expect(when(incident.made, 'pace')).toEqual(['11-23 09:00 ask 1', '11-24 09:00 ask 1']);
  });

  it('is reminded on Friday of what is promised for Monday’s opening', () => {
    const incident = paper('SEV3', '2026-11-20T09:00:00.000Z');
    incident.postPublic('2026-11-20T15:30:00.000Z');
    expect(incident.facts.publicClock?.due).toBe('2026-11-23T09:00:00.000Z');
    incident.run('2026-11-20T15:30:00.000Z', '2026-11-23T09:00:00.000Z');
    expect(when(incident.made)).toEqual(['11-20 16:30 before 1', '11-23 09:00 due 1']);
  });

  it('nobody is called in the night about what was missed by day', () => {
    const incident = paper('SEV3', '2026-11-20T10:00:00.000Z');
    expect(incident.tick('2026-11-20T20:00:00.000Z')).toEqual([]);
    expect(told(incident.tick('2026-11-23T09:00:00.000Z'))).toEqual(['09:00 late comms_lead, second']);
  });
});

describe('by a clock that leaps', () => {
  it('and is put right, the next call comes when it would have, and each still once', () => {
    const incident = paper('SEV1');
    incident.run(AT, later(12));
    incident.tick(addMs(later(12), DAY));
    const before = incident.made.filter(({ clock }) => clock === 'public').length;
    for (let second = 1; second < 13 * 60; second++) incident.tick(later(12, second));
    const since = incident.made.filter(({ clock }) => clock === 'public').slice(before);
    expect(since.map(({ at }) => at)).toEqual([addMs(later(10), 1), later(15), later(20)]);
  });

  it('staff are called on as often where it has been wrong for long', () => {
    const incident = paper('SEV1');
    incident.run(AT, later(12));
    incident.run(addMs(later(12), HOUR), addMs(later(60), HOUR));
    const before = incident.made.length;
    incident.run(later(60), later(120));
    const since = incident.made.slice(before).filter(({ clock }) => clock === 'public');
    const names = incident.made.map(({ clock, due, at }) => `${clock} ${due} ${at}`);
    expect(since).toHaveLength(13);
    expect(new Set(names).size).toBe(names.length);
  });

  it('nothing is said twice before it is due, nor that it is', () => {
    const incident = paper('SEV1');
    incident.run(AT, later(2));
    incident.postPublic(later(2));
    incident.run(later(2), later(60));
    for (const minutes of [2, 22, 25, 32, 36]) incident.tick(later(minutes));
    const once = told(incident.made).filter((call) => !call.includes('late'));
    expect(once).toEqual(['15:00 first comms_lead', '15:22 before comms_lead', '15:32 due comms_lead']);
  });
});

describe('what else staff are called about', () => {
  it('the next word inside, on a clock of its own', () => {
    const incident = paper('SEV1');
    incident.run(AT, later(46));
    expect(told(incident.made, 'internal')).toEqual([
      '15:15 due incident_commander',
      '15:30 late incident_commander, comms_lead',
      '15:45 late incident_commander, comms_lead, manager',
    ]);
  });

  it('roles that nobody has, until someone has them', () => {
    const incident = paper('SEV2');
    incident.facts.rolesMissing = true;
    incident.run(AT, later(31));
    incident.facts.rolesMissing = false;
    incident.run(later(31), later(90));
    expect(told(incident.made, 'roles')).toEqual([
      '15:15 ask comms_lead, manager',
      '15:30 ask comms_lead, manager',
    ]);
  });

  it('a SEV4 that nobody has taken up: once, when the next business day begins', () => {
    // 15:00 on a Friday.
    const incident = paper('SEV4');
    incident.facts.answered = false;
    incident.run(AT, later(14 * 24 * 60));
    expect(incident.made).toEqual([
      {
        clock: 'answer',
        kind: 'ask',
        due: '2026-11-23T09:00:00.000Z',
        at: '2026-11-23T09:00:00.000Z',
        roles: ['comms_lead'],
      },
    ]);
  });

  it('a SEV4 that is declared at three in the morning: at nine, and nobody who has taken it up by then', () => {
    const night = '2026-11-20T03:00:00.000Z';
    const asked = (answered: boolean) => {
      const incident = paper('SEV4', night);
      incident.facts.answered = false;
      incident.run(night, '2026-11-20T08:59:00.000Z');
      incident.facts.answered = answered;
      incident.run('2026-11-20T09:00:00.000Z', '2026-11-21T09:00:00.000Z');
      return incident.made.map(({ at }) => at);
    };
    expect(asked(false)).toEqual(['2026-11-20T09:00:00.000Z']);
    expect(asked(true)).toEqual([]);
  });

  it('a severity that may wait for the next business day, though it is worked on day and night: by day all the same', () => {
    const incident = paper('SEV2', AT, { respondWithin: 'next_business_day' });
    Object.assign(incident.facts, { answered: false, publicClock: null, internalClock: null });
    // Nothing ran in the morning: at night it wakes nobody.
    expect(incident.tick('2026-11-23T22:00:00.000Z').filter(({ clock }) => clock === 'answer')).toEqual([]);
    expect(incident.tick('2026-11-24T09:00:00.000Z').map(({ clock }) => clock)).toContain('answer');
    expect(incident.tick('2026-11-25T09:00:00.000Z').map(({ clock }) => clock)).not.toContain('answer');
  });

  it('what may wait for the next business day: once whenever it is looked at, at work alone, and not before it began', () => {
    const instant = fc
      .integer({ min: Date.UTC(2026, 2, 20) / MINUTE, max: Date.UTC(2026, 10, 20) / MINUTE })
      .map((minutes) => toInstant(minutes * MINUTE));
    const hours = fc.record({
      zone: fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York'),
      opens: fc.constantFrom('00:00', '09:00', '22:00'),
      closes: fc.constantFrom('06:00', '17:00'),
      weekdays: fc.constantFrom([1, 2, 3, 4, 5], [7]),
      holidays: fc.constantFrom([], ['2026-03-30', '2026-10-26']),
    });
    const looks = fc.array(fc.integer({ min: 1, max: 2 * 1440 }), { minLength: 5, maxLength: 40 });
    const leftAt = fc.option(fc.integer({ min: 0, max: 10 * 1440 }));
    fc.assert(
      fc.property(hours, instant, looks, leftAt, (open, declaredAt, waits, answeredAfter) => {
        const incident = paper('SEV4', declaredAt, { hours: open });
        const opening = nextOpening(open, declaredAt);
        let now = declaredAt;
        let couldBe = false;
        for (const minutes of waits) {
          now = addMs(now, minutes * MINUTE);
          incident.facts.answered =
            answeredAfter !== null && now >= addMs(declaredAt, answeredAfter * MINUTE);
          const isWork = addBusinessMinutes(open, now, 0) === now;
          couldBe ||= now >= opening && isWork && !incident.facts.answered;
          for (const call of incident.tick(now)) {
            expect([call.clock, call.at, isWork]).toEqual(['answer', opening, true]);
            expect(msBetween(declaredAt, opening)).toBeGreaterThan(0);
          }
        }
        expect(incident.made).toHaveLength(couldBe ? 1 : 0);
      }),
      { numRuns: 1000 },
    );
  });

  it('a slower pace after six hours, and again six hours after one was stated', () => {
    const incident = paper('SEV1');
    incident.run(AT, later(6 * 60 + 10));
    expect(told(incident.made, 'pace')).toEqual(['21:00 ask incident_commander']);
    incident.facts.pacedAt = later(7 * 60);
    incident.run(later(7 * 60), later(13 * 60));
    expect(told(incident.made, 'pace').at(-1)).toBe('04:00 ask incident_commander');
  });

  it('mail that does not leave: who leads and who speaks at once, the manager too a quarter of an hour later, until it does', () => {
    const incident = paper('SEV1');
    incident.facts.stalledAt = later(7);
    incident.run(later(7), later(38));
    incident.facts.stalledAt = null;
    incident.run(later(38), later(90));
    expect(told(incident.made, 'mail')).toEqual([
      '15:07 late incident_commander, comms_lead',
      '15:22 late incident_commander, comms_lead, manager',
      '15:37 late incident_commander, comms_lead, manager',
    ]);
  });

  it('nobody about mail of a severity that calls nobody when it is late', () => {
    const incident = paper('SEV4');
    incident.facts.stalledAt = later(7);
    incident.run(later(7), later(90));
    expect(incident.made).toEqual([]);
  });
});
