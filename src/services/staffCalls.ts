import { insertAudit } from '#db/audit.ts';
import {
  insertCall,
  insertHold,
  listCallMails,
  listCalls,
  listHolds,
  listWaitingCallMails,
  type MadeCall,
} from '#db/calls.ts';
import type { Ctx } from '#db/context.ts';
import { endQueued } from '#db/deliveries.ts';
import { listDrillPeople } from '#db/drills.ts';
import { getOnDuty, listPeopleOfRole, listTeam, type Person } from '#db/duty.ts';
import { type Incident, listOpen } from '#db/incidents.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { NEWER_CALL } from '#db/pagingWords.ts';
import { listBouncedStaff } from '#db/staff.ts';
import { listStalled } from '#db/stalled.ts';
import { listUpdates, type Update } from '#db/updates.ts';
import { listRestricted, listViewers } from '#db/viewers.ts';
import type { Pace } from '#domain/cadence.ts';
import { callFacts } from '#domain/callFacts.ts';
import { type Call, type CallClock, type CallFacts, callsDue, HOLD, type Hold } from '#domain/calls.ts';
import { AppError } from '#domain/errors.ts';
import { requirePermission } from '#domain/permissions.ts';
import { isOver } from '#domain/status.ts';
import { awayBefore, filledRoles, peopleFor, type Team, withoutAway } from '#domain/team.ts';
import { addMs, type Instant } from '#domain/time.ts';
import { type CallMail, renderCallMail } from '#emails/calls.ts';
import { findFitting } from './approvalStanding.ts';
import { couldDecide } from './approvals.ts';
import { callPayload } from './callPayload.ts';
import { ROLE_LABELS } from './incidentTeam.ts';
import { eachInTurn } from './inTurn.ts';
import { pacesOf } from './pace.ts';
import { callPlaces, placesFor } from './placeCalls.ts';
import { requireIncident } from './requireIncident.ts';
import { RESTRICTED_TITLE, renderUnseenCall } from './restrictedMail.ts';
import { mailStaff } from './staffMail.ts';

/** Who must be there on a SEV1 or SEV2. */
const NEEDED = ['incident_commander', 'comms_lead'] as const;

/**
 * Calls staff about every open incident of which a call is due. The calls of an incident, their mail and whom it is for are one transaction,
 * so that each is made once, whatever restarts and however many processes look; where one incident's fail, the others' are made.
 * @returns how many were made
 * @throws what failed, once all have had their turn
 */
export async function callStaff(ctx: Ctx): Promise<number> {
  const now = ctx.now();
  const stories = await ctx.db.read((tx) => readOpenStories(tx, now));
  const due = stories.filter(({ facts }) => callsDue(facts, now).length > 0);
  let made = 0;
  await eachInTurn(due, async ({ incident }) => {
    const count = await ctx.db.write(async (tx) => {
      // Looked at again: another process may have been quicker, or someone has posted.
      const again = (await listCalledAbout(tx)).filter(({ seq }) => seq === incident.seq);
      const calls = (await readStories(tx, again, now)).flatMap((story) =>
        callsDue(story.facts, now).map((call) => ({ story, call })),
      );
      for (const { story, call } of calls) await makeCall(tx, ctx, story, call, now);
      return calls.length;
    });
    if (count) ctx.changed('outbox');
    made += count;
  });
  return made;
}

/** How an open incident stands with its clocks. */
export type Story = {
  incident: Incident;
  facts: CallFacts;
  team: Team<Person>;
  /** Those of them, by role, whom mail about it does not reach: others are called in their place. */
  away: (roles: Call['roles']) => Person[];
  missing: string[];
  said: Update | null;
  /** Only its viewers are called, and none of them can sign in and has a mailbox: the owners are called in their place, who must not know what it is. */
  unseen: boolean;
};

/** Of everything open about which staff are called. */
export async function readOpenStories(tx: Tx, now: Instant): Promise<Story[]> {
  return readStories(tx, await listCalledAbout(tx), now);
}

async function listCalledAbout(tx: Tx): Promise<Incident[]> {
  // Of what is restricted its viewers alone are called, and nothing else happens to it by itself.
  return [...(await listOpen(tx)), ...(await listRestricted(tx))].filter(
    ({ kind, hasCadence, resolvedAt }) => kind === 'incident' && hasCadence && resolvedAt === null,
  );
}

