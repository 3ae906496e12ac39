import { DUTY_ROLES, type DutyRole } from './severity.ts';

/** Who has which of the roles that calls are for, and who is called where nobody has any of them. */
export type Team<P extends { userId: string }> = Record<DutyRole, P | null> & { otherwise: readonly P[] };

/** Whoever has these roles, each person once; where nobody does, those who are there otherwise. */
export function peopleFor<P extends { userId: string }>(roles: readonly DutyRole[], team: Team<P>): P[] {
  const found = roles.map((role) => team[role]).filter((person) => person !== null);
  return [
    ...new Map((found.length ? found : team.otherwise).map((person) => [person.userId, person])).values(),
  ];
}

/** The roles that call someone whom no role before them does: a person with two roles is one step of the chain. */
export function filledRoles<P extends { userId: string }>(team: Team<P>): DutyRole[] {
  const seen = new Set<string>();
  return DUTY_ROLES.filter((role) => {
    const person = team[role];
    if (!person || seen.has(person.userId)) return false;
    seen.add(person.userId);
    return true;
  });
}
