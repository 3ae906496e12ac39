import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BusinessHours,
  businessMsBetween,
  firstPublicDue,
  nextPublicDue,
  type Pace,
  wholeMinute,
} from '#domain/cadence.ts';
import { type KeptFacts, keptPercent, keptWord, medianOf, type Said, sumUp } from '#domain/keptWord.ts';
import { DEFAULT_POLICIES, type Severity } from '#domain/severity.ts';
import { addMs, DAY, HOUR, type Instant, MINUTE, msBetween, toInstant, toLocal } from '#domain/time.ts';

const HOURS: BusinessHours = {
  zone: 'Europe/Berlin',
  opens: '09:00',
  closes: '17:00',
  weekdays: [1, 2, 3, 4, 5],
  holidays: ['2026-12-25'],
};
const paceOf = (severity: Severity): Pace => ({ policy: DEFAULT_POLICIES[severity], hours: HOURS });
const at = (clock: string, day = '2026-11-20') => `${day}T${clock}:00.000Z`;
const MON = '2026-11-23';

/** A SEV1 declared at 14:00 whose updates were posted and promised as given: [posted, promised for it, status]. */
function story(
  updates: readonly (readonly [string, string | null, Said['status']?])[],
  rest: Partial<KeptFacts> = {},
): KeptFacts {
  return {
    pace: paceOf('SEV1'),
    minded: true,
    declaredAt: at('14:00'),
    endedAt: null,
    nextDue: null,
    said: updates.map(([posted, due, status = 'investigating'], index) => ({
      id: `u${index + 1}`,
      postedAt: at(posted),
      wasDueAt: due === null ? null : at(due),
      status,
    })),
    calls: [],
    ...rest,
  };
}
const line = ({ words }: ReturnType<typeof keptWord>) =>
  words.map(
    ({ promised, posted, verdict, lateMs }) =>
      `${promised.slice(11, 16)} ${posted?.slice(11, 16) ?? '-'} ${verdict} ${lateMs / MINUTE}`,
  );

