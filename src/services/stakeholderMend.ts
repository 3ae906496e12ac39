import { listAccounts } from '#db/accounts.ts';
import { listAudiences, listMembersOf } from '#db/audiences.ts';
import {
  type Content,
  carries,
  clearStops,
  listContents,
  omitsOf,
  replaceContent,
  setRelease,
} from '#db/contents.ts';
import type { Ctx } from '#db/context.ts';
import { insertFanout } from '#db/fanouts.ts';
import { insertNotice } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { insertTellings, listHanded, listHeard, listTellings, type Telling } from '#db/tellings.ts';
import { listUnfinished, type Unfinished } from '#db/unfinished.ts';
import type { Update } from '#db/updates.ts';
import { ACCOUNTS } from '#domain/stakeholders.ts';
import { type Instant, whenText } from '#domain/time.ts';
import { type Readers, readStory, renderFor, type Story } from './stakeholderMail.ts';
import { readersOf } from './stakeholderReaders.ts';
import { priorityOf, releaseAfter } from './updateMail.ts';

/**
 * Puts an update's new text, as it is stored by now, in place of the old one in mail to audiences and accounts that has not left. With
 * `correct`, what was stopped goes on, and those who were handed the old text get a correction.
 * @returns how many corrections were promised, and whether any mail was changed
 */
export async function mendStakeholders(
  tx: Tx,
  ctx: Ctx,
  update: Update,
  { correct, now }: { correct: { wrong: string | null } | null; now: Instant },
): Promise<{ corrected: number; changed: boolean }> {
  const { incidentSeq, seq: updateSeq } = update;
  const contents = await listContents(tx, incidentSeq, 'stakeholders');
  const wrong = contents.filter((content) => carries(content, updateSeq));
  if (!wrong.length) return { corrected: 0, changed: false };
  const handed = correct
    ? await listHanded(tx, {
        bases: [...new Set(wrong.map(({ base }) => base))],
        contents: wrong.map(({ seq }) => seq),
      })
    : new Map<number, number[]>();
  const story = await readStory(tx, incidentSeq);
  const releaseAt = releaseAfter({ page: story.page, now });
  const open = (await listUnfinished(tx, incidentSeq, 'stakeholders')).filter(isGoing);
  const own = open.filter((one) => one.updateSeq === updateSeq).map(({ noticeSeq }) => noticeSeq);
  await setRelease(tx, own, releaseAt);
  if (correct) await clearStops(tx, { incidentSeq, updateSeq }, 'stakeholders');
  await rewriteStakeholders(tx, ctx, incidentSeq, { from: updateSeq, now });
  let corrected = 0;
  for (const [base, people] of handed)
    corrected += await queueCorrection(tx, ctx, update, {
      story: await readStory(tx, incidentSeq),
      base,
      people,
      wrong: correct?.wrong ?? null,
      releaseAt,
      now,
    });
  return { corrected, changed: true };
}

/** Writes all mail of the updates from the seq `from` on that is waiting anew, as they are stored by now and without what is stopped. */
export async function rewriteStakeholders(
  tx: Tx,
  ctx: Ctx,
  incidentSeq: number,
  { from, now }: { from: number; now: Instant },
): Promise<void> {
  const open = (await listUnfinished(tx, incidentSeq, 'stakeholders')).filter(isGoing);
  const contents = await listContents(tx, incidentSeq, 'stakeholders');
  const waiting = contents.filter(
    ({ base, replacedBy, updateSeq }) =>
      replacedBy === null && updateSeq >= from && open.some(({ noticeSeq }) => noticeSeq === base),
  );
  if (!waiting.length) return;
  const story = await readStory(tx, incidentSeq);
  const tellings = await listHeard(tx, incidentSeq);
  for (const content of waiting) await rewrite(tx, ctx, story, tellings, content, now);
}

/** Of what was dropped nothing leaves any more. */
function isGoing({ droppedBy }: Unfinished): boolean {
  return droppedBy === null;
}

