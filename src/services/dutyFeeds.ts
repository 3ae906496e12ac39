import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import {
  type DutyFeed,
  deleteDutyFeed,
  type FeedShows,
  findDutyFeed,
  listDutyFeeds,
  putDutyFeed,
} from '#db/dutyFeeds.ts';
import { getPage } from '#db/page.ts';
import { type ListedShift, listShifts } from '#db/rota.ts';
import { AppError } from '#domain/errors.ts';
import { type Actor, requirePermission } from '#domain/permissions.ts';
import { addMs, DAY } from '#domain/time.ts';
import { type CalendarEvent, calendarText } from '#formats/calendar.ts';

export type { DutyFeed, FeedShows };

/** So long what is over stays in the calendar. */
const KEPT = 92 * DAY;
/** How often calendars are asked to look, in minutes. */
const REFRESH = 30;

/** The calendars of the signed-in person that work. */
export async function listOwnFeeds(ctx: Ctx): Promise<DutyFeed[]> {
  requirePermission(ctx.actor, 'incident.read');
  const { actor } = ctx;
  return actor.kind === 'user' ? ctx.db.read((tx) => listDutyFeeds(tx, actor.id)) : [];
}

/**
 * Makes an address for one's calendar, in place of an earlier one, which shows nothing from then on. What is stored is the token's hash: the
 * caller shows the address once.
 */
export async function renewFeed(ctx: Ctx, input: { shows: FeedShows; tokenHash: string }): Promise<void> {
  requirePermission(ctx.actor, 'incident.read');
  const { id } = requireUser(ctx.actor);
  const feed = { userId: id, shows: input.shows, createdAt: ctx.now(), tokenHash: input.tokenHash };
  await ctx.db.write(async (tx) => {
    await putDutyFeed(tx, feed);
    await insertAudit(tx, ctx, { action: 'duty.renewFeed', ...about(id), detail: { shows: input.shows } });
  });
}

/** The address shows nothing any more. */
export async function endFeed(ctx: Ctx, shows: FeedShows): Promise<void> {
  requirePermission(ctx.actor, 'incident.read');
  const { id } = requireUser(ctx.actor);
  await ctx.db.write(async (tx) => {
    if (!(await deleteDutyFeed(tx, id, shows))) return;
    await insertAudit(tx, ctx, { action: 'duty.endFeed', ...about(id), detail: { shows } });
  });
}

/**
 * The calendar for whoever has its address: UTC, one entry a shift. Notes stay inside.
 * @throws AppError not_found when the address was ended or renewed, never was, or is of someone who can no longer sign in
 */
export async function readDutyFeed(ctx: Ctx, tokenHash: string): Promise<string> {
  const from = addMs(ctx.now(), -KEPT);
  const found = await ctx.db.read(async (tx) => {
    const feed = await findDutyFeed(tx, tokenHash);
    if (!feed) return null;
    return { feed, page: await getPage(tx), shifts: await listShifts(tx, { from }) };
  });
  if (!found)
    throw new AppError('not_found', 'There is no calendar at this address.', {
      fix: 'Make a new address on the page about duty.',
    });
  const { feed, page, shifts } = found;
  const isAll = feed.shows === 'all';
  return calendarText({
    name: `${page.name}: ${isAll ? 'on duty' : `${feed.name} on duty`}`,
    refreshMinutes: REFRESH,
    events: shifts.flatMap((shift) => {
      const summary = isAll ? wholeSummary(shift) : ownSummary(shift, feed.userId);
      return summary ? [eventOf(ctx, shift, `${page.name}: ${summary}`)] : [];
    }),
  });
}

function wholeSummary({ primary, second }: ListedShift): string {
  return `${primary.name} on duty${second ? `, second ${second.name}` : ''}`;
}

/** null: not theirs. */
function ownSummary({ primary, second, manager }: ListedShift, userId: string): string | null {
  if (primary.userId === userId) return 'you are on duty';
  if (second?.userId === userId) return `you are second to ${primary.name}`;
  return manager?.userId === userId ? 'you are manager on duty' : null;
}

function eventOf(ctx: Ctx, shift: ListedShift, summary: string): CalendarEvent {
  const url = `${ctx.site.url}/admin/duty`;
  return {
    uid: `duty-${shift.id}@${new URL(ctx.site.url).hostname}`,
    sequence: shift.revision,
    startsAt: shift.startsAt,
    endsAt: shift.endsAt,
    createdAt: shift.createdAt,
    updatedAt: shift.updatedAt,
    summary,
    description: [
      `Comms lead: ${shift.primary.name}`,
      ...(shift.second ? [`Second: ${shift.second.name}`] : []),
      ...(shift.manager ? [`Manager: ${shift.manager.name}`] : []),
      url,
    ].join('\n'),
    url,
  };
}

function about(userId: string) {
  return { subjectKind: 'user', subjectId: userId };
}

function requireUser(actor: Actor): Extract<Actor, { kind: 'user' }> {
  if (actor.kind === 'user') return actor;
  throw new AppError('forbidden', 'Only a person has a calendar.', { fix: 'Sign in first.' });
}