async function readStories(tx: Tx, incidents: readonly Incident[], now: Instant): Promise<Story[]> {
  if (!incidents.length) return [];
  const seqs = incidents.map(({ seq }) => seq);
  const paces = await pacesOf(tx, incidents);
  const made = Map.groupBy(await listCalls(tx, seqs), ({ incidentSeq }) => incidentSeq);
  const gone = new Set((await listBouncedStaff(tx)).map(({ email }) => email));
  const holds = Map.groupBy(await listHolds(tx, seqs), ({ incidentSeq }) => incidentSeq);
  // That mail stands still is practised by nobody: a call with DRILL before it would be put aside.
  const real = incidents.filter(({ drill }) => !drill).map(({ seq }) => seq);
  const stalled = await listStalled(tx, real, now);
  const onDuty = await getOnDuty(tx, now);
  const comms = await listPeopleOfRole(tx, 'comms');
  const owners = await listPeopleOfRole(tx, 'owner');
  const anyone = comms.length ? comms : owners;
  const stories: Story[] = [];
  for (const incident of incidents) {
    const named = await calledAlone(tx, incident, gone);
    const unseen = incident.restricted && named?.length === 0;
    const alone = unseen ? owners : named;
    const knows = (person: Person | null): person is Person =>
      person !== null && (alone?.some(({ userId }) => userId === person.userId) ?? true);
    const holders = (await listTeam(tx, incident.seq)).filter(knows);
    const holding = (role: (typeof holders)[number]['role']) => holders.filter((one) => one.role === role);
    const lead = [...holding('comms_lead'), onDuty.primary].filter(knows).slice(0, 1);
    const whole: Team<Person> = {
      comms_lead: lead.length ? lead : (alone ?? anyone),
      second: [onDuty.second].filter(knows),
      incident_commander: holding('incident_commander'),
      manager: [onDuty.manager].filter(knows),
    };
    const calls = made.get(incident.seq) ?? [];
    const { failed, unreached } = await readUnreached(tx, calls);
    const isAway = ({ email }: Person) => gone.has(email) || failed.has(email);
    const team = withoutAway(whole, isAway, alone ?? anyone);
    const said = await listUpdates(tx, incident.seq);
    // Who sees nothing of it is not asked to take a role in it.
    const missing = unseen
      ? []
      : NEEDED.filter((role) => !holding(role).length).map((role) => ROLE_LABELS[role].toLowerCase());
    stories.push({
      incident,
      team,
      away: (roles) => (team === whole ? [] : awayBefore(roles, whole, isAway)),
      missing,
      said: said.find(({ audience }) => audience === 'public') ?? null,
      unseen,
      facts: callFacts(incident, {
        pace: paces.get(incident) as Pace,
        said,
        missing: missing.length,
        // Who sees nothing of it could not take it up.
        taken: holders.length > 0 || unseen,
        filled: filledRoles(team),
        stalledAt: stalled.get(incident.seq) ?? null,
        holds: holds.get(incident.seq) ?? [],
        // Where nobody else can be called, it is tried again when it is planned.
        made: calls.map((call) => ({ ...call, unreached: team !== whole && unreached.has(call) })),
      }),
    });
  }
  return stories;
}

/**
 * Of what goes on now: the calls that came to nobody, and whom they did not come to. Mail to them is tried again with what is awaited next,
 * unless their mailbox is not there at all.
 */
async function readUnreached(
  tx: Tx,
  calls: readonly MadeCall[],
): Promise<{ failed: Set<string>; unreached: Set<MadeCall> }> {
  const last = new Map(calls.map((call) => [call.clock, call.due]));
  const current = calls.filter(({ clock, due }) => last.get(clock) === due);
  const mails = Map.groupBy(
    await listCallMails(
      tx,
      current.flatMap(({ noticeSeq }) => noticeSeq ?? []),
    ),
    ({ noticeSeq }) => noticeSeq,
  );
  const mailsOf = ({ noticeSeq }: MadeCall) => (noticeSeq === null ? [] : (mails.get(noticeSeq) ?? []));
  const all = current.flatMap(mailsOf);
  return {
    failed: new Set(all.filter((mail) => mail.failed).map(({ address }) => address)),
    unreached: new Set(
      current.filter((call) => mailsOf(call).length > 0 && mailsOf(call).every((mail) => mail.failed)),
    ),
  };
}

/**
 * Of what is restricted its viewers, and of a drill those who take part in it: nobody else is ever called. null of everything else.
 * @param gone whose mailbox is not there
 */
