import { describe, expect, it } from 'vitest';
import {
  type BusinessHours,
  firstPublicDue,
  nextInternalDue,
  nextPublicDue,
  wholeMinute,
} from '#domain/cadence.ts';
import { type Call, type CallFacts, callsDue, HOLD, nextCallAt } from '#domain/calls.ts';
import { DEFAULT_POLICIES, DUTY_ROLES, type Severity } from '#domain/severity.ts';
import { addMs, type Instant, MINUTE } from '#domain/time.ts';

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
function paper(severity: Severity, declaredAt: Instant = AT, hours = HOURS) {
  const pace = { policy: DEFAULT_POLICIES[severity], hours };
  const facts: CallFacts = {
    policy: pace.policy,
    hours,
    declaredAt,
    over: false,
    publicClock: clockOf(firstPublicDue(pace, declaredAt), declaredAt, true),
    internalClock: clockOf(nextInternalDue(pace, declaredAt), declaredAt, true),
    filled: DUTY_ROLES,
    rolesMissing: false,
    pacedAt: declaredAt,
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

  it('repeats nothing when the clock goes back', () => {
    const incident = paper('SEV1');
    incident.run(AT, later(21));
    const before = incident.made.length;
    for (const minutes of [20, 10, 4, 0]) incident.tick(later(minutes));
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

  it('a slower pace after six hours, and again six hours after one was stated', () => {
    const incident = paper('SEV1');
    incident.run(AT, later(6 * 60 + 10));
    expect(told(incident.made, 'pace')).toEqual(['21:00 ask incident_commander']);
    incident.facts.pacedAt = later(7 * 60);
    incident.run(later(7 * 60), later(13 * 60));
    expect(told(incident.made, 'pace').at(-1)).toBe('04:00 ask incident_commander');
  });
});
