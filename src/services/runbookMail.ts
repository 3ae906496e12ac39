import type { Ctx } from '#db/context.ts';
import { getPage } from '#db/page.ts';
import { currentPolicies } from '#db/policies.ts';
import { listKept, markTold } from '#db/runbooks.ts';
import { type BusinessHours, businessMsBetween } from '#domain/cadence.ts';
import { PRIORITY } from '#domain/priority.ts';
import { monthsLater, REVIEW_MONTHS, reviewDueText, reviewOf } from '#domain/runbooks.ts';
import { addMs, dayIn, type Instant, MINUTE } from '#domain/time.ts';
import { renderStaffMail } from '#emails/staff.ts';
import { mailStaff } from './staffMail.ts';

/**
 * Mails who keeps runbooks that nobody has reviewed within a quarter: one mail with all of theirs, in business hours, at most one a quarter.
 * @returns how many people were mailed
 */
export async function tellOverdueRunbooks(ctx: Ctx): Promise<number> {
  if (!(await ctx.db.read((tx) => overdueByKeeper(tx, ctx.now()))).length) return 0;
  const now = ctx.now();
  const told = await ctx.db.write(async (tx) => {
    const page = await getPage(tx);
    const site = { name: page.name, url: ctx.site.url, timeZone: page.timeZone };
    const keepers = await overdueByKeeper(tx, now);
    for (const { keeper, overdue } of keepers) {
      const [first] = overdue as [(typeof overdue)[number]];
      const rendered = renderStaffMail({
        site,
        about: 'runbooks',
        subject:
          overdue.length === 1
            ? `Review a runbook: ${first.title}`
            : `Review ${overdue.length} runbooks that you keep`,
        lines: [
          'Nobody has said for a quarter that this is still right:',
          ...overdue.map(
            (runbook) =>
              `${runbook.title}: ${reviewDueText(reviewOf(runbook, now, page.timeZone), page.timeZone)}.`,
          ),
          'Read it, change what is no longer so, and press “I have reviewed it”.',
        ],
        deed: {
          words: 'Read it',
          url: `${ctx.site.url}/admin/runbooks${overdue.length === 1 ? `/${first.id}` : ''}`,
        },
        urgent: false,
      });
      await mailStaff(tx, ctx, { incidentSeq: null, people: [keeper], rendered, priority: PRIORITY.digest });
      await markTold(
        tx,
        overdue.map(({ id }) => id),
        now,
      );
    }
    return keepers.length;
  });
  if (told) ctx.changed('outbox');
  return told;
}

/** Those who are to be told now, with all that is overdue of theirs; nobody out of business hours. */
async function overdueByKeeper(tx: Parameters<typeof listKept>[0], now: Instant) {
  const kept = await listKept(tx);
  if (!kept.length) return [];
  const { timeZone } = await getPage(tx);
  const { hours } = await currentPolicies(tx);
  if (!isWorkingTime({ ...hours, zone: timeZone }, now)) return [];
  const today = dayIn(now, timeZone);
  const isQuiet = (toldAt: Instant | null) =>
    toldAt !== null && today <= monthsLater(dayIn(toldAt, timeZone), REVIEW_MONTHS);
  return [...Map.groupBy(kept, ({ keeper }) => keeper.id).values()].flatMap((own) => {
    const overdue = own
      .map(({ runbook }) => runbook)
      .filter((runbook) => reviewOf(runbook, now, timeZone).overdue);
    const [first] = own as [(typeof own)[number]];
    return overdue.length && !own.some(({ toldAt }) => isQuiet(toldAt))
      ? [{ keeper: first.keeper, overdue }]
      : [];
  });
}

function isWorkingTime(hours: BusinessHours, now: Instant): boolean {
  return businessMsBetween(hours, now, addMs(now, MINUTE)) > 0;
}
