import { addBusinessMinutes, type BusinessHours } from './cadence.ts';
import type { CadencePolicy, DutyRole } from './severity.ts';
import { addMs, HOUR, type Instant, MINUTE, msBetween } from './time.ts';

/** What staff are called about: the next word outside, the next one inside, a role that nobody has, a pace for the long run. */
export type CallClock = 'public' | 'internal' | 'roles' | 'pace';

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
  /** Since when the pace was last agreed: the declaration, or when someone stated another. */
  pacedAt: Instant;
  holds: readonly Hold[];
  /** The latest call that was made of each stretch (a clock and what was due on it). `unreached`: it came to nobody, and others can be called. */
  made: readonly (Pick<Call, 'clock' | 'due' | 'at'> & { unreached?: boolean })[];
};

/** An incident that lasts longer than this is asked for a slower pace, and again after as long. */
export const LONG = 6 * HOUR;
/** How long "I have it" keeps the others quiet, unless a post comes first. */
export const HOLD = 15 * MINUTE;
const ROLES_AGAIN = 15 * MINUTE;

/**
 * The calls to make now: of each stretch the latest that is planned for by `now` and has not been made. Those that were missed before
 * it (the machine was down) are not made up for: the latest says all. A clock that went back makes none a second time.
 */
export function callsDue(facts: CallFacts, now: Instant): Call[] {
  return stretchesOf(facts).flatMap((stretch) => {
    const call = latestWithin(stretch, lastMade(facts, stretch), now) ?? inItsPlace(facts, stretch, now);
    return call ? [call] : [];
  });
}

/** A call that came to nobody counts as not answered: whoever is called now in the place of those gets it at once. */
function inItsPlace(facts: CallFacts, stretch: Stretch, now: Instant): Call | null {
  const last = lastMade(facts, stretch);
  const failed = facts.made.some(
    ({ clock, due, at, unreached }) =>
      unreached && clock === stretch.clock && due === stretch.due && at === last,
  );
  if (!failed || now <= last || stretch.quietUntil(now)) return null;
  const planned = latestWithin(stretch, '', now);
  return planned && { ...planned, at: now };
}

/** When the next call is planned for, after `now`; null when none is. */
export function nextCallAt(facts: CallFacts, now: Instant): Instant | null {
  const next = stretchesOf(facts).flatMap((stretch) => firstAfter(stretch, now) ?? []);
  return next.sort()[0] ?? null;
}

/** Whether what a call was about is still awaited: the same clock, the same time. */
export function isAwaited(facts: CallFacts, { clock, due }: Pick<Call, 'clock' | 'due'>): boolean {
  return stretchesOf(facts).some((stretch) => stretch.clock === clock && stretch.due === due);
}

type Stretch = {
  clock: CallClock;
  due: Instant;
  /** In the order of their times. */
  once: readonly Call[];
  /** What goes on for as long as it takes: every so many ms after `due`. */
  again: { everyMs: number; kind: CallKind; rolesAt: (step: number) => readonly DutyRole[] } | null;
  /** Whether nobody is called at this instant; if so, until when. */
  quietUntil: (at: Instant) => Instant | null;
};

function stretchesOf(facts: CallFacts): Stretch[] {
  if (facts.over) return [];
  return [publicStretch(facts), internalStretch(facts), rolesStretch(facts), paceStretch(facts)].filter(
    (stretch) => stretch !== null,
  );
}

function publicStretch(facts: CallFacts): Stretch | null {
  const { policy, publicClock } = facts;
  if (!publicClock) return null;
  const { due, since, first } = publicClock;
  // A severity that asks for no updates asks nobody either; whoever promised one all the same is held to it.
  const chain = chainOf(facts, policy.lateTell.length ? policy.lateTell : ['comms_lead']);
  const lead = chain.slice(0, 1);
  const call = (kind: CallKind, at: Instant): Call => ({ clock: 'public', due, kind, at, roles: lead });
  const early = first
    ? policy.remindFirstAfter.map((minutes) => call('first', addMs(since, minutes * MINUTE)))
    : [];
  const before = early.length
    ? []
    : policy.remindBefore
        .filter((minutes) => minutes > 0)
        .map((minutes) => call('before', addMs(due, -minutes * MINUTE)));
  // What would have been before the stretch began says nothing new: it has only just been promised.
  const once = [...early, ...before].filter(({ at }) => at < due && (first || at > since));
  return {
    clock: 'public',
    due,
    once: [...once, call('due', due)].sort(byTime),
    again: late(policy.lateEvery, chain),
    quietUntil: quiet(facts, 'public', keepsHours(facts, due)),
  };
}

