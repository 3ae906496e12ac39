import type { BusinessHours, OwnPace, Pace } from '#domain/cadence.ts';
import { type Called, callFacts, type SaidOf } from '#domain/callFacts.ts';
import { type Call, type CallClock, callsDue, HOLD, type Hold, nextCallAt } from '#domain/calls.ts';
import {
  clocksAfter,
  clocksAtStart,
  clocksUnder,
  promiseOf,
  type Standing,
  type Word,
} from '#domain/clocks.ts';
import { DUTY_ROLES, type Policies, type Severity } from '#domain/severity.ts';
import { isOver } from '#domain/status.ts';
import { addMs, type Instant } from '#domain/time.ts';

/** What is agreed on: policies and hours. */
export type Agreed = { policies: Policies; hours: BusinessHours };
export type PaperPost = Omit<Word, 'severity'> & { severity?: Severity; automatic?: boolean };

type Paper = Standing & Called & { ownPace: OwnPace | null };
export type SaidOnPaper = SaidOf & { severity: Severity; promised: Instant | null };

/**
 * An incident on paper. Everything that decides here is what the services call: this keeps only what they keep in tables. Time is handed
 * in.
 */
export function paperIncident(severity: Severity, agreed: Agreed, declaredAt: Instant) {
  let current = agreed;
  const paceAs = (at: Severity, ownPace: OwnPace | null): Pace => ({
    policy: { ...current.policies[at], ...ownPace },
    hours: current.hours,
  });
  const incident: Paper = {
    kind: 'incident',
    status: 'investigating',
    severity,
    hasCadence: true,
    restricted: false,
    declaredAt,
    publishedAt: null,
    pacedAt: null,
    ownPace: null,
    ...clocksAtStart(paceAs(severity, null), { restricted: false }, declaredAt),
  };
  /** As the table gives it: the latest by its time first. */
  let said: SaidOnPaper[] = [];
  let holds: Hold[] = [];
  const made: Call[] = [];
  const pace = () => paceAs(incident.severity, incident.ownPace);
  const facts = () =>
    callFacts(incident, {
      pace: pace(),
      said,
      missing: 0,
      taken: false,
      filled: DUTY_ROLES,
      stalledAt: null,
      holds,
      made,
    });
  const tick = (now: Instant) => {
    const calls = callsDue(facts(), now);
    made.push(...calls);
    return calls;
  };
  return {
    incident,
    made,
    pace,
    facts,
    tick,
    said: () => said,
    holds: () => holds,
    /** As the clock does: looks exactly when it said that it would. */
    run(from: Instant, until: Instant) {
      for (let now = from; now <= until; ) {
        tick(now);
        const next = nextCallAt(facts(), now);
        if (!next) return;
        now = next;
      }
    },
    post(now: Instant, { automatic = false, ...post }: PaperPost) {
      const word = { ...post, severity: post.severity ?? incident.severity };
      const isPublic = word.audience === 'public';
      const ownPace = word.severity === incident.severity ? incident.ownPace : null;
      const under = paceAs(word.severity, ownPace);
      const last = (audience: SaidOf['audience']) =>
        said.find((one) => one.audience === audience)?.postedAt ?? null;
      const spoken = { lastPublicAt: last('public'), lastInternalAt: last('internal') };
      const promised = isPublic ? promiseOf(incident, word, under, now) : null;
      const clocks = clocksAfter(incident, word, under, spoken, now);
      const wasDueAt = isPublic ? incident.nextUpdateDue : incident.internalDue;
      said = [
        {
          seq: said.length,
          audience: word.audience,
          status: word.status,
          severity: word.severity,
          postedAt: now,
          automatic,
          wasDueAt,
          promised,
        },
        ...said,
      ].sort((a, b) => (a.postedAt < b.postedAt ? 1 : a.postedAt > b.postedAt ? -1 : 0));
      Object.assign(
        incident,
        { status: word.status, severity: word.severity, ownPace },
        isPublic && !incident.publishedAt && { publishedAt: now },
        Object.fromEntries(Object.entries(clocks).filter(([, due]) => due !== undefined)),
      );
      holds = holds.map((hold) =>
        (isOver(word.status) || hold.clock === word.audience) && hold.until > now
          ? { ...hold, until: now }
          : hold,
      );
      return promised;
    },
    haveIt(now: Instant, clock: CallClock) {
      if (!isOver(incident.status)) holds = [{ clock, at: now, until: addMs(now, HOLD) }, ...holds];
    },
    /** It goes by a pace of its own, or by other policies, from now on. */
    goBy(now: Instant, { ownPace = null, other }: { ownPace?: OwnPace | null; other?: Agreed }) {
      if (isOver(incident.status)) return;
      if (other) current = other;
      Object.assign(incident, {
        ownPace,
        pacedAt: now,
        ...clocksUnder(incident, paceAs(incident.severity, ownPace), now),
      });
    },
  };
}

export type PaperIncident = ReturnType<typeof paperIncident>;
