import { listContents, omitsOf as unsaidSeqs } from '#db/contents.ts';
import type { Ctx } from '#db/context.ts';
import { insertFanout } from '#db/fanouts.ts';
import type { Incident } from '#db/incidents.ts';
import { insertNotice } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { insertTellings, listHeard, type Telling } from '#db/tellings.ts';
import { type Follow, listUnfinished } from '#db/unfinished.ts';
import type { Update } from '#db/updates.ts';
import { isMoreSevere } from '#domain/severity.ts';
import type { Moment, What } from '#domain/stakeholders.ts';
import { isOver } from '#domain/status.ts';
import { type Readers, readStory, renderFor, type Story } from './stakeholderMail.ts';
import { chooseReaders, type Group } from './stakeholderReaders.ts';
import { priorityOf, releaseAfter } from './updateMail.ts';
import { isOpenToAll, type UpdatePlan } from './updatePlan.ts';

/**
 * Tells the audiences inside that an incident was declared, before anyone outside knows or with its first words, when nobody is mailed
 * about those; or that one that is public already was taken over. A part of the transaction that does so.
 * @returns how many people it is for
 */
export async function tellDeclared(tx: Tx, ctx: Ctx, incidentSeq: number): Promise<number> {
  const story = await readStory(tx, incidentSeq);
  const { severity, publishedAt } = story.incident;
  if (!isOpenToAll(story.incident)) return 0;
  const isPublic = publishedAt !== null;
  const isTakenOver = story.incident.source !== 'own';
  const said = isTakenOver ? undefined : story.said.find(({ audience }) => audience === 'public');
  const now = { isPublic, isTakenOver, turns: false, over: false, notify: true };
  return tell(tx, ctx, story, {
    updateSeq: said?.seq ?? 0,
    moment: { kind: 'declared', severity, before: null, ...now },
    releaseNow: false,
  });
}

/**
 * Tells audiences and accounts what concerns them of an update that has just been written: the update itself, that the incident concerns
 * them from now on, or that it does no more. A part of the posting transaction, so that each is told once, whatever restarts.
 * @returns how many people it is for
 */
export async function tellOfUpdate(
  tx: Tx,
  ctx: Ctx,
  plan: Pick<UpdatePlan, 'incident' | 'update' | 'notify' | 'severityChange' | 'asPlanned' | 'filter'>,
  { updateSeq, releaseNow = false }: { updateSeq: number; releaseNow?: boolean },
): Promise<number> {
  if (!isOpenToAll(plan.incident) || plan.asPlanned) return 0;
  return tell(tx, ctx, await readStory(tx, plan.incident.seq), {
    updateSeq,
    moment: momentOf(plan),
    releaseNow,
    // What is called off claims nothing any more.
    ...(plan.incident.kind === 'maintenance' && { touched: plan.filter.components }),
  });
}

/**
 * Reminds the accounts whose components it touches of planned work, by the last word on it.
 * @returns the notices' people, all told
 */
export async function remindAccounts(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  { updateSeq }: { updateSeq: number },
): Promise<number> {
  const { severity } = incident;
  return tell(tx, ctx, await readStory(tx, incident.seq), {
    updateSeq,
    moment: { ...wordOutside(severity), planned: true },
    releaseNow: true,
    reminder: true,
  });
}

/**
 * Tells the accounts that use a component which an incident turned out to touch what was said so far, as far as they have heard nothing
 * of it. A part of the transaction that corrects the components.
 * @returns how many people it is for
 */
export async function tellNewlyAffected(
  tx: Tx,
  ctx: Ctx,
  incidentSeq: number,
  { update, added }: { update: Update; added: readonly string[] },
): Promise<number> {
  const story = await readStory(tx, incidentSeq);
  if (story.incident.kind !== 'incident' || story.stopped.includes(update.seq)) return 0;
  const { severity } = story.incident;
  return tell(tx, ctx, story, {
    updateSeq: update.seq,
    moment: { ...wordOutside(severity), notify: update.notified },
    releaseNow: false,
    only: ({ readers, first }) =>
      first && (readers.account?.components.some((id) => added.includes(id)) ?? false),
  });
}

