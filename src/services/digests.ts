import type { Ctx } from '#db/context.ts';
import { type DigestItem, listDigestItems } from '#db/digestItems.ts';
import {
  beginDigest,
  type DigestReader,
  insertDigestDeliveries,
  lastDigest,
  listDigestReaders,
  listDigestZones,
  listHadAlready,
  moveDigest,
  openDigest,
} from '#db/digests.ts';
import type { Tx } from '#db/open.ts';
import { getPage } from '#db/page.ts';
import { concerns } from '#domain/choice.ts';
import { PRIORITY } from '#domain/priority.ts';
import type { Mode } from '#domain/subscriberPace.ts';
import { addDays, dayIn, fromLocal, type Instant } from '#domain/time.ts';
import { readKnown, textOf, writeDigestText } from './digestTexts.ts';

/** People that are looked at while others wait to write. */
const CHUNK = 500;

/** Texts that are written meanwhile: where everyone follows something else, each person has one of their own. */
const TEXTS = 25;

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

async function listDueDigests(
  tx: Tx,
  now: Instant,
): Promise<{ zone: string; day: string; windowFrom: Instant; windowTo: Instant }[]> {
  const { timeZone, digestAt } = await getPage(tx);
  // Almost always nothing was told of late, and then nobody is looked at.
  if (!(await listDigestItems(tx, new Date(Date.parse(now) - 3 * 86_400_000).toISOString(), now)).length)
    return [];
  const due = [];
  for (const zone of new Set([timeZone, ...(await listDigestZones(tx))])) {
    const day = dayIn(now, zone);
    const at = (date: string) => fromLocal(`${date}T${digestAt}`, zone) as Instant;
    const windowTo = at(day);
    const last = await lastDigest(tx, zone);
    if (windowTo > now || (last && last.day >= day)) continue;
    const windowFrom = last?.upTo ?? at(addDays(day, -1));
    if ((await listDigestItems(tx, windowFrom, windowTo)).length)
      due.push({ zone, day, windowFrom, windowTo });
  }
  return due;
}

/** @returns how many got one */
async function writeChunk(tx: Tx, ctx: Ctx, now: Instant): Promise<number> {
  const run = await openDigest(tx);
  if (!run) return 0;
  const page = await getPage(tx);
  const items = await listDigestItems(tx, run.windowFrom, run.windowTo);
  const modes = [...new Set(items.flatMap((item) => item.modes))];
  const readers = await listDigestReaders(tx, run, {
    modes,
    orNone: run.zone === page.timeZone,
    limit: CHUNK,
  });
  const had = await listHadAlready(
    tx,
    readers.map(({ seq }) => seq),
    {
      updates: items,
      // An item may be told long after its update: when that had been stopped, or was changed.
      sinceDay: addDays(
        dayIn(
          items.flatMap(({ postedAt, filter }) => [postedAt, filter.told?.since ?? postedAt]).sort()[0] ??
            run.windowFrom,
          run.zone,
        ),
        -2,
      ),
    },
  );
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
    const noticeSeq = await writeDigestText(tx, ctx, run, {
      told: textOf(key.split(',').map(Number), await known.items(run.windowFrom)),
      known,
      now,
    });
    rows.push(...people.map(({ seq, suppressed }) => ({ noticeSeq, recipientSeq: seq, suppressed })));
  }
  rows.sort((a, b) => a.recipientSeq - b.recipientSeq);
  await insertDigestDeliveries(tx, rows, { priority: PRIORITY.digest, now });
  const through = readers.length < CHUNK && last === readers.at(-1);
  await moveDigest(tx, run, last?.seq ?? run.boundSeq, through ? now : null);
  return rows.length;
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
    item.at >= reader.confirmedAt &&
    (before
      ? before.some(heard)
      : concerns(
          { wholePage: reader.wholePage && !item.filter.scopedOnly, scopes: reader.scopes },
          item.filter,
        ) || Boolean(told?.items.some(heard))) &&
    !had.has(`${reader.seq}:u:${item.updateSeq}`) &&
    !heard(item.seq)
  );
}
