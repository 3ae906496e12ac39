import { type SelectQueryBuilder, sql } from 'kysely';
import type { Scope } from '#domain/choice.ts';
import type { Mode } from '#domain/subscriberPace.ts';
import type { Instant } from '#domain/time.ts';
import { chunksOf } from './dialect.ts';
import type { Tx } from './open.ts';
import type { Schema } from './schema.ts';

/** The digests of one day in one zone, which go out from `windowTo` on. */
export type DigestRun = {
  zone: string;
  day: string;
  windowFrom: Instant;
  windowTo: Instant;
  /** Since when it tells those who named no zone; null: it is not for them. */
  pageFrom: Instant | null;
  cursorSeq: number;
  boundSeq: number;
};

/** The zones that people named who may get a digest: one look at the index for each. Uses recipients_digest. */
export async function listDigestZones(tx: Tx): Promise<string[]> {
  const zones = new Set<string>();
  for (const mode of ['digest', 'policy'] as const) {
    let after = '';
    for (;;) {
      const { zone } = await tx
        .selectFrom('recipients')
        .select((eb) => eb.fn.min('time_zone').as('zone'))
        // Literals, so that the partial index serves.
        .where('kind', '=', sql.lit('subscriber'))
        .where('state', '=', sql.lit('confirmed'))
        .where('channel', '=', sql.lit('email'))
        .where('mode', '=', mode)
        .where('time_zone', '>', after)
        .executeTakeFirstOrThrow();
      if (zone === null) break;
      zones.add(zone);
      after = zone;
    }
  }
  return [...zones];
}

