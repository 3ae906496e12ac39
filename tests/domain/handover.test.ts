import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DutyPerson, Shift } from '#domain/duty.ts';
import { askNow, type HandoverFacts, handoverOf, nextAskAt } from '#domain/handover.ts';
import type { Role } from '#domain/permissions.ts';
import { addMs, MINUTE } from '#domain/time.ts';

const START = '2026-11-20T14:00:00.000Z';
const at = (minutes: number) => addMs(START, minutes * MINUTE);
const person = (name: string, role: Role = 'comms', canSignIn = true): DutyPerson => ({
  userId: name,
  name,
  email: `${name}@example.com`,
  role,
  canSignIn,
});
const [mia, jonas, ada, kim] = ['mia', 'jonas', 'ada', 'kim'].map((name) => person(name)) as [
  DutyPerson,
  DutyPerson,
  DutyPerson,
  DutyPerson,
];
const otto = person('otto', 'owner');
let seq = 0;
const shift = (from: number, to: number, primary: DutyPerson, changes: Partial<Shift> = {}): Shift => ({
  seq: ++seq,
  id: `s${seq}`,
  startsAt: at(from),
  endsAt: at(to),
  primary,
  second: null,
  manager: null,
  ...changes,
});
/** Mia until 16:00, then Jonas, with Ada as second and Otto as manager; declared at 15:00. */
const facts = (changes: Partial<HandoverFacts> = {}): HandoverFacts => ({
  shifts: [shift(0, 120, mia), shift(120, 600, jonas, { second: ada, manager: otto })],
  declaredAt: at(60),
  lead: { userId: 'mia', since: at(61) },
  everyone: [ada, jonas, kim, mia],
  otherwise: [otto],
  viewers: null,
  asked: [],
  ...changes,
});
/** Who is asked when, looked at each minute from `from` on. */
function story(start: HandoverFacts, from = 60, to = 240): string[] {
  let now = start;
  const told: string[] = [];
  for (let minute = from; minute <= to; minute++) {
    const handover = handoverOf(now, at(minute));
    if (!handover) continue;
    const people = askNow(now, handover, at(minute));
    if (!people.length) continue;
    told.push(`${minute} ${people.map(({ name }) => name).join(', ')}`);
    const asked = people.map(({ userId }) => ({ due: handover.due, userId, at: at(minute) }));
    now = { ...now, asked: [...now.asked, ...asked] };
  }
  return told;
}

