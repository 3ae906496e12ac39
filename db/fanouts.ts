import { sql } from 'kysely';
import type { Mode, Wait } from '#domain/subscriberPace.ts';
import { type Instant, MINUTE, msBetween } from '#domain/time.ts';
import { coalesceInto, type SeqRange, supersede } from './coalesce.ts';
import type { Lane } from './deliveries.ts';
import { wholeNumbers } from './dialect.ts';
import { droppedReason } from './dropped.ts';
import { type Chosen, concernedBy, wronged } from './fanoutPeople.ts';
import type { Tx } from './open.ts';
import { isTakenUp, shareListeners } from './streams.ts';
import { listToldElsewhere, returnToSubscribers, TOLD_ELSEWHERE } from './toldElsewhere.ts';
import { type Follow, listUnfinished, type Mends, type Unfinished } from './unfinished.ts';

/** Whom an update concerns beside those who follow the whole page: what it touches, and the groups that those are in. */
export type FanoutFilter = {
  components: readonly string[];
  groups: readonly string[];
  /** Stakeholders, or those who take part in a drill, by seq, chosen at the post, in place of subscribers. */
  people?: readonly number[];
  /** Only those who chose one of these; everyone when it is left out. */
  modes?: readonly Mode[];
  /** And who chose one of these, if they got one of the messages `toldBy` (seqs of notices), or are getting it. */
  toldModes?: readonly Mode[];
  toldBy?: readonly number[];
  /** And who follows one of these alone, if they got one of the messages `toldBy`, or are getting it. */
  toldOf?: { components: readonly string[]; groups: readonly string[] };
  /** Nobody who got one of these: they say the same. */
  beside?: readonly number[];
  /**
   * Messages (seqs of notices) that say that an incident is not theirs after all: whoever got one has not been told, by `beside` and by
   * `noLonger`, but by what came after it.
   */
  spared?: readonly number[];
  /**
   * Only those whom one of the messages `toldBy` told by mail, and who follow nothing of what it touches by now (`not`): they are told that.
   */
  noLonger?: { not: { components: readonly string[]; groups: readonly string[] } };
  /** Only those who asked to be told an hour before planned work begins. */
  hourBefore?: true;
  /** Nobody who follows the whole page: only those who follow what it names. */
  scopedOnly?: true;
};

/**
 * Promises the notice to everyone who is confirmed now; whoever comes later is not told of the past. The expander turns it into
 * deliveries once it is released.
 * @returns its seq
 */
export async function insertFanout(
  tx: Tx,
  fanout: {
    noticeSeq: number;
    filter: FanoutFilter;
    expected: number;
    now: Instant;
    /** Until then it can be stopped without a trace; now when left out. */
    releaseAt?: Instant;
    follows?: readonly Follow[];
    /** For a correction: who gets it, in place of the filter. */
    mends?: Mends;
    /** Why it leaves later than at once. */
    wait?: Wait | null;
    corrects?: boolean;
  },
): Promise<number> {
  const { last } = await tx
    .selectFrom('recipients')
    .select((eb) => eb.fn.max('seq').as('last'))
    .executeTakeFirstOrThrow();
  const { seq } = await tx
    .insertInto('fanouts')
    .values({
      notice_seq: fanout.noticeSeq,
      filter: JSON.stringify(fanout.filter),
      cursor_seq: 0,
      bound_seq: last ?? 0,
      confirmed_by: fanout.now,
      state: 'expanding',
      expected: fanout.expected,
      created_at: fanout.now,
      done_at: null,
      release_at: fanout.releaseAt ?? fanout.now,
      follows: JSON.stringify(fanout.follows ?? []),
      mends: fanout.mends ? JSON.stringify(fanout.mends) : null,
      wait_for: fanout.wait?.for ?? null,
      wait_since: fanout.wait?.since ?? null,
      corrects: fanout.corrects ? 1 : 0,
    })
    .returning('seq')
    .executeTakeFirstOrThrow();
  return seq;
}

/**
 * The most urgent fan-out that is not done, is released and is not held back; the oldest of equals, and after all of them what is dropped.
 * Where newer ones that are released too take its place, the newest of those: what it replaces must not leave a moment before it.
 * One that failed a few times in a row rests between its turns, so that it holds up no other.
 */
export async function nextOpenFanout(tx: Tx, now: Instant): Promise<Unfinished | null> {
  const open = (await listUnfinished(tx)).filter(
    (one) =>
      one.expanding &&
      (one.droppedBy !== null || (!one.heldBack && one.releaseAt <= now)) &&
      !isResting(one, now),
  );
  const last = (one: Unfinished) => (one.droppedBy === null ? 0 : 1);
  const [first] = open.sort((a, b) => last(a) - last(b) || a.priority - b.priority || a.seq - b.seq);
  if (!first) return null;
  const newer = open
    .filter(({ follows }) => follows.some((one) => one.yields && one.noticeSeq === first.noticeSeq))
    .sort((a, b) => b.seq - a.seq);
  return newer.find(({ droppedBy }) => droppedBy === null) ?? first;
}