async function rewrite(
  tx: Tx,
  ctx: Ctx,
  story: Story,
  tellings: readonly Telling[],
  content: Content,
  now: Instant,
): Promise<void> {
  const found = await findReaders(tx, story, tellings, content.base);
  if (!found) return;
  const { readers, telling, first } = found;
  const isBase = content.since === content.updateSeq;
  const since = isBase ? null : content.since;
  // What is stopped is left out of later mail, never of its own.
  const stopped = story.stopped.filter((seq) => seq !== content.updateSeq);
  const { mail, chat } = renderFor(
    ctx,
    { ...story, stopped },
    readers,
    { what: telling.what, lead: telling.lead, updateSeq: content.updateSeq, first, since },
    telling.toldAt,
  );
  const mended = await insertNotice(tx, {
    id: ctx.newId(),
    kind: 'stakeholder',
    incidentSeq: story.incident.seq,
    updateSeq: content.updateSeq,
    priority: priorityOf('incident', story.incident.severity),
    rendered: mail,
    payload: chat,
    variant: {
      of: content.base,
      sinceUpdateSeq: since,
      omits: omitsOf({ stopped, dropped: story.dropped }).filter(
        (seq) => content.since <= seq && seq < content.updateSeq,
      ),
    },
    now,
  });
  await replaceContent(tx, content.seq, mended);
}

/** Who reads a message, as they are today; null when the audience or account is gone. */
async function findReaders(
  tx: Tx,
  story: Story,
  tellings: readonly Telling[],
  noticeSeq: number,
): Promise<{ readers: Readers; telling: Telling; first: boolean } | null> {
  const at = tellings.findIndex((one) => one.noticeSeq === noticeSeq);
  const telling = tellings[at];
  if (!telling) return null;
  const first = !tellings.slice(0, at).some(({ audienceId }) => audienceId === telling.audienceId);
  const audiences = await listAudiences(tx);
  const audience = audiences.find(({ id }) => id === telling.audienceId);
  if (audience) return { readers: { ...audience, account: null }, telling, first };
  const told = tellings.filter((one) => one.noticeSeq === noticeSeq).map(({ audienceId }) => audienceId);
  const accounts = (await listAccounts(tx)).filter(({ id }) => told.includes(id));
  const account = accounts.find(({ id }) => id === telling.audienceId);
  const words = audiences.find(({ id }) => id === ACCOUNTS);
  if (!account || !words) return null;
  const touched = story.components.map(({ id }) => id);
  // Accounts that read one text read of what all of them use.
  const affected = account.components
    .map(({ id }) => id)
    .filter((id) => touched.includes(id))
    .filter((id) => accounts.every(({ components }) => components.some((one) => one.id === id)));
  return { readers: readersOf(words, account, affected), telling, first };
}

async function queueCorrection(
  tx: Tx,
  ctx: Ctx,
  update: Update,
  {
    story,
    base,
    people,
    wrong,
    releaseAt,
    now,
  }: {
    story: Story;
    base: number;
    people: readonly number[];
    wrong: string | null;
    releaseAt: Instant;
    now: Instant;
  },
): Promise<number> {
  const tellings = await listTellings(tx, update.incidentSeq);
  const found = await findReaders(tx, story, tellings, base);
  if (!found) return 0;
  const said = wrong ? ` ${wrong.trim().replace(/[^.!?…]$/, '$&.')}` : '';
  const lead = `What we wrote at ${whenText(update.postedAt, story.page.timeZone, now)} was not right.${said} This is right:`;
  const occasion = { what: 'correction', lead, updateSeq: update.seq, first: false } as const;
  const { mail, chat } = renderFor(ctx, story, found.readers, occasion, now);
  const noticeSeq = await insertNotice(tx, {
    id: ctx.newId(),
    kind: 'stakeholder',
    incidentSeq: update.incidentSeq,
    updateSeq: update.seq,
    priority: priorityOf('incident', update.severity),
    rendered: mail,
    payload: chat,
    now,
  });
  await insertFanout(tx, {
    noticeSeq,
    filter: { components: [], groups: [], people },
    expected: people.length,
    now,
    releaseAt,
  });
  const groups = tellings.filter((one) => one.noticeSeq === base);
  const members = await listMembersOf(
    tx,
    groups.map(({ audienceId }) => audienceId),
  );
  await insertTellings(
    tx,
    update.incidentSeq,
    groups.map((group) => ({
      ...group,
      what: 'correction' as const,
      lead,
      updateSeq: update.seq,
      people: members.filter((one) => one.audienceId === group.audienceId && people.includes(one.seq)).length,
      noticeSeq,
      toldAt: now,
    })),
  );
  return people.length;
}
