import { type Role, roleMay } from './permissions.ts';
import { DUTY_ROLES, type DutyRole } from './severity.ts';

type PartIn = 'incident_commander' | 'technical_lead' | 'comms_lead' | 'scribe';

/**
 * Whether someone with this role in the house may have that part in an incident: nobody is called first who could neither say that they have
 * it nor post. In a drill nothing is public, so whoever may write inside can lead.
 */
export function mayHavePart(part: PartIn, role: Role, { drill }: { drill: boolean }): boolean {
  if (part === 'comms_lead') return roleMay(role, drill ? 'incident.internalUpdate' : 'incident.publish');
  return part !== 'incident_commander' || roleMay(role, 'incident.internalUpdate');
}

/** Who is called for each role: usually one person or nobody; for the comms lead everyone who could post, when nobody is it. */
export type Team<P extends { userId: string }> = Record<DutyRole, readonly P[]>;

/** Whoever has these roles, each person once; where nobody does, whoever is called for the comms lead, or else the next who is there. */
export function peopleFor<P extends { userId: string }>(roles: readonly DutyRole[], team: Team<P>): P[] {
  const found = roles.flatMap((role) => team[role]);
  const others = DUTY_ROLES.map((role) => team[role]).find((people) => people.length) ?? [];
  return [...new Map((found.length ? found : others).map((person) => [person.userId, person])).values()];
}

/**
 * The team without those who cannot be reached, so that the next in the chain is called in their place. Where nobody of it can be, `others`
 * are; and where those cannot be either, it stays as it is: a call that hardly arrives is better than none.
 */
export function withoutAway<P extends { userId: string }>(
  team: Team<P>,
  isAway: (person: P) => boolean,
  others: readonly P[],
): Team<P> {
  const here = (people: readonly P[]) => people.filter((person) => !isAway(person));
  const left: Team<P> = {
    comms_lead: here(team.comms_lead),
    second: here(team.second),
    incident_commander: here(team.incident_commander),
    manager: here(team.manager),
  };
  if (DUTY_ROLES.some((role) => left[role].length)) return left;
  const standIns = here(others);
  return standIns.length ? { ...left, comms_lead: standIns } : team;
}

/** Those of the team who are away and would be called for these roles, or for one that comes before them in the chain. */
export function awayBefore<P extends { userId: string }>(
  roles: readonly DutyRole[],
  team: Team<P>,
  isAway: (person: P) => boolean,
): P[] {
  const last = Math.max(...roles.map((role) => DUTY_ROLES.indexOf(role)));
  const asked = DUTY_ROLES.slice(0, last + 1).flatMap((role) => team[role]);
  return [...new Map(asked.filter(isAway).map((person) => [person.userId, person])).values()];
}

/** The roles that call someone whom no role before them does: a person with two roles is one step of the chain. */
export function filledRoles<P extends { userId: string }>(team: Team<P>): DutyRole[] {
  const seen = new Set<string>();
  return DUTY_ROLES.filter((role) => {
    const people = team[role].filter(({ userId }) => !seen.has(userId));
    for (const { userId } of people) seen.add(userId);
    return people.length > 0;
  });
}
