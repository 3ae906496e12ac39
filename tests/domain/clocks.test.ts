import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { automaticKind } from '#domain/automatic.ts';
import {
  addBusinessMinutes,
  type BusinessHours,
  businessMsBetween,
  type OwnPace,
  type Pace,
} from '#domain/cadence.ts';
import { latestFirst } from '#domain/callFacts.ts';
import { type Call, type CallClock, HOLD, LONG, nextCallAt } from '#domain/calls.ts';
import { DEFAULT_POLICIES, type Policies, SEVERITIES, type Severity } from '#domain/severity.ts';
import { allowedNextStatuses, type IncidentStatus, isOver } from '#domain/status.ts';
import { addMs, DAY, HOUR, type Instant, MINUTE, msBetween } from '#domain/time.ts';
import { type Agreed, type PaperIncident, paperIncident } from './paperIncident.ts';

const HOURS = { opens: '09:00', closes: '17:00', weekdays: [1, 2, 3, 4, 5] };
/** Shorter than what is asked about every six hours. */
const MORNINGS = { ...HOURS, closes: '13:00', weekdays: [1, 3, 4, 5] };
const NIGHTS = { ...HOURS, opens: '22:00', closes: '06:00', weekdays: [1, 2, 3, 4, 7] };
/** Mondays after a night on which clocks change, and a Friday before one. */
const HOLIDAYS = ['2026-03-30', '2026-10-26', '2026-03-06', '2026-11-02'];

const { SEV1, SEV2, SEV3, SEV4 } = DEFAULT_POLICIES;
/** Other agreements that settings allow: odd ones, so that nothing leans on how the defaults happen to be. */
const POLICIES: readonly Policies[] = [
  DEFAULT_POLICIES,
  {
    SEV1: { ...SEV1, publicUpdateEvery: 20, internalUpdateEvery: null, lateEvery: 3, postWhenLate: true },
    SEV2: { ...SEV2, businessHoursOnly: true, lateEvery: 7, remindFirstAfter: [], remindBefore: [15, 10, 0] },
    SEV3: { ...SEV3, businessHoursOnly: false, internalUpdateEvery: 45, lateTell: [] },
    // Nothing is owed before it is public; then it is.
    SEV4: { ...SEV4, publicUpdateEvery: 240, lateEvery: 10 },
  },
  {
    SEV1: { ...SEV1, firstPublicUpdate: 15, publicUpdateEvery: 60, remindBefore: [] },
    SEV2: { ...SEV2, firstPublicUpdate: 5, publicUpdateEvery: 15, postWhenLate: true },
    SEV3: { ...SEV3, firstPublicUpdate: null, publicUpdateEvery: null },
    SEV4: { ...SEV4, firstPublicUpdate: 60, publicUpdateEvery: 480 },
  },
  // What comes once a day would never come within hours by an ordinary clock.
  {
    SEV1: { ...SEV1, businessHoursOnly: true, lateEvery: 90 },
    SEV2: { ...SEV2, lateEvery: 1440, internalUpdateEvery: 1440 },
    SEV3: { ...SEV3, lateEvery: 1440, internalUpdateEvery: 1440, remindBefore: [120, 30] },
    SEV4: { ...SEV4, firstPublicUpdate: 300, publicUpdateEvery: 1440, internalUpdateEvery: 300 },
  },
];
const HOURS_OF = [HOURS, NIGHTS, HOURS, MORNINGS];

type Deed =
  | { does: 'nothing' | 'postmortem' }
  | { does: 'public'; status: IncidentStatus; severity: Severity | null; promise: number | null }
  | { does: 'internal'; status: IncidentStatus | null; severity: Severity | null }
  | { does: 'have it'; clock: 'public' | 'internal' }
  | { does: 'own pace'; pace: OwnPace }
  | { does: 'policies'; agreed: number }
  | { does: 'automatic' }
  | { does: 'jump'; ms: number };
type Event = Deed & { seconds: number };
type Case = { severity: Severity; start: Instant; zone: string; agreed: number; events: Event[] };