/**
 * Puts right what accounts (ids) were told of whether an incident is theirs, whatever the policies say.
 * @returns how many people it is for
 */
export async function tellAccounts(
  tx: Tx,
  ctx: Ctx,
  { seq, severity, kind }: Incident,
  { update, ids, what }: { update: Update; ids: readonly string[]; what: 'spared' | 'affected' },
): Promise<number> {
  if (!ids.length) return 0;
  const story = await readStory(tx, seq);
  // What was stopped nobody new is told; that it is not theirs says none of it.
  if (what === 'affected' && story.stopped.includes(update.seq)) return 0;
  return tell(tx, ctx, story, {
    updateSeq: update.seq,
    moment: { ...wordOutside(severity), planned: kind === 'maintenance' },
    releaseNow: false,
    accountsOnly: { ids, what },
  });
}

/** Who would be told of a planned update, most of them first: for the screen that asks before it posts. */
export async function countTold(
  tx: Tx,
  plan: Pick<UpdatePlan, 'incident' | 'update' | 'severityChange' | 'filter' | 'changes'> & {
    notify: boolean;
  },
): Promise<{ name: string; people: number }[]> {
  if (!isOpenToAll(plan.incident)) return [];
  const { publishedAt } = plan.changes;
  const told = await listHeard(tx, plan.incident.seq);
  const groups = await chooseReaders(tx, {
    incident: { ...plan.incident, ...(publishedAt && { publishedAt }) },
    touched: plan.filter.components,
    moment: momentOf(plan),
    told,
  });
  return groups
    .map(({ parts }) => ({
      name: parts.map(({ name }) => name).join(', '),
      people: parts.reduce((sum, { people }) => sum + people, 0),
    }))
    .filter(({ people }) => people > 0);
}

/** What visitors were told already, told to more. */
function wordOutside(severity: Moment['severity']): Moment {
  return {
    kind: 'public',
    severity,
    before: null,
    isPublic: true,
    turns: false,
    over: false,
    notify: true,
  };
}

function momentOf({
  incident,
  update,
  notify,
  severityChange,
}: Pick<UpdatePlan, 'incident' | 'update' | 'notify' | 'severityChange'>): Moment {
  return {
    kind: update.audience,
    severity: update.severity,
    before: severityChange?.[0] ?? null,
    isPublic: update.audience === 'public' || incident.publishedAt !== null,
    turns: isOver(update.status) !== isOver(incident.status),
    over: isOver(update.status),
    notify,
    planned: incident.kind === 'maintenance',
  };
}

async function tell(
  tx: Tx,
  ctx: Ctx,
  story: Story,
  {
    updateSeq,
    moment,
    releaseNow,
    reminder = false,
    touched = story.components.map(({ id }) => id),
    only = () => true,
    accountsOnly,
  }: {
    updateSeq: number;
    moment: Moment;
    releaseNow: boolean;
    /** It says again what they were told. */
    reminder?: boolean;
    /** Which components it is about; by default all that it claims or claimed. */
    touched?: readonly string[];
    /** Of all whom it concerns, who is told now. */
    only?: (group: Group) => boolean;
    accountsOnly?: { ids: readonly string[]; what: What };
  },
): Promise<number> {
  const { incident, page } = story;
  const now = ctx.now();
  const told = await listHeard(tx, incident.seq);
  const groups = (await chooseReaders(tx, { incident, touched, moment, told, accountsOnly }))
    .filter(only)
    .map((group) => (reminder ? { ...group, what: 'reminder' as const } : group));
  if (!groups.length) return 0;
  const follows = await followsOf(tx, story, updateSeq);
  const bases = follows.flatMap(({ noticeSeq, yields }) => (yields ? [noticeSeq] : []));
  const missed = await missedSince(tx, incident.seq, bases);
  const tellings: Telling[] = [];
  let people = 0;
  for (const { readers, what, first, parts, members } of groups) {
    const lead = leadOf(moment, what, readers);
    const occasion = { what, lead, updateSeq, first };
    let noticeSeq: number | null = null;
    if (members.length) {
      const notice = (since: number | null) => {
        const { mail, chat } = renderFor(ctx, story, readers, { ...occasion, since }, now);
        return {
          id: ctx.newId(),
          kind: 'stakeholder' as const,
          incidentSeq: incident.seq,
          updateSeq: updateSeq || null,
          priority: priorityOf(incident.kind, moment.severity),
          rendered: mail,
          payload: members.some(({ channel }) => channel !== 'email') ? chat : null,
          now,
        };
      };
      noticeSeq = await insertNotice(tx, notice(null));
      for (const since of missed)
        await insertNotice(tx, {
          ...notice(since),
          variant: { of: noticeSeq, sinceUpdateSeq: since, omits: omitsOf(story, since, updateSeq) },
        });
      await insertFanout(tx, {
        noticeSeq,
        filter: { components: [], groups: [], people: members.map(({ seq }) => seq) },
        expected: members.length,
        now,
        releaseAt: releaseNow ? now : releaseAfter({ page, now }),
        follows,
      });
      people += members.length;
    }
    for (const part of parts)
      tellings.push({
        updateSeq,
        audienceId: part.id,
        name: part.name,
        what,
        lead,
        people: part.people,
        noticeSeq,
        toldAt: now,
      });
  }
  await insertTellings(tx, incident.seq, tellings);
  return people;
}