/** So many failures in a row are no passing trouble of the database. */
export const STUCK_AFTER = 3;
const REST_MS = 15_000;
const LONGEST_REST_MS = 5 * MINUTE;

/** A failure that is still to come was written before the clock was set back: it keeps nothing waiting. */
function isResting({ failures, failedAt }: Unfinished, now: Instant): boolean {
  if (failures < STUCK_AFTER || failedAt === null || failedAt > now) return false;
  return msBetween(failedAt, now) < Math.min(LONGEST_REST_MS, REST_MS * 2 ** (failures - STUCK_AFTER));
}

/** Notes that it could not be turned into deliveries. */
export async function countExpandFailure(tx: Tx, seq: number, now: Instant): Promise<void> {
  await tx
    .updateTable('fanouts')
    .set((eb) => ({ failures: eb('failures', '+', 1), failed_at: now }))
    .where('seq', '=', seq)
    .execute();
}

/** When the next fan-out is released; null when none waits for that. */
export async function nextRelease(tx: Tx, now: Instant): Promise<Instant | null> {
  const waiting = (await listUnfinished(tx)).filter(
    (one) => !one.heldBack && one.droppedBy === null && one.releaseAt > now,
  );
  return waiting.map((one) => one.releaseAt).sort()[0] ?? null;
}

/** The seq that ends the next chunk of `size` recipients; the bound when fewer are left. Few are named by seq: they are one chunk. */
export async function endOfChunk(tx: Tx, fanout: Unfinished, size: number): Promise<number> {
  const { cursorSeq: from, boundSeq: bound } = fanout;
  if (fanout.filter.people) return bound;
  const row = await tx
    .selectFrom('recipients')
    .select('seq')
    .where('seq', '>', from)
    .where('seq', '<=', bound)
    .orderBy('seq')
    .offset(size - 1)
    .limit(1)
    .executeTakeFirst();
  return row?.seq ?? bound;
}

/**
 * Writes the deliveries for recipients past the cursor up to `to` and moves the cursor there: both in the caller's transaction, so
 * no one is skipped and no one comes twice. Whoever must not be mailed becomes a delivery too, as `suppressed`, and whoever is not told of
 * what is dropped, as `superseded`: so that it shows.
 * Where the notice follows others of its incident that are not through, it takes their place for whoever gets both.
 */
export async function expandTo(tx: Tx, fanout: Unfinished, to: number, now: Instant): Promise<void> {
  const range = { after: fanout.cursorSeq, to };
  if (fanout.mends) await insertCorrections(tx, fanout, fanout.mends, range, now);
  else {
    const earlier = fanout.follows.length ? await unfinishedOf(tx, fanout) : [];
    // Whoever gets both gets them in order, however far the earlier one has come.
    for (const one of earlier)
      if (one.expanding && shareListeners(one.filter, fanout.filter))
        await insertConcerned(
          tx,
          one,
          { after: Math.max(range.after, one.cursorSeq), to: Math.min(to, one.boundSeq) },
          now,
          fanout,
        );
    await insertConcerned(tx, fanout, range, now);
    for (const one of [...earlier, fanout]) await coalesceInto(tx, one, range, now);
    // After that, so that what waited for them as subscribers has ended, too.
    const others = (await listToldElsewhere(tx, fanout)).filter(
      (seq) => seq > range.after && seq <= range.to,
    );
    if (others.length)
      await supersede(tx, [fanout.noticeSeq], { recipients: others }, { reason: TOLD_ELSEWHERE, now });
  }
  const done = to >= fanout.boundSeq;
  await tx
    .updateTable('fanouts')
    .set({
      cursor_seq: to,
      failures: 0,
      failed_at: null,
      ...(done && { state: 'done' as const, done_at: now }),
    })
    .where('seq', '=', fanout.seq)
    .execute();
  if (done && fanout.filter.toldModes?.length) await endTakenUp(tx, fanout, now);
  if (done) await returnLeftOut(tx, fanout, fanout.filter.people ?? [], now);
}

/** Who was to be told as one of an audience, and is not, is told as the subscriber that they also are. */
export async function returnLeftOut(
  tx: Tx,
  { to, incidentSeq, mends }: Pick<Unfinished, 'to' | 'incidentSeq' | 'mends'>,
  people: readonly number[],
  now: Instant,
): Promise<void> {
  if (to === 'stakeholders' && incidentSeq !== null && !mends)
    await returnToSubscribers(tx, { incidentSeq, people }, now);
}

/** What has not left to those who are only told of this if they were told before is not told them at all. */
async function endTakenUp(tx: Tx, fanout: Unfinished, now: Instant): Promise<void> {
  const yields = new Set(fanout.follows.flatMap((one) => (one.yields ? [one.noticeSeq] : [])));
  const ended = (await unfinishedOf(tx, fanout)).filter(
    (one) =>
      one.expanding && one.releaseAt > now && yields.has(one.noticeSeq) && isTakenUp(one, fanout.filter),
  );
  await endExpansion(
    tx,
    ended.map(({ noticeSeq }) => noticeSeq),
    now,
  );
}

