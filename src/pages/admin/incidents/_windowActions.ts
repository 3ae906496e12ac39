import { z } from 'zod';
import { parseForm } from '#components/admin/forms.ts';
import { readWallField } from '#components/admin/wallField.ts';
import { idsOfOverlaps } from '#components/admin/window.ts';
import { requirePermission } from '#domain/permissions.ts';
import { multiLine, optional } from '#domain/text.ts';
import { addMs, type Instant, MINUTE } from '#domain/time.ts';
import { wordsIn } from '#i18n/words.ts';
import { endMaintenance } from '#services/maintenance.ts';
import { getKeeping, listNewOverlaps, type Overlap } from '#services/maintenanceViews.ts';
import { changeWindow } from '#services/maintenanceWindow.ts';
import type { Outcome } from './_actions.ts';
import type { Fields } from './_update.ts';
import type { IncidentPage } from './_view.ts';

/** Moves it, or gives it another end, as the form of MaintenanceWindow.astro says. */
export async function changeItsWindow(
  { ctx }: App.Locals,
  page: IncidentPage,
  fields: Fields,
): Promise<Outcome> {
  const { zone } = page.subject;
  const from = readWallField(fields, { name: 'from', label: 'The start', zone });
  const until = readWallField(fields, { name: 'until', label: 'The end', zone });
  const said = parseForm(z.object({ windowBody: optional(multiLine(5000, 'The text')) }), fields);
  const missing =
    until.at || until.problem ? [] : [{ field: 'until', message: 'The end is missing. Give a time.' }];
  const problems = [from.problem, until.problem, ...missing, ...said.problems].filter((one) => one !== null);
  if (problems.length || !until.at || !said.data)
    return { form: 'window', status: 422, problems, fields, stale: false };
  const { scheduledFor, scheduledUntil } = page.incident;
  const window = {
    from: sameMinute(from.at, scheduledFor) ?? scheduledFor,
    until: sameMinute(until.at, scheduledUntil) as Instant,
  };
  const overlaps = await overlapsOf(ctx, page.subject.id, window);
  // What overlaps is shown once; whoever announces it then announces it all the same.
  if (overlaps.length && fields.overlaps !== idsOfOverlaps(overlaps))
    return { form: 'window', status: 409, problems: [], fields, stale: false, overlaps };
  await changeWindow(ctx, {
    maintenanceId: page.subject.id,
    version: Number(fields.version),
    ...window,
    body: said.data.windowBody,
    notify: fields.windowNotify === 'yes',
  });
  return { to: `${page.path}?done=window` };
}

function overlapsOf(
  ctx: App.Locals['ctx'],
  maintenanceId: string,
  { from, until }: { from: Instant | null; until: Instant },
): Promise<Overlap[]> {
  requirePermission(ctx.actor, 'maintenance.write');
  return from ? listNewOverlaps(ctx, { maintenanceId, from, until }) : Promise.resolve([]);
}

/** The form knows minutes only: the minute of what is planned means that it stays, to the second. */
function sameMinute(given: Instant | null, planned: Instant | null): Instant | null {
  return given && planned && given.slice(0, 16) === planned.slice(0, 16) ? planned : given;
}

/** One press in the night: so much longer from its end, or from now where that has passed. */
export function extendBy(minutes: number) {
  return async ({ ctx }: App.Locals, page: IncidentPage, fields: Fields): Promise<Outcome> => {
    const now = ctx.now();
    const until = page.incident.scheduledUntil ?? now;
    await changeWindow(ctx, {
      maintenanceId: page.subject.id,
      version: Number(fields.version),
      until: addMs(wholeMinute(until > now ? until : now), minutes * MINUTE),
      notify: await isTold(ctx, page),
    });
    return { to: `${page.path}?done=window` };
  };
}

/** What was planned in silence changes in silence, too. */
async function isTold(ctx: App.Locals['ctx'], page: IncidentPage): Promise<boolean> {
  return (await getKeeping(ctx, page.subject.id))?.tells ?? true;
}

function wholeMinute(instant: Instant): Instant {
  return `${instant.slice(0, 16)}:00.000Z`;
}

export async function endNow({ ctx }: App.Locals, page: IncidentPage, fields: Fields): Promise<Outcome> {
  await endMaintenance(ctx, {
    maintenanceId: page.subject.id,
    version: Number(fields.version),
    body: wordsIn(ctx.site.languages[0]).work.over,
    notify: await isTold(ctx, page),
  });
  return { to: `${page.path}?done=ended` };
}
