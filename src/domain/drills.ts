import type { Instant } from './time.ts';

/** What is asked once a drill is over, in order; each is answered in a few lines, or not at all. */
export const DRILL_QUESTIONS = {
  well: 'What went well',
  slow: 'What was slow or unclear',
  change: 'What we change',
  who: 'Who does it, and by when',
} as const;
export type DrillQuestion = keyof typeof DRILL_QUESTIONS;
/** Plain text, '' where nothing was said. */
export type DrillAnswers = Record<DrillQuestion, string>;

/** What stands on top of every mail and every screen of a drill. */
export const DRILL_BANNER = 'This is a drill. Nothing is broken and nobody outside sees this.';

/** What is not practised: both would ask people who take no part. */
export const DRILL_LEAVES_OUT =
  'Two things are left out: no update waits for an approver, and nobody is asked to take it over when a duty ends.';

/** What one may practise: each tries another part of the work. */
export const DRILL_TITLES = [
  'Payments fail for every customer in one region',
  'Sign-in is down and nobody knows why',
  'A provider is down and says nothing',
  'Orders are taken and never confirmed',
  'Some customers see the data of others',
  'The same fault comes back an hour after it was resolved',
] as const;

/** In the order in which they are given: the first two are missed soonest. */
export const DRILL_ROLES = ['incident_commander', 'comms_lead', 'technical_lead', 'scribe'] as const;
export type DrillRole = (typeof DRILL_ROLES)[number];
export type DrillRoles = Partial<Record<DrillRole, string>>;

/** Without these two nobody decides and nobody speaks: in a small drill one person has both. */
const ALWAYS: readonly DrillRole[] = ['incident_commander', 'comms_lead'];

/**
 * Roles for the next drill, so that everyone practises each in turn: every role goes to whoever never had it in these drills, else to
 * whoever had it longest ago; among equals to the one with the fewest turns at any role, then as they are listed. Nobody gets a second
 * role while someone has none. Where there are fewer people than roles, the technical lead and the scribe are left out.
 * @param held who had which role, and when last
 */
export function suggestRoles(
  people: readonly string[],
  held: readonly { role: DrillRole; userId: string; at: Instant }[],
): DrillRoles {
  const given: DrillRoles = {};
  for (const role of DRILL_ROLES) {
    const free = people.filter((id) => !Object.values(given).includes(id));
    if (!free.length && !ALWAYS.includes(role)) continue;
    const lastOf = (id: string) => held.find((one) => one.role === role && one.userId === id)?.at ?? '';
    const turnsOf = (id: string) => held.filter(({ userId }) => userId === id).length;
    const [next] = [...(free.length ? free : people)].sort(
      (a, b) => compare(lastOf(a), lastOf(b)) || turnsOf(a) - turnsOf(b),
    );
    if (next !== undefined) given[role] = next;
  }
  return given;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