describe('how an incident kept its word', () => {
  it('what was posted by itself kept nobody’s word, and is no first word of anybody', () => {
    const said = [
      {
        id: 'u1',
        postedAt: at('14:05'),
        wasDueAt: at('14:05'),
        status: 'investigating' as const,
        automatic: true,
      },
      { id: 'u2', postedAt: at('14:20'), wasDueAt: at('14:35'), status: 'investigating' as const },
      {
        id: 'u3',
        postedAt: at('14:50'),
        wasDueAt: at('14:50'),
        status: 'investigating' as const,
        automatic: true,
      },
    ];
    const kept = keptWord(story([], { said }), at('15:00'));
    expect(line(kept)).toEqual([
      '14:05 14:05 automatic 0',
      '14:35 14:20 on_time 0',
      '14:50 14:50 automatic 0',
    ]);
    expect([kept.onTime, kept.counted, kept.firstTookMs]).toEqual([1, 3, 20 * MINUTE]);
  });

  it('each promise with what became of it, to the end', () => {
    const kept = keptWord(
      story(
        [
          ['14:04', '14:05'],
          ['14:30', '14:34'],
          ['15:12', '15:00'],
          ['15:40', '15:42', 'monitoring'],
          ['16:00', '16:10', 'resolved'],
          // Said after the end: nothing had been promised.
          ['19:00', null, 'postmortem'],
        ],
        {
          endedAt: at('16:00'),
          calls: [
            { due: at('14:05'), at: at('14:00'), kind: 'first' },
            { due: at('14:05'), at: at('14:03'), kind: 'first' },
            { due: at('15:00'), at: at('14:50'), kind: 'before' },
            { due: at('15:00'), at: at('15:00'), kind: 'due' },
            { due: at('15:00'), at: at('15:05'), kind: 'late' },
            { due: at('15:00'), at: at('15:10'), kind: 'late' },
          ],
        },
      ),
      at('20:00'),
    );
    expect(line(kept)).toEqual([
      '14:05 14:04 on_time 0',
      '14:34 14:30 on_time 0',
      '15:00 15:12 late 12',
      '15:42 15:40 on_time 0',
      '16:10 16:00 on_time 0',
    ]);
    expect(kept).toMatchObject({
      counted: 5,
      onTime: 4,
      firstTookMs: 4 * MINUTE,
      longestSilence: { from: at('14:30'), to: at('15:12'), ms: 42 * MINUTE },
      // The call at the declaration is the alarm, not a reminder.
      reminders: 3,
      lateCalls: 2,
    });
    expect(kept.words.map(({ reminders, lateCalls }) => [reminders, lateCalls])).toEqual([
      [1, 0],
      [0, 0],
      [2, 2],
      [0, 0],
      [0, 0],
    ]);
  });

  it('the minute that was promised is kept to its end', () => {
    const posted = (instant: Instant) =>
      keptWord(
        {
          ...story([]),
          said: [{ id: 'u', postedAt: instant, wasDueAt: at('14:05'), status: 'investigating' }],
        },
        at('18:00'),
      ).words[0]?.verdict;
    expect(posted('2026-11-20T14:05:59.999Z')).toBe('on_time');
    expect(posted('2026-11-20T14:06:00.000Z')).toBe('late');
  });

  it('while it runs: what is awaited does not count, what is overdue does', () => {
    const facts = story([['14:04', '14:05']], { nextDue: at('14:34') });
    expect(keptWord(facts, at('14:34'))).toMatchObject({ counted: 1, onTime: 1 });
    const later = keptWord(facts, at('14:50'));
    expect(later).toMatchObject({ counted: 2, onTime: 1, longestSilence: { ms: 46 * MINUTE } });
    expect(line(later)).toEqual(['14:05 14:04 on_time 0', '14:34 - overdue 16']);
  });

  it('over before anything was said: a broken word only if its time had come', () => {
    expect(keptWord(story([], { endedAt: at('14:05') }), at('18:00'))).toMatchObject({
      words: [],
      counted: 0,
    });
    const late = keptWord(story([], { endedAt: at('14:30') }), at('18:00'));
    expect(line(late)).toEqual(['14:05 - never 25']);
    expect(late).toMatchObject({ counted: 1, onTime: 0, firstTookMs: null, longestSilence: null });
    expect(keptWord(story([], { endedAt: at('14:30'), minded: false }), at('18:00')).words).toEqual([]);
    // A SEV4 promises nobody anything.
    expect(keptWord(story([], { endedAt: at('18:00'), pace: paceOf('SEV4') }), at('19:00')).words).toEqual(
      [],
    );
  });

  it('between a resolution and a reopening nothing was owed', () => {
    const kept = keptWord(
      story(
        [
          ['14:04', '14:05'],
          ['14:20', '14:34', 'resolved'],
          ['18:00', null],
          ['18:10', '18:30', 'resolved'],
        ],
        { endedAt: at('18:10') },
      ),
      at('20:00'),
    );
    expect(kept.longestSilence).toEqual({ from: at('14:04'), to: at('14:20'), ms: 16 * MINUTE });
  });

  it('a policy of business hours counts silence in those alone', () => {
    const pace = paceOf('SEV3');
    // Friday 14:30 in Berlin; the second one is promised for Monday 9:00.
    const declaredAt = at('13:30');
    const said = [
      { id: 'u1', postedAt: at('14:10'), wasDueAt: at('14:30'), status: 'investigating' as const },
      { id: 'u2', postedAt: at('08:05', MON), wasDueAt: at('08:00', MON), status: 'resolved' as const },
    ];
    const kept = keptWord(
      { ...story([]), pace, declaredAt, said, endedAt: at('08:05', MON) },
      at('10:00', MON),
    );
    expect(kept).toMatchObject({ counted: 2, onTime: 1, firstTookMs: 40 * MINUTE });
    expect(kept.longestSilence?.ms).toBe((110 + 5) * MINUTE);
    expect(kept.words[1]?.lateMs).toBe(5 * MINUTE);
  });

  it('together: every word counts once, the median and the longest are those of all', () => {
    const one = keptWord(
      story(
        [
          ['14:04', '14:05'],
          ['15:10', '14:34', 'resolved'],
        ],
        { endedAt: at('15:10') },
      ),
      at('20:00'),
    );
    const two = keptWord(story([['14:10', '14:05', 'resolved']], { endedAt: at('14:10') }), at('20:00'));
    expect(
      sumUp([
        { id: 'one', kept: one },
        { id: 'two', kept: two },
      ]),
    ).toMatchObject({
      incidents: 2,
      counted: 3,
      onTime: 1,
      first: { said: 2, medianMs: 7 * MINUTE, counted: 2, onTime: 1 },
      longestSilence: { incidentId: 'one', ms: 66 * MINUTE },
    });
    expect(sumUp([])).toMatchObject({ counted: 0, first: { medianMs: null }, longestSilence: null });
  });

  it.each([
    [{ onTime: 2, counted: 3 }, '66%'],
    [{ onTime: 999, counted: 1000 }, '99%'],
    [{ onTime: 29, counted: 100 }, '29%'],
    [{ onTime: 7, counted: 7 }, '100%'],
    [{ onTime: 0, counted: 0 }, null],
  ])('%o is %s: never rounded up', (kept, percent) => expect(keptPercent(kept)).toBe(percent));

  it('the median of an even number lies between the two in the middle', () => {
    expect([medianOf([]), medianOf([3]), medianOf([9, 1]), medianOf([5, 1, 9])]).toEqual([null, 3, 5, 5]);
  });
});

