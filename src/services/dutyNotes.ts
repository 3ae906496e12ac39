import { z } from 'zod';
import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { type ListedShift, setShiftNote } from '#db/rota.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, may, requirePermission, userIdOf } from '#domain/permissions.ts';
import { multiLine, optional } from '#domain/text.ts';
import type { Instant } from '#domain/time.ts';
import { requireShift } from './dutyChecks.ts';

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
    await insertAudit(tx, ctx, {
      action: 'duty.note',
      subjectKind: 'shift',
      subjectId: id,
      detail: { from: shift.startsAt },
    });
  });
}
