import { insertAudit } from '#db/audit.ts';
import type { Ctx } from '#db/context.ts';
import { insertHandoverAsks, listHandoverAsks } from '#db/handovers.ts';
import { type Incident, listOpen } from '#db/incidents.ts';
import { insertRole, listRoleHolders, endRole as rowsEndRole } from '#db/incidentTeam.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { type ListedShift, listDutyPeople, listShifts } from '#db/rota.ts';
import { listRestricted, listViewers } from '#db/viewers.ts';
import type { DutyPerson } from '#domain/duty.ts';
import { AppError } from '#domain/errors.ts';
import {
  askNow,
  type Handover,
  type HandoverFacts,
  handoverOf,
  nextAskAt,
  PASSED_ON_AFTER,
} from '#domain/handover.ts';
import { may, requirePermission } from '#domain/permissions.ts';
import { addMs, type Instant, msBetween, whenText } from '#domain/time.ts';
import { renderStaffMail } from '#emails/staff.ts';
import { RESTRICTED_TITLE } from './restrictedMail.ts';
import { mailStaff } from './staffMail.ts';

/**
 * Asks who is on duty now to take over what was left open at the end of a duty, and the next one after them while nobody does. Each person
 * is asked once for each incident and end of a duty, in one transaction with the mail, whatever restarts and however many processes look.
 * Whoever leads the incident goes on until someone takes it. A duty of the clock.
 * @returns how many mails were written
 */
export async function askToTakeOver(ctx: Ctx): Promise<number> {
  const now = ctx.now();
  const due = await ctx.db.read((tx) => listDue(tx, now));
  if (!due.length) return 0;
  const made = await ctx.db.write(async (tx) => {
    // Looked at again: another process may have been quicker, or someone has taken it.
    const groups = Map.groupBy(await listDue(tx, now), groupOf);
    for (const asks of groups.values()) await ask(tx, ctx, asks, now);
    return groups.size;
  });
  if (made) ctx.changed('outbox');
  return made;
}

type Waiting = {
  incident: Incident;
  handover: Handover<ListedShift>;
  facts: HandoverFacts<ListedShift>;
  /** Who leads it, until someone takes it. */
  lead: string | null;
};
type Ask = Waiting & { people: DutyPerson[] };

async function listDue(tx: Tx, now: Instant): Promise<Ask[]> {
  // Of what is restricted its viewers alone are asked.
  const waiting = await readWaiting(tx, [...(await listOpen(tx)), ...(await listRestricted(tx))], now);
  return waiting
    .map((one) => ({ ...one, people: askNow(one.facts, one.handover, now) }))
    .filter(({ people }) => people.length);
}

/** Those that wait to be taken over. A drill is among its own people. */
async function readWaiting(tx: Tx, incidents: readonly Incident[], now: Instant): Promise<Waiting[]> {
  const open = incidents.filter(
    ({ kind, hasCadence, drill, resolvedAt, declaredAt }) =>
      kind === 'incident' && hasCadence && !drill && resolvedAt === null && declaredAt < now,
  );
  const since = open.map(({ declaredAt }) => declaredAt).sort()[0];
  if (since === undefined) return [];
  const shifts = await listShifts(tx, { from: since, to: addMs(now, 1) });
  if (!shifts.length) return [];
  const people = await listDutyPeople(tx);
  const seqs = open.map(({ seq }) => seq);
  const asked = Map.groupBy(await listHandoverAsks(tx, seqs), ({ incidentSeq }) => incidentSeq);
  const waiting: Waiting[] = [];
  for (const incident of open) {
    const viewers = incident.restricted
      ? (await listViewers(tx, incident.seq)).map(({ userId }) => userId)
      : null;
    const holder = (await listRoleHolders(tx, incident.seq)).find(({ role }) => role === 'comms_lead');
    const lead = holder && people.find(({ userId }) => userId === holder.userId);
    const facts: HandoverFacts<ListedShift> = {
      shifts,
      declaredAt: incident.declaredAt,
      lead: holder && lead ? { userId: lead.userId, since: holder.since } : null,
      everyone: people.filter(({ userId, role }) => (viewers ? viewers.includes(userId) : role === 'comms')),
      otherwise: people.filter(({ role }) => role === 'owner'),
      viewers,
      asked: asked.get(incident.seq) ?? [],
    };
    const handover = handoverOf(facts, now);
    if (handover) waiting.push({ incident, handover, facts, lead: lead?.name ?? null });
  }
  return waiting;
}

/** What goes to the same people about the same end of a duty is one mail; what is restricted is by itself. */
function groupOf({ incident, handover, people }: Ask): string {
  const ids = people.map(({ userId }) => userId);
  return JSON.stringify([handover.due, incident.restricted ? incident.seq : null, ids]);
}

