import { replaceContent } from '#db/contents.ts';
import type { Ctx } from '#db/context.ts';
import {
  type DigestItem,
  insertDigestItem,
  listDigestItems,
  listItemsOf,
  renewItems,
} from '#db/digestItems.ts';
import { zoneOf } from '#db/digests.ts';
import {
  type DigestText,
  endDigestText,
  findDigestText,
  insertDigestText,
  listOpenTexts,
} from '#db/digestTexts.ts';
import { findIncidentBySeq, type Incident } from '#db/incidents.ts';
import { insertNotice } from '#db/notices.ts';
import type { Tx } from '#db/open.ts';
import { getPage, type Page } from '#db/page.ts';
import { listUpdates, type Update } from '#db/updates.ts';
import { actorLabel } from '#domain/permissions.ts';
import { PRIORITY } from '#domain/priority.ts';
import type { Instant } from '#domain/time.ts';
import { type DigestStory, renderDigestMail } from '#emails/digest.ts';

/**
 * What a text must tell for people who are to be told these items (by seq): their updates, with every change of their words until now, so
 * that none of that is told again. `known` is all that may be told since the text begins to tell.
 */
export function textOf(seqs: readonly number[], known: readonly DigestItem[]): DigestItem[] {
  const updates = new Set(known.flatMap((item) => (seqs.includes(item.seq) ? [item.updateSeq] : [])));
  return known.filter(({ updateSeq }) => updates.has(updateSeq));
}

/** What texts of digests tell of, read once for all that are written in one transaction. */
export type Known = {
  page: Page;
  items(from: Instant): Promise<readonly DigestItem[]>;
  incident(seq: number): Promise<{ incident: Incident; updates: readonly Update[] }>;
};

export async function readKnown(tx: Tx): Promise<Known> {
  return {
    page: await getPage(tx),
    items: once((from: Instant) => listDigestItems(tx, from)),
    incident: once(async (seq: number) => ({
      incident: (await findIncidentBySeq(tx, seq)) as Incident,
      updates: await listUpdates(tx, seq),
    })),
  };
}

function once<K, V>(read: (key: K) => Promise<V>): (key: K) => Promise<V> {
  const kept = new Map<K, V>();
  return async (key) => {
    if (!kept.has(key)) kept.set(key, await read(key));
    return kept.get(key) as V;
  };
}

/** The text of a digest that tells these items, as they read by now; a known one where somebody has the same. @returns its notice's seq */
export async function writeDigestText(
  tx: Tx,
  ctx: Ctx,
  run: Pick<DigestText, 'zone' | 'day' | 'windowFrom' | 'windowTo' | 'from'>,
  {
    told,
    known,
    now,
    variantOf,
  }: { told: readonly DigestItem[]; known: Known; now: Instant; variantOf?: number },
): Promise<number> {
  const key = told.map(({ seq }) => seq).join(',');
  const same = await findDigestText(tx, run, key);
  if (same !== null) return same;
  const noticeSeq = await insertNotice(tx, {
    id: ctx.newId(),
    kind: 'digest',
    incidentSeq: null,
    updateSeq: null,
    priority: PRIORITY.digest,
    rendered: renderDigestMail({
      site: {
        name: known.page.name,
        url: ctx.site.url,
        timeZone: zoneOf(run),
        languages: ctx.site.languages,
      },
      from: run.from,
      to: run.windowTo,
      stories: await storiesOf(known, told),
    }),
    ...(variantOf !== undefined && { variant: { of: variantOf, sinceUpdateSeq: null, omits: [] } }),
    now,
  });
  await insertDigestText(tx, run, key, noticeSeq);
  return noticeSeq;
}

/** What goes on first, then what is over; each with what was missed of it, the newest first, as it reads by now. */
async function storiesOf(known: Known, missed: readonly DigestItem[]): Promise<DigestStory[]> {
  const stories: DigestStory[] = [];
  for (const [incidentSeq, own] of Map.groupBy(missed, (item) => item.incidentSeq)) {
    const { incident, updates } = await known.incident(incidentSeq);
    const seqs = new Set(own.map(({ updateSeq }) => updateSeq));
    const said = updates.filter(({ seq }) => seqs.has(seq));
    const { id, kind, title, scope, startedAt, status, resolvedAt, nextUpdateDue: nextUpdateBy } = incident;
    stories.push({ id, kind, title, scope, startedAt, status, resolvedAt, nextUpdateBy, said });
  }
  const isOpen = ({ resolvedAt }: DigestStory) => (resolvedAt ? 1 : 0);
  return stories.sort((a, b) => isOpen(a) - isOpen(b) || (a.startedAt < b.startedAt ? 1 : -1));
}

type Told = Pick<Update, 'seq' | 'postedAt'>;

/**
 * Notes that an update reads otherwise from now on. Whoever has it in a digest as it read before gets the new words in the next one, if `tell`;
 * digests that have not left go with the new words.
 */
export async function mendInDigests(
  tx: Tx,
  ctx: Ctx,
  { seq: updateSeq, incidentSeq, postedAt }: Told & Pick<Update, 'incidentSeq'>,
  { tell, now }: { tell: boolean; now: Instant },
): Promise<void> {
  const before = await listItemsOf(tx, { updateSeq, postedAt });
  if (!before.length) return;
  await insertDigestItem(tx, {
    updateSeq,
    incidentSeq,
    at: now,
    filter: { components: [], groups: [], had: before.map(({ seq }) => seq) },
    modes: tell ? ['digest', 'policy'] : [],
  });
  await rewriteDigests(tx, ctx, { seq: updateSeq, postedAt }, now);
}

/** Whoever was sent a digest while the update was stopped gets it in the next one. */
export async function tellInDigests(tx: Tx, { seq: updateSeq, postedAt }: Told, now: Instant): Promise<void> {
  const items = await listItemsOf(tx, { updateSeq, postedAt });
  await renewItems(
    tx,
    items.map(({ seq }) => seq),
    now,
  );
}

/** Writes the digests that tell of an update and have not left to everyone anew: without what is stopped, and as it reads by now. */
export async function rewriteDigests(
  tx: Tx,
  ctx: Ctx,
  { seq: updateSeq, postedAt }: Told,
  now: Instant,
): Promise<void> {
  const own = new Set((await listItemsOf(tx, { updateSeq, postedAt })).map(({ seq }) => seq));
  if (!own.size) return;
  const known = await readKnown(tx);
  for (const text of await listOpenTexts(tx, postedAt)) {
    if (!text.items.some((seq) => own.has(seq))) continue;
    const told = textOf(text.items, await known.items(text.from));
    if (!told.length) {
      await endDigestText(tx, text.noticeSeq, { by: actorLabel(ctx.actor), now });
      continue;
    }
    const mended = await writeDigestText(tx, ctx, text, { told, known, now, variantOf: text.noticeSeq });
    if (mended !== text.noticeSeq) await replaceContent(tx, text.noticeSeq, mended);
  }
}
