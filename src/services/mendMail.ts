import { listClaimsOfSource } from '#db/claims.ts';
import { findComponents } from '#db/components.ts';
import {
  type Content,
  carries,
  clearStops,
  countHanded,
  isHanded,
  listContents,
  listUnsaid,
  omitsOf,
  replaceContent,
  setRelease,
  type Unsaid,
} from '#db/contents.ts';
import type { Ctx } from '#db/context.ts';
import { isDropped } from '#db/dropped.ts';
import { endExpansion, insertFanout } from '#db/fanouts.ts';
import type { Incident } from '#db/incidents.ts';
import { insertNotice } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { FAR } from '#db/parking.ts';
import { countReach } from '#db/reach.ts';
import { listUnfinished, type Mends, type Unfinished } from '#db/unfinished.ts';
import { listUpdates, type Update } from '#db/updates.ts';
import type { Instant } from '#domain/time.ts';
import { type Rendered, renderUpdateMail, type UpdateMail } from '#emails/render.ts';
import { tellInDigests } from './digestTexts.ts';
import { hookWriter, type WriteHook } from './hookPayload.ts';
import {
  contentOf,
  type MailPlan,
  missedContentOf,
  noticeKindOf,
  priorityOf,
  releaseAfter,
} from './updateMail.ts';

export type Mend = {
  incident: Incident;
  /** The update with its new text, as it is stored by now. */
  update: Update;
  now: Instant;
  /** Tell those who got the wrong text: in one sentence what was wrong, and how many they are about. */
  correct: { wrong: string | null; expected: number } | null;
};

/**
 * Puts an update's new text in place of the old one in all mail that is not handed over yet, and lets it go on after a release window if
 * it was stopped. Those who were handed the old one get one short correction. Batches that are frozen are not touched: should one be
 * taken apart after all, its people get the new text and no correction. Of what was dropped nobody else hears.
 * @returns null when none of its mail nor a correction of it is waiting any more and none was dropped; else how many corrections were promised
 */
export async function mendMail(tx: Tx, ctx: Ctx, mend: Mend): Promise<{ corrected: number } | null> {
  const { incident, update, now, correct } = mend;
  const unfinished = await listUnfinished(tx, incident.seq, 'subscribers');
  const open = unfinished.filter(({ mends, droppedBy }) => mends === null && droppedBy === null);
  const before = unfinished.filter(({ mends, updateSeq }) => mends !== null && updateSeq === update.seq);
  const contents = await listContents(tx, incident.seq);
  const carried = contents.some(
    (content) =>
      content.replacedBy === null &&
      carries(content, update.seq) &&
      open.some(({ noticeSeq }) => noticeSeq === content.base),
  );
  const own = open.filter(({ updateSeq }) => updateSeq === update.seq).map(({ noticeSeq }) => noticeSeq);
  const page = await getPage(tx);
  const releaseAt = releaseAfter({ page, now });
  // Whoever tells nobody of it lets nothing go on, either.
  const stopsEnd = async () => {
    const ended = await clearStops(tx, { incidentSeq: incident.seq, updateSeq: update.seq }, 'subscribers');
    if (ended) await tellInDigests(tx, update, now);
  };
  if (correct && own.length) await stopsEnd();
  const early = open.filter((one) => own.includes(one.noticeSeq) && one.releaseAt < releaseAt);
  await setRelease(
    tx,
    early.map(({ noticeSeq }) => noticeSeq),
    releaseAt,
  );
  await rewriteWaiting(tx, ctx, incident, { from: update.seq, now });
  if (!carried) {
    // What newer mail leaves out because it was stopped is told by mail of its own, if at all.
    await stopsEnd();
    const dropped = await isDropped(tx, { incidentSeq: incident.seq, updateSeq: update.seq });
    if (!dropped && !before.length) return null;
  }

  const mends = wrongTexts(contents, update.seq, open);
  if (!correct || !(before.length || (await isHanded(tx, mends)))) return { corrected: 0 };
  const plan = (await storedPlans(tx, incident))(update.seq);
  await queueCorrection(tx, ctx, plan, { ...mend, ...correct, mends, before, releaseAt });
  return { corrected: correct.expected };
}