async function ask(tx: Tx, ctx: Ctx, asks: readonly Ask[], now: Instant): Promise<void> {
  const [{ people, handover, incident }] = asks as [Ask];
  const page = await getPage(tx);
  const site = { name: page.name, url: ctx.site.url, timeZone: page.timeZone };
  const noticeSeq = await mailStaff(tx, ctx, {
    incidentSeq: asks.length === 1 ? incident.seq : null,
    people,
    rendered: renderStaffMail({ site, ...wordsOf(ctx, asks, page.timeZone, now) }),
  });
  await insertHandoverAsks(
    tx,
    asks.flatMap(({ incident: { seq } }) =>
      people.map(({ userId }) => ({ incidentSeq: seq, due: handover.due, userId, at: now })),
    ),
    noticeSeq,
  );
}

/** Of what is restricted it says that there is something, no more. */
function wordsOf(ctx: Ctx, asks: readonly Ask[], zone: string, now: Instant) {
  const [{ incident, handover, facts, people }] = asks as [Ask];
  const { due, left } = handover;
  const severity = asks.map((one) => one.incident.severity).sort()[0];
  const titleOf = (one: Incident) => (one.restricted ? RESTRICTED_TITLE : one.title);
  const when = whenText(due, zone, now);
  const isLate = msBetween(due, now) >= PASSED_ON_AFTER;
  const [only, ...others] = asks;
  const stays = others.length
    ? 'Whoever leads one stays with it, and is called, until someone takes it.'
    : only?.lead
      ? `${only.lead} stays comms lead, and is called, until someone takes it.`
      : 'Nobody is comms lead.';
  const next = nextAskAt(facts, handover, now);
  const names = people.map(({ name }) => name);
  return {
    about: incident.id,
    subject: `[${severity}] Take over: ${others.length ? `${asks.length} open incidents` : titleOf(incident)}`,
    lines: [
      ...(others.length
        ? asks.map(
            (one) =>
              `${one.incident.severity}: ${titleOf(one.incident)}, ${one.lead ? `led by ${one.lead}` : 'which nobody leads'}`,
          )
        : []),
      `${left ? `${left.primary.name}’s duty ended at ${when}` : `A duty began at ${when}`}${isLate ? ', and nobody has taken over yet' : ''}.`,
      stays,
    ],
    deed: { words: 'Read the brief and take it', url: `${ctx.site.url}/admin/duty/handover` },
    quoted:
      left?.note && left.noteAt && !incident.restricted
        ? { heading: `${left.noteBy}’s note, ${whenText(left.noteAt, zone, now)}`, body: left.note }
        : null,
    after: [
      ...(names.length > 1 ? [`Asked now: ${names.join(', ')}.`] : []),
      next
        ? `Untaken by ${whenText(next, zone, now)}, it goes to the next person.`
        : 'Nobody else is left to ask.',
    ].join(' '),
  };
}

/** An incident that waits for the reader, or someone else, to take it. */
export type WaitingHandover = {
  incident: Pick<Incident, 'id' | 'title' | 'severity' | 'status' | 'restricted' | 'nextUpdateDue'>;
  due: Instant;
  /** Who leads it until then; null: nobody. */
  lead: string | null;
  /** Who has been asked so far. */
  asked: string[];
  /** Whose duty ended, and what they left to know. */
  left: Pick<ListedShift, 'id' | 'primary' | 'note' | 'noteBy' | 'noteAt'> | null;
};

/** What waits to be taken over, of what the reader may know, the most severe first; nothing for those who cannot take it. */
export async function listHandovers(ctx: Ctx): Promise<WaitingHandover[]> {
  if (!may(ctx.actor, 'incident.publish')) return [];
  const now = ctx.now();
  return ctx.db.read(async (tx) => {
    const waiting = await readWaiting(tx, await listOpen(tx, ctx.actor), now);
    const people = new Map((await listDutyPeople(tx)).map(({ userId, name }) => [userId, name]));
    return waiting
      .map(({ incident, handover, facts, lead }) => ({
        incident,
        due: handover.due,
        lead,
        asked: facts.asked
          .filter(({ due }) => due === handover.due)
          .flatMap(({ userId }) => people.get(userId) ?? []),
        left: handover.left,
      }))
      .sort((a, b) => (a.incident.severity < b.incident.severity ? -1 : 1));
  });
}

/** An open incident and who leads it now: for whoever was asked, and comes after it was taken. */
export type LedIncident = Pick<Incident, 'id' | 'title' | 'severity'> & {
  /** null: nobody. */
  lead: { userId: string; name: string; since: Instant } | null;
};

