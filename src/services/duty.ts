import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import {
  deleteShift,
  findShift,
  hasRota,
  insertShifts,
  type ListedShift,
  listDutyPeople,
  listPastShifts,
  listShifts,
  setShiftNote,
  updateShift,
} from '#db/rota.ts';
import {
  type DutyPerson,
  MAX_WEEKS,
  onDutyAt,
  personChoice,
  planRotation,
  readRota,
  runsOf,
  type ShiftInput,
  shiftTimesProblem,
} from '#domain/duty.ts';
import { AppError, type FieldProblem } from '#domain/errors.ts';
import { actorLabel, may, requirePermission, userIdOf } from '#domain/permissions.ts';
import { multiLine, optional } from '#domain/text.ts';
import { dateTimeText, fromLocal, type Instant, MINUTE, toInstant } from '#domain/time.ts';

export type { DutyPerson, ListedShift };

/** How many shifts that are over are shown. */
const PAST = 30;

/** The rota from now on, in the order in which the shifts begin, and what is over, the latest first. */
export async function getRota(ctx: Ctx): Promise<{ shifts: ListedShift[]; past: ListedShift[] }> {
  requirePermission(ctx.actor, 'incident.read');
  const now = ctx.now();
  return ctx.db.read(async (tx) => ({
    shifts: await listShifts(tx, { from: now }),
    past: await listPastShifts(tx, now, PAST),
  }));
}

/** @throws AppError not_found */
export async function getShift(ctx: Ctx, id: string): Promise<ListedShift> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read((tx) => requireShift(tx, id));
}

/** Who can be put on the rota: as comms lead those who may post, as manager everyone who can sign in. */
export async function listDutyChoices(ctx: Ctx): Promise<{ leads: DutyPerson[]; managers: DutyPerson[] }> {
  requirePermission(ctx.actor, 'duty.write');
  const people = await ctx.db.read(listDutyPeople);
  return { leads: people.filter(mayPost), managers: people };
}

/** Who is on duty now and until when, in a line; null while there is no rota. */
export type DutyLine = {
  primary: string | null;
  /** Until when that stays so; null: nothing is entered. */
  until: Instant | null;
  /** What the reader is now, if anything. */
  mine: 'primary' | 'second' | 'manager' | null;
};

export async function getDutyLine(ctx: Ctx): Promise<DutyLine | null> {
  requirePermission(ctx.actor, 'incident.read');
  const now = ctx.now();
  const me = userIdOf(ctx.actor);
  return ctx.db.read(async (tx) => {
    const shifts = await listShifts(tx, { from: now });
    const last = shifts
      .map(({ endsAt }) => endsAt)
      .sort()
      .at(-1);
    if (!last) return (await hasRota(tx)) ? { primary: null, until: null, mine: null } : null;
    const shift = onDutyAt(shifts, now);
    const { primary = null, second = null, manager = null } = shift ?? {};
    const roles = { primary, second, manager } as const;
    const mine =
      (['primary', 'second', 'manager'] as const).find((role) => roles[role]?.userId === me) ?? null;
    const [run] = runsOf(readRota(shifts, now, last));
    const isBeside = mine === 'second' || mine === 'manager';
    return {
      primary: primary?.canSignIn ? primary.name : null,
      until: (isBeside ? run?.stretches[0]?.to : run?.to) ?? null,
      mine,
    };
  });
}

/**
 * Puts a shift on the rota. One that would have begun within the last day begins now: nobody is said to have been on duty before.
 * @throws AppError invalid with the field at fault, conflict when the same one is there already
 */
export async function addShift(ctx: Ctx, input: ShiftInput): Promise<{ id: string }> {
  requirePermission(ctx.actor, 'duty.write');
  const [id, now] = [ctx.newId(), ctx.now()];
  await ctx.db.write(async (tx) => {
    await refuseWrong(tx, input, { startsAt: input.from, endsAt: input.to }, now);
    const shift = toRow(input, later(input.from, now));
    const others = await listShifts(tx, { from: shift.startsAt, to: shift.endsAt });
    if (others.some((one) => one.primary.userId === input.primary && sameTimes(one, shift)))
      throw new AppError('conflict', 'That shift is on the rota already.', { fix: 'Look at the rota.' });
    await insertShifts(tx, [{ ...shift, id, note: null, noteBy: null }], now);
    await audit(tx, ctx, 'duty.add', id, shift);
  });
  return { id };
}