const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata'];
const instant = fc
  .integer({ min: Date.parse('2026-01-01'), max: Date.parse('2027-12-31') })
  .map((ms) => toInstant(ms - (ms % MINUTE)));

describe('of any incident', () => {
  it('business time is what a minute-by-minute count says, in any zone, over any change of clocks', () => {
    fc.assert(
      fc.property(
        instant,
        fc.integer({ min: 0, max: 6 * 24 * 60 }),
        fc.constantFrom(...ZONES),
        (from, minutes, zone) => {
          const hours = { ...HOURS, zone };
          let open = 0;
          for (let minute = 0; minute < minutes; minute++) {
            const [day = '', clock = ''] = toLocal(addMs(from, minute * MINUTE), zone).split('T');
            const weekday = new Date(`${day}T12:00:00Z`).getUTCDay();
            const works = weekday > 0 && weekday < 6 && day !== '2026-12-25';
            if (works && clock >= '09:00' && clock < '17:00') open += MINUTE;
          }
          expect(businessMsBetween(hours, from, addMs(from, minutes * MINUTE))).toBe(open);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('who posts when it is due is always on time, and never silent for longer than the policy', () => {
    fc.assert(
      fc.property(
        instant,
        fc.constantFrom<Severity>('SEV1', 'SEV2', 'SEV3'),
        fc.constantFrom(...ZONES),
        fc.integer({ min: 1, max: 12 }),
        (declaredAt, severity, zone, count) => {
          const pace = { ...paceOf(severity), hours: { ...HOURS, zone } };
          const said: Said[] = [];
          let due = firstPublicDue(pace, declaredAt) as Instant;
          for (let index = 0; index < count; index++) {
            said.push({ id: `u${index}`, postedAt: due, wasDueAt: due, status: 'investigating' });
            due = wholeMinute(nextPublicDue(pace, due) as Instant);
          }
          const last = said.at(-1)?.postedAt as Instant;
          const kept = keptWord({ ...story([]), pace, declaredAt, said, nextDue: due }, last);
          expect(kept).toMatchObject({ counted: count, onTime: count });
          expect(kept.longestSilence?.ms).toBeLessThanOrEqual(
            (pace.policy.publicUpdateEvery as number) * MINUTE,
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  /** Posts, each some minutes before or after what was promised for it. */
  const offsets = fc.array(fc.integer({ min: -25, max: 90 }), { minLength: 1, maxLength: 20 });

  function posted(minutes: readonly number[], declaredAt: Instant): KeptFacts {
    const said: Said[] = [];
    let due = addMs(declaredAt, 30 * MINUTE);
    for (const [index, offset] of minutes.entries()) {
      const postedAt = addMs(due, offset * MINUTE);
      said.push({ id: `u${index}`, postedAt, wasDueAt: due, status: 'investigating' });
      due = addMs(postedAt, 30 * MINUTE);
    }
    return { ...story([]), declaredAt, said, nextDue: due };
  }

  it('what was late and what was not are all there is, and each is late by as much as it was', () => {
    fc.assert(
      fc.property(instant, offsets, fc.integer({ min: 0, max: 100 }), (declaredAt, minutes, wait) => {
        const facts = posted(minutes, declaredAt);
        const now = addMs(facts.said.at(-1)?.postedAt as Instant, wait * MINUTE);
        const kept = keptWord(facts, now);
        const late = minutes.filter((offset) => offset > 0);
        expect(kept.counted - kept.onTime).toBe(late.length + Number(wait > 30));
        expect(kept.counted).toBe(minutes.length + Number(wait > 30));
        expect(
          kept.words.flatMap(({ lateMs, posted }) => (lateMs && posted ? [lateMs / MINUTE] : [])),
        ).toEqual(late);
        const gaps = facts.said.map(({ postedAt }, index) =>
          msBetween(postedAt, facts.said[index + 1]?.postedAt ?? now),
        );
        expect(kept.longestSilence?.ms).toBe(Math.max(...gaps));
      }),
      { numRuns: 2000 },
    );
  });

  it('a first word took no longer than the policy allows if, and only if, it was on time', () => {
    const pace = paceOf('SEV3');
    const allowed = (pace.policy.firstPublicUpdate as number) * MINUTE;
    fc.assert(
      fc.property(instant, fc.integer({ min: -180, max: 180 }), (declaredAt, offset) => {
        const due = firstPublicDue(pace, declaredAt) as Instant;
        const around = addMs(due, offset * MINUTE);
        const postedAt = around > declaredAt ? around : declaredAt;
        const said = [{ id: 'u1', postedAt, wasDueAt: due, status: 'investigating' as const }];
        const took = keptWord({ ...story([]), pace, declaredAt, said }, postedAt).firstTookMs as number;
        // Minutes in which nobody works are none.
        const inHours = businessMsBetween(HOURS, addMs(postedAt, -MINUTE), postedAt) > 0;
        if (postedAt <= due) expect(took).toBeLessThanOrEqual(allowed);
        else if (inHours) expect(took).toBeGreaterThan(allowed);
      }),
      { numRuns: 5000 },
    );
  });

  it('it is the same story a day, a year or an hour later', () => {
    fc.assert(
      fc.property(instant, offsets, fc.constantFrom(HOUR, DAY, 365 * DAY), (declaredAt, minutes, shift) => {
        const here = keptWord(posted(minutes, declaredAt), addMs(declaredAt, 40 * HOUR));
        const there = keptWord(
          posted(minutes, addMs(declaredAt, shift)),
          addMs(declaredAt, 40 * HOUR + shift),
        );
        expect([there.counted, there.onTime, there.firstTookMs, there.longestSilence?.ms]).toEqual([
          here.counted,
          here.onTime,
          here.firstTookMs,
          here.longestSilence?.ms,
        ]);
      }),
      { numRuns: 500 },
    );
  });
});
