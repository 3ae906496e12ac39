import { DUTY_ROLES, type DutyRole } from './severity.ts';

/** Who is called for each role: usually one person or nobody; for the comms lead everyone who could post, when nobody is it. */
export type Team<P extends { userId: string }> = Record<DutyRole, readonly P[]>;

/** Whoever has these roles, each person once; where nobody does, whoever is called for the comms lead. */
export function peopleFor<P extends { userId: string }>(roles: readonly DutyRole[], team: Team<P>): P[] {
  const found = roles.flatMap((role) => team[role]);
  return [
    ...new Map((found.length ? found : team.comms_lead).map((person) => [person.userId, person])).values(),
  ];
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