/**
 * Changes a shift. Of one that runs, what has been stays: another person as primary begins a new shift now, and its beginning cannot be
 * moved.
 * @param input.revision what the form was opened against
 * @returns the id of the shift that now is on the rota in its place
 * @throws AppError invalid, not_found; conflict when it is over or was changed since
 */
export async function changeShift(
  ctx: Ctx,
  id: string,
  input: ShiftInput & { revision: number },
): Promise<{ id: string }> {
  requirePermission(ctx.actor, 'duty.write');
  const [newId, now] = [ctx.newId(), ctx.now()];
  return ctx.db.write(async (tx) => {
    const shift = await requireChangeable(tx, ctx, id, input.revision);
    const runs = shift.startsAt <= now;
    const startsAt = runs ? shift.startsAt : later(input.from, now);
    await refuseWrong(tx, input, { startsAt: runs ? now : input.from, endsAt: input.to }, now);
    const row = toRow(input, startsAt);
    if (!runs || shift.primary.userId === input.primary || shift.startsAt === now) {
      await updateShift(tx, shift.seq, row, now);
      await audit(tx, ctx, 'duty.change', id, row);
      return { id };
    }
    await updateShift(tx, shift.seq, endingAt(shift, now), now);
    await insertShifts(tx, [{ ...row, startsAt: now, id: newId, note: null, noteBy: null }], now);
    await audit(tx, ctx, 'duty.change', id, { ...row, startsAt: now });
    return { id: newId };
  });
}

/** Takes a coming shift off the rota; one that runs ends now. @throws AppError not_found; conflict when it is over or was changed since */
export async function removeShift(ctx: Ctx, id: string, revision: number): Promise<{ ended: boolean }> {
  requirePermission(ctx.actor, 'duty.write');
  const now = ctx.now();
  return ctx.db.write(async (tx) => {
    const shift = await requireChangeable(tx, ctx, id, revision);
    const ended = shift.startsAt < now;
    if (ended) await updateShift(tx, shift.seq, endingAt(shift, now), now);
    else await deleteShift(tx, shift.seq);
    await audit(tx, ctx, ended ? 'duty.end' : 'duty.remove', id, endingAt(shift, shift.endsAt));
    return { ended };
  });
}

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
    const clash = taken.find((one) => plan.some((shift) => meet(one, shift)));
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
    await insertAudit(tx, ctx, { ...about('duty.repeat', shifts[0]?.id ?? ''), detail });
    return shifts.length;
  });
}

export const noteInput = z.object({ note: optional(multiLine(2000, 'The note')) });

/** Whether the signed-in person may write a shift's note: whoever is on it, and whoever keeps the rota. */
export function mayWriteNote(ctx: Ctx, { primary, second, manager }: ListedShift): boolean {
  const me = userIdOf(ctx.actor);
  const isOn = me !== null && [primary, second, manager].some((one) => one?.userId === me);
  return isOn || may(ctx.actor, 'duty.write');
}

/**
 * What the next on duty should know; null takes it away. It may be written after the end, too.
 * @param input.noteAt when the note was written that the form was opened with; null: there was none
 * @throws AppError not_found, forbidden; conflict when someone wrote it meanwhile
 */
export async function writeNote(
  ctx: Ctx,
  id: string,
  input: z.infer<typeof noteInput> & { noteAt: Instant | null },
): Promise<void> {
  requirePermission(ctx.actor, 'incident.read');
  const now = ctx.now();
  await ctx.db.write(async (tx) => {
    const shift = await requireShift(tx, id);
    if (!mayWriteNote(ctx, shift))
      throw new AppError('forbidden', 'This note is written by whoever is on this shift.', {
        fix: `Tell ${shift.primary.name} what should stand in it.`,
      });
    if (shift.noteAt !== input.noteAt)
      throw new AppError('conflict', `${shift.noteBy} wrote the note while you had it open.`, {
        fix: `Theirs: “${shift.note ?? ''}”. Yours is kept below: put the two together and save again.`,
      });
    await setShiftNote(tx, shift.seq, { note: input.note, by: actorLabel(ctx.actor), at: now });
    await insertAudit(tx, ctx, { ...about('duty.note', id), detail: { from: shift.startsAt } });
  });
}