/** The first of a chain has been called when it fell due; each time that it is late still, one more is called beside the others. */
function late(everyMinutes: number, chain: readonly DutyRole[]): Stretch['again'] {
  return {
    everyMs: everyMinutes * MINUTE,
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
  return {
    clock: 'internal',
    due,
    once: [{ clock: 'internal', due, kind: 'due', at: due, roles: chain.slice(0, 1) }],
    again: late(policy.internalUpdateEvery, chain),
    quietUntil: quiet(facts, 'internal', facts.policy.businessHoursOnly),
  };
}

/** Asks for a commander and a comms lead once there should be some, and again until there are. */
function rolesStretch(facts: CallFacts): Stretch | null {
  const { policy, declaredAt, rolesMissing } = facts;
  if (!rolesMissing || typeof policy.respondWithin !== 'number') return null;
  const due = addMs(declaredAt, policy.respondWithin * MINUTE);
  return asked(facts, 'roles', due, ROLES_AGAIN, ['comms_lead', 'manager']);
}

function paceStretch(facts: CallFacts): Stretch | null {
  if (facts.policy.publicUpdateEvery === null) return null;
  return asked(facts, 'pace', addMs(facts.pacedAt, LONG), LONG, ['incident_commander']);
}

function asked(
  facts: CallFacts,
  clock: CallClock,
  due: Instant,
  everyMs: number,
  roles: readonly DutyRole[],
): Stretch {
  return {
    clock,
    due,
    once: [{ clock, due, kind: 'ask', at: due, roles }],
    again: { everyMs, kind: 'ask', rolesAt: () => roles },
    quietUntil: quiet(facts, clock, facts.policy.businessHoursOnly),
  };
}

/** Under a policy of business hours, unless a time outside them was promised. */
function keepsHours({ policy, hours }: CallFacts, due: Instant): boolean {
  return policy.businessHoursOnly && addBusinessMinutes(hours, due, 0) === due;
}

/** Nobody is called while someone has it, nor outside business hours where those are kept. */
function quiet(
  { holds, hours }: CallFacts,
  clock: CallClock,
  inHoursOnly: boolean,
): (at: Instant) => Instant | null {
  return (at) => {
    const hold = holds.find((one) => one.clock === clock && one.at <= at && at < one.until);
    if (hold) return hold.until;
    if (!inHoursOnly) return null;
    const open = addBusinessMinutes(hours, at, 0);
    return open > at ? open : null;
  };
}

/** The latest call that is planned for after `made` and by `now`. */
function latestWithin(stretch: Stretch, made: Instant, now: Instant): Call | null {
  const { due, again, once } = stretch;
  // Backwards over what was quiet.
  for (let step = again ? Math.floor(msBetween(due, now) / again.everyMs) : 0; step > 0; step--) {
    const call = repeated(stretch, step) as Call;
    if (call.at <= made) return null;
    if (!stretch.quietUntil(call.at)) return call;
  }
  return once.findLast(({ at }) => at > made && at <= now && !stretch.quietUntil(at)) ?? null;
}

function firstAfter(stretch: Stretch, now: Instant): Instant | null {
  const planned = stretch.once.find(({ at }) => at > now && !stretch.quietUntil(at));
  if (planned) return planned.at;
  const { due, again } = stretch;
  if (!again) return null;
  let step = Math.max(1, Math.floor(msBetween(due, now) / again.everyMs) + 1);
  for (;;) {
    const { at } = repeated(stretch, step) as Call;
    const until = stretch.quietUntil(at);
    if (!until) return at;
    step = Math.max(step + 1, Math.ceil(msBetween(due, until) / again.everyMs));
  }
}

function repeated({ clock, due, again }: Stretch, step: number): Call | null {
  if (!again) return null;
  const { kind, everyMs, rolesAt } = again;
  return { clock, due, kind, at: addMs(due, step * everyMs), roles: rolesAt(step) };
}

function lastMade({ made }: CallFacts, { clock, due }: Stretch): Instant {
  const own = made.filter((one) => one.clock === clock && one.due === due).map(({ at }) => at);
  return own.sort().at(-1) ?? '';
}

function byTime(a: Call, b: Call): number {
  return a.at < b.at ? -1 : a.at > b.at ? 1 : 0;
}