const severity = fc.constantFrom(...SEVERITIES);
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { freq: 2 });
const OPEN = ['investigating', 'identified', 'monitoring'] as const;
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Deed>({ does: 'nothing' }) },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('public' as const),
      status: fc.constantFrom<IncidentStatus>(...OPEN, ...OPEN, 'resolved'),
      severity: maybe(severity),
      promise: maybe(
        fc.oneof(
          { weight: 3, arbitrary: fc.integer({ min: 1, max: 300 }) },
          { weight: 1, arbitrary: fc.integer({ min: 300, max: 5 * 1440 }) },
        ),
      ),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      does: fc.constant('internal' as const),
      status: maybe(fc.constantFrom<IncidentStatus>(...OPEN, 'resolved')),
      severity: maybe(severity),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      does: fc.constant('have it' as const),
      clock: fc.constantFrom('public' as const, 'public' as const, 'internal' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('own pace' as const),
      pace: fc.record({
        publicUpdateEvery: fc.constantFrom(10, 45, 240, 1440),
        internalUpdateEvery: fc.constantFrom(null, 20, 120, 1440),
      }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('policies' as const),
      agreed: fc.integer({ min: 0, max: POLICIES.length - 1 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant<Deed>({ does: 'automatic' }) },
  // The clock of the machine is set, or it was down: some days on, a day back, or a little.
  {
    weight: 1,
    arbitrary: fc.record({
      does: fc.constant('jump' as const),
      ms: fc.constantFrom(DAY, 3 * DAY, -DAY, -HOUR, 20 * MINUTE),
    }),
  },
);
const seconds = fc.oneof(
  { weight: 7, arbitrary: fc.integer({ min: 1, max: 40 * 60 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 8 * 60 * 60 }) },
);
const events = fc.array(
  fc.tuple(deed, seconds).map(([does, wait]): Event => ({ ...does, seconds: wait })),
  { maxLength: 9 },
);
const start = fc
  // The nights on which clocks change in Berlin and New York, both ways, are within a few steps of these; Lord Howe moves by half an hour.
  .tuple(
    fc.constantFrom('2026-03-27T12:00', '2026-10-23T12:00', '2026-03-06T12:00', '2026-10-30T12:00'),
    fc.integer({ min: 0, max: 4 * 24 * 60 * 60 }),
  )
  .map(([day, passed]) => addMs(`${day}:00.000Z`, passed * 1000));
const zone = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe');
const cases: fc.Arbitrary<Case> = fc.record({
  severity,
  start,
  zone,
  agreed: fc.integer({ min: 0, max: POLICIES.length - 1 }),
  events,
});

const agreedIn = (agreed: number, zone: string): Agreed => ({
  policies: POLICIES[agreed] as Policies,
  hours: { ...(HOURS_OF[agreed] as typeof HOURS), zone, holidays: HOLIDAYS },
});

/** The policy's words, read without the clocks: so many minutes, or what business hours make of them. */
function within({ policy, hours }: Pace, minutes: number | null, from: Instant): Instant | null {
  if (minutes === null) return null;
  return policy.businessHoursOnly
    ? addBusinessMinutes(hours, from, minutes)
    : new Date(Date.parse(from) + minutes * 60_000).toISOString();
}
/** All its minutes on one day: the rest of this one, or the next from its opening on. */
function first(pace: Pace, from: Instant): Instant | null {
  const { policy, hours } = pace;
  const minutes = policy.firstPublicUpdate;
  if (minutes === null || !policy.businessHoursOnly) return within(pace, minutes, from);
  const start = addBusinessMinutes(hours, from, 0);
  const due = addBusinessMinutes(hours, start, minutes);
  return due === addMs(start, minutes * MINUTE) ? due : addMs(due, minutes * MINUTE);
}
const next = (pace: Pace, from: Instant) => within(pace, pace.policy.publicUpdateEvery, from);
const latest = (...times: (Instant | null)[]) =>
  times.every((time) => time === null) ? null : ([...times].sort().at(-1) as Instant);
const isOpenAt = (hours: BusinessHours, at: Instant) => addBusinessMinutes(hours, at, 0) === at;

/**
 * Lives through the events, looking every time that the clock would and at every event besides, and keeps its own account, from what
 * people said alone, of when the public must have heard a word or somebody must have been called.
 */
function live({ severity, start, zone, agreed, events }: Case) {
  const paper = paperIncident(severity, agreedIn(agreed, zone), start);
  const { incident, made } = paper;
  let now = start;
  /** From the first on nobody can tell how long ago a word was said. */
  let setBacks = 0;
  let since = start;
  /** When something was last said in public, as far as the clock knows. */
  let spokenAt = start;
  /** By when somebody must hear at the latest; null when nothing was owed. */
  let owed = first(paper.pace(), start);

  const pass = (until: Instant) => {
    for (let at = now; at < until; ) {
      checkCalls(paper, paper.tick(at), at);
      const then = nextCallAt(paper.facts(), at);
      if (!then) break;
      expect(then > at, 'the clock goes on').toBe(true);
      at = then;
    }
    now = until;
    checkCalls(paper, paper.tick(now), now);
  };
  const post = (does: Parameters<PaperIncident['post']>[1]) => {
    const before = { ...incident };
    const promised = paper.post(now, does);
    const pace = paper.pace();
    checkPost(before, paper, does, promised, { now, isSetBack: setBacks > 0 });
    if (does.automatic) return;
    if (isOver(incident.status)) {
      owed = null;
      return;
    }
    const reopened = isOver(before.status);
    if (reopened) since = now;
    if (does.audience === 'public') {
      spokenAt = spokenAt > now ? spokenAt : now;
      owed = does.nextUpdateBy === undefined ? next(pace, now) : (does.nextUpdateBy ?? null);
    } else if (reopened) owed = first(pace, now);
    else if (incident.severity !== before.severity) {
      if (!before.publishedAt)
        owed =
          first(pace, start) === null
            ? null
            : latest(first(pace, since), first(pace, start), first(pace, now));
      else if (owed === null || !before.nextUpdateDue) {
        const from = spokenAt < now ? spokenAt : now;
        owed =
          next(pace, from) === null ? null : latest(next(pace, from), first(pace, now) ?? next(pace, now));
      }
    }
  };

  for (const event of events) {
    pass(addMs(now, event.seconds * 1000));
    // What was called for a time twice is not called for it a third time.
    if (setBacks < 2) checkHeard(paper, owed, now);
    if (!setBacks) checkReminded(paper, now);
    if (event.does === 'jump') {
      now = addMs(now, event.ms);
      if (event.ms < 0) setBacks++;
    }
    if (event.does === 'have it') paper.haveIt(now, event.clock);
    if (event.does === 'own pace' || event.does === 'policies') {
      const before = { ...incident };
      paper.goBy(
        now,
        event.does === 'policies' ? { other: agreedIn(event.agreed, zone) } : { ownPace: event.pace },
      );
      if (before.nextUpdateDue) expect(incident.nextUpdateDue).toBe(before.nextUpdateDue);
      if (!isOver(incident.status))
        owed ??= incident.publishedAt ? next(paper.pace(), now) : first(paper.pace(), now);
    }
    if (event.does === 'automatic') {
      const { policy } = paper.pace();
      const held = paper
        .holds()
        .some(({ clock, at, until }) => clock === 'public' && at <= now && now < until);
      const said = latestFirst(paper.said()).filter(({ audience }) => audience === 'public');
      const open = !isOver(incident.status);
      const kind = open && automaticKind({ policy, due: incident.nextUpdateDue, isHeld: held, said }, now);
      if (kind) post({ audience: 'public', status: incident.status, automatic: true });
    }
    if (event.does === 'public' && allowedNextStatuses(incident.status).includes(event.status))
      post({
        audience: 'public',
        status: event.status,
        ...(event.severity && { severity: event.severity }),
        ...(event.promise && { nextUpdateBy: addMs(now, event.promise * MINUTE) }),
      });
    if (event.does === 'internal') {
      // Once it is public, its status changes in public alone.
      const wanted = !incident.publishedAt && event.status;
      const status =
        wanted && allowedNextStatuses(incident.status).includes(wanted) ? wanted : incident.status;
      post({ audience: 'internal', status, ...(event.severity && { severity: event.severity }) });
    }
  }
  return { made, paper, now };
}

/** Each call is made once, about what is owed, to somebody, when somebody may be called; one of a clock at a time. */
function checkCalls(paper: PaperIncident, calls: readonly Call[], now: Instant): void {
  const { policy, hours, over } = paper.facts();
  expect(new Set(calls.map(({ clock }) => clock)).size, 'two calls about one clock at once').toBe(
    calls.length,
  );
  for (const call of calls) {
    const same = paper.made.filter(
      ({ clock, due, at, kind }) =>
        clock === call.clock &&
        due === call.due &&
        (at === call.at || (kind === 'due' && call.kind === 'due')),
    );
    expect(same.length, `${call.clock} ${call.kind} twice`).toBe(1);
    expect(over, 'called about what is over').toBe(false);
    expect(call.roles.length).toBeGreaterThan(0);
    const held = paper
      .holds()
      .find(({ clock, at, until }) => clock === call.clock && at <= call.at && call.at < until);
    expect(held, 'called though someone has it').toBeUndefined();
    if (policy.businessHoursOnly && (call.clock !== 'public' || isOpenAt(hours, call.due)))
      // To the second: what was called for this time by a clock that had leapt has its name.
      expect(
        [`${call.at.slice(0, 19)}.000Z`, now].map((at) => isOpenAt(hours, at)),
        'in the night',
      ).toEqual([true, true]);
  }
}

/** What a word does to the clock that it is not about. */
function checkPost(
  before: PaperIncident['incident'],
  { incident, pace }: PaperIncident,
  { audience, nextUpdateBy }: Parameters<PaperIncident['post']>[1],
  promised: Instant | null,
  { now, isSetBack }: { now: Instant; isSetBack: boolean },
): void {
  if (isOver(incident.status))
    return void expect([incident.nextUpdateDue, incident.internalDue]).toEqual([null, null]);
  const turns = isOver(before.status);
  const moved = before.severity !== incident.severity;
  if (audience === 'public') {
    expect(incident.nextUpdateDue).toBe(promised);
    if (promised) expect(promised > now).toBe(true);
    if (promised && nextUpdateBy === undefined) expect(promised).toMatch(/:00\.000Z$/);
    if (!turns && !moved) expect(incident.internalDue).toBe(before.internalDue);
    // A public word is none inside.
    const wasLate = !isSetBack && before.internalDue && before.internalDue <= now;
    const allowed =
      before.internalDue && within(pace(), pace().policy.internalUpdateEvery, before.internalDue);
    if (!turns && wasLate && allowed && incident.internalDue !== before.internalDue)
      expect((incident.internalDue as Instant) <= allowed, 'let off inside by a word outside').toBe(true);
    return;
  }
  if (turns) return;
  if (!moved) return void expect(incident.nextUpdateDue).toBe(before.nextUpdateDue);
  // What visitors were promised is never put off by a word inside.
  if (before.publishedAt && before.nextUpdateDue)
    expect((incident.nextUpdateDue ?? '~') <= before.nextUpdateDue, 'a promise put off inside').toBe(true);
  // Nor is who is late let off, but by a severity that allows for more time than has passed.
  const late = before.nextUpdateDue && before.nextUpdateDue <= now;
  const due = first(pace(), before.declaredAt);
  if (!before.publishedAt && late && due && due <= now)
    expect(incident.nextUpdateDue, 'late no more').toBe(before.nextUpdateDue);
}

/** Nothing is owed for longer than the policy allows without someone having been called, or having said "I have it". */
function checkHeard(paper: PaperIncident, owed: Instant | null, now: Instant): void {
  const { policy, hours, over, pacedAt, publicClock } = paper.facts();
  const { nextUpdateDue, internalDue } = paper.incident;
  if (over) return;
  const always = policy.businessHoursOnly ? hours : null;
  if (policy.publicUpdateEvery !== null)
    isCalled(paper, 'pace', { due: addMs(pacedAt, LONG), every: LONG / MINUTE, hours: always }, now);
  if (policy.internalUpdateEvery !== null) {
    expect(internalDue, 'the clock inside stands still').not.toBeNull();
    const due = internalDue as Instant;
    isCalled(paper, 'internal', { due, every: policy.internalUpdateEvery, hours: always }, now);
  }
  if (owed === null) return;
  expect(nextUpdateDue, `nothing is due, though a word is owed by ${owed}`).not.toBeNull();
  const due = owed < (nextUpdateDue as Instant) ? addMs(owed, MINUTE) : owed;
  const kept = always && isOpenAt(always, publicClock?.due as Instant) ? always : null;
  isCalled(paper, 'public', { due, every: policy.lateEvery, hours: kept }, now);
}

/** Somebody was called when it was due, and no longer ago than it is called about: not in the night, where hours are kept, but at the opening. */
function isCalled(
  paper: PaperIncident,
  clock: CallClock,
  { due, every, hours }: { due: Instant; every: number; hours: BusinessHours | null },
  now: Instant,
): void {
  const after = (at: Instant, minutes: number) =>
    hours ? addBusinessMinutes(hours, at, minutes) : addMs(at, minutes * MINUTE);
  // A clock that leapt over a day calls nobody in the night about it.
  if (now < after(due, 0) || (hours && !isOpenAt(hours, now))) return;
  const held = paper
    .holds()
    .some((one) => one.clock === clock && one.at <= now && now < after(one.until, every));
  if (held) return;
  const last = paper.made.findLast((call) => call.clock === clock);
  const words = `${clock} owed by ${due}, and nobody was called by ${now}, but for ${last?.at}`;
  expect(last, words).toBeDefined();
  // That it is due is said once, though the clock was set back since; that it is late is said again.
  const wasSaid = paper.made.some((call) => call.clock === clock && call.due === due && call.kind === 'due');
  if (wasSaid && now < after(due, every)) return;
  const { at } = last as Call;
  expect(now < after(at, every) || now === after(at, every), words).toBe(true);
  // By a clock that had leapt: it says nothing of now.
  if (now >= after(due, every)) expect(at <= addMs(now, every * MINUTE), words).toBe(true);
}

/** Nobody is to be late who was not reminded: so long before that there is time to write, in hours in which it can be written. */
function checkReminded(paper: PaperIncident, now: Instant): void {
  const { policy, hours, over, publicClock, holds } = paper.facts();
  if (over || !publicClock || publicClock.due <= now || holds.length) return;
  const { due, since, first } = publicClock;
  if (first && policy.remindFirstAfter.length) return;
  const kept = policy.businessHoursOnly && isOpenAt(hours, due);
  if (kept && !isOpenAt(hours, now)) return;
  const minutes = (from: Instant) =>
    (kept ? businessMsBetween(hours, from, due) : msBetween(from, due)) / MINUTE;
  const owed = policy.remindBefore.some(
    (ago) => ago > 0 && minutes(now) <= ago && (first || minutes(since) > ago),
  );
  if (!owed) return;
  const calls = paper.made.filter((call) => call.clock === 'public' && call.due === due);
  expect(calls.length, `nobody was reminded of ${due} by ${now}`).toBeGreaterThan(0);
}

const told = (calls: readonly Call[]) =>
  calls
    .filter(({ clock }) => clock === 'public')
    .map(({ at, due, kind, roles }) => `${at} ${kind} ${due} ${roles.join(', ')}`);

describe('the clocks, whatever people do', () => {
  it('in 10,000 incidents: each call once, nothing owed unheard, no word inside silences what is due outside', () => {
    const seen = { calls: 0, raised: 0, lowered: 0, reopened: 0, held: 0, late: 0, automatic: 0, jumps: 0 };
    fc.assert(
      fc.property(cases, (one) => {
        const { made, paper } = live(one);
        seen.calls += made.length;
        seen.late += made.filter(({ kind }) => kind === 'late').length;
        seen.held += paper.holds().length;
        seen.jumps += one.events.filter(({ does }) => does === 'jump').length;
        const said = latestFirst(paper.said()).toReversed();
        seen.automatic += said.filter(({ automatic }) => automatic).length;
        for (const [index, word] of said.entries()) {
          const before = said[index - 1];
          if (before && isOver(before.status) && !isOver(word.status)) seen.reopened++;
          if (word.severity < (before?.severity ?? one.severity)) seen.raised++;
          if (word.severity > (before?.severity ?? one.severity)) seen.lowered++;
        }
        // What is said inside and changes nothing else changes no call about what is due outside.
        const isMere = (event: Event) => event.does === 'internal' && !event.severity && !event.status;
        // By a clock that was set back, words stand in another order than they were said in, and calls are counted from another.
        if (!one.events.some(isMere) || one.events.some((event) => event.does === 'jump' && event.ms < 0))
          return;
        const quietly = one.events.map(
          (event): Event => (isMere(event) ? { does: 'nothing', seconds: event.seconds } : event),
        );
        expect(told(made)).toEqual(told(live({ ...one, events: quietly }).made));
      }),
      { numRuns: 10_000 },
    );
    // That it is about what it says it is about.
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(300);
  });

  it('the clock is told the time of the very next call: looking every minute finds no other', () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 90 }), ({ severity, start, zone, agreed }, minutes) => {
        const at = `${start.slice(0, 16)}:00.000Z`;
        const byClock = paperIncident(severity, agreedIn(agreed, zone), at);
        const byMinute = paperIncident(severity, agreedIn(agreed, zone), at);
        byClock.run(at, addMs(at, minutes * MINUTE));
        for (let minute = 0; minute <= minutes; minute++) byMinute.tick(addMs(at, minute * MINUTE));
        expect(told(byClock.made)).toEqual(told(byMinute.made));
      }),
      { numRuns: 200 },
    );
  });
});

