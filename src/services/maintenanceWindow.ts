import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { coverWords, findPlan } from '#db/maintenance.ts';
import { getPage } from '#db/page.ts';
import { AppError, type FieldProblem } from '#domain/errors.ts';
import { saidByAnnouncing } from '#domain/maintenance.ts';
import { requirePermission } from '#domain/permissions.ts';
import { isOver } from '#domain/status.ts';
import { type Instant, rangeText } from '#domain/time.ts';
import { wordsIn } from '#i18n/words.ts';
import { windowChangeText } from '#i18n/work.ts';
import { newPostIds, type Posted, postWithin, tellOthers } from './postUpdate.ts';
import { requireIncident } from './requireIncident.ts';

export type WindowInput = {
  maintenanceId: string;
  version: number;
  /** Left out, it starts as planned, or has begun. */
  from?: Instant | null;
  until: Instant;
  /** What visitors read; left empty, it says in a sentence what has changed. */
  body?: string | null;
  notify: boolean;
};

/**
 * Moves, extends or shortens a maintenance, in public: calendars, feeds and the API show the new window because of what is said with it.
 * Reminders go by the new window from now on.
 */
export async function changeWindow(ctx: Ctx, input: WindowInput): Promise<Posted> {
  requirePermission(ctx.actor, 'maintenance.write');
  const now = ctx.now();
  const ids = newPostIds(ctx);
  const posted = await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.maintenanceId, input.version);
    const { scheduledFor, scheduledUntil, status } = incident;
    if (incident.kind !== 'maintenance' || isOver(status) || !scheduledFor || !scheduledUntil)
      throw new AppError('conflict', 'It is over, or is no maintenance: its window is what it was.', {
        fix: 'Plan another one.',
      });
    const before = { from: scheduledFor, until: scheduledUntil };
    const window = { from: input.from ?? scheduledFor, until: input.until };
    refuseChange({ before, window, begun: status !== 'scheduled', now });
    const { timeZone } = await getPage(tx);
    const words = wordsIn(ctx.site.languages[0]);
    const body = input.body?.trim() || windowChangeText(words, before, window, timeZone);
    await insertAudit(tx, ctx, {
      action: 'maintenance.window',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: {
        text: `Window changed from ${rangeText(before.from, before.until, timeZone)} to ${rangeText(window.from, window.until, timeZone)}`,
      },
    });
    const written = await postWithin(
      tx,
      ctx,
      {
        incidentId: incident.id,
        version: input.version,
        audience: 'public',
        status,
        body,
        components: [],
        notify: input.notify,
        window,
      },
      ids,
    );
    if (await findPlan(tx, incident.seq))
      await coverWords(
        tx,
        incident.seq,
        saidByAnnouncing({ scheduledFor: window.from, scheduledUntil: window.until }, now, {
          announced: input.notify,
        }),
        now,
      );
    return written;
  });
  return tellOthers(ctx, posted);
}

function refuseChange({
  before,
  window,
  begun,
  now,
}: {
  before: { from: Instant; until: Instant };
  window: { from: Instant; until: Instant };
  begun: boolean;
  now: Instant;
}): void {
  const moved = window.from !== before.from;
  const problems: FieldProblem[] = [];
  if (moved && begun)
    problems.push({ field: 'from', message: 'It has begun: its start cannot change any more.' });
  else if (moved && window.from <= now)
    problems.push({ field: 'from', message: 'The start has passed already. Give a time that is to come.' });
  if (window.until <= window.from)
    problems.push({ field: 'until', message: 'The end is not after the start. Set it later.' });
  else if (window.until <= now)
    problems.push({
      field: 'until',
      message: 'That end has passed already. Give a time that is to come, or end it now.',
    });
  if (!moved && window.until === before.until)
    problems.push({ field: 'until', message: 'That is the window it has. Give another end or start.' });
  if (problems.length)
    throw new AppError('invalid', 'The window cannot be right.', {
      problems,
      fix: 'Correct the marked times.',
    });
}
