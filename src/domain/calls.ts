import { addBusinessMinutes, type BusinessHours, businessMinutesBefore, nextOpening } from './cadence.ts';
import { latestRepeat, nextRepeat, type Repeats } from './repeats.ts';
import type { CadencePolicy, DutyRole } from './severity.ts';
import { addMs, HOUR, type Instant, MINUTE } from './time.ts';

/**
 * What staff are called about: the next word outside, the next one inside, a role that nobody has, a pace for the long run, that nobody has
 * taken up what could wait for the next business day, mail that does not leave.
 */
export type CallClock = 'public' | 'internal' | 'roles' | 'pace' | 'answer' | 'mail';

/** `first`: after the declaration. `before` and `due`: a promise is near, or here. `late`: it has passed. `ask`: something is missing. */
export type CallKind = 'first' | 'before' | 'due' | 'late' | 'ask';

/** One call to staff. `at` is when it is planned for, which names it: however often it is looked for, it is made once. */
export type Call = {
  clock: CallClock;
  /** What it is about: when that stretch of the clock runs out. */
  due: Instant;
  kind: CallKind;
  at: Instant;
  /** Who is called, the first in the chain first. */
  roles: readonly DutyRole[];
};

/** Someone pressed "I have it": nobody is called about this clock from `at` until `until`. */
export type Hold = { clock: CallClock; at: Instant; until: Instant };

export type CallFacts = {
  policy: CadencePolicy;
  hours: BusinessHours;
  declaredAt: Instant;
  /** Nobody may be called any more once it is over. */
  over: boolean;
  /** What is due on a clock, since when it runs, and whether nothing was said on it before. null: nothing is due. */
  publicClock: { due: Instant; since: Instant; first: boolean } | null;
  internalClock: { due: Instant; since: Instant } | null;
  /** The roles that someone has: a step of the chain that would call nobody is left out. */
  filled: readonly DutyRole[];
  /** Whether a role that the severity asks for has nobody. */
  rolesMissing: boolean;
  /** Somebody has said something of it, has a role in it, or has said that they have it. */
  answered: boolean;
  /** Since when the pace was last agreed: the declaration, or when someone stated another. */
  pacedAt: Instant;
  /** Since when someone has to know that news of it reaches nobody by mail; null while it does, or there is none. */
  stalledAt: Instant | null;
  holds: readonly Hold[];
  /** In the order in which they were made. `unreached`: it came to nobody, and others can be called. */
  made: readonly (Pick<Call, 'clock' | 'due' | 'at'> & { unreached?: boolean })[];
};

/** An incident that lasts longer than this is asked for a slower pace, and again after as long. */
export const LONG = 6 * HOUR;
/** How long "I have it" keeps the others quiet, unless a post comes first. */
export const HOLD = 15 * MINUTE;
const ROLES_AGAIN = 15 * MINUTE;
const STALL_AGAIN = 15 * MINUTE;

/**
 * The calls to make now: of each stretch the latest that is planned for by `now` and has not been made. Those that were missed before
 * it (the machine was down) are not made up for: the latest says all. A clock that goes back a little makes none a second time. One that
 * was put right after it had leapt makes no reminder a second time, but nobody is late unheard for as long as it had leapt.
 */
export function callsDue(facts: CallFacts, now: Instant): Call[] {
  return stretchesOf(facts).flatMap((stretch) => callDue(facts, stretch, now) ?? []);
}

function callDue(facts: CallFacts, stretch: Stretch, now: Instant): Call | null {
  const planned = latestPlanned(stretch, now);
  if (!planned || stretch.heldUntil(planned.at)) return null;
  // What was missed by day (the machine was down) wakes nobody in the night.
  if (opened(stretch.hours, now) !== now) return null;
  const made = facts.made.filter(({ clock, due }) => clock === stretch.clock && due === stretch.due);
  const last = made.at(-1);
  if (!last) return planned;
  // Made by a clock that was far ahead, and has been put right since: that silences nobody.
  const isAhead = stretch.again !== null && last.at > addMs(now, stretch.again.everyMinutes * MINUTE);
  const isHeld = stretch.heldUntil(now) !== null;
  if (planned.at <= last.at && !isAhead) return isHeld ? null : inItsPlace(planned, last, now);
  const isMade = (at: Instant) => made.some((one) => one.at === at);
  if (!isMade(planned.at)) return planned;
  if (isHeld || stretch.once.includes(planned)) return null;
  // Called for this time then, too, and once more: two machines whose clocks disagree must not outdo each other.
  const again = { ...planned, at: addMs(planned.at, 1) };
  return isMade(again.at) ? null : again;
}

