import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { getOnDuty, listPeopleOfRole, listTeam, type Person } from '#db/duty.ts';
import { findIncident, type Incident } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import {
  changePostmortem,
  dropPostmortem,
  findPostmortem,
  listOwedPostmortems,
  owePostmortem,
  type Postmortem,
} from '#db/postmortems.ts';
import { businessMsBetween } from '#domain/cadence.ts';
import { AppError } from '#domain/errors.ts';
import { actorLabel, requirePermission } from '#domain/permissions.ts';
import { PRIORITY } from '#domain/priority.ts';
import { isOver } from '#domain/status.ts';
import { addMs, DAY, dayIn, HOUR, type Instant, MINUTE, whenText } from '#domain/time.ts';
import { renderStaffMail } from '#emails/staff.ts';
import { paceOf } from './pace.ts';
import { mailStaff } from './staffMail.ts';
import type { UpdatePlan } from './updatePlan.ts';

/** Asked for a day before it is due, and then once a day that is worked; after two weeks it is plain that asking does not help. */
const ASKED_BEFORE = DAY;
const ASKED_FOR = 14 * DAY;

/**
 * Keeps what is owed in step with an update: once an incident that visitors saw is over, the postmortem that its policy asks for; nothing
 * while it is open again. A part of the posting transaction, after the incident has changed.
 */
export async function keepPostmortem(tx: Tx, { incident, update, now }: UpdatePlan): Promise<void> {
  const { seq, kind, drill, restricted, hasCadence } = incident;
  if (kind !== 'incident' || drill || restricted || !hasCadence || update.audience !== 'public') return;
  if (!isOver(update.status)) return dropPostmortem(tx, seq);
  if (update.status === 'postmortem') {
    if (incident.status !== 'postmortem') await changePostmortem(tx, seq, { postedAt: now });
    return;
  }
  const { policy } = await paceOf(tx, { ...incident, severity: update.severity });
  if (policy.postmortemWithinHours !== null)
    await owePostmortem(tx, seq, addMs(now, policy.postmortemWithinHours * HOUR));
}

/** What is owed of one incident; null: nothing, or there is no such incident for this reader. */
export async function getPostmortem(ctx: Ctx, incidentId: string): Promise<Postmortem | null> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read(async (tx) => {
    const incident = await findIncident(tx, incidentId, ctx.actor);
    return incident && findPostmortem(tx, incident.seq);
  });
}

/** Every postmortem that is owed and still asked for, the first due first. */
export async function listPostmortems(
  ctx: Ctx,
): Promise<{ id: string; title: string; severity: Incident['severity']; due: Instant; late: boolean }[]> {
  requirePermission(ctx.actor, 'incident.read');
  const owed = await ctx.db.read((tx) => listOwedPostmortems(tx, ctx.actor));
  const now = ctx.now();
  return owed
    .filter(({ postmortem }) => now < addMs(postmortem.due, ASKED_FOR))
    .map(({ incident: { id, title, severity }, postmortem: { due } }) => ({
      id,
      title,
      severity,
      due,
      late: due < now,
    }));
}

/**
 * Says that there will be no postmortem, and why; nobody is asked for it again. One may be posted all the same.
 * @throws AppError not_found, conflict when none is owed, invalid without a reason
 */
export async function waivePostmortem(
  ctx: Ctx,
  { incidentId, reason }: { incidentId: string; reason: string },
): Promise<void> {
  requirePermission(ctx.actor, 'incident.publish');
  if (!reason.trim())
    throw new AppError('invalid', 'It needs a reason.', {
      problems: [{ field: 'reason', message: 'Say why there will be none.' }],
    });
  await ctx.db.write(async (tx) => {
    const incident = await findIncident(tx, incidentId, ctx.actor);
    if (!incident) throw new AppError('not_found', 'There is no such incident.');
    const owed = await findPostmortem(tx, incident.seq);
    if (!owed || owed.postedAt || owed.waived)
      throw new AppError('conflict', 'No postmortem is owed for this incident.', {
        fix: 'Somebody else decided or posted it meanwhile: see the timeline.',
      });
    await changePostmortem(tx, incident.seq, {
      waived: { at: ctx.now(), by: actorLabel(ctx.actor), reason },
    });
    await insertAudit(tx, ctx, {
      action: 'incident.noPostmortem',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: 'Decided that there will be no postmortem', note: reason },
    });
  });
}

/**
 * Mails who led an incident that its postmortem is owed, in business hours: a day before, and each day until it is posted or waived.
 * @returns how many such mails were written
 */
export async function askForPostmortems(ctx: Ctx): Promise<number> {
  if (!(await ctx.db.read((tx) => toBeAsked(tx, ctx.now()))).length) return 0;
  const now = ctx.now();
  const asked = await ctx.db.write(async (tx) => {
    const all = await toBeAsked(tx, now);
    for (const { incident, postmortem } of all) {
      await mailStaff(tx, ctx, {
        incidentSeq: incident.seq,
        people: await whoOwesIt(tx, incident, now),
        rendered: await renderAsk(tx, ctx, incident, postmortem.due),
        priority: PRIORITY.digest,
      });
      await changePostmortem(tx, incident.seq, { askedAt: now });
    }
    return all.length;
  });
  if (asked) ctx.changed('outbox');
  return asked;
}

/** The day is compared, not the time: a clock that was wrong for a while keeps nobody from being asked. */
async function toBeAsked(tx: Tx, now: Instant) {
  const near = (await listOwedPostmortems(tx)).filter(
    ({ postmortem: { due } }) => addMs(due, -ASKED_BEFORE) <= now && now < addMs(due, ASKED_FOR),
  );
  const found = [];
  for (const one of near) {
    const { hours } = await paceOf(tx, one.incident);
    const isWorked = businessMsBetween(hours, now, addMs(now, MINUTE)) > 0;
    const { due, askedAt } = one.postmortem;
    // Asked before it was due, and not again until it is.
    const isQuiet =
      askedAt !== null &&
      (dayIn(askedAt, hours.zone) === dayIn(now, hours.zone) || (askedAt <= now && now < due));
    if (isWorked && !isQuiet) found.push(one);
  }
  return found;
}

/** Who led it, or spoke for it; where nobody can sign in who did, who has the duty, and the owners after all. */
async function whoOwesIt(tx: Tx, incident: Incident, now: Instant): Promise<Person[]> {
  const team = await listTeam(tx, incident.seq);
  const of = (role: (typeof team)[number]['role']) => team.find((person) => person.role === role);
  const { primary, manager } = await getOnDuty(tx, now);
  const one = of('incident_commander') ?? of('comms_lead') ?? manager ?? primary;
  return one ? [one] : listPeopleOfRole(tx, 'owner');
}

async function renderAsk(tx: Tx, ctx: Ctx, incident: Incident, due: Instant) {
  const page = await getPage(tx);
  const now = ctx.now();
  const isLate = due <= now;
  return renderStaffMail({
    site: { name: page.name, url: ctx.site.url, timeZone: page.timeZone },
    about: incident.id,
    subject: `[${incident.severity}] ${isLate ? 'The postmortem is late' : 'Write the postmortem'}: ${incident.title}`,
    lines: [
      `${incident.severity} asks for a postmortem, ${isLate ? 'which was due' : 'due'} ${whenText(due, page.timeZone, now)}.`,
      'Say what happened, why, and what keeps it from happening again; post it with the status “Postmortem”.',
      'If there is to be none, say why, and nobody is asked again.',
    ],
    deed: { words: 'Write it', url: `${ctx.site.url}/admin/incidents/${incident.id}` },
    urgent: false,
  });
}