describe('a hand-over', () => {
  it('asks the primary at the end of the shift, then second, manager and everyone, five minutes apart', () => {
    expect(story(facts())).toEqual(['120 jonas', '125 ada', '130 otto', '135 kim']);
    expect(handoverOf(facts(), at(119))).toBeNull();
    expect(handoverOf(facts(), at(120))).toMatchObject({ due: at(120), left: { primary: mia } });
    const handover = { due: at(120), left: null };
    expect(nextAskAt(facts(), handover, at(121))).toBe(at(125));
    expect(nextAskAt(facts(), handover, at(136))).toBeNull();
  });

  it('asks of what nobody leads, and not of what someone leads by their own choice', () => {
    // Whoever left is not called back.
    expect(story(facts({ lead: null }))).toEqual(['120 jonas', '125 ada', '130 otto', '135 kim']);
    expect(story(facts({ lead: { userId: 'kim', since: at(61) } }))).toEqual([]);
    expect(story(facts({ lead: { userId: 'jonas', since: at(61) } }))).toEqual([]);
  });

  it('is over once someone took it, whoever that is', () => {
    for (const userId of ['jonas', 'ada', 'kim', 'mia'])
      expect(handoverOf(facts({ lead: { userId, since: at(127) } }), at(130)), userId).toBeNull();
  });

  it('is none when the same person goes on, nor of what was declared after the change', () => {
    const same = [shift(0, 120, mia), shift(120, 600, mia, { second: ada })];
    expect(story(facts({ shifts: same }))).toEqual([]);
    expect(story(facts({ declaredAt: at(120), lead: null }))).toEqual([]);
    expect(story(facts({ shifts: [], lead: null }))).toEqual([]);
  });

  it('of a primary who becomes the second goes to the new primary', () => {
    const shifts = [shift(0, 120, mia), shift(120, 600, jonas, { second: mia })];
    expect(story(facts({ shifts }))).toEqual(['120 jonas', '125 ada, kim']);
  });

  it('of a second who took it goes on when their duty ends as well', () => {
    const shifts = [shift(0, 120, mia, { second: ada }), shift(120, 600, jonas)];
    expect(story(facts({ shifts, lead: { userId: 'ada', since: at(62) } }))).toEqual([
      '120 jonas',
      '125 kim',
    ]);
    const stays = [shift(0, 120, mia, { second: ada }), shift(120, 600, jonas, { second: ada })];
    expect(story(facts({ shifts: stays, lead: { userId: 'ada', since: at(62) } }))).toEqual([]);
  });

  it('into a gap asks everyone, and again whoever comes on duty after it', () => {
    const shifts = [shift(0, 120, mia), shift(180, 600, jonas)];
    expect(story(facts({ shifts }))).toEqual(['120 ada, jonas, kim', '180 jonas', '185 ada, kim']);
  });

  it('untaken through a whole shift is asked of the next', () => {
    const shifts = [shift(0, 120, mia), shift(120, 180, jonas), shift(180, 600, ada)];
    expect(story(facts({ shifts }))).toEqual(['120 jonas', '125 ada, kim', '180 ada', '185 kim']);
  });

  it('passes over at once whoever cannot sign in, cannot take it or may not know of it', () => {
    const shifts = [
      shift(0, 120, mia),
      shift(120, 600, person('gone', 'comms', false), { second: ada, manager: person('vera', 'viewer') }),
    ];
    expect(story(facts({ shifts }))).toEqual(['120 ada', '125 jonas, kim']);
    expect(story(facts({ viewers: ['kim', 'mia'] }))).toEqual(['120 kim']);
    expect(story(facts({ everyone: [mia], shifts: [shift(0, 120, mia)] }))).toEqual(['120 otto']);
  });

  it('asks a new primary at once when the shift is given to someone else while it runs, and not the one who was taken off it', () => {
    const early = facts({ asked: [{ due: at(120), userId: 'jonas', at: at(120) }] });
    const changed = {
      ...early,
      shifts: [shift(0, 120, mia), shift(120, 122, jonas), shift(122, 600, kim, { second: ada })],
    };
    expect(story(changed, 122)).toEqual(['122 kim', '127 ada', '132 otto']);
  });

  it('asks when it is time whoever was asked by a clock that had leapt ahead, once', () => {
    const early = ['jonas', 'ada', 'otto', 'kim'].map((userId) => ({
      due: at(120),
      userId,
      at: at(60 + 1440),
    }));
    expect(story(facts({ asked: early }))).toEqual(['120 jonas', '125 ada', '130 otto', '135 kim']);
    const lately = early.map((one) => ({ ...one, at: at(150) }));
    expect(story(facts({ asked: lately }))).toEqual([]);
  });

  const shifts = fc.array(
    fc
      .tuple(
        fc.integer({ min: -120, max: 200 }),
        fc.integer({ min: 1, max: 150 }),
        fc.constantFrom(mia, jonas, ada, person('gone', 'comms', false)),
        fc.constantFrom(null, ada, kim, person('vera', 'viewer')),
        fc.constantFrom(null, otto, jonas),
      )
      .map(([from, length, primary, second, manager]) =>
        shift(from, from + length, primary, { second, manager }),
      ),
    { maxLength: 6 },
  );

  it('asks nobody twice about one end of a duty, not whoever leads it, and only who could take it', () => {
    fc.assert(
      fc.property(
        shifts,
        fc.option(fc.constantFrom('mia', 'jonas', 'ada', 'kim'), { nil: null }),
        fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 30 }),
        (rota, leader, waits) => {
          const lead = leader === null ? null : { userId: leader, since: at(61) };
          let now = facts({ shifts: rota, lead });
          let minute = 60;
          const made: string[] = [];
          // The clock looks when it can, and now and then goes back.
          for (const wait of waits) {
            minute += wait > 35 ? -3 : wait;
            const handover = handoverOf(now, at(minute));
            if (!handover) continue;
            expect(handover.due > now.declaredAt && handover.due <= at(minute)).toBe(true);
            const people = askNow(now, handover, at(minute));
            for (const { userId, canSignIn, role } of people) {
              expect(canSignIn && role !== 'viewer' && userId !== leader).toBe(true);
              made.push(`${handover.due} ${userId}`);
            }
            const asked = people.map(({ userId }) => ({ due: handover.due, userId, at: at(minute) }));
            now = { ...now, asked: [...now.asked, ...asked] };
          }
          expect(new Set(made).size).toBe(made.length);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('asks somebody at once whenever there is anybody to ask', () => {
    fc.assert(
      fc.property(shifts, fc.integer({ min: 61, max: 300 }), (rota, minute) => {
        const now = facts({ shifts: rota, lead: null });
        const handover = handoverOf(now, at(minute));
        if (handover) expect(askNow(now, handover, at(minute)).length).toBeGreaterThan(0);
      }),
      { numRuns: 1000 },
    );
  });
});