/**
 * Writes all mail of the updates from the seq `from` on that is waiting anew, as the updates are stored by now. What is stopped is
 * neither said nor quoted in mail of later ones.
 */
export async function rewriteWaiting(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  { from, now }: { from: number; now: Instant },
): Promise<void> {
  const unfinished = (await listUnfinished(tx, incident.seq, 'subscribers')).filter(
    ({ mends }) => mends === null,
  );
  const open = unfinished.filter(({ droppedBy }) => droppedBy === null);
  // What has taken the place of another may be dropped, and then that goes after all.
  const bases = new Set([
    ...open.map(({ noticeSeq }) => noticeSeq),
    ...unfinished.flatMap(({ follows }) => follows.flatMap((one) => (one.yields ? [one.noticeSeq] : []))),
  ]);
  const contents = await listContents(tx, incident.seq);
  const waiting = contents.filter(
    ({ base, replacedBy, updateSeq, corrects }) =>
      // What tells of a change quotes newer updates, too.
      replacedBy === null && (updateSeq >= from || corrects) && bases.has(base),
  );
  if (!waiting.length) return;
  const plans = await storedPlans(tx, incident);
  const unsaid = await listUnsaid(tx, incident.seq);
  const writeHook = await hookWriter(tx, ctx, incident.id);
  for (const content of waiting)
    await rewrite(tx, ctx, incident, content, { plans, unsaid, open, writeHook, now });
}

/** How many the new text and the correction go to, were it mended now. */
export async function countMend(
  tx: Tx,
  incident: Incident,
  updateSeq: number,
): Promise<{ right: number; corrected: number }> {
  const contents = await listContents(tx, incident.seq);
  const own = (await listUnfinished(tx, incident.seq, 'subscribers')).filter(
    (one) => one.mends === null && one.droppedBy === null && one.updateSeq === updateSeq,
  );
  const corrected = await countHanded(tx, wrongTexts(contents, updateSeq, own));
  const first = own.filter(({ corrects }) => !corrects);
  let reach = 0;
  for (const { filter } of first.length ? first : own) reach += await countReach(tx, filter);
  return { right: Math.max(0, reach - corrected), corrected };
}

/** The correction that people would get who got the old text. */
export function renderCorrection(ctx: Ctx, plan: MailPlan, said: WrongText): Rendered {
  return renderUpdateMail(correctionOf(ctx, plan, said));
}

type WrongText = { saidAt: Instant; wrong: string | null; now: Instant };

function correctionOf(ctx: Ctx, plan: MailPlan, { saidAt, wrong, now }: WrongText): UpdateMail {
  return {
    ...contentOf(ctx, { ...plan, update: { ...plan.update, postedAt: now }, components: [], earlier: [] }),
    correction: { saidAt, wrong },
  };
}

/** `others`: all that is said in public but the update itself, newer ones too. */
type StoredPlan = MailPlan & { update: Update; others: Update[] };

/** What is planned for each update of an incident, made from what is stored: by seq. */
export async function storedPlans(tx: Tx, incident: Incident): Promise<(updateSeq: number) => StoredPlan> {
  const said = (await listUpdates(tx, incident.seq)).filter(({ audience }) => audience === 'public');
  const claims = await listClaimsOfSource(tx, { kind: incident.kind, seq: incident.seq });
  const ids = [...new Set(claims.map(({ componentId }) => componentId))];
  const named = new Map((await findComponents(tx, ids)).map((component) => [component.id, component]));
  const statuses = new Map(
    claims.filter(({ endsAt }) => endsAt === null).map(({ componentId, status }) => [componentId, status]),
  );
  const page = await getPage(tx);
  return (seq) => {
    const update = said.find((one) => one.seq === seq) as Update;
    return {
      incident,
      page,
      now: update.postedAt,
      update,
      earlier: said.filter((one) => one.seq < seq),
      others: said.filter((one) => one.seq !== seq),
      changes: {},
      components: [...named].map(([id, { name }]) => ({
        id,
        name,
        status: statuses.get(id) ?? 'operational',
      })),
      filter: { components: ids, groups: [...named.values()].flatMap(({ groupId }) => groupId ?? []) },
    };
  };
}

