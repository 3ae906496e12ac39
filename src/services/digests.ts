import type { Ctx } from '#db/context.ts';
import { listHadAlready } from '#db/digestHad.ts';
import { type DigestItem, listDigestItems } from '#db/digestItems.ts';
import { hasDigestsAfter, setDigestsAside } from '#db/digestLeaps.ts';
import {
  beginDigest,
  clearDigestFrom,
  type DigestReader,
  type DueDigest,
  firstDigestFrom,
  insertDigestDeliveries,
  insertOwnDigest,
  lastDigest,
  lastPageDigest,
  listDigestReaders,
  listDigestZones,
  moveDigest,
  openDigest,
  zonesOf,
} from '#db/digests.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { concerns } from '#domain/choice.ts';
import { PRIORITY } from '#domain/priority.ts';
import { DIGEST_REACH, type Mode } from '#domain/subscriberPace.ts';
import { addDays, addMs, dayIn, fromLocal, type Instant, MINUTE } from '#domain/time.ts';
import { readKnown, textOf, writeDigestText } from './digestTexts.ts';

/** People that are looked at while others wait to write. */
const CHUNK = 500;

/** Texts that are written meanwhile: where everyone follows something else, each person has one of their own. */
const TEXTS = 25;

/**
 * So much of the window before is looked at again: an update bears the time at which it was sent off, and may have waited for its turn to be
 * written until the digests of that time were through.
 */
const OVERLAP = 10 * MINUTE;

/** At most so many chunks a call: the clock has others to look after, staff who must be called first of all. */
const CHUNKS_A_CALL = 20;

/**
 * Sends the digests that are due: in each zone once a day, at the hour that is set, what was told since the one before. Nothing is
 * written of a day on which nothing was. A chunk of people and how far that is are one transaction: after a crash, or with several
 * processes, everyone has one.
 * @returns how many were promised, and whether there are more to come: it is to be called again soon then
 */
export async function sendDigests(ctx: Ctx): Promise<{ promised: number; more: boolean }> {
  const now = ctx.now();
  await setLeapsAside(ctx, now);
  const due = await ctx.db.read((tx) => listDueDigests(tx, now));
  if (due.length)
    await ctx.db.write(async (tx) => {
      for (const run of await listDueDigests(tx, now)) await beginDigest(tx, run);
    });
  let promised = 0;
  for (let chunk = 0; chunk < CHUNKS_A_CALL; chunk++) {
    if (!(await ctx.db.read(openDigest))) return { promised, more: false };
    const count = await ctx.db.write((tx) => writeChunk(tx, ctx, now));
    promised += count;
    if (count) ctx.changed('outbox');
  }
  return { promised, more: true };
}

/** Of digests by a clock that had leapt ahead and was put right: what happens until then is to be told, too. */
async function setLeapsAside(ctx: Ctx, now: Instant): Promise<void> {
  const latest = addMs(now, OVERLAP);
  if (!(await ctx.db.read((tx) => hasDigestsAfter(tx, latest)))) return;
  await ctx.db.write((tx) => setDigestsAside(tx, latest, now));
}

/**
 * Tells one person, who is about to hear otherwise, what their next digest would have told by now; nothing when there is nothing to tell.
 * @param from since when they have not been told
 */
export async function tellSoFar(
  tx: Tx,
  ctx: Ctx,
  person: { seq: number; mode: Mode; timeZone: string | null },
  from: Instant,
): Promise<void> {
  const now = ctx.now();
  const known = await readKnown(tx);
  const zone = person.timeZone ?? known.page.timeZone;
  const run = { zone, day: dayIn(now, zone), windowFrom: from, windowTo: now, pageFrom: from };
  const modes = { named: [person.mode], unnamed: [person.mode] };
  const alone = { ...run, cursorSeq: person.seq - 1, boundSeq: person.seq };
  const [reader] = await listDigestReaders(tx, alone, { modes, limit: 1 });
  const items = await listDigestItems(tx, overlapping(from), now);
  if (!reader || !items.length) return;
  const had = await hadAlready(tx, [reader], items, run);
  const missed = items.filter((item) => misses({ ...reader, from }, item, had)).map(({ seq }) => seq);
  if (!missed.length) return;
  const told = textOf(missed, await known.items(overlapping(from)));
  const own = await insertOwnDigest(tx, { seq: reader.seq, ...run });
  const noticeSeq = await writeDigestText(tx, ctx, { ...own, from }, { told, known, now });
  const row = { noticeSeq, recipientSeq: reader.seq, suppressed: reader.suppressed };
  await insertDigestDeliveries(tx, [row], { priority: PRIORITY.digest, now });
}

/**
 * Windows of a zone follow each other without a gap, and so do those of all who named none, whatever zone the page is in by now; whoever
 * goes from one zone to another takes along where theirs ended (`choosePace`). So each thing that happened is in one window of each reader.
 */
async function listDueDigests(tx: Tx, now: Instant): Promise<DueDigest[]> {
  const { timeZone, digestAt } = await getPage(tx);
  const oldest = addMs(now, -DIGEST_REACH);
  const told = await listDigestItems(tx, oldest, now);
  // Almost always nothing was told of late, and then nobody is looked at.
  if (!told.length) return [];
  const due = [];
  for (const zone of new Set([timeZone, ...(await listDigestZones(tx))])) {
    const day = dayIn(now, zone);
    const at = (date: string) => fromLocal(`${date}T${digestAt}`, zone) as Instant;
    const windowTo = at(day);
    const last = await lastDigest(tx, zone);
    if (windowTo > now || (last && last.day >= day)) continue;
    // Where nobody has been told anything yet, it begins with what there is to tell.
    const begin = () => beforeFirst(told, at(addDays(day, -1)));
    const windowFrom = latest(last?.upTo ?? begin(), oldest);
    const pageFrom = zone === timeZone ? latest((await lastPageDigest(tx)) ?? begin(), oldest) : null;
    const run = { zone, day, windowFrom, windowTo, pageFrom };
    if ((await listDigestItems(tx, await toldFrom(tx, run), windowTo)).length) due.push(run);
  }
  return due;
}