/** Newer mail takes the place of what has not left; that something is over nobody should miss, unless it is not over after all. */
async function followsOf(tx: Tx, { incident, said }: Story, updateSeq: number): Promise<Follow[]> {
  const open = await listUnfinished(tx, incident.seq, 'stakeholders');
  const kindOf = (seq: number | null): Update['kind'] | undefined =>
    said.find((one) => one.seq === seq)?.kind;
  return open.map((one) => ({
    noticeSeq: one.noticeSeq,
    yields: kindOf(updateSeq) === 'reopening' || kindOf(one.updateSeq) !== 'resolution',
  }));
}

async function missedSince(tx: Tx, incidentSeq: number, noticeSeqs: readonly number[]): Promise<number[]> {
  if (!noticeSeqs.length) return [];
  const contents = await listContents(tx, incidentSeq, 'stakeholders');
  return [...new Set(contents.filter(({ base }) => noticeSeqs.includes(base)).map(({ since }) => since))];
}

function omitsOf(story: Story, since: number, updateSeq: number): number[] {
  return unsaidSeqs(story).filter((seq) => since <= seq && seq < updateSeq);
}

/** What happened, in a sentence, where the news does not say it. Outside, severities are no word of ours. */
function leadOf(moment: Moment, what: What, { kind }: Readers): string | null {
  const { severity, before, isPublic, turns } = moment;
  const inside = kind === 'inside';
  if (what === 'declared') {
    if (moment.isTakenOver) return `Taken over as ${severity}. Visitors have been told of it.`;
    return `Declared as ${severity}. ${isPublic ? 'It stands on the page; no subscriber was mailed.' : 'Visitors have been told nothing yet.'}`;
  }
  if (what === 'raised')
    return inside
      ? `Raised from ${before} to ${severity}. It concerns you from now on: this is what is known so far.`
      : 'This is more severe than it was, and concerns you from now on. This is what is known so far.';
  if (what === 'spared')
    return moment.planned
      ? 'None of the components that you use is touched by this work, after all.'
      : 'None of the components that you use is affected, after all. You will hear when it is resolved, and nothing before that.';
  if (what === 'affected')
    return 'We told you that nothing that you use is affected. It is, after all: this is what is known so far.';
  if (what === 'lowered' && turns)
    return `It is open again${inside ? `, as ${severity}` : ''}. You will hear when it is resolved, and nothing before that.`;
  if (what === 'lowered')
    return inside
      ? `Lowered from ${before} to ${severity}. You will hear when it is resolved, and nothing before that.`
      : 'This is less severe than it was. You will hear when it is resolved, and nothing before that.';
  if (!inside || before === null) return null;
  const moved = isMoreSevere(severity, before) ? 'Raised' : 'Lowered';
  return `${moved} from ${before} to ${severity}.${isPublic ? '' : ' Visitors have been told nothing yet.'}`;
}