/** The open incidents that the reader may know of, the most severe first. */
export async function listLed(ctx: Ctx): Promise<LedIncident[]> {
  requirePermission(ctx.actor, 'incident.read');
  return ctx.db.read(async (tx) => {
    const open = (await listOpen(tx, ctx.actor)).filter(({ kind }) => kind === 'incident');
    const led: LedIncident[] = [];
    for (const { seq, id, title, severity } of open) {
      const lead = (await listRoleHolders(tx, seq)).find(({ role }) => role === 'comms_lead') ?? null;
      led.push({ id, title, severity, lead });
    }
    return led.sort((a, b) => (a.severity < b.severity ? -1 : 1));
  });
}

/**
 * "I take it": the signed-in person becomes comms lead of those of these incidents that wait to be taken over. Whoever led one is mailed that
 * they are free of it.
 * @returns what they have now
 * @throws AppError invalid without any; conflict when someone else was quicker with all of them
 */
export async function takeOver(
  ctx: Ctx,
  input: { incidentIds: readonly string[] },
): Promise<{ id: string; title: string }[]> {
  requirePermission(ctx.actor, 'incident.publish');
  const { actor } = ctx;
  if (actor.kind !== 'user')
    throw new AppError('forbidden', 'Only a person can take it.', { fix: 'Sign in and press the button.' });
  if (!input.incidentIds?.length)
    throw new AppError('invalid', 'Nothing was chosen.', { fix: 'Press the button on the page.' });
  const now = ctx.now();
  const taken = await ctx.db.write(async (tx) => {
    const waiting = (await readWaiting(tx, await listOpen(tx, actor), now)).filter(({ incident }) =>
      input.incidentIds.includes(incident.id),
    );
    for (const { incident, lead } of waiting) {
      await rowsEndRole(tx, incident.seq, 'comms_lead', now);
      await insertRole(tx, incident.seq, 'comms_lead', actor.id, now);
      await insertAudit(tx, ctx, {
        action: 'incident.takeOver',
        subjectKind: 'incident',
        subjectId: incident.id,
        detail: { text: `${actor.name} took over as comms lead${lead ? ` from ${lead}` : ''}` },
      });
    }
    if (!waiting.length) await refuseTaken(tx, ctx, input.incidentIds);
    await relieve(tx, ctx, waiting, actor);
    return waiting.map(({ incident: { id, title } }) => ({ id, title }));
  });
  ctx.changed('outbox');
  return taken;
}

/** Tells those who led these that they need not stay. */
async function relieve(
  tx: Tx,
  ctx: Ctx,
  taken: readonly Waiting[],
  by: { id: string; name: string },
): Promise<void> {
  const page = await getPage(tx);
  const site = { name: page.name, url: ctx.site.url, timeZone: page.timeZone };
  const people = await listDutyPeople(tx);
  for (const [userId, own] of Map.groupBy(taken, ({ facts }) => facts.lead?.userId)) {
    const person = people.find((one) => one.userId === userId);
    const [{ incident }, ...others] = own as [Waiting];
    if (!person || userId === by.id) continue;
    const what = others.length
      ? `${own.length} incidents`
      : incident.restricted
        ? RESTRICTED_TITLE
        : incident.title;
    await mailStaff(tx, ctx, {
      incidentSeq: others.length ? null : incident.seq,
      people: [person],
      rendered: renderStaffMail({
        site,
        about: incident.id,
        subject: `[${own.map((one) => one.incident.severity).sort()[0]}] ${by.name} took over: ${what}`,
        lines: [
          `${by.name} is comms lead now. You are called about ${others.length ? 'them' : 'it'} no more.`,
        ],
        deed: {
          words: 'See how it stands',
          url: `${ctx.site.url}/admin${others.length ? '' : `/incidents/${incident.id}`}`,
        },
      }),
    });
  }
}

async function refuseTaken(tx: Tx, ctx: Ctx, incidentIds: readonly string[]): Promise<never> {
  const known = (await listOpen(tx, ctx.actor)).find(({ id }) => incidentIds.includes(id));
  const holder = known && (await listRoleHolders(tx, known.seq)).find(({ role }) => role === 'comms_lead');
  const mine = ctx.actor.kind === 'user' && holder?.userId === ctx.actor.id;
  const what = !known
    ? 'It is over, or there is no such incident.'
    : mine
      ? 'You are its comms lead already.'
      : holder
        ? `${holder.name} is its comms lead now.`
        : 'It does not wait to be taken over.';
  throw new AppError('conflict', what, { fix: 'Nothing is left to do here.' });
}