async function requireShift(tx: Tx, id: string): Promise<ListedShift> {
  const shift = await findShift(tx, id);
  if (shift) return shift;
  throw new AppError('not_found', 'There is no such shift. It may have been taken off the rota.', {
    fix: 'Look at the rota.',
  });
}

async function requireChangeable(tx: Tx, ctx: Ctx, id: string, revision: number): Promise<ListedShift> {
  const shift = await requireShift(tx, id);
  if (shift.endsAt <= ctx.now())
    throw new AppError('conflict', 'This shift is over and stays as it was.', { fix: 'Look at the rota.' });
  if (shift.revision !== revision)
    throw new AppError('conflict', 'Someone changed this shift while you had the form open.', {
      fix: 'Look at it as it is now, then send yours again. What you typed is kept.',
    });
  return shift;
}

async function refuseWrong(
  tx: Tx,
  input: ShiftInput,
  times: { startsAt: Instant; endsAt: Instant },
  now: Instant,
): Promise<void> {
  const problems: FieldProblem[] = [];
  const wrong = shiftTimesProblem(times, now);
  if (wrong) problems.push(wrong);
  problems.push(...(await peopleProblems(tx, input)));
  if (problems.length) refuse(problems);
}

function refuse(problems: FieldProblem[]): never {
  throw new AppError('invalid', 'It cannot be kept like this.', { problems });
}

/** Who is on a shift can sign in, whoever speaks for us may post, and the second is someone else. */
async function peopleProblems(
  tx: Tx,
  chosen: { primary?: string; second?: string | null; manager: string | null },
  turns: readonly string[] = [],
): Promise<FieldProblem[]> {
  const people = new Map((await listDutyPeople(tx)).map((one) => [one.userId, one]));
  const problems: FieldProblem[] = [];
  const check = (field: string, id: string | null | undefined, posts: boolean) => {
    if (!id) return;
    const found = people.get(id);
    if (!found) problems.push({ field, message: 'They can no longer sign in. Choose someone else.' });
    else if (posts && !mayPost(found))
      problems.push({ field, message: `${found.name} may not post updates. Choose someone who may.` });
  };
  check('primary', chosen.primary, true);
  check('second', chosen.second, true);
  check('manager', chosen.manager, false);
  for (const id of new Set(turns)) check('people', id, true);
  if (chosen.second && chosen.second === chosen.primary)
    problems.push({
      field: 'second',
      message: 'The second is called when the first does not answer: choose someone else.',
    });
  return problems;
}

function mayPost({ userId, name, email, role }: DutyPerson): boolean {
  return may({ kind: 'user', id: userId, name, email, role }, 'incident.publish');
}

type ShiftTimes = { startsAt: Instant; endsAt: Instant };

function toRow({ to, primary, second, manager }: ShiftInput, startsAt: Instant) {
  return { startsAt, endsAt: to, primaryId: primary, secondId: second, managerId: manager };
}

function endingAt({ startsAt, primary, second, manager }: ListedShift, endsAt: Instant) {
  return {
    startsAt,
    endsAt,
    primaryId: primary.userId,
    secondId: second?.userId ?? null,
    managerId: manager?.userId ?? null,
  };
}

function later(a: Instant, b: Instant): Instant {
  return a > b ? a : b;
}

function meet(a: ShiftTimes, b: ShiftTimes): boolean {
  return a.startsAt < b.endsAt && b.startsAt < a.endsAt;
}

/** As a form shows times, by the minute: what began "now" holds seconds. */
function sameTimes(a: ShiftTimes, b: ShiftTimes): boolean {
  const minute = (at: Instant) => toInstant(Math.floor(Date.parse(at) / MINUTE) * MINUTE);
  return minute(a.startsAt) === minute(b.startsAt) && minute(a.endsAt) === minute(b.endsAt);
}

function about(action: string, id: string) {
  return { action, subjectKind: 'shift', subjectId: id };
}

function audit(
  tx: Tx,
  ctx: Ctx,
  action: 'duty.add' | 'duty.change' | 'duty.end' | 'duty.remove',
  id: string,
  { startsAt, endsAt, primaryId }: ReturnType<typeof toRow>,
): Promise<void> {
  const detail = { from: startsAt, to: endsAt, primary: primaryId };
  return insertAudit(tx, ctx, { ...about(action, id), detail });
}