describe('the clocks of one incident', () => {
  const AT = '2026-11-20T14:00:00.000Z';
  const later = (minutes: number) => addMs(AT, minutes * MINUTE);
  const open = (severity: Severity, agreed = 0) => paperIncident(severity, agreedIn(agreed, 'UTC'), AT);
  const dues = ({ incident }: PaperIncident) =>
    [incident.nextUpdateDue, incident.internalDue].map((due) => due?.slice(11, 16) ?? null);

  it('who is late stays late when the severity changes inside to one that would be late, too', () => {
    const paper = open('SEV1');
    paper.post(later(10), { audience: 'internal', status: 'investigating', severity: 'SEV2' });
    expect(dues(paper)).toEqual(['14:05', '14:40']);
    paper.post(later(11), { audience: 'internal', status: 'investigating', severity: 'SEV3' });
    expect(dues(paper)).toEqual(['15:00', null]);
    paper.post(later(58), { audience: 'internal', status: 'investigating', severity: 'SEV1' });
    // Raised two minutes before it was due anyway: that gives no more time.
    expect(dues(paper)).toEqual(['15:00', '15:13']);
  });

  it('a severity that changes in public lets nobody off inside', () => {
    const paper = open('SEV1');
    paper.post(later(16), { audience: 'public', status: 'identified', severity: 'SEV2' });
    expect(dues(paper)).toEqual(['15:16', '14:30']);
    paper.post(later(31), { audience: 'public', status: 'identified', severity: 'SEV1' });
    expect(dues(paper)).toEqual(['15:01', '14:30']);
  });

  it('a pace that is agreed where nothing was due begins now; what was promised stays promised', () => {
    const paper = open('SEV4');
    expect(dues(paper)).toEqual([null, null]);
    paper.post(later(1), { audience: 'public', status: 'investigating' });
    expect(dues(paper)).toEqual([null, null]);
    paper.goBy(later(10), { ownPace: { publicUpdateEvery: 45, internalUpdateEvery: 20 } });
    expect(dues(paper)).toEqual(['14:55', '14:30']);
    paper.goBy(later(20), { ownPace: { publicUpdateEvery: 240, internalUpdateEvery: null } });
    expect(dues(paper)).toEqual(['14:55', null]);
  });

  it('a severity that changes inside puts off no promise, by seconds neither', () => {
    const paper = open('SEV1');
    const promised = addMs(later(38), 7_000);
    paper.post(later(1), {
      audience: 'public',
      status: 'investigating',
      severity: 'SEV3',
      nextUpdateBy: promised,
    });
    paper.post(addMs(later(33), 1_000), { audience: 'internal', status: 'investigating', severity: 'SEV1' });
    expect(paper.incident.nextUpdateDue).toBe(promised);
  });

  it('asks for a slower pace six hours after a reopening, not at once', () => {
    const paper = open('SEV1');
    paper.post(later(1), { audience: 'public', status: 'identified' });
    paper.post(later(30), { audience: 'public', status: 'resolved' });
    paper.post(later(24 * 60), { audience: 'public', status: 'investigating' });
    expect(paper.tick(later(24 * 60 + 1)).filter(({ clock }) => clock === 'pace')).toEqual([]);
    expect(paper.tick(later(30 * 60)).filter(({ clock }) => clock === 'pace')).toHaveLength(1);
  });

  it('calls about what is open again inside as about what is new, whoever had it before it was over', () => {
    const paper = open('SEV1');
    paper.haveIt(later(1), 'public');
    paper.post(later(2), { audience: 'internal', status: 'resolved' });
    paper.post(later(4), { audience: 'internal', status: 'investigating' });
    paper.run(later(4), later(15));
    const calls = paper.made.filter(({ clock }) => clock === 'public');
    expect(calls.map(({ at, kind }) => `${at.slice(11, 16)} ${kind}`)).toEqual([
      '14:04 first',
      '14:07 first',
      '14:09 due',
      '14:14 late',
    ]);
  });

  it('“I have it” ends with the word that was awaited, and keeps quiet about that clock alone', () => {
    const paper = open('SEV1');
    paper.haveIt(later(1), 'public');
    paper.run(later(1), later(15));
    expect(paper.made.map(({ clock, kind }) => `${clock} ${kind}`)).toEqual(['public first', 'internal due']);
    paper.post(later(15), { audience: 'public', status: 'identified' });
    expect(paper.holds()[0]?.until).toBe(later(15));
    expect(msBetween(later(1), later(16))).toBe(HOLD);
  });
});
