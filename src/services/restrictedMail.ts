import type { Ctx } from '#db/context.ts';
import { listPeopleOfRole, type Person } from '#db/duty.ts';
import type { Incident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { listViewers } from '#db/viewers.ts';
import type { Call } from '#domain/calls.ts';
import { whenText } from '#domain/time.ts';
import type { Rendered } from '#emails/render.ts';
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

/** Tells the owners that nobody is left who sees it, and where they let themselves in; of what it is about they are told nothing. */
export async function tellUnseen(
  tx: Tx,
  ctx: Ctx,
  incident: Pick<Incident, 'seq' | 'id' | 'severity'>,
  { gone }: { gone: string },
): Promise<void> {
  const lines = [`${gone} can no longer sign in, and nobody else sees it.`];
  await mailStaff(tx, ctx, {
    incidentSeq: incident.seq,
    people: await listPeopleOfRole(tx, 'owner'),
    rendered: await renderUnseen(tx, ctx, incident, lines),
  });
}

/** The same in the place of a call to its viewers, of whom there are none. */
export async function renderUnseenCall(
  tx: Tx,
  ctx: Ctx,
  incident: Pick<Incident, 'id' | 'severity'>,
  { clock, due }: Pick<Call, 'clock' | 'due'>,
): Promise<Rendered> {
  const { timeZone } = await getPage(tx);
  const now = ctx.now();
  const word = `Its next internal update ${due <= now ? 'was' : 'is'} due at ${whenText(due, timeZone, now)}. `;
  return renderUnseen(tx, ctx, incident, [
    `${clock === 'internal' ? word : ''}Nobody who sees it can sign in and be reached by mail, so there was nobody to call.`,
  ]);
}

async function renderUnseen(
  tx: Tx,
  ctx: Ctx,
  incident: Pick<Incident, 'id' | 'severity'>,
  lines: readonly string[],
): Promise<Rendered> {
  return renderStaffMail({
    ...(await about(tx, ctx, incident)),
    subject: `[${incident.severity}] Nobody is left who sees ${RESTRICTED_TITLE}`,
    lines: [
      ...lines,
      'It stays as it is until an owner lets themselves in, and then lets in who should see it.',
    ],
    deed: { words: 'Let yourself in', url: `${ctx.site.url}/admin/settings/restricted` },
  });
}

async function about(tx: Tx, ctx: Ctx, incident: Pick<Incident, 'id'>) {
  const page = await getPage(tx);
  return { site: { name: page.name, url: ctx.site.url, timeZone: page.timeZone }, about: incident.id };
}

function urlOf(ctx: Ctx, { id }: Pick<Incident, 'id'>): string {
  return `${ctx.site.url}/admin/incidents/${id}`;
}