/** A call that came to nobody counts as not answered: whoever is called now in the place of those gets it at once. */
function inItsPlace(planned: Call, last: CallFacts['made'][number], now: Instant): Call | null {
  return last.unreached && last.at < now ? { ...planned, at: now } : null;
}

/** When the next call is planned for, after `now`; null when none is. */
export function nextCallAt(facts: CallFacts, now: Instant): Instant | null {
  const next = stretchesOf(facts).map((stretch) => firstAfter(stretch, now));
  return next.filter((at) => at !== null).sort()[0] ?? null;
}

/** Whether what a call was about is still awaited: the same clock, the same time. */
export function isAwaited(facts: CallFacts, { clock, due }: Pick<Call, 'clock' | 'due'>): boolean {
  return stretchesOf(facts).some((stretch) => stretch.clock === clock && stretch.due === due);
}

type Stretch = {
  clock: CallClock;
  due: Instant;
  /** In the order of their times, of which each has one. */
  once: readonly Call[];
  /** What goes on after those for as long as it takes; null: nothing does. */
  again: (Repeats & { kind: CallKind; rolesAt: (step: number) => readonly DutyRole[] }) | null;
  /** Within which anyone may be called; null: day and night. */
  hours: BusinessHours | null;
  /** Until when someone has it who does at this instant; null: nobody. */
  heldUntil: (at: Instant) => Instant | null;
};

function stretchesOf(facts: CallFacts): Stretch[] {
  if (facts.over) return [];
  return [
    publicStretch(facts),
    internalStretch(facts),
    rolesStretch(facts),
    paceStretch(facts),
    answerStretch(facts),
    mailStretch(facts),
  ].filter((stretch) => stretch !== null);
}

function publicStretch(facts: CallFacts): Stretch | null {
  const { policy, publicClock } = facts;
  if (!publicClock) return null;
  const { due, since, first } = publicClock;
  // A severity that asks for no updates asks nobody either; whoever promised one all the same is held to it.
  const chain = chainOf(facts, policy.lateTell.length ? policy.lateTell : ['comms_lead']);
  const lead = chain.slice(0, 1);
  const hours = keepsHours(facts, due) ? facts.hours : null;
  const call = (kind: CallKind, at: Instant): Call => ({ clock: 'public', due, kind, at, roles: lead });
  const early = first
    ? policy.remindFirstAfter.map((minutes) => call('first', opened(hours, addMs(since, minutes * MINUTE))))
    : [];
  const before = early.length
    ? []
    : policy.remindBefore
        .filter((minutes) => minutes > 0)
        .map((minutes) => call('before', minutesBefore(hours, due, minutes)))
        // What would have been before the stretch began says nothing new: it has only just been promised.
        .flatMap((one) => (one.at > since ? one : first ? { ...one, at: opened(hours, since) } : []));
  const once = [...early, ...before].filter(({ at }) => at < due);
  return {
    clock: 'public',
    due,
    once: oneAtATime([...once, call('due', due)]),
    again: late({ from: due, everyMinutes: policy.lateEvery, hours }, chain),
    hours,
    heldUntil: held(facts, 'public'),
  };
}

/** The first of a chain has been called when it fell due; each time that it is late still, one more is called beside the others. */
function late(repeats: Repeats, chain: readonly DutyRole[]): NonNullable<Stretch['again']> {
  return {
    ...repeats,
    kind: 'late',
    rolesAt: (step) => chain.slice(0, step + 1),
  };
}

/** Those of the chain who are there; all of it when nobody is, since then others are called in their place. */
function chainOf({ filled }: CallFacts, roles: readonly DutyRole[]): readonly DutyRole[] {
  const there = roles.filter((role) => filled.includes(role));
  return there.length ? there : roles.slice(0, 1);
}

const INSIDE: readonly DutyRole[] = ['incident_commander', 'comms_lead', 'manager'];

function internalStretch(facts: CallFacts): Stretch | null {
  const { policy, internalClock } = facts;
  if (!internalClock || policy.internalUpdateEvery === null) return null;
  const { due } = internalClock;
  const chain = chainOf(facts, INSIDE);
  const hours = hoursOf(facts);
  const at = opened(hours, due);
  // Out of hours that other policies had.
  const kind = at === due ? 'due' : 'late';
  return {
    clock: 'internal',
    due,
    once: [{ clock: 'internal', due, kind, at, roles: chain.slice(0, 1) }],
    again: late({ from: at, everyMinutes: policy.internalUpdateEvery, hours }, chain),
    hours,
    heldUntil: held(facts, 'internal'),
  };
}