async function calledAlone(
  tx: Tx,
  { seq, restricted, drill }: Incident,
  gone: ReadonlySet<string>,
): Promise<Person[] | null> {
  if (drill) return (await listDrillPeople(tx, seq)).filter(({ canSignIn }) => canSignIn);
  if (!restricted) return null;
  return (await listViewers(tx, seq)).filter(({ canSignIn, email }) => canSignIn && !gone.has(email));
}

async function makeCall(tx: Tx, ctx: Ctx, story: Story, call: Call, now: Instant): Promise<void> {
  const { incident, team, missing, said } = story;
  const people = peopleFor(call.roles, team);
  const page = await getPage(tx);
  const mail: CallMail = {
    site: { name: page.name, url: ctx.site.url, timeZone: page.timeZone },
    call,
    // A mail lies open on telephones and with the provider: of what is restricted it says that there is something, no more.
    incident: {
      ...incident,
      title: incident.restricted ? RESTRICTED_TITLE : incident.title,
      published: incident.publishedAt !== null,
    },
    missing,
    waiting: call.clock === 'public' ? await readWaiting(tx, incident) : null,
    called: people.map(({ name }) => name),
    away: story.away(call.roles).map(({ name }) => name),
    said,
    now,
  };
  const places = await placesFor(tx, incident, call);
  const rendered = story.unseen ? await renderUnseenCall(tx, ctx, incident, call) : renderCallMail(mail);
  const notice = { incidentSeq: incident.seq, rendered };
  const payload = places.length ? callPayload(mail) : null;
  // Once mail leaves again, the latest call says all that those before it would have.
  const before = await listWaitingCallMails(tx, { incidentSeq: incident.seq, clock: call.clock });
  await endQueued(tx, before, { state: 'superseded', reason: NEWER_CALL, now });
  const noticeSeq = await mailStaff(tx, ctx, { ...notice, people, payload });
  await insertCall(tx, incident.seq, { ...call, madeAt: now, noticeSeq });
  const writeAlert = (alert: number) =>
    mailStaff(tx, ctx, { ...notice, people: [], payload: callPayload(mail, alert) }) as Promise<number>;
  if (noticeSeq !== null) await callPlaces(tx, { places, incident, call, noticeSeq, writeAlert, now });
  if (!people.length) {
    ctx.log.error(
      { incident: incident.id },
      'A promise runs out and there is nobody to call: no user can sign in.',
    );
  }
}

/** What is written, fits and waits for an approver. Of what is restricted nobody is called about the next public word. */
async function readWaiting(tx: Tx, incident: Incident): Promise<CallMail['waiting']> {
  const approval = await findFitting(tx, incident, null);
  if (!approval) return null;
  const approvers = await couldDecide(tx, approval, incident);
  return { by: approval.askedBy.name, since: approval.askedAt, for: approvers.map(({ name }) => name) };
}

/** Who has said that they have it and still does, a clock each. */
export async function listWhoHasIt(
  ctx: Ctx,
  incidentId: string,
): Promise<{ clock: CallClock; userId: string; name: string; until: Instant }[]> {
  requirePermission(ctx.actor, 'incident.read');
  const now = ctx.now();
  return ctx.db.read(async (tx) => {
    const { seq } = await requireIncident(tx, incidentId, undefined, ctx.actor);
    const holding = (await listHolds(tx, [seq])).filter(({ until }) => until > now);
    return [...new Map(holding.toReversed().map((hold) => [hold.clock, hold])).values()];
  });
}

/** "I have it": for a quarter of an hour nobody else is called about the next word, outside or inside. */
export async function haveIt(
  ctx: Ctx,
  input: { incidentId: string; clock: 'public' | 'internal' },
): Promise<void> {
  requirePermission(ctx.actor, 'incident.internalUpdate');
  const { actor } = ctx;
  if (actor.kind !== 'user')
    throw new AppError('forbidden', 'Only a person can have it.', { fix: 'Sign in and press the button.' });
  const now = ctx.now();
  const hold: Hold = { clock: input.clock, at: now, until: addMs(now, HOLD) };
  await ctx.db.write(async (tx) => {
    const incident = await requireIncident(tx, input.incidentId, undefined, ctx.actor);
    if (isOver(incident.status))
      throw new AppError('conflict', 'This incident is over: nothing is awaited any more.', {
        fix: 'Reopen it if it is not.',
      });
    await insertHold(tx, incident.seq, { ...hold, userId: actor.id });
    await insertAudit(tx, ctx, {
      action: 'incident.haveIt',
      subjectKind: 'incident',
      subjectId: incident.id,
      detail: { text: `${actor.name} has the next ${input.clock} update` },
    });
  });
}