/** That time, or just before the first of these when that is earlier. */
function beforeFirst(items: readonly DigestItem[], usual: Instant): Instant {
  return items.map(({ at }) => addMs(at, -1)).reduce((first, at) => (at < first ? at : first), usual);
}

function latest(one: Instant, other: Instant): Instant {
  return one > other ? one : other;
}

/** Since when any of its readers is told. */
async function toldFrom(tx: Tx, run: DueDigest): Promise<Instant> {
  const own = await firstDigestFrom(tx, zonesOf(run));
  return overlapping(
    [run.windowFrom, run.pageFrom ?? run.windowFrom, own ?? run.windowFrom].sort()[0] as Instant,
  );
}

function overlapping(from: Instant): Instant {
  return addMs(from, -OVERLAP);
}

/** @returns how many got one */
async function writeChunk(tx: Tx, ctx: Ctx, now: Instant): Promise<number> {
  const run = await openDigest(tx);
  if (!run) return 0;
  const items = await listDigestItems(tx, await toldFrom(tx, run), run.windowTo);
  const modesSince = (from: Instant) => [
    ...new Set(items.filter(({ at }) => at > overlapping(from)).flatMap((item) => item.modes)),
  ];
  const readers = await listDigestReaders(tx, run, {
    modes: {
      named: modesSince(run.windowFrom),
      unnamed: run.pageFrom === null ? [] : modesSince(run.pageFrom),
    },
    limit: CHUNK,
  });
  const had = await hadAlready(tx, readers, items, run);
  const { alike, last } = groupAlike(readers, (reader) =>
    items
      .filter((item) => misses(reader, item, had))
      .map(({ seq }) => seq)
      .join(','),
  );
  const rows = [];
  const known = await readKnown(tx);
  for (const [key, people] of alike) {
    if (!key) continue;
    const missed = new Set(key.split(',').map(Number));
    const from = beforeFirst(
      items.filter(({ seq }) => missed.has(seq)),
      run.windowFrom,
    );
    const told = textOf([...missed], await known.items(from));
    const noticeSeq = await writeDigestText(tx, ctx, { ...run, from }, { told, known, now });
    rows.push(...people.map(({ seq, suppressed }) => ({ noticeSeq, recipientSeq: seq, suppressed })));
  }
  rows.sort((a, b) => a.recipientSeq - b.recipientSeq);
  await insertDigestDeliveries(tx, rows, { priority: PRIORITY.digest, now });
  await clearDigestFrom(
    tx,
    readers.filter(({ seq, ownFrom }) => ownFrom && seq <= (last?.seq ?? 0)).map(({ seq }) => seq),
  );
  const through = readers.length < CHUNK && last === readers.at(-1);
  await moveDigest(tx, run, last?.seq ?? run.boundSeq, through ? now : null);
  return rows.length;
}

/** What they had of these items: "seq of the recipient:u|o|i:seq". */
function hadAlready(
  tx: Tx,
  readers: readonly DigestReader[],
  items: readonly DigestItem[],
  run: Pick<DueDigest, 'zone' | 'windowFrom'>,
): Promise<Set<string>> {
  const seqs = readers.map(({ seq }) => seq);
  // An item may be told long after its update: when that had been stopped, or was changed.
  const [first = run.windowFrom] = items
    .flatMap(({ postedAt, filter }) => [postedAt, filter.told?.since ?? postedAt])
    .sort();
  return listHadAlready(tx, seqs, { updates: items, sinceDay: addDays(dayIn(first, run.zone), -2) });
}

/** The first of these people with at most TEXTS keys among them, by key, and the last of those people. */
function groupAlike(
  readers: readonly DigestReader[],
  keyOf: (reader: DigestReader) => string,
): { alike: Map<string, DigestReader[]>; last: DigestReader | undefined } {
  const alike = new Map<string, DigestReader[]>();
  let last: DigestReader | undefined;
  for (const reader of readers) {
    const key = keyOf(reader);
    const own = alike.get(key);
    if (!own && alike.size === TEXTS) break;
    if (own) own.push(reader);
    else alike.set(key, [reader]);
    last = reader;
  }
  return { alike, last };
}

function misses(reader: DigestReader, item: DigestItem, had: ReadonlySet<string>): boolean {
  const { had: before, told } = item.filter;
  const heard = (seq: number) => had.has(`${reader.seq}:i:${seq}`);
  return (
    item.modes.includes(reader.mode as Mode) &&
    item.at > overlapping(reader.from) &&
    item.at >= reader.confirmedAt &&
    (before
      ? before.some(heard)
      : concerns(
          { wholePage: reader.wholePage && !item.filter.scopedOnly, scopes: reader.scopes },
          item.filter,
        ) || Boolean(told?.items.some(heard))) &&
    !had.has(`${reader.seq}:u:${item.updateSeq}`) &&
    // That it is over, which they heard, absorbs it.
    !had.has(`${reader.seq}:o:${item.updateSeq}`) &&
    !heard(item.seq)
  );
}
