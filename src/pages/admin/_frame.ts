import type { Frame } from '#components/admin/frame.ts';
import { getDutyLine } from '#services/duty.ts';
import { dueNow } from '#services/incidents.ts';
import { getSettings } from '#services/settings.ts';

/** What the admin layout shows around a page. Only for pages that the middleware keeps for signed-in people. */
export async function adminFrame(locals: App.Locals): Promise<Frame> {
  const { ctx, user } = locals;
  if (!user)
    throw new Error('An admin page was reached without a user: its route is missing from the guard.');
  const [settings, due, duty] = await Promise.all([getSettings(ctx), dueNow(ctx), getDutyLine(ctx)]);
  return { user, pageName: settings.name, zone: settings.timeZone, now: ctx.now(), due, duty };
}
