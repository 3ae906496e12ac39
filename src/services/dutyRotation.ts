import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { getPage } from '#db/page.ts';
import { insertShifts, listShifts } from '#db/rota.ts';
import { later, MAX_WEEKS, personChoice, planRotation, shiftTimesProblem } from '#domain/duty.ts';
import { AppError } from '#domain/errors.ts';
import { requirePermission } from '#domain/permissions.ts';
import { dateTimeText, fromLocal } from '#domain/time.ts';
import { peopleProblems, refuse } from './dutyChecks.ts';

export const rotationInput = z.object({
  firstDay: z
    .string()
    .trim()
    .refine((day) => fromLocal(`${day}T00:00`, 'UTC') !== null, 'Choose a day, as 2026-11-23.'),
  at: z
    .string()
    .trim()
    .refine((at) => /^([01]\d|2[0-3]):[0-5]\d$/.test(at), 'Choose a time, as 09:00.'),
  weeks: z
    .string()
    .trim()
    .refine((text) => /^\d{1,3}$/.test(text) && Number(text) >= 1, 'Choose how many weeks, as a number.')
    .transform(Number)
    .refine((weeks) => weeks <= MAX_WEEKS, `At most ${MAX_WEEKS} weeks at once. More can follow later.`),
  people: z.array(z.string()).transform((ids) => ids.filter(Boolean)),
  second: z.enum(['next', 'nobody'], { error: 'Choose who is second.' }),
  manager: personChoice,
});
export type RotationInput = z.infer<typeof rotationInput>;

/**
 * A weekly rotation, a shift a week. Where shifts are planned already it is refused whole, so that nothing is planned twice.
 * @returns how many shifts were made
 * @throws AppError invalid with the field at fault, conflict when the rota is taken
 */
export async function repeatShifts(ctx: Ctx, input: RotationInput): Promise<number> {
  requirePermission(ctx.actor, 'duty.write');
  const now = ctx.now();
  return ctx.db.write(async (tx) => {
    const { timeZone } = await getPage(tx);
    const plan = planRotation({ ...input, nextIsSecond: input.second === 'next' }, timeZone);
    const [first, last] = [plan[0], plan.at(-1)];
    const problems = await peopleProblems(tx, { manager: input.manager }, input.people);
    if (!input.people.length) problems.push({ field: 'people', message: 'Choose who takes turns.' });
    const wrong = first && shiftTimesProblem(first, now);
    if (wrong) problems.push({ field: 'firstDay', message: wrong.message });
    if (problems.length || !first || !last) refuse(problems);
    const taken = await listShifts(tx, { from: later(first.startsAt, now), to: last.endsAt });
    const clash = taken.find((one) =>
      plan.some(({ startsAt, endsAt }) => one.startsAt < endsAt && startsAt < one.endsAt),
    );
    if (clash) {
      const message = `${clash.primary.name} is on duty already from ${dateTimeText(clash.startsAt, timeZone)}. Begin later, or take that shift off the rota first.`;
      throw new AppError('conflict', message, { problems: [{ field: 'firstDay', message }] });
    }
    const shifts = plan.map((shift) => ({
      ...shift,
      startsAt: later(shift.startsAt, now),
      id: ctx.newId(),
      managerId: input.manager,
      note: null,
      noteBy: null,
    }));
    await insertShifts(tx, shifts, now);
    const detail = { weeks: input.weeks, from: first.startsAt, people: input.people };
    await insertAudit(tx, ctx, {
      action: 'duty.repeat',
      subjectKind: 'shift',
      subjectId: shifts[0]?.id ?? '',
      detail,
    });
    return shifts.length;
  });
}
