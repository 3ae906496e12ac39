import { listUnsaid, omitsOf } from '#db/contents.ts';
import type { Ctx } from '#db/context.ts';
import { insertDigestItem } from '#db/digestItems.ts';
import { getOnDuty, listPeopleOfRole, type Person } from '#db/duty.ts';
import type { FanoutFilter } from '#db/fanouts.ts';
import type { Incident } from '#db/incidents.ts';
import { findOwner, insertWord, type Kept } from '#db/maintenance.ts';
import type { Tx } from '#db/open.ts';
import { getPage, type Page } from '#db/page.ts';
import { countReach } from '#db/reach.ts';
import { listUpdates } from '#db/updates.ts';
import type { Deed, MaintenanceWord, Reminder } from '#domain/maintenance.ts';
import { namesInWords } from '#domain/templates.ts';
import { type Instant, rangeText, whenText } from '#domain/time.ts';
import { renderStaffMail, type StaffMail } from '#emails/staff.ts';
import { storedPlans } from './mendMail.ts';
import { mailStaff } from './staffMail.ts';
import { remindAccounts } from './stakeholders.ts';
import { type MailPlan, queueStream } from './updateMail.ts';

/** An open incident on the components of some work. */
export type Holding = { id: string; title: string };

type Say = Extract<Deed, { kind: 'say' }>;

/**
 * Says one thing about planned work beside its updates, and notes that it was said: a part of the transaction in which it was found due.
 * @returns whether there was anybody to say it to
 */
export async function sayWord(
  tx: Tx,
  ctx: Ctx,
  work: Kept & { holding: readonly Holding[] },
  { word, about, times }: Say,
): Promise<boolean> {
  const { incident } = work;
  const note = (noticeSeq: number | null) =>
    insertWord(tx, incident.seq, { kind: word, about, saidAt: ctx.now(), noticeSeq });
  if (word === 'accounts' || word === 'day' || word === 'hour') {
    const { mailed, noticeSeq } = await remind(tx, ctx, incident, word);
    await note(noticeSeq);
    return mailed;
  }
  const people = await peopleOf(tx, work, ctx.now(), times);
  const rendered = renderStaffMail(callOf(await getPage(tx), ctx, work, word));
  const noticeSeq = await mailStaff(tx, ctx, { incidentSeq: incident.seq, people, rendered });
  await note(noticeSeq);
  return noticeSeq !== null;
}

type Reminded = { mailed: boolean; noticeSeq: number | null };

/** Says the last word on it again, to whom it concerns. What was stopped is not said again. */
async function remind(tx: Tx, ctx: Ctx, incident: Incident, word: Reminder): Promise<Reminded> {
  const unsaid = omitsOf(await listUnsaid(tx, incident.seq));
  const last = (await listUpdates(tx, incident.seq)).find(
    ({ audience, seq }) => audience === 'public' && !unsaid.includes(seq),
  );
  if (!last) return { mailed: false, noticeSeq: null };
  if (word === 'accounts')
    return {
      mailed: (await remindAccounts(tx, ctx, incident, { updateSeq: last.seq })) > 0,
      noticeSeq: null,
    };
  const now = ctx.now();
  const stored = (await storedPlans(tx, incident))(last.seq);
  const plan: MailPlan = { ...stored, now, update: { ...stored.update, postedAt: now }, reminder: true };
  const concerned: FanoutFilter = {
    ...plan.filter,
    modes: ['everything', 'policy', 'important'],
  };
  const filter: FanoutFilter =
    word === 'hour'
      ? { ...concerned, modes: [...(concerned.modes ?? []), 'digest'], hourBefore: true }
      : concerned;
  if (word === 'day')
    await insertDigestItem(tx, {
      updateSeq: last.seq,
      incidentSeq: incident.seq,
      at: now,
      filter: { components: plan.filter.components, groups: plan.filter.groups },
      modes: ['digest'],
    });
  const expected = await countReach(tx, filter);
  if (!expected) return { mailed: false, noticeSeq: null };
  const noticeSeq = await queueStream(tx, ctx, plan, {
    noticeId: ctx.newId(),
    updateSeq: last.seq,
    filter,
    releaseAt: now,
    wait: null,
    expected,
  });
  return { mailed: true, noticeSeq };
}

/** Whoever planned it, and from the second time on whoever is on duty as well, or everyone who could act where nobody is. */
async function peopleOf(tx: Tx, { plan }: Kept, now: Instant, times: number): Promise<Person[]> {
  const owner = await findOwner(tx, plan.ownerId);
  if (owner && times === 0) return [owner];
  const { primary } = await getOnDuty(tx, now);
  const comms = primary ? [primary] : await listPeopleOfRole(tx, 'comms');
  const others = comms.length ? comms : await listPeopleOfRole(tx, 'owner');
  const people = owner ? [owner, ...others] : others;
  return [...new Map(people.map((person) => [person.userId, person])).values()];
}

function callOf(
  page: Page,
  ctx: Ctx,
  { incident, plan, holding }: Kept & { holding: readonly Holding[] },
  word: Exclude<MaintenanceWord, Reminder>,
): StaffMail {
  const now = ctx.now();
  const at = (instant: Instant) => whenText(instant, page.timeZone, now);
  const from = incident.scheduledFor as Instant;
  const until = incident.scheduledUntil as Instant;
  const open = holding.length
    ? [
        `${namesInWords(holding.map(({ title }) => `“${title}”`))} ${holding.length > 1 ? 'are' : 'is'} open on its components.`,
      ]
    : [];
  const endsByItself = plan.byItself && !holding.length;
  const words: Record<typeof word, { subject: string; lines: string[]; deed: string }> = {
    ending: {
      subject: `${endsByItself ? 'Ends' : 'To end'} at ${at(until)}: ${incident.title}`,
      lines: [...open, endingText({ byItself: plan.byItself, held: holding.length > 0 }, at(until))],
      deed: 'Say that it takes longer, or end it now',
    },
    held: {
      subject: `Is it over? ${incident.title}`,
      lines: [
        `It was to end at ${at(until)}.`,
        ...open,
        ...(holding.length
          ? ['It does not end by itself while that is so: the page still says that the work goes on.']
          : ['It does not end by itself: the page still says that the work goes on.']),
      ],
      deed: 'End it, or say until when it goes on',
    },
    unbegun: {
      subject: `Has it begun? ${incident.title}`,
      lines: [`It was to begin at ${at(from)}. It does not begin by itself.`],
      deed: 'Begin it, move it or call it off',
    },
    missed: {
      subject: `Nobody was here to see it: ${incident.title}`,
      lines: [
        `It was planned for ${rangeText(from, until, page.timeZone)}. Foghorn did not run when it was to end.`,
        'The record says that it took place as announced. Nobody was mailed. If it was otherwise, say so.',
      ],
      deed: 'See what the record says',
    },
  };
  const { subject, lines, deed } = words[word];
  return {
    site: { name: page.name, url: ctx.site.url, timeZone: page.timeZone },
    about: incident.id,
    subject,
    lines,
    deed: {
      words: deed,
      url: `${ctx.site.url}/admin/maintenance/${incident.id}${word === 'missed' ? '' : '#window'}`,
    },
    urgent: word !== 'missed',
  };
}

function endingText({ byItself, held }: { byItself: boolean; held: boolean }, until: string): string {
  if (!byItself)
    return `It does not end by itself: it is for you to end it. At ${until} you will be asked whether it is over. Should it take longer, say so before that.`;
  if (held) return `It will not end by itself at ${until} while that is so. You will be asked.`;
  return `It ends by itself at ${until}, and the page says that it is over. Should it take longer, say so before that.`;
}