/** Asks for a commander and a comms lead once there should be some, and again until there are. */
function rolesStretch(facts: CallFacts): Stretch | null {
  const { policy, declaredAt, rolesMissing } = facts;
  if (!rolesMissing || typeof policy.respondWithin !== 'number') return null;
  const due = addMs(declaredAt, policy.respondWithin * MINUTE);
  return asked(facts, 'roles', due, ROLES_AGAIN, ['comms_lead', 'manager']);
}

/**
 * What may wait for the next business day is asked about when that begins, once, of the comms lead alone: unless somebody has taken it up by
 * then. Nobody is woken for it, whatever hours the policy keeps otherwise.
 */
function answerStretch(facts: CallFacts): Stretch | null {
  const { policy, hours, declaredAt, answered } = facts;
  if (answered || policy.respondWithin !== 'next_business_day') return null;
  const due = nextOpening(hours, declaredAt);
  const call: Call = { clock: 'answer', due, kind: 'ask', at: due, roles: ['comms_lead'] };
  return { clock: 'answer', due, once: [call], again: null, hours, heldUntil: held(facts, 'answer') };
}

function paceStretch(facts: CallFacts): Stretch | null {
  if (facts.policy.publicUpdateEvery === null) return null;
  return asked(facts, 'pace', addMs(facts.pacedAt, LONG), LONG, ['incident_commander']);
}

/** Whoever leads and whoever speaks hear at once that nobody else does, and the manager too when that lasts. */
function mailStretch(facts: CallFacts): Stretch | null {
  const { policy, stalledAt: due } = facts;
  if (due === null || !policy.lateTell.length) return null;
  const chain = chainOf(facts, INSIDE);
  const hours = hoursOf(facts);
  const at = opened(hours, due);
  return {
    clock: 'mail',
    due,
    once: [{ clock: 'mail', due, kind: 'late', at, roles: chain.slice(0, 2) }],
    again: { from: at, everyMinutes: STALL_AGAIN / MINUTE, hours, kind: 'late', rolesAt: () => chain },
    hours,
    heldUntil: held(facts, 'mail'),
  };
}

function asked(
  facts: CallFacts,
  clock: CallClock,
  due: Instant,
  everyMs: number,
  roles: readonly DutyRole[],
): Stretch {
  const hours = hoursOf(facts);
  const at = opened(hours, due);
  return {
    clock,
    due,
    once: [{ clock, due, kind: 'ask', at, roles }],
    again: { from: at, everyMinutes: everyMs / MINUTE, hours, kind: 'ask', rolesAt: () => roles },
    hours,
    heldUntil: held(facts, clock),
  };
}

function hoursOf({ policy, hours }: CallFacts): BusinessHours | null {
  return policy.businessHoursOnly ? hours : null;
}

/** Under a policy of business hours, unless a time outside them was promised. */
function keepsHours({ policy, hours }: CallFacts, due: Instant): boolean {
  return policy.businessHoursOnly && opened(hours, due) === due;
}

/** What would be while nobody works is at the opening. */
function opened(hours: BusinessHours | null, at: Instant): Instant {
  return hours ? addBusinessMinutes(hours, at, 0) : at;
}

function minutesBefore(hours: BusinessHours | null, due: Instant, minutes: number): Instant {
  return hours ? businessMinutesBefore(hours, due, minutes) : addMs(due, -minutes * MINUTE);
}

/** What comes to one time is one call: the last of it says all. */
function oneAtATime(calls: readonly Call[]): Call[] {
  const sorted = calls.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  return sorted.filter(({ at }, index) => sorted[index + 1]?.at !== at);
}

/** Nobody is called while someone has it. */
function held({ holds }: CallFacts, clock: CallClock): Stretch['heldUntil'] {
  return (at) => holds.find((one) => one.clock === clock && one.at <= at && at < one.until)?.until ?? null;
}

/** The latest call that is planned for by `now`. */
function latestPlanned({ clock, due, once, again }: Stretch, now: Instant): Call | null {
  const repeat = again && latestRepeat(again, now);
  if (!repeat) return once.findLast(({ at }) => at <= now) ?? null;
  const { kind, rolesAt } = again;
  return { clock, due, kind, at: repeat.at, roles: rolesAt(repeat.step) };
}

function firstAfter({ once, again, heldUntil }: Stretch, now: Instant): Instant | null {
  for (let after = now; ; ) {
    const at = once.find((call) => call.at > after)?.at ?? (again && nextRepeat(again, after));
    if (!at) return null;
    const until = heldUntil(at);
    if (!until) return at;
    after = addMs(until, -1);
  }
}