/**
 * Who is to be corrected: whoever was handed a text that carries the update as it stood, under whichever notice. While a mail that tells everyone
 * of an earlier change is `open`, those who have only what was said before that get the new words by it.
 */
function wrongTexts(contents: readonly Content[], updateSeq: number, open: readonly Unfinished[]): Mends {
  const changes = open.filter((one) => one.corrects && one.updateSeq === updateSeq);
  const from = Math.max(0, ...changes.map(({ noticeSeq }) => noticeSeq));
  const wrong = contents.filter((content) => content.seq >= from && carries(content, updateSeq));
  return { bases: [...new Set(wrong.map(({ base }) => base))], contents: wrong.map(({ seq }) => seq) };
}

/** Writes one text anew, from the updates as they are stored now. */
async function rewrite(
  tx: Tx,
  ctx: Ctx,
  incident: Incident,
  content: Content,
  {
    plans,
    unsaid,
    open,
    writeHook,
    now,
  }: {
    plans: (seq: number) => StoredPlan;
    unsaid: Unsaid;
    open: readonly Unfinished[];
    writeHook: WriteHook;
    now: Instant;
  },
): Promise<void> {
  const stored = plans(content.updateSeq);
  const plan: MailPlan = {
    ...stored,
    update: { ...stored.update, ...(content.corrects && { kind: 'correction' as const }) },
    earlier: (content.corrects ? stored.others : stored.earlier).filter(
      ({ seq }) => !unsaid.stopped.includes(seq),
    ),
  };
  const isBase = content.since === content.updateSeq;
  const omits = omitsOf(unsaid).filter((seq) => content.since <= seq && seq < content.updateSeq);
  const late = isBase ? null : missedContentOf(ctx, plan, { since: content.since, omits });
  const mail = late ?? contentOf(ctx, plan);
  const mended = await insertNotice(tx, {
    id: ctx.newId(),
    kind: noticeKindOf(incident),
    incidentSeq: incident.seq,
    updateSeq: content.updateSeq,
    priority: open.find(({ noticeSeq }) => noticeSeq === content.base)?.priority ?? 1,
    rendered: renderUpdateMail(mail),
    payload: writeHook(mail, { id: stored.update.id, missed: late?.missed }),
    variant: { of: content.base, sinceUpdateSeq: isBase ? null : content.since, omits },
    now,
  });
  await replaceContent(tx, content.seq, mended);
}

async function queueCorrection(
  tx: Tx,
  ctx: Ctx,
  plan: MailPlan,
  {
    incident,
    update,
    now,
    wrong,
    expected,
    mends,
    before,
    releaseAt,
  }: Omit<Mend, 'correct'> & {
    wrong: string | null;
    expected: number;
    mends: Mends;
    before: readonly Unfinished[];
    releaseAt: Instant;
  },
): Promise<void> {
  // Earlier corrections of the same update say what is no longer right: this one goes to all of theirs.
  const corrections = before.map(({ noticeSeq }) => noticeSeq);
  await setRelease(tx, corrections, FAR);
  await endExpansion(tx, corrections, now);
  const mail = correctionOf(ctx, plan, { saidAt: update.postedAt, wrong, now });
  const noticeSeq = await insertNotice(tx, {
    id: ctx.newId(),
    kind: noticeKindOf(incident),
    incidentSeq: incident.seq,
    updateSeq: update.seq,
    priority: priorityOf(incident.kind, update.severity),
    rendered: renderUpdateMail(mail),
    payload: (await hookWriter(tx, ctx, incident.id))(mail, { id: update.id }),
    now,
  });
  await insertFanout(tx, {
    noticeSeq,
    filter: { components: [], groups: [] },
    expected,
    now,
    releaseAt,
    follows: corrections.map((seq) => ({ noticeSeq: seq, yields: true })),
    mends,
  });
}
