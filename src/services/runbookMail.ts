import type { Ctx } from '#db/context.ts';
import { listPeopleOfRole } from '#db/duty.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { currentPolicies } from '#db/policies.ts';
import { type Keeper, listForReview, markTold } from '#db/runbooks.ts';
import { type BusinessHours, businessMsBetween } from '#domain/cadence.ts';
import { may } from '#domain/permissions.ts';
import { PRIORITY } from '#domain/priority.ts';
import { monthsLater, REVIEW_MONTHS, type Runbook, reviewDueText, reviewOf } from '#domain/runbooks.ts';
import { addMs, dayIn, type Instant, MINUTE } from '#domain/time.ts';
import type { Rendered } from '#emails/render.ts';
import { renderStaffMail } from '#emails/staff.ts';
import { mailStaff } from './staffMail.ts';

/**
 * Mails who keeps runbooks that nobody has reviewed within a quarter: one mail with all of theirs, in business hours, at most one a quarter.
 * What nobody keeps who can sign in and change it is for the owners, who can say who does.
 * @returns how many such mails were written
 */
export async function tellOverdueRunbooks(ctx: Ctx): Promise<number> {
  if (!(await ctx.db.read((tx) => overdueByKeeper(tx, ctx.now()))).length) return 0;
  const now = ctx.now();
  const told = await ctx.db.write(async (tx) => {
    const all = await overdueByKeeper(tx, now);
    for (const { keeper, overdue } of all) {
      await mailStaff(tx, ctx, {
        incidentSeq: null,
        people: keeper ? [keeper] : await listPeopleOfRole(tx, 'owner'),
        rendered: await renderOverdue(tx, ctx, overdue, keeper !== null),
        priority: PRIORITY.digest,
      });
      await markTold(
        tx,
        overdue.map(({ id }) => id),
        now,
      );
    }
    return all.length;
  });
  if (told) ctx.changed('outbox');
  return told;
}

async function renderOverdue(
  tx: Tx,
  ctx: Ctx,
  overdue: readonly Runbook[],
  isKept: boolean,
): Promise<Rendered> {
  const page = await getPage(tx);
  const [first] = overdue as [Runbook];
  const one = overdue.length === 1;
  const due = overdue.map(
    (runbook) =>
      `${runbook.title}: ${reviewDueText(reviewOf(runbook, ctx.now(), page.timeZone), page.timeZone)}.`,
  );
  return renderStaffMail({
    site: { name: page.name, url: ctx.site.url, timeZone: page.timeZone },
    about: 'runbooks',
    ...(isKept
      ? {
          subject: one
            ? `Review a runbook: ${first.title}`
            : `Review ${overdue.length} runbooks that you keep`,
          lines: [
            'Nobody has said for a quarter that this is still right:',
            ...due,
            'Read it, change what is no longer so, and press “I have reviewed it”.',
          ],
        }
      : {
          subject: one
            ? `A runbook has no keeper, and nobody reviewed it: ${first.title}`
            : `${overdue.length} runbooks have no keeper, and nobody reviewed them`,
          lines: [
            'Nobody has said for a quarter that this is still right, and nobody who can is asked to:',
            ...due,
            'Say who keeps it from now on, or read it yourself and press “I have reviewed it”.',
          ],
        }),
    deed: { words: 'Read it', url: `${ctx.site.url}/admin/runbooks${one ? `/${first.id}` : ''}` },
    urgent: false,
  });
}

/** Those who are to be told now (null: the owners, of what nobody keeps), with all that is overdue of theirs; nobody out of business hours. */
async function overdueByKeeper(
  tx: Tx,
  now: Instant,
): Promise<{ keeper: Keeper | null; overdue: Runbook[] }[]> {
  const all = await listForReview(tx);
  if (!all.length) return [];
  const { timeZone } = await getPage(tx);
  const { hours } = await currentPolicies(tx);
  if (!isWorkingTime({ ...hours, zone: timeZone }, now)) return [];
  const today = dayIn(now, timeZone);
  // What a clock told that had leapt ahead keeps nobody quiet for as long as it had leapt.
  const isQuiet = (toldAt: Instant | null) =>
    toldAt !== null &&
    dayIn(toldAt, timeZone) <= today &&
    today <= monthsLater(dayIn(toldAt, timeZone), REVIEW_MONTHS);
  return [...Map.groupBy(all, ({ keeper }) => (isThere(keeper) ? keeper.id : '')).values()].flatMap((own) => {
    const overdue = own
      .map(({ runbook }) => runbook)
      .filter((runbook) => reviewOf(runbook, now, timeZone).overdue);
    const [first] = own as [(typeof own)[number]];
    return overdue.length && !own.some(({ toldAt }) => isQuiet(toldAt))
      ? [{ keeper: isThere(first.keeper) ? first.keeper : null, overdue }]
      : [];
  });
}

function isThere(keeper: Keeper | null): keeper is Keeper {
  return keeper !== null && keeper.disabledAt === null && may({ kind: 'user', ...keeper }, 'runbook.write');
}

function isWorkingTime(hours: BusinessHours, now: Instant): boolean {
  return businessMsBetween(hours, now, addMs(now, MINUTE)) > 0;
}
