import { sql } from 'kysely';
import type { Scope } from '#domain/choice.ts';
import type { Mode } from '#domain/subscriberPace.ts';
import type { Instant } from '#domain/time.ts';
import { chunksOf, wholeNumbers } from './dialect.ts';
import { listTextsOf } from './digestTexts.ts';
import type { Tx } from './open.ts';

/** The digests of one day in one zone, which go out from `windowTo` on. */
export type DigestRun = {
  zone: string;
  day: string;
  windowFrom: Instant;
  windowTo: Instant;
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

/** Begins the digests of a day, for whoever is a recipient by now; of two processes one does. */
export async function beginDigest(
  tx: Tx,
  run: { zone: string; day: string; windowFrom: Instant; windowTo: Instant },
): Promise<void> {
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
      cursor_seq: 0,
      bound_seq: last ?? 0,
      deliveries_after: latest ?? 0,
      done_at: null,
    })
    .onConflict((conflict) => conflict.columns(['zone', 'day']).doNothing())
    .execute();
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
};

/** The next people of a zone in these modes; with `orNone` those who named no zone, too. Uses recipients_digest. */
export async function listDigestReaders(
  tx: Tx,
  run: DigestRun,
  { modes, orNone, limit }: { modes: readonly Mode[]; orNone: boolean; limit: number },
): Promise<DigestReader[]> {
  const of = (mode: Mode, named: boolean) => {
    const query = tx
      .selectFrom('recipients as r')
      .leftJoin('suppressions as s', (join) =>
        join.onRef('s.address', '=', 'r.address').on('s.lifted_at', 'is', null),
      )
      .select(['r.seq', 'r.mode', 'r.whole_page', 'r.confirmed_at', 's.address as suppressed'])
      .where('r.kind', '=', sql.lit('subscriber'))
      .where('r.state', '=', sql.lit('confirmed'))
      .where('r.channel', '=', sql.lit('email'))
      .where('r.mode', '=', mode)
      .where('r.seq', '>', run.cursorSeq)
      .where('r.seq', '<=', run.boundSeq)
      .orderBy('r.seq')
      .limit(limit);
    return named ? query.where('r.time_zone', '=', run.zone) : query.where('r.time_zone', 'is', null);
  };
  const rows = [];
  for (const mode of modes) {
    rows.push(...(await of(mode, true).execute()));
    if (orNone) rows.push(...(await of(mode, false).execute()));
  }
  const next = rows.sort((a, b) => a.seq - b.seq).slice(0, limit);
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
  }));
}

/**
 * Which updates people had a mail of, whatever became of it, and which items a digest tells or told them: "seq of the recipient:u|i:seq".
 * Uses notices_incident and the key of deliveries.
 */
export async function listHadAlready(
  tx: Tx,
  readers: readonly number[],
  { updates, sinceDay }: { updates: readonly { updateSeq: number; incidentSeq: number }[]; sinceDay: string },
): Promise<Set<string>> {
  const had = new Set<string>();
  const notices = updates.length
    ? await tx
        .selectFrom('notices')
        .select(['seq', 'update_seq'])
        .where('incident_seq', 'in', [...new Set(updates.map(({ incidentSeq }) => incidentSeq))])
        .where('update_seq', 'in', [...new Set(updates.map(({ updateSeq }) => updateSeq))])
        .execute()
    : [];
  const updateOf = new Map(notices.map((notice) => [notice.seq, notice.update_seq]));
  for (const chunk of chunksOf(readers, 1)) {
    // By what was said, not by the person: what somebody had over years is much, what was said of late is little.
    const mailed = await tx
      .selectFrom('deliveries as d')
      .select(['d.recipient_seq', 'd.notice_seq'])
      .where(sql<boolean>`d.notice_seq in (${wholeNumbers([...updateOf.keys()])})`)
      .where(sql<boolean>`d.recipient_seq in (${wholeNumbers(chunk)})`)
      .execute();
    for (const row of mailed) had.add(`${row.recipient_seq}:u:${updateOf.get(row.notice_seq)}`);
    for (const { recipientSeq, items } of await listTextsOf(tx, chunk, sinceDay))
      for (const item of items) had.add(`${recipientSeq}:i:${item}`);
  }
  return had;
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