/** The fan-outs that this one follows and that may still have deliveries waiting, the oldest first. */
async function unfinishedOf(tx: Tx, { follows, incidentSeq }: Unfinished): Promise<Unfinished[]> {
  const seqs = follows.map((follow) => follow.noticeSeq);
  return (await listUnfinished(tx, incidentSeq ?? undefined)).filter((one) => seqs.includes(one.noticeSeq));
}

/** Makes no more deliveries of these notices. */
export async function endExpansion(tx: Tx, noticeSeqs: readonly number[], now: Instant): Promise<void> {
  if (!noticeSeqs.length) return;
  await tx
    .updateTable('fanouts')
    .set({ state: 'done', done_at: now })
    .where('notice_seq', 'in', noticeSeqs)
    .where('state', '=', 'expanding')
    .execute();
}

/** Whether one of these recipients is still to get it, as far as it is known by now. */
export async function isToCome(
  tx: Tx,
  fanout: Unfinished,
  recipientSeqs: readonly number[],
  now: Instant,
): Promise<boolean> {
  const range = { after: fanout.cursorSeq, to: fanout.boundSeq };
  const chosen = fanout.mends ? wronged(tx, fanout.mends, range) : await concernedBy(tx, fanout, range, now);
  const found = await chosen
    .where(sql<boolean>`r.seq in (${wholeNumbers(recipientSeqs)})`)
    .select('r.seq')
    .limit(1)
    .executeTakeFirst();
  return found !== undefined;
}

/** What one subscriber would get of what is still being sent stays promised to them, whatever they choose after this. */
export async function promiseNow(tx: Tx, recipientSeq: number, now: Instant): Promise<void> {
  for (const fanout of await listUnfinished(tx, undefined, 'subscribers'))
    if (
      fanout.expanding &&
      !fanout.mends &&
      fanout.cursorSeq < recipientSeq &&
      fanout.boundSeq >= recipientSeq
    )
      await insertConcerned(tx, fanout, { after: recipientSeq - 1, to: recipientSeq }, now);
}

/** One row for each recipient in the range whom the fan-out concerns and, if given, `also` too. */
export async function insertConcerned(
  tx: Tx,
  fanout: Unfinished,
  range: SeqRange,
  now: Instant,
  also?: Unfinished,
): Promise<void> {
  if (range.to <= range.after) return;
  await insertRows(tx, fanout, await concernedBy(tx, fanout, range, now, also), now);
}

/** One row for each subscriber, or participant of a drill, in the range who was handed a wrong text; what an earlier correction still had to say is taken back. */
export async function insertCorrections(
  tx: Tx,
  fanout: Unfinished,
  mends: Mends,
  range: SeqRange,
  now: Instant,
): Promise<void> {
  await insertRows(tx, fanout, wronged(tx, mends, range), now);
  const before = fanout.follows.map((follow) => follow.noticeSeq);
  if (before.length)
    await supersede(tx, before, range, { reason: 'A later correction took its place.', now });
}

async function insertRows(tx: Tx, fanout: Unfinished, chosen: Chosen, now: Instant): Promise<void> {
  const rest =
    fanout.droppedBy === null
      ? { state: sql.lit('queued'), reason: sql.lit(null) }
      : { state: sql.lit('superseded'), reason: sql`cast(${droppedReason(fanout.droppedBy)} as text)` };
  await tx
    .insertInto('deliveries')
    .columns([
      'notice_seq',
      'recipient_seq',
      'state',
      'priority',
      'not_before',
      'attempts',
      'unanswered',
      'reason',
      'updated_at',
      'lane',
    ])
    .expression(() =>
      chosen
        .leftJoin('suppressions as s', (join) =>
          join.onRef('s.address', '=', 'r.address').on('s.lifted_at', 'is', null),
        )
        .select([
          sql<number>`cast(${fanout.noticeSeq} as bigint)`.as('notice_seq'),
          'r.seq',
          sql<'queued'>`case when s.address is null then ${rest.state} else 'suppressed' end`.as('state'),
          sql<number>`cast(${fanout.priority} as integer)`.as('priority'),
          sql<string>`cast(${fanout.releaseAt || fanout.createdAt} as text)`.as('not_before'),
          sql.lit(0).as('attempts'),
          sql.lit(0).as('unanswered'),
          sql<string | null>`case when s.address is null then ${rest.reason} else ${SUPPRESSED} end`.as(
            'reason',
          ),
          sql<string>`cast(${now} as text)`.as('updated_at'),
          sql<Lane>`case when r.channel = 'email' then 'mail' else 'hook' end`.as('lane'),
        ])
        .orderBy('r.seq'),
    )
    .onConflict((conflict) => conflict.columns(['notice_seq', 'recipient_seq']).doNothing())
    .execute();
}

const SUPPRESSED = sql.lit('The address is on the suppression list.');
