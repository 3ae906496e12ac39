import type { Ctx } from '#db/context.ts';
import type { Person } from '#db/duty.ts';
import type { Incident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { listViewers } from '#db/viewers.ts';
import { renderStaffMail } from '#emails/staff.ts';
import { mailStaff } from './staffMail.ts';

/** What stands in mail in the place of its title. */
export const RESTRICTED_TITLE = 'a restricted incident';

/** Tells these people that they see it from now on. What it is about stands behind the link alone. */
export async function tellAdded(
  tx: Tx,
  ctx: Ctx,
  incident: Pick<Incident, 'seq' | 'id' | 'severity'>,
  { people, by }: { people: readonly Person[]; by: string },
): Promise<void> {
  const rendered = renderStaffMail({
    ...(await about(tx, ctx, incident)),
    subject: `[${incident.severity}] You see ${RESTRICTED_TITLE}`,
    lines: [
      `${by} let you in. Only the people who are named there know of it, so speak of it with nobody else.`,
    ],
    deed: { words: 'Open it', url: urlOf(ctx, incident) },
  });
  await mailStaff(tx, ctx, { incidentSeq: incident.seq, people, rendered });
}

/** Tells the other viewers who has come, or gone, and why. */
export async function tellViewers(
  tx: Tx,
  ctx: Ctx,
  incident: Pick<Incident, 'seq' | 'id' | 'severity'>,
  {
    except,
    what,
    reason = null,
  }: { except: readonly (string | null)[]; what: string; reason?: string | null },
): Promise<void> {
  const viewers = await listViewers(tx, incident.seq);
  const rendered = renderStaffMail({
    ...(await about(tx, ctx, incident)),
    subject: `[${incident.severity}] Who sees ${RESTRICTED_TITLE} has changed`,
    lines: [`${what}.`, ...(reason ? [`The reason given: ${reason}`] : [])],
    deed: { words: 'See who sees it', url: `${urlOf(ctx, incident)}#viewers` },
  });
  const people = viewers.filter(({ userId, canSignIn }) => canSignIn && !except.includes(userId));
  await mailStaff(tx, ctx, { incidentSeq: incident.seq, people, rendered });
}

async function about(tx: Tx, ctx: Ctx, incident: Pick<Incident, 'id'>) {
  const page = await getPage(tx);
  return { site: { name: page.name, url: ctx.site.url, timeZone: page.timeZone }, about: incident.id };
}

function urlOf(ctx: Ctx, { id }: Pick<Incident, 'id'>): string {
  return `${ctx.site.url}/admin/incidents/${id}`;
}