/** Up to when the digests of a zone have told; null when there were none. */
export async function lastDigest(tx: Tx, zone: string): Promise<{ day: string; upTo: Instant } | null> {
  const row = await tx
    .selectFrom('digest_runs')
    .select(['day', 'window_to'])
    .where('zone', '=', zone)
    .orderBy('day', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ? { day: row.day, upTo: row.window_to } : null;
}

/** Up to when digests have told those who named no zone, or will once they are through; null when there were none. Uses digest_runs_page. */
export async function lastPageDigest(tx: Tx): Promise<Instant | null> {
  const { upTo } = await tx
    .selectFrom('digest_runs')
    .select((eb) => eb.fn.max('window_to').as('upTo'))
    .where('page_from', 'is not', null)
    .executeTakeFirstOrThrow();
  return upTo;
}

/**
 * Since when someone who is about to leave their zone (null: who named none) has not been told by its digests: those that have begun and
 * not come to them will not any more. Null when it had none.
 */
export async function toldUpTo(
  tx: Tx,
  { seq, timeZone }: { seq: number; timeZone: string | null },
): Promise<Instant | null> {
  const open = tx.selectFrom('digest_runs').where('done_at', 'is', null).where('cursor_seq', '<', seq);
  const { since } = await (timeZone === null
    ? open.select((eb) => eb.fn.min('page_from').as('since'))
    : open.select((eb) => eb.fn.min('window_from').as('since')).where('zone', '=', timeZone)
  ).executeTakeFirstOrThrow();
  if (since !== null) return since;
  return timeZone === null ? lastPageDigest(tx) : ((await lastDigest(tx, timeZone))?.upTo ?? null);
}

/** The earliest of the times since when single people's next digest tells, of those in these zones (null: who named none). Uses recipients_digest_from. */
export async function firstDigestFrom(tx: Tx, zones: readonly (string | null)[]): Promise<Instant | null> {
  let first: Instant | null = null;
  for (const zone of zones) {
    const { from } = await inZone(
      confirmedByMail(tx).select((eb) => eb.fn.min('r.digest_from').as('from')),
      zone,
    )
      .where('r.digest_from', 'is not', null)
      .executeTakeFirstOrThrow();
    if (from !== null && (first === null || from < first)) first = from;
  }
  return first;
}

/** Their next digest tells since the last one of their zone again. */
export async function clearDigestFrom(tx: Tx, seqs: readonly number[]): Promise<void> {
  if (seqs.length)
    await tx.updateTable('recipients').set({ digest_from: null }).where('seq', 'in', seqs).execute();
}

export type DueDigest = Omit<DigestRun, 'cursorSeq' | 'boundSeq'>;

/** Begins the digests of a day, for whoever is a recipient by now; of two processes one does. */
export async function beginDigest(tx: Tx, run: DueDigest): Promise<void> {
  const { last } = await tx
    .selectFrom('recipients')
    .select((eb) => eb.fn.max('seq').as('last'))
    .executeTakeFirstOrThrow();
  const { latest } = await tx
    .selectFrom('deliveries')
    .select((eb) => eb.fn.max('seq').as('latest'))
    .executeTakeFirstOrThrow();
  await tx
    .insertInto('digest_runs')
    .values({
      zone: run.zone,
      day: run.day,
      window_from: run.windowFrom,
      window_to: run.windowTo,
      page_from: run.pageFrom,
      cursor_seq: 0,
      bound_seq: last ?? 0,
      deliveries_after: latest ?? 0,
      done_at: null,
    })
    .onConflict((conflict) => conflict.columns(['zone', 'day']).doNothing())
    .execute();
}

/**
 * The digest of one person alone, which is through as soon as it is written: beside the daily ones of the zone, whose windows stay as they
 * are.
 */
export async function insertOwnDigest(
  tx: Tx,
  { seq, zone, windowFrom, windowTo }: { seq: number; zone: string; windowFrom: Instant; windowTo: Instant },
): Promise<Pick<DigestRun, 'zone' | 'day' | 'windowFrom' | 'windowTo'>> {
  // A time of day besides, and no zone's name: so it is the last digest of no zone, and the next one of this person has a row of its own.
  const run = { zone: `${zone} for ${seq}`, day: windowTo, windowFrom, windowTo };
  await beginDigest(tx, { ...run, pageFrom: null });
  await moveDigest(tx, { ...run, pageFrom: null, cursorSeq: 0, boundSeq: 0 }, seq, windowTo);
  return run;
}

/** Whose clock a digest goes by. */
export function zoneOf({ zone }: Pick<DigestRun, 'zone'>): string {
  return zone.split(' ')[0] as string;
}

/** One that is not through. Uses digest_runs_open. */
export async function openDigest(tx: Tx): Promise<DigestRun | null> {
  const row = await tx
    .selectFrom('digest_runs')
    .selectAll()
    .where('done_at', 'is', null)
    .orderBy('zone')
    .limit(1)
    .executeTakeFirst();
  return row
    ? {
        zone: row.zone,
        day: row.day,
        windowFrom: row.window_from,
        windowTo: row.window_to,
        pageFrom: row.page_from,
        cursorSeq: row.cursor_seq,
        boundSeq: row.bound_seq,
      }
    : null;
}

export async function moveDigest(tx: Tx, run: DigestRun, to: number, doneAt: Instant | null): Promise<void> {
  await tx
    .updateTable('digest_runs')
    .set({ cursor_seq: to, done_at: doneAt })
    .where('zone', '=', run.zone)
    .where('day', '=', run.day)
    .execute();
}

export type DigestReader = {
  seq: number;
  mode: Mode;
  wholePage: boolean;
  confirmedAt: Instant;
  suppressed: boolean;
  scopes: Scope[];
  /** What they are to be told happened after this. */
  from: Instant;
  /** Whether that is since another time than for others of their zone. */
  ownFrom: boolean;
};

/**
 * The next people of a run: of those who named its zone, the ones in `modes.named`; where it tells them, of those who named none the ones
 * in `modes.unnamed`; and everyone whose digest begins at a time of its own. Uses recipients_digest and recipients_digest_from.
 */
export async function listDigestReaders(
  tx: Tx,
  run: DigestRun,
  { modes, limit }: { modes: { named: readonly Mode[]; unnamed: readonly Mode[] }; limit: number },
): Promise<DigestReader[]> {
  const of = (zone: string | null) =>
    inZone(confirmedByMail(tx), zone)
      .leftJoin('suppressions as s', (join) =>
        join.onRef('s.address', '=', 'r.address').on('s.lifted_at', 'is', null),
      )
      .select([
        'r.seq',
        'r.mode',
        'r.whole_page',
        'r.confirmed_at',
        'r.time_zone',
        'r.digest_from',
        's.address as suppressed',
      ])
      .where('r.seq', '>', run.cursorSeq)
      .where('r.seq', '<=', run.boundSeq)
      .orderBy('r.seq')
      .limit(limit);
  const rows = [];
  for (const mode of modes.named) rows.push(...(await of(run.zone).where('r.mode', '=', mode).execute()));
  for (const mode of modes.unnamed) rows.push(...(await of(null).where('r.mode', '=', mode).execute()));
  for (const zone of zonesOf(run))
    rows.push(...(await of(zone).where('r.digest_from', 'is not', null).execute()));
  const next = [...new Map(rows.map((row) => [row.seq, row])).values()]
    .sort((a, b) => a.seq - b.seq)
    .slice(0, limit);
  const scopes = new Map<number, Scope[]>();
  for (const chunk of chunksOf(
    next.filter((row) => !row.whole_page).map(({ seq }) => seq),
    1,
  ))
    for (const row of await tx
      .selectFrom('recipient_scopes')
      .selectAll()
      .where('recipient_seq', 'in', chunk)
      .execute())
      scopes.set(row.recipient_seq, [
        ...(scopes.get(row.recipient_seq) ?? []),
        { kind: row.kind, id: row.ref_id },
      ]);
  return next.map((row) => ({
    seq: row.seq,
    mode: row.mode,
    wholePage: row.whole_page === 1,
    confirmedAt: row.confirmed_at ?? '',
    suppressed: row.suppressed !== null,
    scopes: scopes.get(row.seq) ?? [],
    from: row.digest_from ?? (row.time_zone === null ? (run.pageFrom as Instant) : run.windowFrom),
    ownFrom: row.digest_from !== null,
  }));
}

/** In which zones its readers are; null: in none of their own. */
export function zonesOf({ zone, pageFrom }: Pick<DigestRun, 'zone' | 'pageFrom'>): (string | null)[] {
  return pageFrom === null ? [zone] : [zone, null];
}

/** Whom digests may be for. Literals, so that the partial indexes serve. */
function confirmedByMail(tx: Tx) {
  return tx
    .selectFrom('recipients as r')
    .where('r.kind', '=', sql.lit('subscriber'))
    .where('r.state', '=', sql.lit('confirmed'))
    .where('r.channel', '=', sql.lit('email'));
}

function inZone<O>(
  query: SelectQueryBuilder<Schema & { r: Schema['recipients'] }, 'r', O>,
  zone: string | null,
) {
  return zone === null ? query.where('r.time_zone', 'is', null) : query.where('r.time_zone', '=', zone);
}

/** One delivery a person; whoever must not be mailed has one too, so that it shows. */
export async function insertDigestDeliveries(
  tx: Tx,
  rows: readonly { noticeSeq: number; recipientSeq: number; suppressed: boolean }[],
  { priority, now }: { priority: number; now: Instant },
): Promise<void> {
  for (const chunk of chunksOf(rows, 10))
    await tx
      .insertInto('deliveries')
      .values(
        chunk.map((row) => ({
          notice_seq: row.noticeSeq,
          recipient_seq: row.recipientSeq,
          state: row.suppressed ? ('suppressed' as const) : ('queued' as const),
          priority,
          not_before: now,
          attempts: 0,
          unanswered: 0,
          reason: row.suppressed ? 'The address is on the suppression list.' : null,
          updated_at: now,
          lane: 'mail' as const,
        })),
      )
      .execute();
}
