import type { Tx } from '#db/open.ts';
import { findShift, type ListedShift, listDutyPeople } from '#db/rota.ts';
import type { DutyPerson } from '#domain/duty.ts';
import { AppError, type FieldProblem } from '#domain/errors.ts';
import { roleMay } from '#domain/permissions.ts';

/** @throws AppError not_found */
export async function requireShift(tx: Tx, id: string): Promise<ListedShift> {
  const shift = await findShift(tx, id);
  if (shift) return shift;
  throw new AppError('not_found', 'There is no such shift. It may have been taken off the rota.', {
    fix: 'Look at the rota.',
  });
}

/** Who is on a shift can sign in and answer a call, whoever speaks for us may post, and the second is someone else. */
export async function peopleProblems(
  tx: Tx,
  chosen: { primary?: string; second?: string | null; manager: string | null },
  turns: readonly string[] = [],
): Promise<FieldProblem[]> {
  const people = new Map((await listDutyPeople(tx)).map((one) => [one.userId, one]));
  const problems: FieldProblem[] = [];
  const check = (field: string, id: string | null | undefined, posts = true) => {
    if (!id) return;
    const found = people.get(id);
    if (!found) problems.push({ field, message: 'They can no longer sign in. Choose someone else.' });
    else if (posts ? !mayPost(found) : !roleMay(found.role, 'incident.internalUpdate')) {
      const lacks = posts ? 'post updates' : 'say “I have it”';
      problems.push({ field, message: `${found.name} may not ${lacks}. Choose someone who may.` });
    }
  };
  check('primary', chosen.primary);
  check('second', chosen.second);
  check('manager', chosen.manager, false);
  for (const id of new Set(turns)) check('people', id);
  if (chosen.second && chosen.second === chosen.primary)
    problems.push({
      field: 'second',
      message: 'The second is called when the first does not answer: choose someone else.',
    });
  return problems;
}

/** Whoever speaks for us may post. */
export function mayPost({ role }: DutyPerson): boolean {
  return roleMay(role, 'incident.publish');
}

/** @throws AppError invalid */
export function refuse(problems: FieldProblem[]): never {
  throw new AppError('invalid', 'It cannot be kept like this.', { problems });
}
