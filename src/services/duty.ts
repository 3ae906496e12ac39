import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import type { Tx } from '#db/open.ts';
import {
  deleteShift,
  hasRota,
  insertShifts,
  type ListedShift,
  listDutyPeople,
  listPastShifts,
  listShifts,
  updateShift,
} from '#db/rota.ts';
import { getUser } from '#db/users.ts';
import {
  type DutyPerson,
  later,
  onDutyAt,
  readRota,
  runsOf,
  type ShiftInput,
  shiftTimesProblem,
} from '#domain/duty.ts';
import { AppError, type FieldProblem } from '#domain/errors.ts';
import { requirePermission, roleMay, userIdOf } from '#domain/permissions.ts';
import { type Instant, MINUTE, toInstant } from '#domain/time.ts';
import { mayPost, peopleProblems, refuse, requireShift } from './dutyChecks.ts';

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
  return {
    leads: people.filter(mayPost),
    managers: people.filter(({ role }) => roleMay(role, 'incident.internalUpdate')),
  };
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

/** As a form shows times, by the minute: what began "now" holds seconds. */
function sameTimes(a: ShiftTimes, b: ShiftTimes): boolean {
  const minute = (at: Instant) => toInstant(Math.floor(Date.parse(at) / MINUTE) * MINUTE);
  return minute(a.startsAt) === minute(b.startsAt) && minute(a.endsAt) === minute(b.endsAt);
}

async function audit(
  tx: Tx,
  ctx: Ctx,
  action: 'duty.add' | 'duty.change' | 'duty.end' | 'duty.remove',
  id: string,
  { startsAt, endsAt, primaryId }: ReturnType<typeof toRow>,
): Promise<void> {
  const primary = await getUser(tx, primaryId);
  const detail = { text: primary?.name, from: startsAt, to: endsAt };
  await insertAudit(tx, ctx, { action, subjectKind: 'shift', subjectId: id, detail });
}
